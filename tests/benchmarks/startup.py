"""Time from nothing to the end of the command: help, completion, every canned query; beside bare imports.

python tests/benchmarks/startup.py --runs 5 --json figures.json
python tests/benchmarks/startup.py --store ./image-index --query capacity-summary

Every run is a process of its own, the interpreter's start and end included, with compiled modules and files in the
caches of the machine: one run before those that count. Queries write all rows as CSV to nowhere. The ratio is to
`import click` for what needs no engine, and to `import duckdb` with one statement for what does. Rounds go over all
commands in turn, so that other work on the machine meets them alike.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measuring

NEEDS = {"reclaimable": ("-p", "min_age_days=365")}
CLICK, ENGINE = "import click", "import duckdb, SELECT 1"
PEERS = {
    CLICK: ("-c", "import click"),
    ENGINE: ("-c", "import duckdb; duckdb.connect().execute('SELECT 1').fetchall()"),
}
LIGHT = {
    "--help": ("--help",),
    "query --help": ("query", "--help"),
    "--version": ("--version",),
}
COMPLETING = "completion of a query"
COMPLETION = {"_IMAGE_INDEXER_COMPLETE": "bash_complete", "COMP_WORDS": "image-indexer query cap", "COMP_CWORD": "2"}
LIBRARIES = ("click", "duckdb", "kubernetes", "msgspec", "orjson", "polars", "pyarrow.parquet", "rich.table", "stamina")
LIBRARIES += ("urllib3", "yaml", "prometheus_client", "pysequoia", "altair", "jinja2")
INTERPRETER = "the interpreter alone"


def commands(store, names):
    """Give arguments of the interpreter and additional variables by name of what is measured."""
    ours = {name: ("-m", "indexer", *arguments) for name, arguments in LIGHT.items()}
    plain = {INTERPRETER: ("-c", "pass"), **PEERS, **ours}
    wanted = {name: (arguments, {}) for name, arguments in plain.items()}
    code = "import sys; sys.argv = ['image-indexer']; from indexer.cli import main; main()"
    wanted[COMPLETING] = (("-c", code), COMPLETION)
    for name in names:
        query = ("query", name, *NEEDS.get(name, ()), "--store", store, "--format", "csv", "-o", os.devnull)
        wanted[f"query {name}"] = (("-m", "indexer", *query), {})
    return wanted


def imports():
    """Give the same for one library a process."""
    return {f"import {name}": (("-c", f"import {name}"), {}) for name in LIBRARIES}


def once(arguments, variables, environment):
    """Run a command; gives seconds and CPU seconds."""
    before, started = _children(), time.perf_counter()
    command = [sys.executable, *map(str, arguments)]
    subprocess.run(command, check=True, env=environment | variables, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started, _children() - before


def _children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(wanted, run_count, modules):
    """Run everything in rounds, after one round that is not counted; gives medians by name."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(measuring.ROOT), "PYTHONPYCACHEPREFIX": modules}
    runs = {name: [] for name in wanted}
    for number in range(run_count + 1):
        for name, (arguments, variables) in wanted.items():
            taken = once(arguments, variables, environment)
            runs[name] += [taken] * (number > 0)
    return {
        name: measuring.Figures(*(statistics.median(values) for values in zip(*taken, strict=True)), 0, 0)
        for name, taken in runs.items()
    }


def report(title, results):
    """Write the figures as a table of Markdown."""
    print(f"\n{title}; {measuring.machine()}\n")
    print("| | seconds | ratio | CPU seconds | ratio to |")
    print("|---|---|---|---|---|")
    for name, taken in results.items():
        peer = ENGINE if name.startswith("query ") and name not in LIGHT else CLICK
        ratio = taken.seconds / results[peer].seconds
        print(f"| {name} | {taken.seconds:.3f} | {ratio:.1f} | {taken.cpu_seconds:.3f} | {peer} |", flush=True)


def sample_store(folder):
    """Import the bundled sample; gives its store."""
    from indexer.ingest import IngestOptions, ingest
    from indexer.sources.files import FileSource

    pages = sorted(map(str, (measuring.ROOT / "data" / "sample").glob("page-*.json.gz")))
    ingest(FileSource(pages), folder / "store", IngestOptions("sample"))
    return folder / "store"


def main():
    """Measure and report."""
    sys.path.insert(0, str(measuring.ROOT))
    from indexer import queries

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="of any size; without one, the bundled sample")
    parser.add_argument("--query", action="append", choices=queries.names())
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", help="keep the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or sample_store(Path(folder))
        wanted = commands(store, options.query or queries.names()) | imports()
        results = measure(wanted, options.runs, str(Path(folder) / "modules"))
    subject = options.store or "the sample"
    report(f"Start to end on {subject}", results)
    if options.json:
        measuring.save(options.json, {subject: results})


if __name__ == "__main__":
    main()
