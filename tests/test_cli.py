"""The command line as batch jobs know it: data on stdout, one form an option, help."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import click
import pyarrow.parquet as pq
import pytest
from conftest import COMMAND, Run
from image_objects import image, page_text
from outcomes import is_one_line

from indexer.cli import COMMANDS
from indexer.errors import ExitCode
from indexer.output import FORMATS
from indexer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


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
        (["schema", "layers", "--format", "json"], 12),
        (["snapshots", "show", "--format", "json", "--store", "{store}"], 1),
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


def test_texts_go_to_a_file_too(run: Run, sample_store: Path, tmp_path: Path) -> None:
    """`-o` writes the same receipt and the same dictionary that stdout shows."""
    for number, words in enumerate((["snapshots", "show", "--store", sample_store], ["schema", "layers"])):
        path = tmp_path / str(number)
        assert run(*words, "-o", path).stdout == b""
        assert path.read_bytes() == run(*words).stdout


def test_a_statement_comes_from_stdin_or_a_file(run: Run, sample_store: Path, tmp_path: Path) -> None:
    """A pipe, `-` and `-F` are read alike."""
    (tmp_path / "q.sql").write_text("SELECT 42 AS x", encoding="utf-8")
    ways = [([], b"SELECT 42 AS x"), (["-"], b"SELECT 42 AS x;\n"), (["-f", tmp_path / "q.sql"], b"")]
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
    assert is_one_line(ended.stderr)
    assert b"\x1b" not in ended.stderr


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
