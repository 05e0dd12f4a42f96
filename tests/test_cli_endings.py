"""How a run ends: whole files or none, closed pipes, full disks, signals."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from conftest import COMMAND, Run
from image_objects import image, page_text
from outcomes import is_one_line, snapshots_in

from indexer.cli.emit import write_file
from indexer.errors import ConfigurationError, ExitCode, IncompleteError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_whole_or_not_there(run: Run, sample_store: Path, tmp_path: Path) -> None:
    """An answer that fails midway leaves the old file as it was and no other beside it."""
    path = tmp_path / "answer.csv"
    path.write_text("old", encoding="utf-8")
    statement = "SELECT CASE WHEN i > 50000 THEN error('boom') ELSE i END AS x FROM range(99999) r(i)"
    assert run("sql", statement, "--store", sample_store, "--format", "csv", "-o", path).returncode == ExitCode.FAILED
    assert path.read_text(encoding="utf-8") == "old"
    assert run("sql", "SELECT 1 AS x", "--store", sample_store, "--format", "csv", "-o", path).returncode == 0
    assert path.read_text(encoding="utf-8") == "x\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_devices_are_written_into_and_stay(run: Run, sample_store: Path) -> None:
    """`-o /dev/stdout` writes there and does not put a file in its place."""
    ended = run("sql", "SELECT 1 AS x", "--store", sample_store, "--format", "csv", "-o", "/dev/stdout")
    assert ended.stdout == b"x\n1\n"
    assert run("sql", "SELECT 1 AS x", "--store", sample_store, "-o", "/dev/null").returncode == ExitCode.DONE
    assert not os.path.isfile("/dev/null")  # noqa: PTH113 (a device)


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, IncompleteError), (errno.EACCES, ConfigurationError)])
def test_what_a_disk_refuses_is_named(tmp_path: Path, number: int, kind: type[Exception]) -> None:
    """A full disk and a forbidden place end in their own errors, without a temporary file."""

    def fail(_: Any) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(kind, match=r"Can't write .*answer"):
        write_file(tmp_path / "answer", fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["query", "layer-sharing"], ["schema"], ["sql", "FROM range(300000)"]])
@pytest.mark.parametrize("format_", ["csv", "table", "parquet"])
def test_a_full_device_behind_stdout_is_told(
    environment: dict[str, str], sample_store: Path, command: list[str], format_: str
) -> None:
    """A redirect to a full disk is no success and no traceback."""
    words = [] if command == ["schema"] else ["--store", str(sample_store), "--format", format_]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 (a device)
        ended = subprocess.run(
            [*COMMAND, *command, *words], stdout=full, stderr=subprocess.PIPE, check=False, env=environment
        )
    assert ended.returncode == ExitCode.INCOMPLETE
    assert is_one_line(ended.stderr), ended.stderr


@pytest.mark.parametrize("format_", ["csv", "json", "ndjson", "table", "markdown", "parquet"])
def test_a_closed_pipe_ends_quietly(environment: dict[str, str], sample_store: Path, format_: str) -> None:
    """`| head` is no failure: no message, exit code 0."""
    statement = "SELECT i, 'a row that fills the pipe ' || i AS t FROM range(60000) r(i)"
    command = [*COMMAND, "sql", statement, "--store", str(sample_store), "--format", format_]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        process.stdout.read(4)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == ExitCode.DONE


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_fail_a_run(environment: dict[str, str], tmp_path: Path, closed: str) -> None:
    """A scheduler that closes standard streams still gets its snapshot and the exit code 0."""
    page, store = tmp_path / "page.json", tmp_path / "store"
    page.write_bytes(page_text([image(1)]))
    command = [*COMMAND, "import", str(page), "--receipt", "--store", str(store), "--cluster", "test"]
    ended = subprocess.run(["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command], check=False, env=environment)
    assert ended.returncode == ExitCode.DONE
    assert len(snapshots_in(store)) == 1


def _let_no_file_grow() -> None:
    """Let the system refuse files of more than 40,000 bytes, as a disk or quota that is full does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


@pytest.mark.parametrize("command", ["build", "report"])
def test_a_disk_that_fills_under_the_engine_is_told(
    environment: dict[str, str], sample_store: Path, tmp_path: Path, command: str
) -> None:
    """Where the engine finds the disk full, the store is not blamed, and no file or log of the engine stays."""
    (tmp_path / "spill").mkdir()
    words = [*COMMAND, command, "--store", str(sample_store), "-o", str(tmp_path / "file")]
    ended = subprocess.run(
        words,
        capture_output=True,
        check=False,
        env=environment | {"TMPDIR": str(tmp_path / "spill")},
        preexec_fn=_let_no_file_grow,
    )
    assert ended.returncode == ExitCode.INCOMPLETE, ended.stderr
    assert b"The disk is full" in ended.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# --- signals ------------------------------------------------------------------------------------------------------


def _wait_for_reader(fifo: Path, process: subprocess.Popen[bytes]) -> int:
    """Return a descriptor of the pipe's writing end once the process has opened the other."""
    while process.poll() is None:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.02)
    raise AssertionError(process.communicate())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_of_an_import_leaves_nothing(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Between two pages the run ends with the code of the signal, quietly, and nothing of it stays."""
    page, fifo, store = tmp_path / "page.json", tmp_path / "slow.json", tmp_path / "store"
    page.write_bytes(page_text([image(1)]))
    os.mkfifo(fifo)
    command = [*COMMAND, "import", str(page), str(fifo), "--store", str(store), "--cluster", "test"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        writing = _wait_for_reader(fifo, process)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
        os.close(writing)
    assert (process.returncode, stdout, stderr.strip()) == (code, b"", b"")
    assert snapshots_in(store) == []
    assert [path for path in store.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_query_that_would_run_for_hours(
    environment: dict[str, str], sample_store: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """While the engine computes, the process still ends within seconds, and no answer is left behind."""
    statement = "SELECT count(*) FROM range(1000000000000) r(i) WHERE i % 7 = 3"
    command = [*COMMAND, "sql", statement, "--store", str(sample_store), "-o", str(tmp_path / "answer")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        while process.poll() is None and not list(tmp_path.iterdir()):
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()  # it would run for hours where signals are ignored, as in the background of a script
    assert process.returncode == code
    assert not (tmp_path / "answer").exists()


_INTERRUPTED_BY_THE_ENGINE = """
import os, signal, sys
from indexer import cli
from indexer.cli import signals

signals._wait = lambda reading: None  # the thread has not heard of the signal yet

def interrupted(**_):
    try:
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    except BaseException:
        raise RuntimeError("Query interrupted") from None

cli.cli.main = interrupted
cli.main()
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_the_engine_turns_into_its_own_error_keeps_its_code(
    environment: dict[str, str], name: str, code: int
) -> None:
    """A signal that comes while the engine runs is known by its code, however late the thread that waits for it is."""
    command = [sys.executable, "-c", _INTERRUPTED_BY_THE_ENGINE, name]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=60, env=environment)
    assert (ended.returncode, ended.stderr) == (code, b"")
