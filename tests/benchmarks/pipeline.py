"""Time, memory and size from pages of Images to a snapshot, beside peers that read the same pages in the same run.

python tests/benchmarks/pipeline.py --images 100000 --runs 3 --json figures.json

Ratios are to `orjson.loads` alone, the least any Python program would do. Sizes are against `zstd -3` of the NDJSON.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measuring

PAGE_ITEMS = 500
YARDSTICK = "orjson.loads"


def write_pages(folder, image_count):
    """Write generated pages and the same objects as NDJSON; never more than a page in memory."""
    import orjson

    from indexer.sample import generate_images
    from indexer.sample.pages import list_page

    images, done = iter(generate_images(image_count, 7)), 0
    with (folder / "images.ndjson").open("wb") as lines:
        for number in itertools.count():
            if not (items := list(itertools.islice(images, PAGE_ITEMS))):
                return
            done += len(items)
            (folder / f"page-{number:06}.json").write_bytes(list_page(items, 1, image_count - done))
            lines.writelines(orjson.dumps(item) + b"\n" for item in items)


def bodies(folder):
    """Yield the bytes of each page."""
    return (path.read_bytes() for path in sorted(folder.glob("page-*.json")))


def read_bytes(folder, _out):
    """Read the pages and nothing else."""
    return sum(len(body) for body in bodies(folder))


def orjson_loads(folder, _out):
    """Parse every page into Python objects and drop them."""
    import orjson

    for body in bodies(folder):
        orjson.loads(body)


def typed_decode(folder, _out):
    """Split pages and decode objects by their types: the first half of our way."""
    from indexer.objects import read_object
    from indexer.pages import read_page

    for body in bodies(folder):
        for item in read_page(body, "page").items:
            read_object(item)


def zstd_of_ndjson(folder, out):
    """Compress the NDJSON at level 3."""
    import pyarrow as pa

    target = out / "images.ndjson.zst"
    with (folder / "images.ndjson").open("rb") as lines, pa.output_stream(str(target), compression="zstd") as packed:
        while block := lines.read(1 << 20):
            packed.write(block)
    return target.stat().st_size


def json_type(of):
    """Write a declared type as DuckDB reads it from JSON, under the API's own keys."""
    from indexer.relations import quote_identifier
    from indexer.schema import ListOf, Scalar, Struct

    if isinstance(of, ListOf):
        return f"{json_type(of.item)}[]"
    if isinstance(of, Struct):
        return f"STRUCT({', '.join(f'{quote_identifier(field.key)} {json_type(field.type)}' for field in of.fields)})"
    maps = {Scalar.STRING_MAP: "MAP(VARCHAR, VARCHAR)", Scalar.KEYS: "MAP(VARCHAR, JSON)"}
    plain = {Scalar.INTEGER: "BIGINT", Scalar.BOOLEAN: "BOOLEAN", Scalar.TIMESTAMP: "TIMESTAMPTZ"}
    return (maps | plain).get(of, "VARCHAR")


def duckdb_pages(folder, out):
    """Copy the items of the pages to Parquet with DuckDB's JSON reader, columns declared, raw text not kept."""
    from indexer.schema import IMAGE

    source = f"read_json('{folder}/page-*.json', columns = {{items: '{json_type(IMAGE)}[]'}}, {LARGE})"
    return copied(f"SELECT unnest(items, max_depth := 2) FROM {source}", out)


def duckdb_ndjson(folder, out):
    """Copy the NDJSON to Parquet with DuckDB's JSON reader, columns declared, raw text not kept."""
    from indexer.schema import IMAGE

    columns = ", ".join(f"{field.key}: '{json_type(field.type)}'" for field in IMAGE.fields)
    return copied(f"FROM read_json('{folder}/images.ndjson', columns = {{{columns}}}, {LARGE})", out)


LARGE = "maximum_object_size = 268435456"


def copied(query, out):
    """Run a COPY to Parquet with zstd level 3; gives the size."""
    import duckdb

    target = out / "duckdb.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)")
    return target.stat().st_size


def polars_ndjson(folder, out):
    """Stream the NDJSON to Parquet with Polars, types guessed."""
    import polars as pl

    target = out / "polars.parquet"
    pl.scan_ndjson(folder / "images.ndjson").sink_parquet(target, compression="zstd", compression_level=3)
    return target.stat().st_size


def image_indexer(folder, out):
    """Publish a snapshot: everything typed, raw JSON kept, hashed and synced."""
    from indexer.cli.ingesting import use_compact_memory
    from indexer.ingest import IngestOptions, ingest
    from indexer.sources.files import FileSource

    use_compact_memory()
    paths = [str(path) for path in sorted(folder.glob("page-*.json"))]
    snapshot = ingest(FileSource(paths), out / "store", IngestOptions("benchmark"))
    return sum(part.size_bytes for part in snapshot.receipt.parts)


CONTENDERS = {
    "read the bytes": (read_bytes, ()),
    YARDSTICK: (orjson_loads, ("orjson",)),
    "msgspec, typed": (typed_decode, ("indexer.objects", "indexer.pages")),
    "zstd -3 of the NDJSON": (zstd_of_ndjson, ("pyarrow",)),
    "DuckDB read_json over pages": (duckdb_pages, ("indexer.relations", "duckdb")),
    "DuckDB read_json over NDJSON": (duckdb_ndjson, ("indexer.relations", "duckdb")),
    "Polars scan_ndjson": (polars_ndjson, ("polars",)),
    "image-indexer import": (image_indexer, ("indexer.cli.ingesting", "pyarrow.parquet")),
}
"""Each with the modules it needs, which are imported before the clock runs."""


def contend(name, folder):
    """Be one of the processes that are measured."""
    function, modules = CONTENDERS[name]
    for module in modules:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as out:
        measuring.work(function, Path(folder), Path(out))


def measure(image_count, run_count, names=tuple(CONTENDERS)):
    """Measure contenders over the same generated pages; gives the bytes of the pages and the figures by name."""
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Path(folder), image_count)
        size = sum(path.stat().st_size for path in Path(folder).glob("page-*.json"))
        itself = (__file__, "--pages", folder, "--contend")
        return size, {name: measuring.measured((*itself, name), run_count) for name in names}


def report(image_count, size_bytes, results):
    """Write the figures as a table of Markdown."""
    yardstick = results[YARDSTICK].seconds
    print(f"{image_count:,} generated Images, {size_bytes / 1e6:,.0f} MB of pages; {measuring.machine()}\n")
    print(f"| | seconds | × {YARDSTICK} | MB/s | CPU seconds | peak MiB | output MB |")
    print("|---|---|---|---|---|---|---|")
    for name, taken in results.items():
        ratio, speed = taken.seconds / yardstick, size_bytes / 1e6 / taken.seconds
        cells = (f"{taken.seconds:.2f}", f"{ratio:.2f}", f"{speed:,.0f}", f"{taken.cpu_seconds:.2f}")
        output = taken.note or (f"{taken.output_bytes / 1e6:.1f}" if taken.output_bytes else "")
        print(f"| {name} | {' | '.join(cells)} | {taken.peak_mib:.0f} | {output} |")


def main():
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, action="append")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", help="keep the figures here; with several sizes, those of the last")
    parser.add_argument("--pages", help=argparse.SUPPRESS)
    parser.add_argument("--contend", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        contend(options.contend, options.pages)
        return
    for image_count in options.images or [2_000, 20_000]:
        size_bytes, results = measure(image_count, options.runs)
        report(image_count, size_bytes, results)
        if options.json:
            measuring.save(options.json, f"{image_count} images, {size_bytes} bytes", results)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(measuring.ROOT))
    sys.path.insert(0, str(measuring.ROOT))
    main()
