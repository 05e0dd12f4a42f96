"""The text of every digest by its number, in a file beside the query index that is mapped into memory.

A join in the engine looks for each digest of each row in a table of millions; here its number says where it stands.
The file has the texts one after another in the order of their numbers, then where each ends, unless all are of one
width, as digests are, and last a trailer that says how much there is. It is written by the first query that returns
digests, and made, kept and given up as the annexes of the index are (see `index_files`).
"""

from __future__ import annotations

import logging
import struct
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc

from indexer import index_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    import duckdb

logger = logging.getLogger(__name__)

ANNEX = "digests"
_TRAILER = struct.Struct("<8sqqq")
_MARK = b"digests1"
"""Another number whenever this module writes another form."""

_END_BYTES = 8
_BATCH_ROWS = 100_000


class _Shape(NamedTuple):
    """How many digests there are, the width of all of them or 0, and their bytes together."""

    digest_count: int
    width: int
    size_bytes: int

    @property
    def file_bytes(self) -> int:
        """How long the file is."""
        ends = 0 if self.width else _padding(self.size_bytes) + _END_BYTES * (self.digest_count + 1)
        return self.size_bytes + ends + _TRAILER.size


class DigestTexts:
    """Texts by number. Raises `OSError` for a file that is not there, not whole, or not of so many digests."""

    def __init__(self, path: Path, count: int) -> None:
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer()
        shape = _shape_of_file(content)
        if shape is None or shape.digest_count != count:
            raise OSError(f"{path} is not whole")
        texts, self._width = content.slice(0, shape.size_bytes), shape.width
        if shape.width:
            self._texts = pa.FixedSizeBinaryArray.from_buffers(pa.binary(shape.width), count, [None, texts])
        else:
            ends = content.slice(shape.size_bytes + _padding(shape.size_bytes))
            self._texts = pa.LargeStringArray.from_buffers(count, ends, texts)
        self._ends = pa.py_buffer(b"")

    @classmethod
    def of_index(cls, connection: duckdb.DuckDBPyConnection, index: Path) -> Self:
        """Open the file beside an index, after writing it if it is not there or not whole.

        Raises `OSError`, or `duckdb.Error` for an index that can't be read.
        """
        path = index_files.annex_path(index, ANNEX)
        ((count,),) = connection.execute("SELECT count(*) FROM kept.digests").fetchall()
        try:
            return cls(path, count)
        except OSError:
            logger.info("Writing the text of digests beside the query index in %s, once.", path.parent)
            with index_files.built(path) as new, new.open("wb") as stream:
                _write(connection, stream)
            return cls(path, count)

    def of_numbers(self, numbers: pa.Array) -> pa.Array:
        """Return the text of each number, or of those in lists; null for null and for the number of nothing."""
        if pa.types.is_list(numbers.type):
            texts = self.of_numbers(numbers.values)
            return pa.ListArray.from_buffers(
                pa.list_(pa.string()), len(numbers), numbers.buffers()[:2], offset=numbers.offset, children=[texts]
            )
        known = pc.if_else(pc.greater(numbers, 0), numbers, pa.scalar(None, numbers.type))
        taken = self._texts.take(pc.subtract(known, 1))
        return self._as_strings(taken) if self._width else taken.cast(pa.string())

    def _as_strings(self, taken: pa.FixedSizeBinaryArray) -> pa.StringArray:
        """Put ends beside texts of one width: nothing is copied."""
        validity, texts = taken.buffers()
        ends_bytes = 4 * (len(taken) + 1)
        if self._ends.size < ends_bytes:
            self._ends = pa.py_buffer(array("i", range(0, self._width * (len(taken) + 1), self._width)))
        return pa.StringArray.from_buffers(len(taken), self._ends.slice(0, ends_bytes), texts, validity)


def _shape_of_file(content: pa.Buffer) -> _Shape | None:
    """Read the trailer; None if it is not one, or the file not as long as it says."""
    if content.size < _TRAILER.size:
        return None
    mark, *figures = _TRAILER.unpack(content.slice(content.size - _TRAILER.size).to_pybytes())
    shape = _Shape(*figures)
    return shape if mark == _MARK and shape.file_bytes == content.size else None


def _shape_of_index(connection: duckdb.DuckDBPyConnection) -> _Shape:
    """Ask the index what the file will have. Raises `OSError` if numbers are not those of places from 1."""
    ((count, last, shortest, longest, size_bytes),) = connection.execute(
        "SELECT count(*), coalesce(max(digest_id), 0), min(strlen(digest)), max(strlen(digest)), "
        "coalesce(CAST(sum(strlen(digest)) AS BIGINT), 0) FROM kept.digests"
    ).fetchall()
    if last != count:
        raise OSError("the numbers of the index have gaps")
    return _Shape(count, shortest if count and shortest == longest else 0, size_bytes)


def _write(connection: duckdb.DuckDBPyConnection, stream: BinaryIO) -> None:
    shape, widths = _shape_of_index(connection), list[pa.Array]()
    for texts in _batches(connection):
        stream.write(texts.buffers()[2])
        widths.append(pc.binary_length(texts))
    if stream.tell() != shape.size_bytes:
        raise OSError("the texts of the index are not as long as it says")
    if not shape.width:
        stream.write(bytes(_padding(shape.size_bytes)))
        stream.write(array("q", accumulate((width for some in widths for width in some.to_pylist()), initial=0)))
    stream.write(_TRAILER.pack(_MARK, *shape))


def _batches(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.StringArray]:
    """Read the texts in the order of their numbers, each batch by itself in its buffer."""
    relation = connection.cursor().sql("SELECT digest FROM kept.digests ORDER BY digest_id")
    for batch in relation.to_arrow_reader(_BATCH_ROWS):
        yield batch.column(0)


def _padding(size_bytes: int) -> int:
    return -size_bytes % _END_BYTES
