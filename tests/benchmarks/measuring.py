"""Running each contender in a process of its own, several times, and saying on which machine."""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = ("duckdb", "pyarrow", "polars", "orjson", "msgspec")


@dataclass(frozen=True)
class Figures:
    """Medians over the runs: seconds and CPU seconds of the work, start-up apart, and the peak of the process."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output_bytes: int
    note: str = ""
    rows: str = ""


def work(function, *arguments):
    """Do the work and print its figures: the end of every process that is measured."""
    started, cpu_started = time.perf_counter(), cpu_seconds()
    try:
        output_bytes, note = function(*arguments) or 0, ""
    except Exception as error:  # noqa: BLE001  # a peer that fails is a row of the table
        output_bytes, note = 0, f"fails: {str(error).strip().splitlines()[0][:80]}"
    taken = {"seconds": time.perf_counter() - started, "cpu_seconds": cpu_seconds() - cpu_started}
    print(json.dumps(taken | {"peak_mib": peak_mib(), "output_bytes": output_bytes, "note": note}), flush=True)


def cpu_seconds():
    """CPU time of this process and of those it has waited for, user and system together."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mib():
    """Peak memory so far of this process, or of one it has waited for."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def measured(command, run_count):
    """Run a command that ends with `work`; gives medians."""
    runs = [one_run(command) for _ in range(run_count)]
    medians = {name: statistics.median(run[name] for run in runs) for name in ("seconds", "cpu_seconds", "peak_mib")}
    return Figures(**medians, output_bytes=runs[-1]["output_bytes"], note=runs[-1]["note"], rows=runs[-1]["rows"])


def one_run(command):
    """Run a command once; what it prints after its figures, which may take more time and memory, are `rows`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, *map(str, command)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) as process:
        output = process.stdout.read()
    assert process.returncode == 0, command
    figures, *rows = output.decode().splitlines()
    return json.loads(figures) | {"rows": " ".join(rows)}


def machine():
    """Name what the figures were taken on."""
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "?")
    versions = ", ".join(f"{name} {version(name)}" for name in DISTRIBUTIONS)
    return f"{os.cpu_count()} × {cpu}, CPython {platform.python_version()}, {versions}"


def _lines(path):
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def save(path, subjects):
    """Keep the figures of each subject as JSON, for comparison with another day's."""
    results = {subject: {name: asdict(row) for name, row in rows.items()} for subject, rows in subjects.items()}
    content = {"machine": machine(), "results": results}
    Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
