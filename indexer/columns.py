"""Typed objects → Arrow arrays, by the types of `schema` and without a Python object per cell where Arrow can help.

Absent and empty are one: empty strings, lists and objects become null, except as members of a list or map, where
they are content (`Cmd: [""]`, an annotation with an empty value).
"""

from __future__ import annotations

import datetime as dt
from functools import reduce
from itertools import accumulate, chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from indexer.arrow_schema import arrow_type
from indexer.errors import DecodeError
from indexer.schema import ListOf, Scalar, Struct, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_RFC3339 = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
_TOO_FINE = r"(\.\d{6})\d+"
_WHOLE_SECONDS = len("2024-01-31T12:00:00Z")
_FEW_FIELDS = 4
_TIMESTAMP = pa.timestamp("us", tz="UTC")


class StructColumns:
    """Columns of a struct's fields. Make it once: looking types up for every page costs more than the cells."""

    def __init__(self, of: Struct) -> None:
        self._type = arrow_type(of)
        self._makers = [(field.key, _maker(field.type)) for field in of.fields]
        names = [field.name for field in of.fields]
        self._nothing = msgspec.defstruct("Nothing", [(name, None, None) for name in names])()
        self._getters = [attrgetter(name) for name in names]

    def arrays(self, objects: Sequence[Any]) -> list[pa.Array]:
        """Array of each field over objects, None where there is no object.

        Raises `DecodeError` naming the field for a timestamp that is no RFC 3339 moment.
        """
        nothing = self._nothing
        filled = objects if all(objects) else [nothing if item is None else item for item in objects]
        return [
            _named(key, make, values) for (key, make), values in zip(self._makers, self._cells(filled), strict=True)
        ]

    def _cells(self, objects: Sequence[Any]) -> Iterable[Sequence[Any]]:
        """Values by field. Where there are many fields, whole rows come at once: a third of the time."""
        if objects and len(self._getters) > _FEW_FIELDS:
            return zip(*map(msgspec.structs.astuple, objects), strict=True)
        return [list(map(getter, objects)) for getter in self._getters]

    def array(self, objects: Sequence[Any]) -> pa.Array:
        """Struct array over objects; null where every field is."""
        children = self.arrays(objects)
        return pa.StructArray.from_arrays(children, type=self._type, mask=_all_null(children))


def _named(key: str, make: Callable[[Sequence[Any]], pa.Array], values: Sequence[Any]) -> pa.Array:
    try:
        return make(values)
    except DecodeError as error:
        raise DecodeError(f"{key}: {error.message}") from error


def _all_null(children: list[pa.Array]) -> pa.Array | None:
    """Mask of the rows where every child is null; None where there are none, which one full child proves."""
    if any(child.null_count == 0 for child in children):
        return None
    partly = [child for child in children if child.null_count < len(child)] or children[:1]
    return reduce(pc.and_, (child.is_null() for child in partly))


def _maker(of: Type) -> Callable[[Sequence[Any]], pa.Array]:
    """Return what makes an array of a declared type from plain values."""
    arrow = arrow_type(of)
    if of in {Scalar.INTEGER, Scalar.BOOLEAN}:
        return lambda values: pa.array(values, arrow)
    make = _filled_maker(of, arrow)
    return lambda values: make(values) if any(values) else pa.nulls(len(values), arrow)


def _filled_maker(of: Type, arrow: pa.DataType) -> Callable[[Sequence[Any]], pa.Array]:
    if isinstance(of, Struct):
        return StructColumns(of).array
    if isinstance(of, ListOf) and isinstance(of.item, Struct):
        members = StructColumns(of.item)
        return lambda values: _lists(arrow, values, members.array)
    if isinstance(of, ListOf) or of is Scalar.KEYS:
        return lambda values: _lists(arrow, values, lambda flat: pa.array(flat, arrow.value_type))
    return _SCALAR_MAKERS[of]


def _strings(values: Sequence[str | None]) -> pa.Array:
    return pa.array([value or None for value in values] if "" in values else values, pa.string())


def _lists(arrow: pa.DataType, values: Sequence[Any], make: Callable[[list[Any]], pa.Array]) -> pa.Array:
    """Make lists of the members, in order; of an object with keys, of its keys."""
    members = make(list(chain.from_iterable(filter(None, values))))
    offsets, absent = _extents(values)
    return pa.ListArray.from_arrays(offsets, members, type=arrow, mask=absent)


def _maps(values: Sequence[dict[str, str | None] | None]) -> pa.Array:
    filled = list(filter(None, values))
    keys = pa.array(list(chain.from_iterable(filled)), pa.string())
    items = pa.array(list(chain.from_iterable(map(dict.values, filled))), pa.string())
    offsets, absent = _extents(values)
    return pa.MapArray.from_arrays(offsets, keys, items, mask=absent)


def _extents(values: Sequence[Any]) -> tuple[pa.Array, pa.Array | None]:
    """Where each list begins and the last one ends; and which are absent or empty, None where none is."""
    lengths = [len(value) if value else 0 for value in values]
    absent = pa.array([not length for length in lengths]) if 0 in lengths else None
    return pa.array(list(accumulate(lengths, initial=0)), pa.int32()), absent


def _moments(values: Sequence[Any]) -> pa.Array:
    """Moments in UTC with microseconds, from datetimes or from RFC 3339 text; finer digits are cut off."""
    if isinstance(next(filter(None, values)), dt.datetime):
        return pa.array(values, _TIMESTAMP)
    texts = _strings(values)
    try:
        return (texts if _are_whole_seconds(texts) else _microseconds(texts)).cast(_TIMESTAMP)
    except pa.ArrowInvalid as error:
        raise DecodeError(f"There is no such moment: {error}.") from error


def _are_whole_seconds(texts: pa.Array) -> bool:
    """Whether all are as the API server writes moments; texts of this length and end that can be cast are no others."""
    has_length = pc.equal(pc.binary_length(texts), _WHOLE_SECONDS)
    return pc.all(has_length).as_py() is True and pc.all(pc.ends_with(texts, "Z")).as_py() is True


def _microseconds(texts: pa.Array) -> pa.Array:
    is_moment = pc.match_substring_regex(texts, _RFC3339)
    if pc.all(is_moment).as_py() is False:
        raise DecodeError(f"{texts.filter(pc.invert(is_moment))[0].as_py()[:80]!r} is not an RFC 3339 moment.")
    return pc.replace_substring_regex(texts, _TOO_FINE, r"\1")


_SCALAR_MAKERS: dict[Type, Callable[[Sequence[Any]], pa.Array]] = {
    Scalar.STRING: _strings,
    Scalar.STRING_MAP: _maps,
    Scalar.TIMESTAMP: _moments,
}
