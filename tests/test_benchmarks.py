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
def test_memory_has_a_figure_for_every_step(environment, tmp_path) -> None:
    """Import, export, build and query each have a peak, in the table and in the JSON."""
    kept = tmp_path / "memory.json"
    run_benchmark(environment, "memory.py", "--images", 60, "--query", "layer-sharing", "--json", kept)
    (results,) = json.loads(kept.read_text(encoding="utf-8"))["results"].values()
    assert set(results) == {"import", "export", "(build of the index)", "layer-sharing"}
    assert all(figures["peak_mib"] > 1 for figures in results.values())


@pytest.mark.slow
def test_nights_are_compared(environment) -> None:
    """Every question is timed, and the difference of two nights adds up in each cluster."""
    said = run_benchmark(environment, "many_nights.py", "--clusters", 2, "--nights", 3, "--images", 15)
    assert "in all 2 diffs" in said
    assert "6 snapshots" in said
    assert "growth-forecast" in said


@pytest.mark.slow
def test_startup_has_a_figure_for_every_command(environment, sample_store, tmp_path) -> None:
    """What needs no engine, what does and every library take some time, of which the table gives the ratio."""
    kept = tmp_path / "startup.json"
    table = run_benchmark(
        environment, "startup.py", "--store", sample_store, "--runs", 1, "--query", "completeness", "--json", kept
    )
    (results,) = json.loads(kept.read_text(encoding="utf-8"))["results"].values()
    assert {"--help", "completion of a query", "query completeness", "import duckdb", "import click"} <= set(results)
    assert all(figures["cpu_seconds"] > 0 for figures in results.values())
    assert all(f"| {name} |" in table for name in results)


@pytest.mark.slow
def test_export_is_measured_without_its_server(environment, tmp_path) -> None:
    """A loop and an export read the same prepared answers; one that was not prepared would be an error."""
    kept = tmp_path / "export.json"
    run_benchmark(environment, "export.py", "--images", 60, "--limit", 20, "--runs", 1, "--json", kept)
    (results,) = json.loads(kept.read_text(encoding="utf-8"))["results"].values()
    compared = [results[name] for name in ("urllib3, one connection", "image-indexer export")]
    assert [taken["note"] for taken in compared] == ["", ""]
    assert all(taken["output_bytes"] > 0 for taken in compared)
