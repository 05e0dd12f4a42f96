"""Time, memory and size from pages of Images to a snapshot, beside peers that read the same pages in the same run.

python tests/benchmarks/pipeline.py --images 100000 --runs 3 --json figures.json

Without `--images`: the bundled sample, the reference data where they lie beside the project, and generated fleets.
Ratios are to `orjson.loads` alone, the least any Python program would do, in seconds and, which other work on the
machine disturbs less, in CPU seconds. Sizes are against `zstd -3` of the NDJSON.
"""

from __future__ import annotations

import argparse
import gzip
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
ZSTD = "zstd -3 of the NDJSON"
DUCKDB_PAGES = "DuckDB read_json over pages"
OURS = "image-indexer import"
SHARED = Path(os.environ.get("IMAGE_INDEXER_SHARED", measuring.ROOT.parent / "shared"))
PAGE_FOLDERS = {"the sample": measuring.ROOT / "data/sample", "the real slice": SHARED / "data/slice/pages"}
IMAGE_COUNTS = (2_000, 20_000)


def generated_pages(image_count):
    """Yield the bytes of generated pages; never more than one in memory."""
    from indexer.sample import generate_images
    from indexer.sample.pages import list_page

    images, done = iter(generate_images(image_count, 7)), 0
    while items := list(itertools.islice(images, PAGE_ITEMS)):
        done += len(items)
        yield list_page(items, 1, image_count - done)


def kept_pages(source):
    """Yield the bytes of the pages of a folder, unpacked."""
    return (gzip.decompress(path.read_bytes()) for path in sorted(source.glob("page-*.json.gz")))


def write_pages(folder, pages):
    """Write pages and the same objects as NDJSON."""
    import orjson

    with (folder / "images.ndjson").open("wb") as lines:
        for number, page in enumerate(pages):
            (folder / f"page-{number:06}.json").write_bytes(page)
            lines.writelines(orjson.dumps(item) + b"\n" for item in orjson.loads(page)["items"])


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


def polars_type(of):
    """Write a declared type as Polars reads it from JSON; None for maps, which it has not."""
    import polars as pl

    from indexer.schema import ListOf, Scalar, Struct

    if isinstance(of, ListOf):
        return pl.List(polars_type(of.item))
    if isinstance(of, Struct):
        types = {field.key: polars_type(field.type) for field in of.fields}
        return pl.Struct({key: kind for key, kind in types.items() if kind is not None})
    if of in {Scalar.STRING_MAP, Scalar.KEYS}:
        return None
    return {Scalar.INTEGER: pl.Int64(), Scalar.BOOLEAN: pl.Boolean()}.get(of, pl.String())


def polars_ndjson(folder, out):
    """Stream the NDJSON to Parquet with Polars, types declared, without maps, moments as text."""
    import polars as pl

    from indexer.schema import IMAGE

    target = out / "polars.parquet"
    lines = pl.scan_ndjson(folder / "images.ndjson", schema=pl.Schema(polars_type(IMAGE)))
    lines.sink_parquet(target, compression="zstd", compression_level=3)
    return target.stat().st_size


def image_indexer(folder, out):
    """Publish a snapshot: everything typed, raw JSON kept, hashed and synced."""
    from indexer.cli.ingesting import suit_bulk_work
    from indexer.ingest import IngestOptions, ingest
    from indexer.sources.files import FileSource

    suit_bulk_work()
    paths = [str(path) for path in sorted(folder.glob("page-*.json"))]
    snapshot = ingest(FileSource(paths), out / "store", IngestOptions("benchmark"))
    return sum(part.size_bytes for part in snapshot.receipt.parts)


CONTENDERS = {
    "read the bytes": (read_bytes, ()),
    YARDSTICK: (orjson_loads, ("orjson",)),
    "msgspec, typed": (typed_decode, ("indexer.objects", "indexer.pages")),
    ZSTD: (zstd_of_ndjson, ("pyarrow",)),
    DUCKDB_PAGES: (duckdb_pages, ("indexer.relations", "duckdb")),
    "DuckDB read_json over NDJSON": (duckdb_ndjson, ("indexer.relations", "duckdb")),
    "Polars scan_ndjson, no maps": (polars_ndjson, ("polars", "indexer.schema")),
    OURS: (image_indexer, ("indexer.cli.ingesting", "pyarrow.parquet")),
}
"""Each with the modules it needs, which are imported before the clock runs."""


def contend(name, folder):
    """Be one of the processes that are measured."""
    function, modules = CONTENDERS[name]
    for module in modules:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as out:
        measuring.work(function, Path(folder), Path(out))


def measure(pages, run_count, names=tuple(CONTENDERS)):
    """Measure contenders over the same pages; gives what the pages are and the figures by name."""
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Path(folder), pages)
        size = sum(path.stat().st_size for path in Path(folder).glob("page-*.json"))
        itself = (__file__, "--pages", folder, "--contend")
        return size, {name: measuring.measured((*itself, name), run_count) for name in names}


def report(subject, size_bytes, results):
    """Write the figures as a table of Markdown, and our ratios below it."""
    yardstick = results[YARDSTICK]
    print(f"\n{subject}, {size_bytes / 1e6:,.1f} MB of pages; {measuring.machine()}\n")
    print("| | seconds | ratio | MB/s | CPU seconds | ratio | peak MiB | output MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, taken in results.items():
        cells = [
            *(f"{taken.seconds:.3f}", f"{taken.seconds / yardstick.seconds:.2f}"),
            *(f"{size_bytes / 1e6 / taken.seconds:,.0f}", f"{taken.cpu_seconds:.3f}"),
            *(f"{taken.cpu_seconds / yardstick.cpu_seconds:.2f}", f"{taken.peak_mib:.0f}"),
        ]
        output = taken.note or (f"{taken.output_bytes / 1e6:.2f}" if taken.output_bytes else "")
        print(f"| {name} | {' | '.join(cells)} | {output} |")
    print(f"\n{summary(results)}", flush=True)


def summary(results):
    """Say how we stand beside the peers that matter."""
    ours, pages = results[OURS], results[DUCKDB_PAGES]
    time, cpu_time = pages.seconds / ours.seconds, pages.cpu_seconds / ours.cpu_seconds
    times = f"DuckDB over the pages takes {time:.1f} times as long as {OURS}, and {cpu_time:.1f} times the CPU time"
    return f"{times}; its store is {ours.output_bytes / results[ZSTD].output_bytes:.2f} times {ZSTD}."


def subjects(image_counts):
    """Yield what is measured, with its pages."""
    for name, source in PAGE_FOLDERS.items() if not image_counts else ():
        if source.is_dir():
            yield name, kept_pages(source)
    for image_count in image_counts or IMAGE_COUNTS:
        yield f"{image_count:,} generated Images", generated_pages(image_count)


def main():
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, action="append", help="only so many generated ones; repeatable")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", help="keep the figures here")
    parser.add_argument("--pages", help=argparse.SUPPRESS)
    parser.add_argument("--contend", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        contend(options.contend, options.pages)
        return
    kept = {}
    for subject, pages in subjects(options.images):
        size_bytes, results = measure(pages, options.runs)
        report(subject, size_bytes, results)
        kept[f"{subject}, {size_bytes} bytes"] = results
    if options.json:
        measuring.save(options.json, kept)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(measuring.ROOT))
    sys.path.insert(0, str(measuring.ROOT))
    main()
