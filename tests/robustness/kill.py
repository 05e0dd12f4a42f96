"""Exports killed with SIGKILL at random moments, one to three times each, and resumed: run this file for a long series.

python tests/robustness/kill.py --exports 200 --seed 1
python tests/robustness/kill.py --exports 200 --seed 1 --object-storage
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
from contextlib import ExitStack, nullcontext
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import pyarrow as pa
import pyarrow.parquet as pq
from commands import Command
from object_store import faulty_proxy, object_store, variables
from truth import snapshots, staged

from indexer.errors import IndexerError
from indexer.loopback import Fault, LoopbackServer
from indexer.loopback.faults import every
from indexer.places import open_file
from indexer.receipt import read_receipt
from indexer.sample import generate_images
from indexer.store import Store, verify

IMAGES = 5_200
PAGE = 400
SLOW = Fault(delay_seconds=0.03)


class InFolder:
    """A store in a folder, as it looks from outside."""

    def __init__(self, folder, name):
        self.location, self.environment = folder / name, {}

    def faults(self):
        """Return what a reader must never see."""
        found = [fault for folder in self.location.glob("cluster=*/snapshot=*") for fault in _faults(folder)]
        if self.location.is_dir():
            Store(self.location).snapshots()
        return found

    def snapshots(self):
        """Return what is published, verified."""
        return snapshots(self.location)

    def staged(self):
        """Return the folders of unfinished runs."""
        return staged(self.location)

    def leftovers(self):
        """Return what is in the store and belongs to no snapshot."""
        return []

    def remove(self):
        """Make room."""
        shutil.rmtree(self.location)


class InObjectStorage:
    """A store in object storage, looked at past the proxy that slows it down."""

    def __init__(self, folder, name, proxy):
        self._proxy, self._name = proxy, f"{folder.name}/{name}"
        self._cache = folder / f"cache-{name}"
        self._straight = self._proxy.straight(self._name)
        self.location = self._proxy.url(self._name)
        self.environment = variables(proxy.port) | {"IMAGE_INDEXER_CACHE": str(self._cache)}

    def faults(self):
        """Return what a reader must never see: a receipt whose parts are not all there at that very moment."""
        for snapshot in self._published():
            snapshot.check_parts()
        return []

    def snapshots(self):
        """Return what is published, verified."""
        found = self._published()
        assert [problem for snapshot in found for problem in verify(snapshot)] == []
        return found

    def staged(self):
        """Return the folders of unfinished runs."""
        return [path for path in self._cache.glob("_work/*/*") if path.is_dir()]

    def leftovers(self):
        """Return the objects that belong to no snapshot."""
        published = [str(snapshot.folder).removeprefix(f"{self.location}/") for snapshot in self._published()]
        return [path for path in self._proxy.objects(self._name) if path.rpartition("/")[0] not in published]

    def remove(self):
        """Make room."""
        self._straight.remove()
        shutil.rmtree(self._cache)

    def _published(self):
        return Store(self._straight).snapshots() if self._straight.is_dir() else []


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
            try:
                self.faults += self._store.faults()
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

    def __init__(self, folder, server, seed, store_named):
        self.folder, self.server, self.seed, self.store_named = folder, server, seed, store_named
        self.draw = random.Random(seed)
        self.counts = Counter()
        for store in (store_named("warming-up"), store_named("undisturbed")):
            started = time.monotonic()
            command = self._export(store)
            command.wait()
            self.seconds = time.monotonic() - started
            self.undisturbed = self._whole(command, store)
        self.counts.clear()

    def check(self, number):
        """Kill and resume one export; fails unless it ends in the rows of the undisturbed one."""
        store = self.store_named(f"store-{number}")
        with Reader(store) as reader:
            for _ in range(self.draw.randint(1, 3)):
                while not self._kill(store):
                    pass
            rows = self._whole(self._export(store), store)
        assert reader.faults == [], f"seed {self.seed}, export {number}"
        assert rows.equals(self.undisturbed), f"seed {self.seed}, export {number}"
        assert store.staged() == []
        assert store.leftovers() == []
        self.counts.update(exports=1, looks=reader.look_count)
        store.remove()

    def _kill(self, store):
        """Start an export and kill it at some moment of its life; false if it was quicker."""
        command = self._export(store)
        was_killed = command.kill_after(self.draw.uniform(0, self.seconds))
        self.counts.update(killed=was_killed, ended_before=not was_killed)
        self._count_resumed(command)
        left = [path for path in store.staged() if (path / "_journal.json").exists()]
        self.counts.update(kills_with_parts_kept=was_killed and bool(left))
        self.counts.update(kills_with_parts_uploaded=was_killed and bool(store.leftovers()))
        store.snapshots()
        return was_killed

    def _export(self, store):
        where = ("--server", self.server.url, "--store", store.location, "--cluster", "lab", "-v")
        return Command(("export", *where, "--limit", PAGE, "--part-rows", PAGE), self.folder, store.environment)

    def _whole(self, command, store):
        ended = command.wait()
        assert ended.exit_code == 0, ended.stderr
        self._count_resumed(command)
        found = store.snapshots()
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
        return pa.concat_tables(_rows(path) for path in snapshot.part_paths)


def _rows(path):
    with open_file(path) as file:
        return pq.ParquetFile(file).read()


def run(folder, export_count, seed, tell=lambda _: None, s3_port=None):
    """Run a series, in object storage if it is given the port of one; gives its counts."""
    with ExitStack() as stack:
        server = stack.enter_context(LoopbackServer(generate_images(IMAGES, 11), script=every(SLOW)))
        proxy = s3_port and stack.enter_context(faulty_proxy(s3_port, _slow_puts))
        series = Series(folder, server, seed, lambda name: _store(folder, name, proxy))
        for number in range(export_count):
            series.check(number)
            tell(f"{number + 1} of {export_count}: {dict(series.counts)}")
    assert server.failures == []
    return series.counts


def _store(folder, name, proxy):
    return InObjectStorage(folder, name, proxy) if proxy else InFolder(folder, name)


def _slow_puts(request):
    """Stretch the publishing, so that kills fall into it."""
    return "slow" if request.method == "PUT" else None


def main():
    """Run a long series and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exports", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--object-storage", action="store_true", help="into a store that speaks S3, on loopback")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.exports} exports of {IMAGES} Images", flush=True)
    where = object_store() if options.object_storage else nullcontext()
    with tempfile.TemporaryDirectory() as folder, where as port:
        counts = run(Path(folder), options.exports, options.seed, lambda text: print(text, flush=True), port)
    print(f"all {counts['exports']} exports ended in the rows of the undisturbed one: {dict(counts)}")


if __name__ == "__main__":
    main()
