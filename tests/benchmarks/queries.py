"""Every canned query over generated Images: pure views, the query index, and by hand where that is written.

python tests/benchmarks/queries.py --images 100000 --runs 3
python tests/benchmarks/queries.py --store ./image-index --query layer-sharing

Rows are compared between the ways; with those by hand (`plain`) only the columns they compute. With the pure views a
query over a million Images takes minutes: name some, or leave that way out.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measuring
import plain

PAGE_ITEMS = 500
WAYS = PURE, INDEX, UNNEST, POLARS = "pure views", "query index", "plain UNNEST", "Polars"
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


def digest_of(table, names, arrange=list):
    """Give the number of rows and a digest of some columns, in their order or arranged."""
    import hashlib

    rows = map(repr, zip(*(table.column(name).to_pylist() for name in names), strict=True))
    return f"{len(table)}:{hashlib.sha256('|'.join(arrange(rows)).encode()).hexdigest()[:12]}"


def run_query(store, name, way):
    """Answer a query one way, all rows fetched; prints figures and two digests: of everything, of what is by hand."""
    from indexer.catalog import open_catalog

    with open_catalog(store, use_index=way == INDEX) as catalog:
        catalog.sql("SELECT 1").fetchall()
        tables = []
        measuring.work(lambda: tables.append(catalog.query(name).to_arrow_table()))
    # What tells the moment of the run differs between two.
    names = [column for column in tables[0].column_names if column != "snapshot_age_hours"]
    print(digest_of(tables[0], names), digest_of(tables[0], plain.COLUMNS.get(name, ()), sorted))


def run_by_hand(store, name, way):
    """Answer a query by hand; prints figures and one digest."""
    tables = []
    __import__({UNNEST: "duckdb", POLARS: "polars"}[way])
    measuring.work(lambda: tables.append(BY_HAND[way](store, name).rename_columns(plain.COLUMNS[name])))
    print("-", digest_of(tables[0], plain.COLUMNS[name], sorted))


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
    if INDEX in ways:
        results[BUILD, INDEX] = measuring.measured((*itself, "build"), 1)
        measuring.one_run((*itself, INDEX, "--query", "missing-children"))
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
    return f"{figures.seconds:.2f} ({figures.cpu_seconds:.2f}, {figures.peak_mib:.0f})" if figures else ""


def verdict(taken):
    """Say whether the rows are the same whichever way was taken."""
    digests = [figures.rows.split() for figures in taken.values() if figures.rows]
    by_column = ({digest for digest in column if digest != "-"} for column in zip(*digests, strict=True))
    return "yes" if all(len(column) == 1 for column in by_column) else "NO"


def main():
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--store", help="measure this store, not generated Images")
    parser.add_argument("--query", action="append", help="only this query; repeatable")
    parser.add_argument("--only", choices=WAYS, action="append", help="only this way; repeatable")
    parser.add_argument("--json", help="keep the figures here")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        contend(options)
    else:
        compare(options)


def contend(options):
    """Be one of the processes that are measured."""
    if options.way == "make":
        measuring.work(make_store, options.store, options.images)
    elif options.way == "build":
        measuring.work(build_index, options.store)
    else:
        run = run_by_hand if options.way in BY_HAND else run_query
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
