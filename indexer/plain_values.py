"""Arrow batches → values of Python, and their text in CSV and JSON: any type of the engine, value by value.

`column_text` says the same of whole columns; this is the measure of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from indexer.escaping import for_spreadsheet

if TYPE_CHECKING:
    import pyarrow as pa

UNLIKE_PYTHON = (OverflowError, ValueError)
"""What Arrow raises for times outside the years 1 to 9999, or finer than microseconds."""

_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def plain_columns(batch: pa.RecordBatch) -> list[list[Any]]:
    """Values of each column; where Python has no time for one, times are text in all of them."""
    try:
        return [plain_values(column) for column in batch.columns]
    except UNLIKE_PYTHON:
        return [plain_values(column) for column in _with_times_as_text(batch).columns]


def with_plain_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose parts tell times in one form: as they are, or as text where Python has no time for one."""
    timed = [column for column in batch.columns if _time_as_text(column.type) != column.type]
    try:
        for column in timed:
            plain_values(column)
    except UNLIKE_PYTHON:
        return _with_times_as_text(batch)
    return batch


def plain_values(column: pa.Array) -> list[Any]:
    """Values of a column. Raises one of `UNLIKE_PYTHON` for times that Python does not have."""
    values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    return values


def _with_times_as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    return batch.cast(pa.schema([field.with_type(_time_as_text(field.type)) for field in batch.schema]))


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


def plain_text(value: Any) -> str:
    """Text of one value for CSV and Markdown; null is empty, nested values are JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    text = json_text(value).decode()
    return text[1:-1] if text.startswith('"') else text


def csv_cell(value: Any) -> str:
    """Text of one value for CSV, before it is quoted; text can't become a formula."""
    if isinstance(value, str):
        return for_spreadsheet(value)
    return str(value) if type(value) is int else plain_text(value)


def json_text(value: Any) -> bytes:
    """JSON of one value, or of a row; NaN and infinities, which JSON has no name for, are null."""
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
