"""Relation → bytes, in every format, the same on a terminal, in a pipe and in a file.

Machine formats are exact: integers as integers, nulls as null, times as RFC 3339 in UTC. Only the table for people
shortens sizes. Names in Images come from strangers, so each format escapes what its reader would act on.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from indexer.errors import QueryError
from indexer.escaping import for_markdown, for_spreadsheet, for_terminal
from indexer.grid import Grid, fitted
from indexer.plain_values import UNLIKE_PYTHON, csv_cell, json_text, plain_columns, plain_text, with_plain_times
from indexer.statements import query_error

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Rows = Iterator[dict[str, Any]]
_Text = Callable[["pa.RecordBatch"], bytes | memoryview]
_BATCH_ROWS = 10_000
_PIECE_BYTES = 8 << 20
_FEW_CELLS = 60_000
"""Cells that are written one by one before `column_text` is worth its import."""

_KIBI = 1024


def rows_of(relation: duckdb.DuckDBPyRelation) -> Rows:
    """Rows as dictionaries of plain values, fetched in batches. Raises `QueryError` where the engine fails midway."""
    for batch in batches_of(relation):
        yield from _plain_rows(batch)


def batches_of(relation: duckdb.DuckDBPyRelation) -> Iterator[pa.RecordBatch]:
    """Arrow batches of a relation. Raises `QueryError` where the engine fails midway."""
    import duckdb

    try:
        yield from _read_batches(relation)
    except duckdb.Error as error:
        raise query_error(error) from error


def _read_batches(relation: duckdb.DuckDBPyRelation) -> Iterator[pa.RecordBatch]:
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except OSError as error:  # Arrow's word for an error of the engine
            raise query_error(error) from error
        yield batch


def _plain_rows(batch: pa.RecordBatch) -> Rows:
    names = batch.schema.names
    return (dict(zip(names, row, strict=True)) for row in zip(*plain_columns(batch), strict=True))


def _texts_of(relation: duckdb.DuckDBPyRelation, of_values: _Text, of_columns: _Text) -> Iterator[bytes | memoryview]:
    """Text of rows in pieces, of which none is large: value by value for few, else a column at a time."""
    cell_count = 0
    for batch in batches_of(relation):
        cell_count += batch.num_rows * batch.num_columns
        for piece in _pieces(batch if batch.nbytes <= _PIECE_BYTES else with_plain_times(batch)):
            yield (of_columns if cell_count > _FEW_CELLS and piece.nbytes <= _PIECE_BYTES else of_values)(piece)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows > 1 and batch.nbytes > _PIECE_BYTES:
        yield from _pieces(batch.slice(0, batch.num_rows // 2))
        yield from _pieces(batch.slice(batch.num_rows // 2))
    elif batch.num_rows:
        yield batch


def _json_texts(relation: duckdb.DuckDBPyRelation, between: str) -> Iterator[bytes | memoryview]:
    def of_values(batch: pa.RecordBatch) -> bytes:
        return between.encode().join(map(json_text, _plain_rows(batch)))

    def of_columns(batch: pa.RecordBatch) -> bytes | memoryview:
        from indexer.column_text import json_rows

        try:
            return json_rows(batch, between)
        except UNLIKE_PYTHON:
            return of_values(batch)

    return _texts_of(relation, of_values, of_columns)


def write_json(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write one array of objects; NaN and infinities, which JSON has no name for, are null."""
    stream.write(b"[")
    for number, text in enumerate(_json_texts(relation, ",\n ")):
        stream.write(b",\n " if number else b"\n ")
        stream.write(text)
    stream.write(b"\n]\n")


def write_ndjson(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write one object a line."""
    for text in _json_texts(relation, "\n"):
        stream.write(text)
        stream.write(b"\n")


def write_csv(relation: duckdb.DuckDBPyRelation, stream: BinaryIO, *, delimiter: str = ",") -> None:
    """Write a header and rows; null is empty, nested values are JSON, text can't become a formula."""

    def of_values(batch: pa.RecordBatch) -> bytes:
        return _csv_lines(zip(*map(_csv_cells, plain_columns(batch)), strict=True), delimiter)

    def of_columns(batch: pa.RecordBatch) -> bytes | memoryview:
        from indexer.column_text import csv_rows

        try:
            return csv_rows(batch, delimiter)
        except UNLIKE_PYTHON:
            return of_values(batch)

    stream.write(_csv_lines([map(for_spreadsheet, relation.columns)], delimiter))
    stream.write(b"\n")
    for text in _texts_of(relation, of_values, of_columns):
        stream.write(text)
        stream.write(b"\n")


def _csv_cells(values: list[Any]) -> Iterator[str]:
    return map(csv_cell, values)


def _csv_lines(rows: Iterable[Iterable[str]], delimiter: str) -> bytes:
    """Return lines without the last line end."""
    lines = _Lines()
    csv.writer(lines, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return "\n".join(lines.taken).encode(errors="backslashreplace")


class _Lines:
    """Takes rows from a CSV writer and ends them with a line feed alone.

    The writer quotes a carriage return within a value only if it ends its lines with one.
    """

    def __init__(self) -> None:
        self.taken: list[str] = []

    def write(self, row: str) -> None:
        self.taken.append(row.removesuffix("\r\n"))


def write_tsv(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write the same with tabs."""
    write_csv(relation, stream, delimiter="\t")


def write_markdown(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write a Markdown table."""
    numeric = _numeric_columns(relation)
    heads = [for_markdown(name) for name in relation.columns]
    rule = ["---:" if name in numeric else "---" for name in relation.columns]
    stream.writelines(f"| {' | '.join(cells)} |\n".encode() for cells in (heads, rule))
    for row in rows_of(relation):
        cells = [for_markdown(plain_text(value)) for value in row.values()]
        stream.write(f"| {' | '.join(cells)} |\n".encode())


def write_parquet(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write a Parquet file. Raises `QueryError` for a type that Parquet does not have."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = relation.limit(0).to_arrow_table().schema
    try:
        with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            for batch in batches_of(relation):
                writer.write_batch(batch)
    except pa.ArrowException as error:
        raise QueryError(f"Parquet can't hold this result: {error}.", hint="Cast the column to VARCHAR.") from error


def write_table(relation: duckdb.DuckDBPyRelation, stream: BinaryIO, *, width: int | None = None) -> None:
    """Write a table for people: sizes with units, control characters escaped, made to fit only a `width` given."""
    numeric = _numeric_columns(relation)
    grid = Grid(
        names=[for_terminal(name) for name in relation.columns],
        rows=[[_table_cell(name, value) for name, value in row.items()] for row in rows_of(relation)],
        is_right=[name in numeric for name in relation.columns],
    )
    lines = (grid if width is None else fitted(grid, width)).lines()
    stream.writelines(f"{line}\n".encode(errors="backslashreplace") for line in lines)


Writer = Callable[["duckdb.DuckDBPyRelation", BinaryIO], None]

WRITERS: dict[str, Writer] = {
    "table": write_table,
    "csv": write_csv,
    "tsv": write_tsv,
    "json": write_json,
    "ndjson": write_ndjson,
    "markdown": write_markdown,
    "parquet": write_parquet,
}
FORMATS = tuple(WRITERS)


def human_bytes(count: int) -> str:
    """Size for people, in powers of 1024: `1.5 GiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < _KIBI:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KIBI
    return f"{size:.1f} PiB"


def _table_cell(name: str, value: Any) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and name.endswith("_bytes"):
        return human_bytes(int(value))
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, list):
        return for_terminal(", ".join(plain_text(item) for item in value))
    return for_terminal(plain_text(value))


def _numeric_columns(relation: duckdb.DuckDBPyRelation) -> set[str]:
    kinds = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "REAL")
    pairs = zip(relation.columns, relation.types, strict=True)
    return {name for name, kind in pairs if any(word in str(kind) for word in kinds) and "[" not in str(kind)}
