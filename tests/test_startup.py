"""What a command does not need it does not import: help and completion come at the speed of click."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "duckdb",
    "pyarrow",
    "pyspark",
    "sqlglot",
    "polars",
    "kubernetes",
    "rich",
    "yaml",
    "orjson",
    "stamina",
    "urllib3",
    "altair",
}


def imported(environment, *arguments):
    """Run a command in a process of its own; gives the heavy libraries it has imported at its end."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        f"sys.argv = {['image-indexer', *map(str, arguments)]!r}\n"
        "from indexer.cli import main\n"
        "main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("query", "--help"), ("export", "--help"), ("--version",)])
def test_help_imports_nothing_heavy(environment, arguments) -> None:
    """Help of the program and of its commands needs click and what is light."""
    assert imported(environment, *arguments) == set()


def test_query_imports_the_engine_and_no_more(environment, sample_store) -> None:
    """A query as CSV needs neither the clients of a cluster nor what draws on terminals."""
    needed = imported(environment, "query", "layer-sharing-histogram", "--store", sample_store, "--format", "csv")
    assert needed <= {"duckdb", "pyarrow", "orjson"}
