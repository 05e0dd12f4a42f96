"""Typed objects → Arrow arrays, by the types of `schema` and without a Python object per cell where Arrow can help.

Absent and empty are one: empty strings, lists and objects become null, except as members of a list or map, where
they are content (`Cmd: [""]`, an annotation with an empty value).
"""

from __future__ import annotations

import datetime as dt
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from indexer.arrow_schema import arrow_field, arrow_type
from indexer.errors import DecodeError
from indexer.schema import Field, ListOf, Scalar, Struct, Type

if TYPE_CHECKING:
    from collections.abc import Sequence


_RFC3339 = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
_TOO_FINE = r"(\.\d{6})\d+"
_TIMESTAMP = pa.timestamp("us", tz="UTC")
_KEEPS_ZERO = frozenset({Scalar.INTEGER, Scalar.BOOLEAN})


def column(field: Field, objects: Sequence[Any]) -> pa.Array:
    """Array of one field over objects (None where there is no object).

    Raises `DecodeError` naming the field for a timestamp that is no RFC 3339 moment.
    """
    name, keeps_zero = field.name, field.type in _KEEPS_ZERO
    values = [None if item is None else getattr(item, name) for item in objects]
    if not keeps_zero:
        values = [value or None for value in values]
    if values.count(None) == len(values):
        return pa.nulls(len(values), arrow_type(field.type))
    try:
        return array(field.type, values)
    except DecodeError as error:
        raise DecodeError(f"{field.key}: {error.message}") from error


def array(of: Type, values: list[Any]) -> pa.Array:
    """Array of a declared type over plain values."""
    if isinstance(of, Struct):
        return _structs(of, values)
    if isinstance(of, ListOf) and isinstance(of.item, Struct):
        return _lists_of_structs(of.item, values)
    if of is Scalar.TIMESTAMP:
        return timestamps(values)
    if of is Scalar.STRING_MAP:
        values = [None if value is None else list(value.items()) for value in values]
    elif of is Scalar.KEYS:
        values = [None if value is None else list(value) for value in values]
    return pa.array(values, arrow_type(of))


def _structs(of: Struct, values: list[Any]) -> pa.Array:
    children = [column(field, values) for field in of.fields]
    missing = pc.is_null(children[0])
    for child in children[1:]:
        missing = pc.and_(missing, pc.is_null(child))
    return pa.StructArray.from_arrays(children, fields=[arrow_field(field) for field in of.fields], mask=missing)


def _lists_of_structs(of: Struct, values: list[Any]) -> pa.Array:
    ends = accumulate((len(value) if value else 0 for value in values), initial=0)
    offsets = [None if value is None else end for value, end in zip(values, ends, strict=False)]
    offsets.append(sum(len(value) for value in values if value))
    members = array(of, list(chain.from_iterable(value for value in values if value)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), members, type=arrow_type(ListOf(of)))


def timestamps(values: list[Any]) -> pa.Array:
    """Moments in UTC with microseconds, from datetimes or from RFC 3339 text; finer digits are cut off."""
    if any(isinstance(value, dt.datetime) for value in values):
        return pa.array(values, _TIMESTAMP)
    texts = pa.array(values, pa.string())
    is_moment = pc.match_substring_regex(texts, _RFC3339)
    if pc.all(is_moment).as_py() is False:
        raise DecodeError(f"{texts.filter(pc.invert(is_moment))[0].as_py()[:80]!r} is not an RFC 3339 moment.")
    try:
        return pc.replace_substring_regex(texts, _TOO_FINE, r"\1").cast(_TIMESTAMP)
    except pa.ArrowInvalid as error:
        raise DecodeError(f"There is no such moment: {error}.") from error
