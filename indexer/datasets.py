"""Parts in object storage as one Arrow dataset, which the engine reads like a table of its own.

The engine's own reader of object storage is an extension that has to be downloaded; Arrow's comes with it. The engine
hands down which columns and which fields of structures a statement needs, and its conditions, so that only those
column chunks are fetched, and none of parts whose statistics, cluster or snapshot rule them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from indexer.arrow_schema import part_schema
from indexer.places import RemotePath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.store import Snapshot


def stored_rows(snapshots: Sequence[Snapshot]) -> ds.Dataset:
    """Every stored row of remote snapshots with its `cluster` and `snapshot_id`; nothing is fetched yet.

    Columns that an older schema version did not know are null.
    """
    fragments = [fragment for snapshot in snapshots for fragment in _fragments(snapshot)]
    schema = pa.schema([("cluster", pa.string()), ("snapshot_id", pa.string()), *part_schema()])
    return ds.FileSystemDataset(fragments, schema, ds.ParquetFileFormat())


def _fragments(snapshot: Snapshot) -> Iterator[ds.Fragment]:
    file_format = ds.ParquetFileFormat()
    where = (ds.field("cluster") == snapshot.cluster) & (ds.field("snapshot_id") == snapshot.snapshot_id)
    for part in snapshot.receipt.parts:
        path = snapshot.folder / part.name
        if isinstance(path, RemotePath):
            # The receipt knows the size, which spares a request.
            yield file_format.make_fragment(path.key, path.filesystem, where, file_size=part.size_bytes)
