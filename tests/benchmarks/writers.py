"""Rows a CPU second of each writer: the answer of a query is computed once, then written to nowhere.

python tests/benchmarks/writers.py --store store-100k --query layer-sharing --query largest-images
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measuring

FORMATS = ("csv", "tsv", "json", "ndjson", "parquet")


def rows_a_second(relation, format_, run_count):
    """Write a relation of known rows; gives the best of several runs."""
    from indexer.output import WRITERS

    taken = []
    for _ in range(run_count):
        with Path(os.devnull).open("wb") as stream:
            started = time.process_time()
            WRITERS[format_](relation, stream)
            taken.append(time.process_time() - started)
    return len(relation) / min(taken)


def main():
    """Measure and report."""
    sys.path.insert(0, str(measuring.ROOT))
    from indexer.catalog import open_catalog

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", required=True)
    parser.add_argument("--query", action="append", required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print("| query | rows | columns |", " | ".join(FORMATS), "|")
    with open_catalog(options.store) as catalog:
        for name in options.query:
            answer = catalog.query(name).materialize()
            rates = [f"{rows_a_second(answer, format_, options.runs):,.0f}" for format_ in FORMATS]
            print("|", name, "|", len(answer), "|", len(answer.columns), "|", " | ".join(rates), "|", flush=True)


if __name__ == "__main__":
    main()
