"""Many clusters, many nights, one store: time of listing, summary, growth and diff, and the size on disk.

python tests/benchmarks/nights.py --clusters 20 --nights 30 --images 150
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from nights import night, write_night

from indexer.catalog import open_catalog
from indexer.sample import generate_images
from indexer.store import Store


def fleet_nights(image_count, night_count, seed):
    """Yield the objects of each night: every night a few images come and some older ones go."""
    dice = random.Random(seed)
    spare = list(generate_images(image_count + 4 * night_count, seed % 5))
    held, spare = spare[:image_count], spare[image_count:]
    for number in range(night_count):
        if number:
            held = dice.sample(held, len(held) - dice.randrange(3)) + [spare.pop() for _ in range(dice.randrange(1, 4))]
        yield sorted(held, key=lambda item: item["metadata"]["name"])


def fill(folder, clusters, nights, images):
    """Write every snapshot of the fleet."""
    for number in range(clusters):
        for count, objects in enumerate(fleet_nights(images, nights, number)):
            write_night(folder, objects, f"cluster-{number:02}", night(count))


def timed(label, work):
    """Do the work, print how long it took and the time of all processors, and return what it returned."""
    started, used = time.perf_counter(), time.process_time()
    answer = work()
    elapsed, used = time.perf_counter() - started, time.process_time() - used
    print(f"{label:45} {elapsed:8.2f} s, {used:8.2f} s of processors", flush=True)
    return answer


def ask(folder, name, **parameters):
    """Open the views and run a query to its last row, as a command does."""
    with open_catalog(folder) as catalog:
        return catalog.query(name, **parameters).to_arrow_table()


def size_of(folder):
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main():
    """Fill a store and ask it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=20)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--store", type=Path, help="kept, and used again if it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.store or Path(temporary) / "store"
        if not folder.is_dir():
            timed("fill", lambda: fill(folder, given.clusters, given.nights, given.images))
        measure(folder)


def measure(folder):
    """Print the time of each question, and the size."""
    snapshots = timed("list snapshots", Store(folder).snapshots)
    cluster = snapshots[0].cluster
    ids = [each.snapshot_id for each in snapshots if each.cluster == cluster]
    timed("capacity-summary, newest of each cluster", lambda: ask(folder, "capacity-summary"))
    for name in ("capacity-by-cluster", "layers-between-clusters", "fleet-layers", "snapshot-freshness"):
        timed(name, lambda name=name: ask(folder, name))
    timed("growth, every snapshot", lambda: ask(folder, "growth"))
    timed("growth-forecast", lambda: ask(folder, "growth-forecast"))
    timed("snapshot-diff of two nights", lambda: ask(folder, "snapshot-diff", before=ids[-2], after=ids[-1]))
    timed("snapshot-diff of the last two, each cluster", lambda: ask(folder, "snapshot-diff"))
    check_identity(folder)
    print_sizes(folder, snapshots)


def check_identity(folder):
    """Compare, for the newest night of every cluster, the sums of the diff with the difference of the summaries."""
    sums = {}
    for row in ask(folder, "snapshot-diff").to_pylist():
        sums[row["cluster"]] = sums.get(row["cluster"], 0) + row["physical_delta_bytes"]
    newest = {row["cluster"]: row["physical_delta_bytes"] for row in ask(folder, "growth").to_pylist()}
    assert all(sums.get(cluster, 0) == delta for cluster, delta in newest.items())
    print(f"added less removed bytes are the difference of the physical bytes in all {len(newest)} diffs")


def print_sizes(folder, snapshots):
    """Print what lies on the disk: a snapshot is whole by itself, so a store is the sum of its exports."""
    parts = sum(part.size_bytes for each in snapshots for part in each.receipt.parts)
    with open_catalog(folder) as catalog:
        (json_bytes,) = catalog.sql("SELECT sum(strlen(raw_json)) FROM all_snapshots.stored_images").fetchall()[0]
    print(f"{len(snapshots)} snapshots, {sum(each.receipt.image_count for each in snapshots):,} images")
    print(f"as JSON {json_bytes:,} bytes; Parquet parts {parts:,}; receipts and all else {size_of(folder) - parts:,}")


if __name__ == "__main__":
    main()
