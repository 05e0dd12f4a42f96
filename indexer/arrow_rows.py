"""All rows of an answer as a reader of Arrow batches, in the form of a relation, as far as the writers ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowRows:
    """Rows that can be read once, in batches of the size the reader was made with."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader
        self._shape = duckdb.connect().from_arrow(reader.schema.empty_table())
        self.columns, self.types = self._shape.columns, self._shape.types

    def limit(self, row_limit: int) -> duckdb.DuckDBPyRelation:
        """Return no rows, with their types, where none are asked for."""
        if row_limit:
            raise ValueError(row_limit)
        return self._shape

    def to_arrow_reader(self, _batch_rows: int) -> pa.RecordBatchReader:
        """Return the reader."""
        return self._reader
