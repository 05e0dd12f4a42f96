"""Exports that are interrupted, meet another one, a full disk or a dead token: nothing half-done, nothing lost."""

from __future__ import annotations

import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import commands
import pytest
from commands import Command, export
from truth import assert_true, snapshots, staged

from indexer.client.request import ListRequest
from indexer.cluster import connect_server
from indexer.errors import DecodeError, StoreError
from indexer.ingest import IngestOptions, NoProgress
from indexer.ingest import export as export_here
from indexer.loopback import Fault, LoopbackServer, on_list
from indexer.sample import generate_images
from indexer.sources.api import ApiSource

FLEET = sorted(generate_images(300, 9), key=lambda image: image["metadata"]["name"])
PAGE = 30
HOW = ("--limit", PAGE, "--part-rows", PAGE, "-v")
LATE = on_list({number: Fault(delay_seconds=20) for number in range(5, 8)})
"""The fifth page does not come while a test looks."""


@pytest.fixture
def server():
    """Serve ten pages, of which the fifth hangs until the script is taken away."""
    with LoopbackServer(FLEET, script=LATE) as running:
        yield running
    assert running.failures == []


@pytest.fixture
def stopped_after(server, tmp_path):
    """Give a function that ends an export with a signal once it has kept some pages; gives how it ended."""

    def run(number):
        command = hanging(server, tmp_path)
        command.send(number)
        ended = command.wait()
        server.script = None
        return ended

    return run


def hanging(server, tmp_path):
    """Start an export and wait until it has kept its third page."""
    where = ("--server", server.url, "--store", tmp_path / "store", "--cluster", "lab")
    command = Command(("export", *where, *HOW), tmp_path)
    command.wait_for(lambda: len(list((tmp_path / "store").glob("_work/*/*.parquet"))) >= 3)
    command.wait_for(lambda: list((tmp_path / "store").glob("_work/*/_journal.json")))
    return command


def lists_after(server, count):
    """Give the list requests that came after the first `count` ones."""
    return [asked for asked in server.requests if asked.is_list][count:]


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_next_run_goes_on_after_a_signal(server, tmp_path, stopped_after, number, exit_code):
    """A signal ends the run with its own code; the next one fetches only what was not kept, and ends in the truth."""
    assert stopped_after(number).exit_code == exit_code
    assert snapshots(tmp_path / "store") == []
    before = len(lists_after(server, 0))
    ended = export(server, tmp_path / "store", *HOW)
    assert (ended.exit_code, "Resuming" in ended.stderr) == (0, True), ended.stderr
    first = lists_after(server, before)[0]
    assert "continue" in first.query
    (snapshot,) = snapshots(tmp_path / "store")
    assert_true(snapshot, server.store)
    assert staged(tmp_path / "store") == []


def test_no_resume_starts_anew(server, tmp_path, stopped_after):
    """With --no-resume what an earlier run kept is thrown away."""
    stopped_after(signal.SIGTERM)
    before = len(lists_after(server, 0))
    ended = export(server, tmp_path / "store", *HOW, "--no-resume")
    assert (ended.exit_code, "Resuming" in ended.stderr) == (0, False)
    assert "continue" not in lists_after(server, before)[0].query
    assert staged(tmp_path / "store") == []


def test_another_request_does_not_go_on_from_this_one(server, tmp_path, stopped_after):
    """What was kept of the whole list is of no use to a run with a selector."""
    stopped_after(signal.SIGTERM)
    ended = export(server, tmp_path / "store", *HOW, "--selector", "!never")
    assert (ended.exit_code, "Resuming" in ended.stderr) == (0, False), ended.stderr
    assert ended.receipt["completeness"] == "partial"


def test_token_that_died_in_the_meantime_restarts(server, tmp_path, stopped_after):
    """By default the next run starts again and shows one, later, moment."""
    stopped_after(signal.SIGKILL)
    server.store.delete(FLEET[0]["metadata"]["name"])
    server.store.compact()
    ended = export(server, tmp_path / "store", *HOW)
    assert (ended.exit_code, ended.receipt["is_consistent"], ended.receipt["expired_count"]) == (0, True, 1)
    assert ended.receipt["image_count"] == len(FLEET) - 1
    (snapshot,) = snapshots(tmp_path / "store")
    assert_true(snapshot, server.store)


def test_token_that_died_in_the_meantime_continues(server, tmp_path, stopped_after):
    """With `continue` the next run goes on behind what was kept: inconsistent, with the key where it broke."""
    stopped_after(signal.SIGKILL)
    server.store.delete(FLEET[0]["metadata"]["name"])
    server.store.delete(FLEET[-1]["metadata"]["name"])
    server.store.compact()
    ended = export(server, tmp_path / "store", *HOW, "--on-expired", "continue")
    assert (ended.exit_code, ended.receipt["is_consistent"]) == (0, False), ended.stderr
    assert ended.receipt["image_count"] == len(FLEET) - 1
    (snapshot,) = snapshots(tmp_path / "store")
    kept = [image["metadata"]["name"] for image in FLEET[: 4 * PAGE]][PAGE - 1 :: PAGE]
    assert snapshot.receipt.broken_at in kept
    assert_true(snapshot, server.store)


def test_token_that_died_in_the_meantime_fails_once(server, tmp_path, stopped_after):
    """With `fail` the next run is incomplete, and the one after it is not held up by the same dead token."""
    stopped_after(signal.SIGKILL)
    server.store.compact()
    ended = export(server, tmp_path / "store", *HOW, "--on-expired", "fail")
    assert (ended.exit_code, ended.stdout) == (5, "")
    assert export(server, tmp_path / "store", *HOW, "--on-expired", "fail").exit_code == 0
    assert staged(tmp_path / "store") == []


def test_second_exporter_refuses(server, tmp_path):
    """Of two exporters of one cluster the second ends at once with a clear message; of another cluster it does not."""
    first = hanging(server, tmp_path)
    before = len(server.requests)
    second = export(server, tmp_path / "store")
    assert (second.exit_code, len(server.requests)) == (2, before)
    assert "Another run is exporting the cluster lab" in second.stderr
    first.send(signal.SIGTERM)
    first.wait()
    server.script = None
    other = commands.run(
        "export", "--server", server.url, "--store", tmp_path / "store", "--cluster", "b", output=tmp_path
    )
    assert other.exit_code == 0


def limit_file_size():
    """Let the system refuse files of more than 150,000 bytes, as a disk or quota that is full does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))


def padded(images, first):
    """Make the images from one on so big that their part does not fit below the limit."""
    noise = {f"example.com/{number}": os.urandom(4000).hex() for number in range(10)}
    return [
        image if number < first else image | {"metadata": image["metadata"] | {"annotations": noise}}
        for number, image in enumerate(images)
    ]


def test_full_disk_publishes_nothing_and_loses_nothing(tmp_path):
    """A disk that fills ends the run with 5; with room again the next run goes on from the last whole part."""
    with LoopbackServer(padded(FLEET, 5 * PAGE)) as server:
        full = export(server, tmp_path / "store", *HOW, before=limit_file_size)
        assert (full.exit_code, full.stdout) == (5, "")
        assert "is full; nothing was published" in full.stderr
        assert snapshots(tmp_path / "store") == []
        before = len(lists_after(server, 0))
        ended = export(server, tmp_path / "store", *HOW)
        assert (ended.exit_code, "after 5 parts" in ended.stderr) == (0, True), ended.stderr
        assert len(lists_after(server, before)) == 5
        (snapshot,) = snapshots(tmp_path / "store")
        assert_true(snapshot, server.store)


@contextmanager
def small_disk(folder, size_kib):
    """Mount a small file system; skip where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", folder], check=True)


@pytest.mark.parametrize("size_kib", [16, 120, 400, 700, 880])
def test_really_full_disk(tmp_path, size_kib):
    """On a file system of any size a run publishes all or nothing; with more room the next one completes it."""
    with LoopbackServer(FLEET) as server, small_disk(tmp_path / "disk", size_kib) as disk:
        full = export(server, disk / "store", *HOW, output=tmp_path)
        assert full.exit_code == 5, full.stderr
        assert snapshots(disk / "store") == []
        subprocess.run(["/bin/mount", "-o", "remount,size=9000k", disk], check=True)
        ended = export(server, disk / "store", *HOW, output=tmp_path)
        assert ended.exit_code == 0, ended.stderr
        (snapshot,) = snapshots(disk / "store")
        assert_true(snapshot, server.store)


def test_failure_at_the_very_end_keeps_everything(tmp_path):
    """A receipt that can't be written leaves nothing published, and all parts to the next run."""

    class Obstacle(NoProgress):
        def advance(self, read_count, report):  # noqa: ARG002 - the protocol's signature
            if read_count == len(FLEET):
                (staging,) = staged(tmp_path)
                (staging / "_receipt.json").mkdir()

    options = IngestOptions("lab", part_rows=PAGE)
    with LoopbackServer(FLEET) as server:
        with pytest.raises(StoreError):
            export_here(ApiSource(connect_server(server.url)), tmp_path, options, Obstacle())
        assert snapshots(tmp_path) == []
        (staging,) = staged(tmp_path)
        (staging / "_receipt.json").rmdir()
        before = len(lists_after(server, 0))
        export_here(ApiSource(connect_server(server.url)), tmp_path, options)
        assert lists_after(server, before) == []
        (snapshot,) = snapshots(tmp_path)
        assert_true(snapshot, server.store)


def on_a_terminal(*arguments):
    """Run the command with stderr on a terminal; gives what that showed and stdout."""
    master, terminal = pty.openpty()
    command = [sys.executable, "-c", "from indexer.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=environment) as process:
        os.close(terminal)
        shown, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                shown += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
        stdout = process.stdout.read()
    os.close(master)
    assert process.returncode == 0
    return shown.decode(), stdout.decode()


@pytest.mark.parametrize(
    ("options", "is_shown"), [((), True), (("--no-progress",), False), (("--log-format", "json"), False)]
)
def test_progress_on_a_terminal(tmp_path, options, is_shown):
    """A terminal sees how many of how many, the rate and the time left, unless it does not want to."""
    slow = on_list({number: Fault(delay_seconds=0.15) for number in range(1, 40)})
    with LoopbackServer(FLEET, script=slow) as server:
        where = ("--server", server.url, "--store", tmp_path / "store", "--cluster", "lab", "--limit", PAGE)
        shown, stdout = on_a_terminal("export", *where, *options)
    assert stdout == ""
    assert "Published" in shown
    assert ("/300" in shown, "/s " in shown, "0:00:0" in shown) == (is_shown,) * 3


def test_no_progress_in_a_pipe(tmp_path):
    """Where stderr is no terminal, one line says what was published, and no bar."""
    with LoopbackServer(FLEET) as server:
        ended = export(server, tmp_path / "store")
    assert ended.stderr.count("\n") == 1
    assert "\r" not in ended.stderr
    assert "\x1b" not in ended.stderr


def test_strict_run_does_not_go_on_from_a_lenient_one(tmp_path):
    """What a run kept that was allowed to skip an item is of no use to one that must fail on it."""

    class Interrupt(NoProgress):
        def advance(self, read_count, report):  # noqa: ARG002 - the protocol's signature
            if read_count >= 4 * PAGE - 1:
                raise KeyboardInterrupt

    fleet = [FLEET[0] | {"dockerImageLayers": "none"}, *FLEET[1:]]
    request = ListRequest(limit=PAGE)
    lenient, strict = (IngestOptions("lab", part_rows=PAGE - 1, skip_bad_items=skip) for skip in (True, False))
    with LoopbackServer(fleet) as server:
        with pytest.raises(KeyboardInterrupt):
            export_here(ApiSource(connect_server(server.url), request), tmp_path, lenient, Interrupt())
        assert (staged(tmp_path)[0] / "_journal.json").is_file()
        with pytest.raises(DecodeError, match="item 1"):
            export_here(ApiSource(connect_server(server.url), request), tmp_path, strict)
        assert snapshots(tmp_path) == []
