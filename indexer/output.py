"""Relation → bytes, in every format, the same on a terminal, in a pipe and in a file.

Machine formats are exact: integers as integers, nulls as null, times as RFC 3339 in UTC. Only the table for people
shortens sizes. Names in Images come from strangers, so each format escapes what its reader would act on.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from indexer.errors import QueryError
from indexer.escaping import for_markdown, for_spreadsheet, for_terminal
from indexer.grid import Grid, fitted
from indexer.statements import query_error

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Rows = Iterator[dict[str, Any]]
_BATCH_ROWS = 10_000
_KIBI = 1024
_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


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


def _plain_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    try:
        rows = batch.to_pylist(maps_as_pydicts="strict")
    except (OverflowError, ValueError):  # times outside the years 1 to 9999, or finer than microseconds
        rows = batch.cast(_with_times_as_text(batch.schema)).to_pylist(maps_as_pydicts="strict")
    return rows  # type: ignore[no-any-return]


def _with_times_as_text(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([field.with_type(_time_as_text(field.type)) for field in schema])


def _time_as_text(of: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_timestamp(of):
        return pa.string()
    if pa.types.is_list(of):
        return pa.list_(of.value_field.with_type(_time_as_text(of.value_type)))
    if pa.types.is_map(of):
        return pa.map_(_time_as_text(of.key_type), _time_as_text(of.item_type))
    if pa.types.is_struct(of):
        return pa.struct([field.with_type(_time_as_text(field.type)) for field in of])
    return of


def write_json(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write one array of objects; NaN and infinities, which JSON has no name for, are null."""
    stream.write(b"[")
    for number, row in enumerate(rows_of(relation)):
        stream.write(b",\n " if number else b"\n ")
        stream.write(_json(row))
    stream.write(b"\n]\n")


def write_ndjson(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write one object a line."""
    stream.writelines(_json(row) + b"\n" for row in rows_of(relation))


def write_csv(relation: duckdb.DuckDBPyRelation, stream: BinaryIO, *, delimiter: str = ",") -> None:
    """Write a header and rows; null is empty, nested values are JSON, text can't become a formula."""
    lines = _Lines()
    writer = csv.writer(lines, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(map(for_spreadsheet, relation.columns))
    for batch in batches_of(relation):
        writer.writerows(map(_csv_cell, row.values()) for row in _plain_rows(batch))
        stream.write(lines.taken())
    stream.write(lines.taken())


class _Lines:
    """Takes rows from a CSV writer and ends them with a line feed alone.

    The writer quotes a carriage return within a value only if it ends its lines with one.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, row: str) -> None:
        self._lines.append(row.removesuffix("\r\n"))

    def taken(self) -> bytes:
        lines, self._lines = self._lines, []
        return "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace")


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


def plain_text(value: Any) -> str:
    """Text of one value for CSV and Markdown; null is empty, nested values are JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    text = _json(value).decode()
    return text[1:-1] if text.startswith('"') else text


def _table_cell(name: str, value: Any) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and name.endswith("_bytes"):
        return human_bytes(int(value))
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, list):
        return for_terminal(", ".join(plain_text(item) for item in value))
    return for_terminal(plain_text(value))


def _csv_cell(value: Any) -> str:
    text = plain_text(value)
    return for_spreadsheet(text) if isinstance(value, str) else text


def _numeric_columns(relation: duckdb.DuckDBPyRelation) -> set[str]:
    kinds = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "REAL")
    pairs = zip(relation.columns, relation.types, strict=True)
    return {name for name, kind in pairs if any(word in str(kind) for word in kinds) and "[" not in str(kind)}


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=_unusual, option=_JSON_OPTIONS)


def _unusual(value: Any) -> Any:
    """Values JSON has no name for: wide integers and decimals arrive as Decimal, intervals as three numbers."""
    if isinstance(value, Decimal | int):
        return orjson.Fragment(format(value, "f" if isinstance(value, Decimal) else "d"))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        months, days, nanoseconds = value
        return f"P{months}M{days}DT{nanoseconds / 1e9:g}S"
    return str(value)
