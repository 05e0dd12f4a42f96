"""The benchmarks run: figures for every contender, equal rows in every way. How fast is nobody's gate."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


def run_benchmark(environment, name, *arguments):
    """Run one of the scripts; gives what it prints."""
    command = [sys.executable, BENCHMARKS / name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_pipeline_measures_every_contender(environment, tmp_path) -> None:
    """The table has a row a contender, none fails, and the JSON names the machine."""
    kept = tmp_path / "figures.json"
    table = run_benchmark(environment, "pipeline.py", "--images", 60, "--runs", 1, "--json", kept)
    figures = json.loads(kept.read_text(encoding="utf-8"))
    assert "CPython" in figures["machine"]
    (results,) = figures["results"].values()
    assert all(f"| {name} |" in table for name in results)
    assert [name for name, taken in results.items() if taken["note"]] == []
    assert results["image-indexer import"]["output_bytes"] > 0


@pytest.mark.slow
def test_queries_compare_ways(environment, sample_store) -> None:
    """A query is answered by the views, the index and by hand in DuckDB and Polars, with equal rows."""
    options = ("--store", sample_store, "--runs", 1, "--query", "layer-sharing", "--query", "capacity-summary")
    table = run_benchmark(environment, "queries.py", *options)
    assert "| layer-sharing |" in table
    assert "| capacity-summary |" in table
    assert "| NO |" not in table


@pytest.mark.slow
def test_nights_are_compared(environment) -> None:
    """Every question is timed, and the difference of two nights adds up in each cluster."""
    said = run_benchmark(environment, "many_nights.py", "--clusters", 2, "--nights", 3, "--images", 15)
    assert "in all 2 diffs" in said
    assert "6 snapshots" in said
    assert "growth-forecast" in said
