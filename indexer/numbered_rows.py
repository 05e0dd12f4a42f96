"""All rows of a canned query that was answered in numbers, their text put into each batch on its way.

The statement runs on numbers to its end; then batches come one by one, and one more is fetched while the one before is
given its text. So memory holds what the engine sorts and two batches, and a second core has work.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pyarrow as pa

from indexer import query_index
from indexer.digest_texts import DigestTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from indexer.queries import CannedQuery

logger = logging.getLogger(__name__)


class _Column(NamedTuple):
    """A column of the answer, and how it is made of the one in numbers."""

    field: pa.Field
    made_of: Callable[[pa.Array], pa.Array]


class NumberedRows:
    """Answers from an index. What can't be done this way is left to a join in the engine, which takes longer."""

    def __init__(self, index: query_index.QueryIndex) -> None:
        self._index = index
        self._texts: DigestTexts | None = None
        self._is_asked = False
        self._lock = threading.Lock()

    def reader(self, query: CannedQuery, parameters: dict[str, Any], batch_rows: int) -> pa.RecordBatchReader | None:
        """Return all rows of a query, or None where the index has no such answer."""
        numbered = query_index.answer_in_numbers(self._index, query, parameters)
        if numbered is None:
            return None
        batches = numbered.relation.to_arrow_reader(batch_rows)
        columns = [
            column
            for field in batches.schema
            if (column := self._column(field, is_digest=field.name in numbered.digests)) is not None
        ]
        return _reader(batches, columns, numbered.cursor) if len(columns) == len(batches.schema) else None

    def _column(self, field: pa.Field, *, is_digest: bool) -> _Column | None:
        if is_digest:
            texts = self._opened_texts()
            return _Column(_with_text(field), texts.of_numbers) if texts and _has_numbers(field.type) else None
        if pa.types.is_dictionary(field.type):  # an enumeration
            return _Column(field.with_type(pa.string()), pa.DictionaryArray.dictionary_decode)
        return _Column(field, lambda column: column)

    def _opened_texts(self) -> DigestTexts | None:
        """Open the texts once; what can't be is told in the log, and costs only time."""
        with self._lock:
            if not self._is_asked:
                self._is_asked = True
                try:
                    self._texts = DigestTexts.of_index(self._index.connection.cursor(), self._index.path)
                except (OSError, duckdb.Error) as error:
                    logger.warning("The query index has no text of digests (%s): queries take longer.", error)
        return self._texts


def _has_numbers(of: pa.DataType) -> bool:
    return bool(pa.types.is_integer(of.value_type if pa.types.is_list(of) else of))


def _with_text(field: pa.Field) -> pa.Field:
    of = field.type
    return field.with_type(pa.list_(of.value_field.with_type(pa.string())) if pa.types.is_list(of) else pa.string())


def _reader(
    batches: pa.RecordBatchReader, columns: Sequence[_Column], cursor: duckdb.DuckDBPyConnection
) -> pa.RecordBatchReader:
    schema = pa.schema([column.field for column in columns])
    made = (
        pa.RecordBatch.from_arrays(
            [column.made_of(cells) for column, cells in zip(columns, batch.columns, strict=True)], schema=schema
        )
        for batch in _one_ahead(batches, cursor)
    )
    return pa.RecordBatchReader.from_batches(schema, made)


def _one_ahead(batches: Iterator[pa.RecordBatch], cursor: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """Fetch a batch while the one before is in use; whoever stops early does not wait for the engine."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        try:
            while (batch := coming.result()) is not None:
                coming = pool.submit(next, batches, None)
                yield batch
        except BaseException:
            cursor.interrupt()
            raise
