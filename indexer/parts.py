"""Record batches → one Parquet part: similar rows side by side, one row group, durable, with its hash."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from indexer.arrow_schema import part_schema
from indexer.files import sync_file
from indexer.receipt import Part
from indexer.store import part_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAGE_BYTES = 8 << 20
"""zstd finds repetition inside a page only; the default of 1 MiB costs a little room."""

_ZSTD_LEVEL = 2
"""Digests decide: level 1 takes 1 to 2 % more room, level 3, which looks for more repetition, 0 to 5 %."""

_DIGEST_BYTES = len("@sha256:") + 64

_REPEATING_COLUMNS = [
    "docker_image_manifest_media_type",
    "docker_image_layers.list.element.media_type",
    "docker_image_manifests.list.element.media_type",
    "docker_image_manifests.list.element.architecture",
    "docker_image_manifests.list.element.os",
    "docker_image_metadata.architecture",
    "docker_image_metadata.api_version",
    "docker_image_metadata.kind",
    "docker_image_metadata_version",
]
"""Only these get a dictionary: digests never repeat enough to pay for one."""


def part_table(batches: list[pa.RecordBatch], *, keep_order: bool = False) -> pa.Table:
    """Join batches into the table of a part and empty the list; rows of one repository come to stand side by side.

    The API lists by digest, which scatters what is alike; sorted by repository and build time, a part takes a quarter
    less room and is written faster. Where one name comes twice the order of input is kept: it may decide between them.
    """
    table = pa.Table.from_batches(batches, part_schema())
    batches.clear()
    names = pc.struct_field(table.column("metadata"), "name")
    if keep_order or pc.count_distinct(names).as_py() < len(table):
        return table
    return _taken(table, _order(table))


def _order(table: pa.Table) -> pa.Array:
    # Not quite the repository where a reference has no digest; it is only to bring together what is alike.
    repositories = pc.binary_slice(table.column("docker_image_reference").cast(pa.binary()), 0, -_DIGEST_BYTES)
    built_at = pc.struct_field(table.column("docker_image_metadata"), "created")
    keys = pa.table({"repository": repositories, "built_at": built_at})
    return pc.sort_indices(keys, sort_keys=[("repository", "ascending"), ("built_at", "ascending")])


def _taken(table: pa.Table, order: pa.Array) -> pa.Table:
    """Rows in another order, column by column, so that no more than one column is in memory twice."""
    columns = []
    while table.num_columns:
        name, column, table = table.column_names[0], table.column(0), table.remove_column(0)
        columns.append(_gathered(column, order) if name == "raw_json" else column.take(order))
        del column
    return pa.Table.from_arrays(columns, schema=part_schema())


def _gathered(texts: pa.ChunkedArray, order: pa.Array) -> pa.Array:
    """Take texts that are never null: what `take` does by way of two copies of them all, the half of a part."""
    pieces = [piece for chunk in texts.chunks for piece in _pieces(chunk)]
    places = order.to_pylist()
    ends = pa.array(list(accumulate((len(pieces[place]) for place in places), initial=0)), pa.int32())
    data = pa.py_buffer(b"".join([pieces[place] for place in places]))
    return pa.StringArray.from_buffers(len(places), ends.buffers()[1], data)


def _pieces(chunk: pa.StringArray) -> Iterator[memoryview]:
    _, ends, data = chunk.buffers()
    if len(chunk) == 0 or data is None:
        return
    borders = memoryview(ends).cast("i")[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
    text = memoryview(data)
    for start, end in pairwise(borders):
        yield text[start:end]


def write_part(path: Path, table: pa.Table) -> Part:
    """Write a part durably. Raises `OSError` for what the disk refuses."""
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        data_page_size=_PAGE_BYTES,
        use_dictionary=_REPEATING_COLUMNS,
        write_statistics=["metadata.name", "metadata.creation_timestamp"],
        row_group_size=max(len(table), 1),
    )
    sync_file(path)
    return Part(path.name, len(table), path.stat().st_size, part_hash(path))
