"""The fault matrix, as a batch job meets it: exit code, what is published, what the receipt says, and no secret."""

from __future__ import annotations

import functools
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import commands
import pytest
from certificates import Authority
from fault_matrix import ALL_ROWS, PAGE_TEXT, WRITE, matrix_page
from fault_rows import COMPLETE, EXPIRED_ROWS, FLEET, INCONSISTENT, LIST_ROWS, NOTHING, PAGE, PARTIAL, RETRY_ROWS, Row
from login_rows import LOGIN_ROWS, PASSWORD, RENEWED, SECRETS, Scene, access
from prometheus_client.parser import text_string_to_metric_families
from proxy import proxy
from truth import assert_true, snapshots, staged, truth_at

from indexer.loopback import LoopbackServer, combine, on_list

if TYPE_CHECKING:
    from pathlib import Path


def _id(row):
    return " ".join((row.did, *row.arguments))


MEASURED = [LIST_ROWS[0], LIST_ROWS[4], EXPIRED_ROWS[7], RETRY_ROWS[0], LOGIN_ROWS[0]]
PLAIN = {
    "page_count": 4, "expected_count": 120, "image_count": 120, "retry_count": 0, "expired_count": 0,
    "is_consistent": True, "moments": 1, "broken_after": None, "warnings": "",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What a row's run left behind."""

    ended: commands.Ended
    folder: Path
    server: LoopbackServer
    metrics: Path

    @property
    def store(self):
        """Folder of the store."""
        return self.folder / "store"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run all rows, several at a time: most of their time is waiting for the next attempt."""
    with ExitStack() as stack:
        base = tmp_path_factory.mktemp("matrix")
        stage = _stage(base, stack)
        with ThreadPoolExecutor(6) as pool:
            waiting = [pool.submit(_perform, row, base / f"row-{number}", stage, stack) for number, (_, row) in
                       enumerate(ALL_ROWS)]  # fmt: skip
            yield {id(row): future.result() for (_, row), future in zip(ALL_ROWS, waiting, strict=True)}


def _stage(base, stack):
    """Make what rows share: authorities, TLS contexts, proxies."""
    for name in ("authority", "stranger"):
        (base / name).mkdir()
    authority, stranger = Authority(base / "authority"), Authority(base / "stranger")
    wanted = {json.dumps(row.tls): row.tls for _, row in ALL_ROWS if row.tls is not None}
    contexts = {key: authority.server_context(**issue) for key, issue in wanted.items()}
    opened, locked = stack.enter_context(proxy()), stack.enter_context(proxy("admin", PASSWORD))
    addresses = {
        "open": f"http://127.0.0.1:{opened.server_address[1]}",
        "locked": f"http://admin:{PASSWORD}@127.0.0.1:{locked.server_address[1]}",
        "wrong": f"http://admin:{PASSWORD}-wrong@127.0.0.1:{locked.server_address[1]}",
    }
    return authority, stranger, contexts, addresses


def _perform(row, folder, stage, stack):
    authority, stranger, contexts, addresses = stage
    folder.mkdir()
    tls = None if row.tls is None else contexts[json.dumps(row.tls)]
    server = LoopbackServer(FLEET, script=row.script, access=access() if row.tls is not None else None, tls=tls)
    stack.enter_context(server)
    where, environment, before = ("--server", server.url), {}, None
    if row.login:
        where, environment = row.login(Scene(server.url, folder, authority, stranger, addresses))
    if "SERVICE_ACCOUNT" in environment:
        before = functools.partial(commands.service_account_in, environment["SERVICE_ACCOUNT"])
    if row.renews:
        renew = on_list({3: lambda _: (folder / row.renews).write_text(RENEWED)})
        server.script = combine(renew, server.script)
    how = ("--store", folder / "store", "--cluster", "lab", "--limit", PAGE, "--part-rows", PAGE, "--receipt", "-vv")
    machines = ("--log-format", "json", *(("--metrics-file", folder / "metrics.prom") if row in MEASURED else ()))
    ended = commands.run(
        "export", *where, *how, *machines, *row.arguments, output=folder, environment=environment, before=before
    )
    return Seen(ended, folder, server, folder / "metrics.prom")


@pytest.mark.parametrize("row", [row for _, row in ALL_ROWS], ids=[_id(row) for _, row in ALL_ROWS])
def test_row_ends_as_the_matrix_says(runs: Any, row: Row) -> None:
    """Exit code, publication and every figure of the receipt are those of the row; what is published is true."""
    seen = runs[id(row)]
    assert seen.server.failures == []
    assert seen.ended.exit_code == row.exit_code, seen.ended.stderr
    assert row.says in seen.ended.stderr
    published = snapshots(seen.store)
    assert len(published) == (row.outcome != NOTHING)
    for snapshot in published:
        _check_receipt(row, snapshot.receipt)
        if row.outcome != PARTIAL:
            assert_true(snapshot, seen.server.store)
        if row.receipt.get("broken_after"):
            before = truth_at(seen.server.store, snapshot.receipt.resource_versions[0])
            assert snapshot.receipt.broken_at == before[PAGE * row.receipt["broken_after"] - 1][0]
    if row.sent:
        last = [asked for asked in seen.server.requests if asked.is_list][-1]
        assert {name: last.header(name) for name in row.sent} == row.sent
    if row.tls is not None and row.exit_code == 2:
        assert not seen.server.requests


def _check_receipt(row, receipt):
    expected = PLAIN | row.receipt
    figures = {name: getattr(receipt, name) for name in PLAIN if hasattr(receipt, name) and name != "warnings"}
    assert figures | {"moments": len(receipt.resource_versions)} == {
        name: expected[name] for name in [*figures, "moments"]
    }
    assert receipt.is_complete == (row.outcome in {COMPLETE, INCONSISTENT})
    assert receipt.is_consistent == (row.outcome != INCONSISTENT)
    said = " ".join(receipt.warnings)
    if expected["warnings"]:
        assert expected["warnings"] in said


def test_no_secret_is_written_anywhere(runs: Any) -> None:
    """No planted token, password or key is in stdout, stderr at its most talkative, receipts, journals or metrics."""
    for seen in runs.values():
        texts = {"stdout": seen.ended.stdout, "stderr": seen.ended.stderr}
        texts |= {
            path.name: path.read_bytes().decode(errors="replace") for path in seen.store.rglob("*") if path.is_file()
        }
        if seen.metrics.exists():
            texts["metrics"] = seen.metrics.read_text()
        found = [(name, secret) for name, text in texts.items() for secret in SECRETS if secret in text]
        assert found == []


def test_machines_can_read_everything(runs: Any) -> None:
    """Every line on stderr is one JSON object, stdout is one receipt or empty, metrics are Prometheus text."""
    for seen in runs.values():
        lines = [json.loads(line) for line in seen.ended.stderr.splitlines()]
        assert all({"time", "level", "message"} <= line.keys() for line in lines)
        assert bool(seen.ended.stdout) == (seen.ended.exit_code == 0)
        assert not seen.metrics.exists() or seen.ended.exit_code == 0
        if seen.metrics.exists():
            families = {family.name: family for family in text_string_to_metric_families(seen.metrics.read_text())}
            receipt = seen.ended.receipt
            (images,) = families["image_indexer_images"].samples
            assert (images.value, images.labels) == (receipt["image_count"], {"cluster": "lab"})
            assert families["image_indexer_retries"].samples[0].value == receipt["retry_count"]
            assert families["image_indexer_is_consistent"].samples[0].value == receipt["is_consistent"]
    assert sum(seen.metrics.exists() for seen in runs.values()) == len(MEASURED) - 1


def test_failed_runs_leave_nothing_but_what_the_next_one_goes_on_from(runs: Any) -> None:
    """After a failure `_work` holds nothing, or one folder with a journal; after success it holds no folder."""
    for seen in runs.values():
        left = staged(seen.store)
        assert len(left) <= (seen.ended.exit_code != 0)
        assert all((folder / "_journal.json").is_file() for folder in left)


def test_page_of_the_matrix_is_this_matrix() -> None:
    """The published table is generated from the rows that were run."""
    assert PAGE_TEXT.read_text() == matrix_page(), f"Write it again: {WRITE}"
