"""What is in a store beside what the server had: the judge of every export here."""

from __future__ import annotations

import orjson
import pyarrow.parquet as pq

from indexer.places import WORK_FOLDER
from indexer.store import Store, verify


def rows_of(snapshot):
    """Return the rows of a snapshot in order of their names: name and the object's own JSON text."""
    rows = []
    for part in snapshot.receipt.parts:
        table = pq.ParquetFile(snapshot.folder / part.name).read(columns=["metadata.name", "raw_json"])
        names = table.column("metadata").combine_chunks().field("name").to_pylist()
        rows += zip(names, table.column("raw_json").to_pylist(), strict=True)
    return sorted(rows)


def truth_at(image_store, resource_version):
    """Return the rows an export of one moment must have; the store still knows what it no longer tells clients."""
    image_store.compacted_at = 0
    items = [item.decode() for item in image_store.items_at(int(resource_version))]
    return [(orjson.loads(item)["metadata"]["name"], item) for item in items]


def snapshots(folder):
    """Return what is published, each snapshot verified; half a snapshot anywhere fails."""
    if not folder.exists():
        return []
    visible = [path for path in folder.glob("*/*") if path.parent.name != WORK_FOLDER]
    assert all((path / "_receipt.json").is_file() for path in visible), visible
    found = Store(folder).snapshots()
    assert len(found) == len(visible)
    for snapshot in found:
        assert verify(snapshot) == []
    return found


def staged(folder):
    """Return the folders of unfinished runs."""
    return [path for path in (folder / WORK_FOLDER).glob("*") if path.is_dir()]


def assert_true(snapshot, image_store):
    """Compare a snapshot with what the server had at the moments its receipt names.

    A list of one moment must equal it. One that went on from a later moment must equal the first up to and with
    `broken_at`, and the last from there on; between several breaks every row must be of one of the moments.
    """
    receipt, rows = snapshot.receipt, rows_of(snapshot)
    moments = [truth_at(image_store, version) for version in receipt.resource_versions]
    assert (receipt.is_consistent, receipt.broken_at is None) == (len(moments) == 1,) * 2
    if len(moments) == 1:
        assert rows == moments[0]
        return
    first, last = moments[0], moments[-1]
    until = receipt.broken_at
    assert [row for row in rows if row[0] <= until] == [row for row in first if row[0] <= until]
    later = [row for row in rows if row[0] > until]
    if len(moments) == 2:
        assert later == [row for row in last if row[0] > until]
    assert set(later) <= {row for moment in moments[1:] for row in moment}
