"""Relation → bytes, in every format, the same on a terminal, in a pipe and in a file.

Machine formats are exact: integers as integers, nulls as null, times as RFC 3339 in UTC. Only the table for people
shortens sizes. Names in Images come from strangers, so each format escapes what its reader would act on.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from indexer.escaping import for_markdown, for_spreadsheet, for_terminal

if TYPE_CHECKING:
    import duckdb

Rows = Iterator[dict[str, Any]]
_BATCH_ROWS = 10_000
_KIBI = 1024
_JSON_OPTIONS = orjson.OPT_UTC_Z
_TABLE_WIDTH_IN_PIPE = 10_000
"""Nothing is cut where the reader is a program."""


def rows_of(relation: duckdb.DuckDBPyRelation) -> Rows:
    """Rows as dictionaries of plain values, fetched in batches."""
    from pyarrow import types

    reader = relation.to_arrow_reader(_BATCH_ROWS)
    maps = {field.name for field in reader.schema if types.is_map(field.type)}
    for batch in reader:
        for row in batch.to_pylist():
            yield {key: dict(value) if key in maps and value is not None else value for key, value in row.items()}


def write_json(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write one array of objects."""
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
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(relation.columns)
    for row in rows_of(relation):
        writer.writerow([_csv_cell(value) for value in row.values()])
    text.detach()


def write_tsv(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write the same with tabs."""
    write_csv(relation, stream, delimiter="\t")


def write_markdown(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write a Markdown table."""
    numeric = _numeric_columns(relation)
    rule = ["---:" if name in numeric else "---" for name in relation.columns]
    stream.writelines(f"| {' | '.join(cells)} |\n".encode() for cells in (relation.columns, rule))
    for row in rows_of(relation):
        cells = [for_markdown(plain_text(value)) for value in row.values()]
        stream.write(f"| {' | '.join(cells)} |\n".encode())


def write_parquet(relation: duckdb.DuckDBPyRelation, stream: BinaryIO) -> None:
    """Write a Parquet file."""
    import pyarrow.parquet as pq

    reader = relation.to_arrow_reader(_BATCH_ROWS)
    with pq.ParquetWriter(stream, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


def write_table(relation: duckdb.DuckDBPyRelation, stream: BinaryIO, *, width: int | None = None) -> None:
    """Write a table for people: sizes with units, control characters escaped, cut to `width` only where given."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    numeric = _numeric_columns(relation)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in relation.columns:
        table.add_column(name, justify="right" if name in numeric else "left", no_wrap=True, overflow="ellipsis")
    for row in rows_of(relation):
        table.add_row(*(_table_cell(name, value) for name, value in row.items()))
    text = io.StringIO()
    Console(file=text, width=width or _TABLE_WIDTH_IN_PIPE, markup=False, highlight=False, color_system=None).print(
        table
    )
    lines = (line.rstrip() for line in text.getvalue().splitlines())
    stream.write("".join(f"{line}\n" for line in lines if line).encode())


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
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime | dt.date | dict | list):
        return _json(value).decode().strip('"')
    return str(value)


def _table_cell(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_bytes"):
        return human_bytes(value)
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
    """Values JSON has no name for: wide integers arrive as decimals, map entries as pairs."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return str(value)
