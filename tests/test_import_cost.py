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
}
HELPS = [[], *([name] for name in COMMANDS), *(["snapshots", name] for name in SNAPSHOT_COMMANDS)]


def _imported(environment: dict[str, str], code: str) -> set[str]:
    """Top-level modules a fresh process has imported at the end of this code."""
    code += "\nimport json, sys; sys.stderr.write(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return {name.partition(".")[0] for name in json.loads(ended.stderr)}


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_imports_nothing_heavy(environment: dict[str, str], words: list[str]) -> None:
    """`--help` of the tool and of each command needs no engine, no Arrow, no client."""
    code = f"import sys; sys.argv = {['image-indexer', *words, '--help']}\nfrom indexer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0, error.code"
    assert _imported(environment, code) & HEAVY == set()


def test_the_package_imports_nothing_heavy(environment: dict[str, str]) -> None:
    """`import indexer` and its names of errors cost a notebook nothing."""
    assert _imported(environment, "import indexer; indexer.open_store; indexer.IndexerError") & HEAVY == set()


@pytest.mark.parametrize("words", [["query", "--format", "json"], ["schema"], ["query", "layer-sharing", "--show-sql"]])
def test_texts_of_commands_import_no_client(environment: dict[str, str], words: list[str]) -> None:
    """What only reads files of ours never loads the Kubernetes client."""
    code = f"import sys; sys.argv = {['image-indexer', *words]}\nfrom indexer.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0, error.code"
    assert not _imported(environment, code) & {"kubernetes", "urllib3"}


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
