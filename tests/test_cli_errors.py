"""Bad input and misuse: one line, the designed exit code, nothing left behind."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from image_objects import image, name_of, page_text, publish
from outcomes import is_one_line, snapshots_in

from indexer.errors import ExitCode
from indexer.receipt import RECEIPT_NAME
from indexer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conftest import Run


def _cut_page(folder: Path) -> Path:
    path = folder / "page.json"
    path.write_bytes(page_text([image(1), image(2)])[:-40])
    return path


def _file(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "page.json"
        path.write_bytes(content)
        return path

    return make


BAD_PAGES: dict[str, tuple[Callable[[Path], Path], ExitCode, str]] = {
    "a page that is cut": (_cut_page, ExitCode.DATA, "page.json"),
    "a page cut inside gzip": (_file(gzip.compress(page_text([image(1)]))[:-9]), ExitCode.DATA, "page.json"),
    "a table": (_file(b'{"kind": "Table", "rows": []}'), ExitCode.DATA, "Table"),
    "a saved error": (_file(b'{"kind": "Status", "code": 403}'), ExitCode.DATA, "saved error"),
    "another list": (_file(b'{"kind": "PodList", "items": []}'), ExitCode.DATA, "PodList"),
    "text where a number belongs": (
        _file(page_text([image(1), image(2, dockerImageLayers=[{"name": "a", "size": "7"}])])),
        ExitCode.DATA,
        f"item 2 ({name_of(2)}): Expected `int | null`, got `str` - at `$.dockerImageLayers[0].size`",
    ),
    "an item without a name": (_file(page_text([{"metadata": {}}])), ExitCode.DATA, "metadata.name"),
    "an empty file": (_file(b""), ExitCode.DATA, "page.json is empty"),
    "bytes that are no text": (_file(b"\xff\xfe\x00"), ExitCode.DATA, "page.json"),
    "a file that is not there": (lambda folder: folder / "nope.json", ExitCode.USAGE, "nope.json"),
}


@pytest.mark.parametrize(("make", "code", "words"), BAD_PAGES.values(), ids=BAD_PAGES.keys())
def test_bad_input_leaves_no_snapshot(
    run: Run, tmp_path: Path, make: Callable[[Path], Path], code: ExitCode, words: str
) -> None:
    """A page that can't be read ends the import with one line and its exit code, also behind a good page."""
    store = tmp_path / "store"
    good = tmp_path / "good.json"
    good.write_bytes(page_text([image(3)]))
    ended = run("import", good, make(tmp_path), "--store", store, "--cluster", "test")
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert is_one_line(ended.stderr), ended.stderr
    assert words in ended.stderr.decode()
    assert snapshots_in(store) == []


MISUSE: dict[str, tuple[Sequence[str], ExitCode, str]] = {
    "a missing store": (["query", "layer-sharing", "--store", "{tmp}/nope"], ExitCode.USAGE, "There is no store"),
    "an empty statement": (["sql", "/* nothing */", "--store", "{store}"], ExitCode.FAILED, "no statement"),
    "an unknown query": (["query", "layer-sharin", "--store", "{store}"], ExitCode.USAGE, "'layer-sharing'"),
    "an unknown parameter": (["query", "layer-sharing", "-p", "x=1"], ExitCode.USAGE, "min_images"),
    "a parameter of another type": (["query", "layer-sharing", "-p", "min_images=x"], ExitCode.USAGE, "INTEGER"),
    "a parameter without a value": (["query", "layer-sharing", "-p", "min_images"], ExitCode.USAGE, "KEY=VALUE"),
    "a parameter given twice": (
        ["query", "architecture-coverage", "-p", "required=a", "-p", "required=b"],
        ExitCode.USAGE,
        "twice",
    ),
    "an unknown snapshot": (
        ["query", "layer-sharing", "--store", "{store}", "--snapshot", "1999"],
        ExitCode.USAGE,
        "No snapshot begins with '1999'",
    ),
    "an unknown cluster": (
        ["query", "layer-sharing", "--store", "{store}", "--cluster", "x"],
        ExitCode.USAGE,
        "It has: sample",
    ),
    "an unknown view": (["schema", "layer"], ExitCode.USAGE, "'layers'"),
    "an unknown option": (["query", "--bogus"], ExitCode.USAGE, "image-indexer query --help"),
    "an unknown command": (["quer"], ExitCode.USAGE, "image-indexer --help"),
    "an unknown format": (["query", "--format", "xml"], ExitCode.USAGE, "xml"),
    "a wrong limit": (["query", "--limit", "-1"], ExitCode.USAGE, "--limit"),
    "a cluster name that is none": (["import", "x", "--cluster", "No Name"], ExitCode.USAGE, "cluster name"),
    "an unwritable store": (
        ["import", "{page}", "--store", "{page}/below", "--cluster", "test"],
        ExitCode.USAGE,
        "Can't write to the store",
    ),
    "an output that can't be written": (
        ["query", "layer-sharing", "--store", "{store}", "-o", "{tmp}/no/where.csv"],
        ExitCode.USAGE,
        "Can't write",
    ),
    "a statement that writes": (
        ["sql", "COPY (SELECT 1) TO '{store}/x.csv'", "--store", "{store}"],
        ExitCode.FAILED,
        "COPY statements are refused",
    ),
    "a statement that writes on the side": (
        ["sql", "WITH a AS (COPY (SELECT 1) TO '{store}/x.csv') SELECT 1", "--store", "{store}"],
        ExitCode.FAILED,
        "refused",
    ),
    "a statement that reads files": (
        ["sql", "SELECT * FROM read_text('/etc/passwd')", "--store", "{store}"],
        ExitCode.FAILED,
        "disabled by configuration",
    ),
    "a statement that is no UTF-8": (
        ["sql", "SELECT '\udcff'", "--store", "{store}"],
        ExitCode.FAILED,
        "not UTF-8",
    ),
    "a condition that is no UTF-8": (
        ["query", "reclaimable", "--where", "repository = '\udcff'", "--store", "{store}"],
        ExitCode.FAILED,
        "not UTF-8",
    ),
    "a statement that is wrong": (["sql", "SELEC 1", "--store", "{store}"], ExitCode.FAILED, "syntax error"),
    "a statement that fails midway": (
        [
            "sql",
            "SELECT CASE WHEN i > 50000 THEN error('boom') END FROM range(99999) r(i)",
            "--store",
            "{store}",
            "-o",
            "{tmp}/x",
        ],
        ExitCode.FAILED,
        "boom",
    ),
    "a file of SQL that is not there": (
        ["sql", "-f", "{tmp}/nope.sql", "--store", "{store}"],
        ExitCode.USAGE,
        "nope.sql",
    ),
}


@pytest.mark.parametrize(("arguments", "code", "words"), MISUSE.values(), ids=MISUSE.keys())
def test_misuse_is_told_in_one_line(
    run: Run, sample_store: Path, tmp_path: Path, arguments: Sequence[str], code: ExitCode, words: str
) -> None:
    """Each has its exit code, says what to do next, writes no data and changes no store."""
    page = tmp_path / "page.json"
    page.write_bytes(page_text([image(1)]))
    before = sorted(sample_store.rglob("*"))
    ended = run(*(word.format(tmp=tmp_path, store=sample_store, page=page) for word in arguments))
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert is_one_line(ended.stderr), ended.stderr
    assert words in ended.stderr.decode()
    assert sorted(sample_store.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["page.json"]


@pytest.mark.parametrize("damage", ["receipt", "newer", "part"])
def test_a_broken_snapshot_ends_with_its_exit_code(run: Run, tmp_path: Path, damage: str) -> None:
    """Queries refuse a store that is broken or newer, and `verify` and `list` name what is wrong."""
    good = publish(tmp_path, image(1), cluster="good")
    broken = publish(tmp_path, image(1), cluster="broken")
    receipt = broken.folder / RECEIPT_NAME
    if damage == "part":
        broken.part_paths[0].unlink()
    else:
        receipt.write_text('{"schema_version": 2}' if damage == "newer" else "{", encoding="utf-8")
    answered = run("query", "capacity-summary", "--store", tmp_path)
    assert (answered.returncode, answered.stdout) == (ExitCode.DATA, b"")
    verified = run("snapshots", "verify", "--store", tmp_path)
    assert verified.returncode == ExitCode.DATA
    assert f"good/{good.snapshot_id}: whole" in verified.stdout.decode()
    assert "cluster=broken" in verified.stdout.decode() or "is missing" in verified.stdout.decode()
    listed = run("snapshots", "list", "--store", tmp_path, "--format", "json")
    assert good.snapshot_id in [row["snapshot_id"] for row in json.loads(listed.stdout)]
    assert listed.returncode == (ExitCode.DONE if damage == "part" else ExitCode.DATA)
    assert run("query", "capacity-summary", "--store", tmp_path, "--cluster", "good").returncode == ExitCode.DONE


def test_bad_items_are_skipped_on_request(run: Run, tmp_path: Path) -> None:
    """With `--on-bad-item skip` the rest is kept, the snapshot is partial, and stderr names what is missing."""
    page = tmp_path / "page.json"
    page.write_bytes(page_text([image(1), image(2, dockerImageReference=5)]))
    ended = run("import", page, "--store", tmp_path / "s", "--cluster", "test", "--on-bad-item", "skip")
    assert ended.returncode == ExitCode.DONE
    assert b"item 2" in ended.stderr
    assert b"partial" in ended.stderr
    assert b"again with --complete" in ended.stderr
    (snapshot,) = Store(tmp_path / "s").snapshots()
    assert (snapshot.receipt.image_count, snapshot.receipt.is_complete) == (1, False)
