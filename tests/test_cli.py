"""The command line as batch jobs know it: streams, exit codes, one line an error, nothing left behind."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import click
import pyarrow.parquet as pq
import pytest
from conftest import COMMAND, Run
from image_objects import image, name_of, page_text, publish

from indexer.cli import COMMANDS
from indexer.cli.emit import write_file
from indexer.errors import ConfigurationError, ExitCode, IncompleteError
from indexer.output import FORMATS
from indexer.receipt import RECEIPT_NAME
from indexer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def _snapshots(store: Path) -> list[Path]:
    return sorted(store.glob("cluster=*/snapshot=*"))


def _is_one_line(text: bytes) -> bool:
    lines = text.decode().splitlines()
    return len(lines) == 1 and lines[0].startswith("image-indexer: error: ")


# --- bad input ----------------------------------------------------------------------------------------------------


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
    "a saved error": (_file(b'{"kind": "Status", "code": 403}'), ExitCode.DATA, "Status"),
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
    assert _is_one_line(ended.stderr), ended.stderr
    assert words in ended.stderr.decode()
    assert _snapshots(store) == []


MISUSE: dict[str, tuple[Sequence[str], ExitCode, str]] = {
    "a missing store": (["query", "layer-sharing", "--store", "{tmp}/nope"], ExitCode.USAGE, "There is no store"),
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
        ["sql", "-F", "{tmp}/nope.sql", "--store", "{store}"],
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
    assert _is_one_line(ended.stderr), ended.stderr
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
    (snapshot,) = Store(tmp_path / "s").snapshots()
    assert (snapshot.receipt.image_count, snapshot.receipt.is_complete) == (1, False)


# --- streams ------------------------------------------------------------------------------------------------------

READERS: dict[str, Callable[[bytes], Any]] = {
    "json": json.loads,
    "ndjson": lambda text: [json.loads(line) for line in text.splitlines()],
    "csv": lambda text: list(csv.DictReader(io.StringIO(text.decode(), newline=""))),
    "tsv": lambda text: list(csv.DictReader(io.StringIO(text.decode(), newline=""), delimiter="\t")),
    "markdown": lambda text: [line for line in text.decode().splitlines() if re.fullmatch(r"\| .* \|", line)][2:],
    "parquet": lambda text: pq.read_table(io.BytesIO(text)).to_pylist(),
    "table": lambda text: text.decode().splitlines()[2:],
}


@pytest.mark.parametrize("format_", FORMATS)
def test_stdout_is_data_only_and_files_are_the_same(run: Run, sample_store: Path, tmp_path: Path, format_: str) -> None:
    """A query's stdout parses as its format, has every row, and `-o` writes the same bytes."""
    arguments = ["query", "layer-sharing-histogram", "--store", sample_store, "--format", format_]
    ended = run(*arguments, "-v")
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, b"")
    assert len(READERS[format_](ended.stdout)) == 5
    assert run(*arguments, "-o", tmp_path / "out").stdout == b""
    assert (tmp_path / "out").read_bytes() == ended.stdout


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["query", "--format", "json"], None),
        (["snapshots", "list", "--format", "json", "--store", "{store}"], 1),
        (["sql", "FROM range(3)", "--format", "json", "--store", "{store}"], 3),
        (["sql", "FROM range(30)", "--limit", "7", "--format", "json", "--store", "{store}"], 7),
        (["sql", "FROM range(30)", "--limit", "0", "--format", "json", "--store", "{store}"], 0),
        (["sql", "EXPLAIN SELECT 1", "--format", "json", "--store", "{store}"], 1),
        (["sql", "SHOW TABLES", "--format", "json", "--store", "{store}"], None),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else str(value),
)
def test_commands_write_json_on_stdout_and_nothing_else(
    run: Run, sample_store: Path, arguments: Sequence[str], count: int | None
) -> None:
    """Every command that has rows writes one array of objects."""
    ended = run(*(word.format(store=sample_store) for word in arguments))
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, b"")
    rows = json.loads(ended.stdout)
    assert len(rows) == count if count is not None else len(rows) > 5


def test_texts_of_commands_are_data_too(run: Run, sample_store: Path) -> None:
    """A receipt is JSON, `verify` a line a snapshot, the dictionary Markdown, `--show-sql` the file."""
    receipt = json.loads(run("snapshots", "show", "--store", sample_store).stdout)
    assert receipt["cluster"] == "sample"
    assert run("snapshots", "verify", "--store", sample_store).stdout.decode().endswith(": whole\n")
    assert run("schema").stdout.startswith(b"# Data dictionary\n")
    assert run("schema", "layers").stdout.startswith(b"### `layers`\n")
    assert run("query", "layer-sharing", "--show-sql").stdout.startswith(b"-- /// query\n")
    assert b"min_images INTEGER" in run("query", "layer-sharing", "--describe").stdout


def test_a_statement_comes_from_stdin_or_a_file(run: Run, sample_store: Path, tmp_path: Path) -> None:
    """A pipe, `-` and `-F` are read alike."""
    (tmp_path / "q.sql").write_text("SELECT 42 AS x", encoding="utf-8")
    ways = [([], b"SELECT 42 AS x"), (["-"], b"SELECT 42 AS x;\n"), (["-F", tmp_path / "q.sql"], b"")]
    for words, stdin in ways:
        ended = run("sql", *words, "--store", sample_store, "--format", "csv", stdin=stdin)
        assert ended.stdout == b"x\n42\n", ended.stderr


def test_import_reads_stdin(run: Run, tmp_path: Path) -> None:
    """`-` imports what a pipe brings, plain or gzipped."""
    for body in (page_text([image(1)]), gzip.compress(page_text([image(1)]))):
        assert run("import", "-", "--store", tmp_path, "--cluster", "test", stdin=body).returncode == ExitCode.DONE
    assert [snapshot.receipt.image_count for snapshot in Store(tmp_path).snapshots()] == [1, 1]


def test_the_store_comes_from_the_environment(environment: dict[str, str], sample_store: Path) -> None:
    """`IMAGE_INDEXER_STORE` names the store where `--store` does not."""
    command = [*COMMAND, "query", "capacity-summary", "--format", "json"]
    preset = environment | {"IMAGE_INDEXER_STORE": str(sample_store)}
    answer = subprocess.run(command, capture_output=True, check=True, env=preset).stdout
    assert json.loads(answer)[0]["image_count"] > 2000


def test_an_empty_store_answers_with_nothing_and_says_why(run: Run, empty_store: Path) -> None:
    """Rows of an empty store are none; stderr says what to do."""
    ended = run("query", "layer-sharing", "--store", empty_store, "--format", "json")
    assert (ended.returncode, json.loads(ended.stdout)) == (ExitCode.DONE, [])
    assert b"no complete snapshot" in ended.stderr


def test_log_format_json_makes_every_line_of_stderr_json(run: Run, tmp_path: Path) -> None:
    """Notes, warnings and errors are objects with time, level and message."""
    page = tmp_path / "page.json"
    page.write_bytes(page_text([image(1), image(2, dockerImageReference=5)]))
    common = ["--store", tmp_path / "s", "--cluster", "test", "--log-format", "json"]
    skipped = run("import", page, *common, "--on-bad-item", "skip", "-vv")
    failed = run("import", page, *common)
    levels = []
    for line in [*skipped.stderr.splitlines(), *failed.stderr.splitlines()]:
        entry = json.loads(line)
        assert {"time", "level", "message"} <= entry.keys()
        levels.append(entry["level"])
    assert {"warning", "info", "error"} <= set(levels)


def test_strangers_text_on_stderr_can_not_steer_a_terminal(run: Run, tmp_path: Path) -> None:
    """Names from objects and files are escaped in messages."""
    page = tmp_path / "page.json"
    page.write_bytes(page_text([image(1, metadata={"name": "\x1b[31mx\ny"}, dockerImageReference=5)]))
    ended = run("import", page, "--store", tmp_path / "s", "--cluster", "test")
    assert _is_one_line(ended.stderr)
    assert b"\x1b" not in ended.stderr


# --- files and pipes ----------------------------------------------------------------------------------------------


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
    assert _is_one_line(ended.stderr), ended.stderr


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
    assert _snapshots(store) == []
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
        process.communicate(timeout=30)
    assert process.returncode == code
    assert not (tmp_path / "answer").exists()


# --- help ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_its_examples_line_by_line(run: Run, name: str) -> None:
    """`-h` and `--help` say the same; examples stand on lines of their own."""
    ended = run(name, "--help")
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, b"")
    assert run(name, "-h").stdout == ended.stdout
    text = ended.stdout.decode()
    assert text.startswith(f"Usage: image-indexer {name} ")
    assert "\\b" not in text
    assert "\n  image-indexer " in text or name == "snapshots"


def test_without_a_command_help_is_shown_as_misuse(run: Run) -> None:
    """A batch job that lost its command does not end as if it had worked."""
    ended = run()
    assert (ended.returncode, ended.stdout) == (ExitCode.USAGE, b"")
    assert b"Exit codes:" in ended.stderr


def test_version(run: Run) -> None:
    """`--version` names the tool and its version."""
    assert re.fullmatch(r"image-indexer, version \d+\.\d+\.\d+\S*\n", run("--version").stdout.decode())


def test_commands_are_click_commands() -> None:
    """Every name of the help can be imported."""
    from indexer.cli import cli

    context = click.Context(cli)
    assert all(cli.get_command(context, name) is not None for name in COMMANDS)
    assert cli.get_command(context, "nope") is None
