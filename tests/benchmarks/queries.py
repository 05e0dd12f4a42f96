"""Every canned query over generated Images: pure views, the query index, and Polars where that is written.

python tests/benchmarks/queries.py --images 100000 --runs 3
python tests/benchmarks/queries.py --store ./image-index --query layer-sharing

Rows are compared between the ways. With the pure views a query over a million Images takes minutes: name some.
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

PAGE_ITEMS = 500
PURE, INDEX, POLARS = "pure views", "query index", "Polars"
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


def digest_of(table):
    """Give the number of rows and a digest of their values; what tells the moment of the run is left out."""
    import hashlib

    kept = [name for name in table.column_names if name != "snapshot_age_hours"]
    text = "\n".join(map(repr, table.select(kept).to_pylist()))
    return f"{len(table)} {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def run_query(store, name, way):
    """Answer a query one way, all rows fetched; prints figures with the digest of the rows as note."""
    from indexer.catalog import open_catalog

    with open_catalog(store, use_index=way == INDEX) as catalog:
        catalog.sql("SELECT 1").fetchall()
        tables = []
        measuring.work(lambda: tables.append(catalog.query(name).to_arrow_table()))
        print(digest_of(tables[0]))


def polars_layer_sharing(store):
    """Answer what layer-sharing does at its heart, in Polars over the Parquet parts."""
    import polars as pl

    layers = (
        pl.scan_parquet(f"{store}/cluster=*/snapshot=*/images-*.parquet")
        .select(pl.col("metadata").struct.field("name"), pl.col("docker_image_layers").alias("layer"))
        .explode("layer")
        .with_columns(pl.col("layer").struct.field("name").alias("digest"), pl.col("layer").struct.field("size"))
        .filter(pl.col("digest").is_not_null())
    )
    shared = layers.group_by("digest").agg(pl.col("name").n_unique().alias("image_count"), pl.col("size").max())
    return len(shared.sort("digest").collect())


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
        if way != POLARS:
            results[name, way] = measuring.measured((*itself, way, "--query", name), run_count)
    if POLARS in ways and "layer-sharing" in names:
        results["layer-sharing", POLARS] = measuring.measured((*itself, POLARS), run_count)
    return results


def report(results, ways):
    """Write the figures as a table of Markdown."""
    print(f"{measuring.machine()}\n\n| query | {' | '.join(f'{way}, s (MiB)' for way in ways)} | rows equal |")
    print("|---|" + "---|" * (len(ways) + 1))
    for name in dict.fromkeys(name for name, _ in results):
        taken = [results.get((name, way)) for way in ways]
        cells = [f"{figures.seconds:.2f} ({figures.peak_mib:.0f})" if figures else "" for figures in taken]
        rows = {results[name, way].rows for way in (PURE, INDEX) if (name, way) in results}
        print(f"| {name} | {' | '.join(cells)} | {'yes' if len(rows) == 1 else 'NO'} |")


def main():
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--store", help="measure this store, not generated Images")
    parser.add_argument("--query", action="append", help="only this query; repeatable")
    parser.add_argument("--only", choices=(PURE, INDEX, POLARS), action="append", help="only this way; repeatable")
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
    elif options.way == POLARS:
        measuring.work(polars_layer_sharing, options.store)
    else:
        run_query(options.store, options.query[0], options.way)


def compare(options):
    """Make the store if need be, measure, report."""
    from indexer import queries

    ways = options.only or [PURE, INDEX, POLARS]
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
        measuring.save(options.json, options.store or f"{options.images} images", named)


if __name__ == "__main__":
    sys.path.insert(0, str(measuring.ROOT))
    main()
