"""Every canned query over generated Images: pure views, the query index, and by hand where that is written.

python tests/benchmarks/queries.py --images 100000 --runs 3
python tests/benchmarks/queries.py --store ./image-index --query layer-sharing
python tests/benchmarks/queries.py --make ./store-1m --images 1000000

Rows are read in batches and dropped, as the writers do; the command writes them as CSV. Rows are compared between the
ways; with those by hand (`plain`) only the columns they compute. With the pure views a query over a million Images
takes minutes: name some, or leave that way out with `--only`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measuring
import plain

PAGE_ITEMS = 500
WAYS = PURE, INDEX, FIRST, COMMAND, UNNEST, POLARS = (
    "pure views",
    "query index",
    "its first rows",
    "command, CSV",
    "plain UNNEST",
    "Polars",
)
FIRST_ROWS = 100
"""What a terminal shows."""

PARAMETERS = {"reclaimable": {"min_age_days": 365}}
"""Without these a query asks for nothing."""

BY_HAND = {UNNEST: plain.in_duckdb, POLARS: plain.in_polars}
BUILD = "(build of the index)"


class GeneratedSource:
    """Generated Images as a source, never more than a page in memory."""

    description = "generated"

    def __init__(self, image_count):
        from indexer.pages import SourceReport

        self.report, self.image_count = SourceReport(), image_count

    def pages(self):
        """Yield the pages."""
        from indexer.pages import read_page
        from indexer.sample import generate_images
        from indexer.sample.pages import list_page

        images = iter(generate_images(self.image_count, 7))
        for number in itertools.count(1):
            if not (items := list(itertools.islice(images, PAGE_ITEMS))):
                return
            yield read_page(list_page(items, 1, 0), f"page {number}")


def make_store(folder, image_count):
    """Publish generated Images."""
    from indexer.ingest import IngestOptions, ingest

    ingest(GeneratedSource(image_count), folder, IngestOptions("benchmark"))


def digest_of(relation, names, *, in_any_order=False):
    """Give the number of rows and a digest of some columns, in their order or, where none is said, in any."""
    import hashlib

    if not names:
        return "-"
    hashes = relation.project(f"hash({', '.join(names)}) AS row_hash")
    column = (hashes.order("row_hash") if in_any_order else hashes).to_arrow_table().column(0)
    digest = hashlib.sha256(b"".join(memoryview(chunk.buffers()[1])[: 8 * len(chunk)] for chunk in column.chunks))
    return f"{len(column)}:{digest.hexdigest()[:12]}"


def run_query(store, name, way):
    """Answer a query one way, rows read and dropped; prints figures, digests of everything and of what is by hand."""
    import duckdb

    from indexer import queries
    from indexer.catalog import open_catalog

    query = queries.load(name)
    with open_catalog(store, use_index=way != PURE) as catalog:
        catalog.sql("SELECT 1").fetchall()
        given = PARAMETERS.get(name, {})
        if way == FIRST:
            measuring.work(lambda: catalog.first_rows(query, FIRST_ROWS, given).fetchall() and None)
            return
        measuring.work(lambda: drop_rows(catalog.every_row(query, given)))
        # What tells the moment of the run differs between two.
        names = [column for column in query.columns if column != "snapshot_age_hours"]
        whole, by_hand = (duckdb.connect().from_arrow(catalog.every_row(query, given)) for _ in range(2))
        print(digest_of(whole, names), digest_of(by_hand, plain.COLUMNS.get(name, ()), in_any_order=True))


def drop_rows(batches):
    """Read all rows in batches, as the writers do."""
    for _ in batches:
        pass


def run_command(store, name, _way):
    """Run the command as a user does, its rows written as CSV to nowhere: start-up included."""
    pairs = [f"-p{key}={value}" for key, value in PARAMETERS.get(name, {}).items()]
    command = [sys.executable, "-m", "indexer", "query", name, "--store", store, "--format", "csv", "-o", os.devnull]
    measuring.work(lambda: subprocess.run([*command, *pairs], check=True) and None)


def run_by_hand(store, name, way):
    """Answer a query by hand; prints figures and one digest."""
    import duckdb

    tables = []
    __import__({UNNEST: "duckdb", POLARS: "polars"}[way])
    measuring.work(lambda: tables.append(BY_HAND[way](store, name).rename_columns(plain.COLUMNS[name])))
    print("-", digest_of(duckdb.connect().from_arrow(tables[0]), plain.COLUMNS[name], in_any_order=True))


def build_index(store):
    """Build the index in an empty cache; gives its size."""
    from indexer import index_tables
    from indexer.store import Store

    with tempfile.TemporaryDirectory() as folder:
        index_tables.build(Path(folder) / "index.duckdb", Store(store).choose(), {})
        return (Path(folder) / "index.duckdb").stat().st_size


def measure(store, names, ways, run_count):
    """Measure queries in every way; gives figures by query and way, the build of the index first."""
    itself = (__file__, "--store", store, "--way")
    results = {}
    if {INDEX, FIRST, COMMAND} & {*ways}:
        results[BUILD, INDEX] = measuring.measured((*itself, "build"), 1)
        measuring.one_run((*itself, FIRST, "--query", "missing-children"))
    for name, way in itertools.product(names, ways):
        if way not in BY_HAND or name in plain.COLUMNS:
            results[name, way] = measuring.measured((*itself, way, "--query", name), run_count)
    return results


def report(results, ways):
    """Write the figures as a table of Markdown."""
    print(f"{measuring.machine()}\n\n| query | {' | '.join(f'{way}, s (CPU s, MiB)' for way in ways)} | rows equal |")
    print("|---|" + "---|" * (len(ways) + 1))
    for name in dict.fromkeys(name for name, _ in results):
        taken = {way: results[name, way] for way in ways if (name, way) in results}
        print(f"| {name} | {' | '.join(cell(taken.get(way)) for way in ways)} | {verdict(taken)} |", flush=True)


def cell(figures):
    """Write the figures of one way."""
    if figures and figures.note:
        return figures.note
    return f"{figures.seconds:.2f} ({figures.cpu_seconds:.2f}, {figures.peak_mib:.0f})" if figures else ""


def verdict(taken):
    """Say whether the rows are the same whichever way was taken."""
    digests = [figures.rows.split() for figures in taken.values() if figures.rows]
    by_column = ({digest for digest in column if digest != "-"} for column in zip(*digests, strict=True))
    return "yes" if all(len(column) <= 1 for column in by_column) else "NO"


def main():
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--store", help="measure this store, not generated Images")
    parser.add_argument("--make", metavar="STORE", help="only make a store of generated Images and keep it")
    parser.add_argument("--query", action="append", help="only this query; repeatable")
    parser.add_argument("--only", choices=WAYS, action="append", help="only this way; repeatable")
    parser.add_argument("--json", help="keep the figures here")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        contend(options)
    elif options.make:
        make_store(options.make, options.images)
    else:
        compare(options)


def contend(options):
    """Be one of the processes that are measured."""
    if options.way == "make":
        measuring.work(make_store, options.store, options.images)
    elif options.way == "build":
        measuring.work(build_index, options.store)
    else:
        runs = dict.fromkeys(BY_HAND, run_by_hand) | {COMMAND: run_command}
        run = runs.get(options.way, run_query)
        run(options.store, options.query[0], options.way)


def compare(options):
    """Make the store if need be, measure, report."""
    from indexer import queries

    ways = options.only or WAYS
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("IMAGE_INDEXER_CACHE", f"{folder}/cache")
        store = options.store or f"{folder}/store"
        if not options.store:
            # In a process of its own: the peak of a process begins with that of the one that started it.
            measuring.one_run((__file__, "--store", store, "--way", "make", "--images", options.images))
        results = measure(store, options.query or queries.names(), ways, options.runs)
    report(results, ways)
    if options.json:
        named = {f"{name}, {way}": figures for (name, way), figures in results.items()}
        subject = options.store or f"{options.images:,} generated Images"
        measuring.save(options.json, {subject: named})


if __name__ == "__main__":
    sys.path.insert(0, str(measuring.ROOT))
    main()
