"""Peak memory by the number of Images: of import, export, the build of the query index and every canned query.

python tests/benchmarks/memory.py --images 10000 --images 100000 --images 1000000 --json memory.json

Pages and stores are made in a temporary folder (5 KB an Image). Each figure is the peak of a process of its own, in
MiB; queries are answered from the index, their rows read in batches and dropped.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import export
import measuring
import pipeline

import queries

IMPORT, EXPORT = "import", "export"


def import_peak(folder, image_count):
    """Write the pages, import them, give the figures of the import; the store is left for the queries."""
    for number, page in enumerate(pipeline.generated_pages(image_count)):
        (folder / f"page-{number:06}.json").write_bytes(page)
    figures = measuring.measured((pipeline.__file__, "--pages", folder, "--contend", pipeline.OURS), 1)
    for path in folder.glob("page-*.json"):
        path.unlink()
    return figures


def peaks(image_count, names, parts):
    """Measure one number of Images; gives figures by what was done."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IMAGE_INDEXER_CACHE"] = f"{folder}/cache"
        if IMPORT in parts:
            results[IMPORT] = import_peak(Path(folder), image_count)
        if EXPORT in parts:
            results[EXPORT] = export.measure(image_count, 500, names=(export.OURS,))[export.OURS]
        measuring.one_run((queries.__file__, "--store", f"{folder}/store", "--way", "make", "--images", image_count))
        answers = queries.measure(f"{folder}/store", names, (queries.INDEX,), 1)
        results |= {name: figures for (name, _), figures in answers.items()}
    return results


def report(results):
    """Write the peaks as a table of Markdown, a column for each number of Images."""
    counts = list(results)
    print(f"{measuring.machine()}\n\n| peak MiB | {' | '.join(f'{count:,}' for count in counts)} |")
    print("|---|" + "---|" * len(counts))
    for name in results[counts[0]]:
        print(f"| {name} | {' | '.join(f'{results[count][name].peak_mib:.0f}' for count in counts)} |")


def main():
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, action="append")
    parser.add_argument("--query", action="append", help="only this query; repeatable")
    parser.add_argument("--without", choices=(IMPORT, EXPORT), action="append", default=[], help="leave it out")
    parser.add_argument("--json", help="keep the figures here")
    options = parser.parse_args()
    from indexer.queries import names

    parts = {IMPORT, EXPORT} - {*options.without}
    counts = options.images or [10_000, 100_000]
    results = {count: peaks(count, options.query or names(), parts) for count in counts}
    report(results)
    if options.json:
        measuring.save(options.json, {f"{count:,} generated Images": rows for count, rows in results.items()})


if __name__ == "__main__":
    sys.path.insert(0, str(measuring.ROOT))
    main()
