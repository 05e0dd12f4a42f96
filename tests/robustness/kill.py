"""Exports killed with SIGKILL at random moments, one to three times each, and resumed: run this file for a long series.

python tests/robustness/kill.py --exports 200 --seed 1
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import pyarrow as pa
import pyarrow.parquet as pq
from commands import Command
from truth import snapshots, staged

from indexer.errors import IndexerError
from indexer.loopback import Fault, LoopbackServer
from indexer.loopback.faults import every
from indexer.receipt import read_receipt
from indexer.sample import generate_images
from indexer.store import Store

IMAGES = 5_200
PAGE = 400
SLOW = Fault(delay_seconds=0.03)


class Reader(threading.Thread):
    """Reads a store over and over while others write it; whatever is visible must be whole at that very moment."""

    def __init__(self, store):
        super().__init__()
        self._store, self._done = store, threading.Event()
        self.look_count, self.faults = 0, []

    def run(self):
        """Look until told to stop."""
        while not self._done.wait(0.003):
            self.look_count += 1
            for folder in self._store.glob("cluster=*/snapshot=*"):
                self.faults += _faults(folder)
            if self._store.is_dir():
                try:
                    Store(self._store).snapshots()
                except IndexerError as error:
                    self.faults.append(str(error))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self.join()


def _faults(folder):
    receipt_path = folder / "_receipt.json"
    if not receipt_path.is_file():
        return [f"{folder.name} has no receipt"]
    receipt = read_receipt(receipt_path.read_bytes(), str(receipt_path))
    sizes = {part.name: part.size_bytes for part in receipt.parts}
    found = {path.name: path.stat().st_size for path in folder.iterdir() if path != receipt_path}
    return [] if found == sizes else [f"{folder.name} holds {found}, its receipt says {sizes}"]


class Series:
    """Kills exports of one server; `counts` tell what happened."""

    def __init__(self, folder, server, seed):
        self.folder, self.server, self.seed = folder, server, seed
        self.draw = random.Random(seed)
        self.counts = Counter()
        for store in (folder / "warming up", folder / "undisturbed"):
            started = time.monotonic()
            command = self._export(store)
            command.wait()
            self.seconds = time.monotonic() - started
            self.undisturbed = self._whole(command, store)
        self.counts.clear()

    def check(self, number):
        """Kill and resume one export; fails unless it ends in the rows of the undisturbed one."""
        store = self.folder / f"store-{number}"
        with Reader(store) as reader:
            for _ in range(self.draw.randint(1, 3)):
                while not self._kill(store):
                    pass
            rows = self._whole(self._export(store), store)
        assert reader.faults == [], f"seed {self.seed}, export {number}"
        assert rows.equals(self.undisturbed), f"seed {self.seed}, export {number}"
        assert staged(store) == []
        self.counts.update(exports=1, looks=reader.look_count)
        shutil.rmtree(store)

    def _kill(self, store):
        """Start an export and kill it at some moment of its life; false if it was quicker."""
        command = self._export(store)
        was_killed = command.kill_after(self.draw.uniform(0, self.seconds))
        self.counts.update(killed=was_killed, ended_before=not was_killed)
        self._count_resumed(command)
        left = [path for path in staged(store) if (path / "_journal.json").exists()]
        self.counts.update(kills_with_parts_kept=was_killed and bool(left))
        snapshots(store)
        return was_killed

    def _export(self, store):
        where = ("--server", self.server.url, "--store", store, "--cluster", "lab", "-v")
        return Command(("export", *where, "--limit", PAGE, "--part-rows", PAGE), self.folder)

    def _whole(self, command, store):
        ended = command.wait()
        assert ended.exit_code == 0, ended.stderr
        self._count_resumed(command)
        found = snapshots(store)
        tables = [self._table(snapshot) for snapshot in found]
        assert all(table.equals(tables[-1]) for table in tables)
        self.counts.update(published=len(found))
        return tables[-1]

    def _count_resumed(self, command):
        self.counts.update(resumed="Resuming" in command.said())

    @staticmethod
    def _table(snapshot):
        assert (snapshot.receipt.is_complete, snapshot.receipt.is_consistent) == (True, True)
        assert snapshot.receipt.image_count == IMAGES
        return pa.concat_tables(pq.ParquetFile(snapshot.folder / part.name).read() for part in snapshot.receipt.parts)


def run(folder, export_count, seed, tell=lambda _: None):
    """Run a series; gives its counts."""
    with LoopbackServer(generate_images(IMAGES, 11), script=every(SLOW)) as server:
        series = Series(folder, server, seed)
        for number in range(export_count):
            series.check(number)
            tell(f"{number + 1} of {export_count}: {dict(series.counts)}")
    assert server.failures == []
    return series.counts


def main():
    """Run a long series and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exports", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.exports} exports of {IMAGES} Images", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), options.exports, options.seed, lambda text: print(text, flush=True))
    print(f"all {counts['exports']} exports ended in the rows of the undisturbed one: {dict(counts)}")


if __name__ == "__main__":
    main()
