"""Help is quick: it imports nothing heavy. Imports that static contracts can't see are looked at in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from indexer.cli import COMMANDS
from indexer.cli.snapshots import COMMANDS as SNAPSHOT_COMMANDS

HEAVY = {
    "duckdb",
    "pyarrow",
    "pyspark",
    "sqlglot",
    "polars",
    "kubernetes",
    "urllib3",
    "rich",
    "yaml",
    "altair",
    "pandas",
    "numpy",
    "cryptography",
    "pysequoia",
    "prometheus_client",
    "stamina",
    "jinja2",
    "vl_convert",
}
HELPS = [[], *([name] for name in COMMANDS), *(["snapshots", name] for name in SNAPSHOT_COMMANDS)]


def _imported(environment: dict[str, str], code: str) -> set[str]:
    """Top-level modules a fresh process has imported at the end of this code."""
    code += "\nimport json, sys; sys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return {name.partition(".")[0] for name in json.loads(ended.stderr.splitlines()[-1])}


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_imports_nothing_heavy(environment: dict[str, str], words: list[str]) -> None:
    """`--help` of the tool and of each command needs no engine, no Arrow, no client."""
    code = f"import sys; sys.argv = {['image-indexer', *words, '--help']}\nfrom indexer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0, error.code"
    assert _imported(environment, code) & HEAVY == set()


def test_the_package_imports_nothing_heavy(environment: dict[str, str]) -> None:
    """`import indexer` and its names of errors cost a notebook nothing."""
    assert _imported(environment, "import indexer; indexer.open_store; indexer.IndexerError") & HEAVY == set()


TEXT, ROWS = set(), {"duckdb", "pyarrow"}
DRAWN = ROWS | {"rich"}
QUERY = ("query", "layer-sharing")
NEEDS = {
    ("--version",): TEXT,
    (*QUERY, "--show-sql"): TEXT,
    (*QUERY, "--describe"): TEXT,
    ("schema",): TEXT,
    ("schema", "--format", "csv"): ROWS,
    ("query", "--format", "json"): ROWS,
    (*QUERY, "--store", "STORE", "--format", "csv"): ROWS,
    (*QUERY, "--store", "STORE", "--format", "table"): DRAWN,
    ("sql", "SELECT 1", "--store", "STORE", "--format", "json"): ROWS,
    ("check", "--store", "STORE", "--format", "json"): ROWS,
    ("snapshots", "list", "--store", "STORE"): DRAWN,
    ("snapshots", "verify", "--store", "STORE"): ROWS,
}
"""The heavy libraries a command may import."""


@pytest.mark.parametrize("words", NEEDS, ids=" ".join)
def test_a_command_imports_what_it_needs_and_no_more(environment, sample_store, words) -> None:
    """Each dependency is paid by the commands that use it: the engine by queries, drawing by tables for people."""
    given = [str(sample_store) if word == "STORE" else word for word in words]
    code = f"import sys; sys.argv = {['image-indexer', *given]}\nfrom indexer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert error.code in (0, 1), error.code"
    assert _imported(environment, code) & HEAVY <= NEEDS[words]


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_few_rows_are_written_without_the_functions_of_arrow(environment, sample_store, format_) -> None:
    """Importing them takes longer than writing an answer of a few rows."""
    words = ["image-indexer", "query", "capacity-summary", "--store", str(sample_store), "--format", format_]
    code = f"import sys; sys.argv = {words}\nfrom indexer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit:\n    assert 'pyarrow' in sys.modules\n"
    code += "    assert 'pyarrow.compute' not in sys.modules"
    _imported(environment, code)


@pytest.mark.parametrize(
    "words", ["image-indexer ", "image-indexer query cap", "image-indexer query layer-sharing -p "]
)
def test_completion_imports_nothing_heavy(environment, words) -> None:
    """What a shell asks at every press of a key needs names, and no engine."""
    asked = {"_IMAGE_INDEXER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    code = "import sys; sys.argv = ['image-indexer']\nfrom indexer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0, error.code"
    assert _imported(environment | asked, code) & HEAVY == set()


def test_an_import_of_files_loads_no_client_and_no_engine(environment: dict[str, str], sample_pages, tmp_path) -> None:
    """`import` needs Arrow to write Parquet, but neither the engine nor the Kubernetes client."""
    words = ["image-indexer", "import", str(sample_pages[-1]), "--store", str(tmp_path), "--cluster", "test"]
    code = f"import sys; sys.argv = {words}\nfrom indexer.cli import main\nsys.stderr = open('/dev/null', 'w')\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0, error.code\n"
    code += "sys.stderr = sys.__stderr__"
    assert not _imported(environment, code) & {"kubernetes", "duckdb", "polars", "rich"}


def _best_seconds(environment: dict[str, str], code: str) -> float:
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
        durations.append(time.perf_counter() - started)
    return min(durations)


def test_help_starts_about_as_fast_as_click_alone(environment: dict[str, str]) -> None:
    """Start-up of `--help` is printed beside that of `import click`; only a gross excess fails, machines being busy."""
    code = "import sys; sys.argv = ['image-indexer', '--help']\nfrom indexer.cli import main; main()"
    helped, bare = _best_seconds(environment, code), _best_seconds(environment, "import click")
    print(f"--help {helped * 1000:.0f} ms, import click {bare * 1000:.0f} ms")
    assert helped < bare + 1
