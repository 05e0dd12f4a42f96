"""Arrow batches → rows of CSV and JSON, a column at a time: the bytes `plain_values` leads to, many times as fast.

Types that are rare in answers take its way, column by column. Importing Arrow's functions costs as much as writing some
sixty thousand cells does, so this module is imported where there are more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from indexer.escaping import FORMULA_STARTS
from indexer.plain_values import csv_cell, json_text, plain_values

if TYPE_CHECKING:
    from collections.abc import Iterable

_JSON_ESCAPES = {
    character: text
    for character, text in ((chr(code), orjson.dumps(chr(code)).decode()[1:-1]) for code in range(128))
    if text != character
}
_PLAIN_IN_JSON = bytes(code for code in range(256) if chr(code) not in _JSON_ESCAPES)
_FORMULA = r"\A[" + "".join(f"\\x{{{ord(character):x}}}" for character in FORMULA_STARTS) + "]"
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
"""The times Python has, in microseconds; others are told by `plain_values`."""


def csv_rows(batch: pa.RecordBatch, delimiter: str) -> memoryview:
    """Lines of CSV without the last line end. Raises one of `UNLIKE_PYTHON` for times that Python does not have."""
    cells = [_csv_text(column, delimiter) for column in batch.columns]
    if len(cells) == 1:  # else an empty line, which is no row
        filled = cells[0].fill_null("")
        cells = [pc.if_else(pc.equal(filled, ""), '""', filled)]
    return _joined(_side_by_side(cells, delimiter, null=""), "\n")


def json_rows(batch: pa.RecordBatch, between: str) -> memoryview:
    """Objects of JSON with a text between them; raises as `csv_rows` does."""
    pieces: list[pa.Array | pa.Scalar] = []
    for number, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        pieces += [pa.scalar(f"{',' if number else '{'}{orjson.dumps(name).decode()}:"), _json_text(column)]
    return _joined(_side_by_side([*pieces, pa.scalar("}")], "", null="null"), between)


def _side_by_side(cells: Iterable[pa.Array | pa.Scalar], between: str, *, null: str) -> pa.Array:
    return pc.binary_join_element_wise(*cells, between, null_handling="replace", null_replacement=null)


def _joined(rows: pa.Array, between: str) -> memoryview:
    every_row = pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)
    return memoryview(pc.binary_join(every_row, between)[0].as_buffer())


def _csv_text(column: pa.Array, delimiter: str) -> pa.Array:
    of = column.type
    if pa.types.is_dictionary(of):
        return _csv_text(column.dictionary_decode(), delimiter)
    if pa.types.is_string(of):
        return _quoted(_harmless(column), delimiter)
    if _casts_to_text(of):
        return column.cast(pa.string())
    if _is_moment(column):
        return _moments(column)
    if pa.types.is_list(of):
        return _quoted(_json_text(column), delimiter)
    return _quoted(pa.array([csv_cell(value) for value in plain_values(column)], pa.string()), delimiter)


def _json_text(column: pa.Array) -> pa.Array:
    of = column.type
    if pa.types.is_dictionary(of):
        return _json_text(column.dictionary_decode())
    if pa.types.is_string(of):
        return _around('"', _escaped(column), '"')
    if _casts_to_text(of):
        return column.cast(pa.string())
    if _is_moment(column):
        return _around('"', _moments(column), '"')
    if pa.types.is_list(of):
        return _json_lists(column)
    return pa.array([json_text(value) for value in plain_values(column)], pa.string())


def _casts_to_text(of: pa.DataType) -> bool:
    return bool(pa.types.is_integer(of) or pa.types.is_boolean(of) or pa.types.is_null(of))


def _is_moment(column: pa.Array) -> bool:
    of = column.type
    if not pa.types.is_timestamp(of) or of.unit != "us" or of.tz not in {None, "UTC"}:
        return False
    ends = pc.min_max(column.cast(pa.int64()))
    first, last = ends["min"].as_py(), ends["max"].as_py()
    return first is None or bool(first >= _YEAR_1 and last < _YEAR_10000)


def _moments(column: pa.Array) -> pa.Array:
    """RFC 3339, with the fraction of a second where there is one."""
    return pc.replace_substring(pc.replace_substring(column.cast(pa.string()), " ", "T"), ".000000", "")


def _json_lists(column: pa.ListArray) -> pa.Array:
    offsets = column.offsets
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    values = _json_text(column.values.slice(first, last - first)).fill_null("null")
    joined = pc.binary_join(pa.ListArray.from_arrays(pc.subtract(offsets, first), values), ",")
    return pc.if_else(column.is_valid(), _around("[", joined, "]"), None)


def _around(left: str, column: pa.Array, right: str) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(left), column, pa.scalar(right), "")


def _escaped(column: pa.StringArray) -> pa.Array:
    found = set(_bytes_of(column).translate(None, _PLAIN_IN_JSON).decode())
    for character in sorted(found, key=lambda character: character != "\\"):  # which escapes are written with
        column = pc.replace_substring(column, character, _JSON_ESCAPES[character])
    return column


def _harmless(column: pa.StringArray) -> pa.Array:
    formulas = pc.match_substring_regex(column, _FORMULA)
    return pc.if_else(formulas, _around("'", column, ""), column) if formulas.true_count else column


def _quoted(column: pa.StringArray, delimiter: str) -> pa.Array:
    content, marks = _bytes_of(column), f'"\r\n{delimiter}'
    if not any(mark in content for mark in marks.encode()):
        return column
    doubled = pc.replace_substring(column, '"', '""') if b'"' in content else column
    return pc.if_else(pc.match_substring_regex(column, f"[{marks}]"), _around('"', doubled, '"'), column)


def _bytes_of(column: pa.StringArray) -> bytes:
    """All text of a column, end to end."""
    _, ends, content = column.buffers()
    if not len(column) or content is None:
        return b""
    borders = memoryview(ends).cast("i")
    return bytes(memoryview(content)[borders[column.offset] : borders[column.offset + len(column)]])
