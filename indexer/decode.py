"""Page → record batch: pure, one row an Image, nothing guessed and nothing dropped in silence.

What the object does not say stays null. An item that can't be read is an error that names the page, the item and the
field, or, where the user asked to skip bad items, an entry in the receipt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa

from indexer.arrow_schema import part_schema
from indexer.columns import StructColumns
from indexer.errors import DecodeError, LimitError
from indexer.objects import read_object
from indexer.pages import MOST_SKIPPED_ITEMS, SkippedItem
from indexer.schema import DERIVED_FIELDS, IMAGE, Struct
from indexer.signature import read_content

if TYPE_CHECKING:
    from indexer.pages import Page

Rewrite = Callable[[bytes], bytes]

_IMAGE_COLUMNS = StructColumns(IMAGE)
_READING_COLUMNS = StructColumns(Struct(DERIVED_FIELDS[:1]))


@dataclass(slots=True)
class BadItems:
    """What to do with items that can't be read: fail (default), or skip and keep the account."""

    skip: bool = False
    skipped: list[SkippedItem] = field(default_factory=list)

    def met(self, page: Page, index: int, error: DecodeError) -> None:
        """Record the item or raise, naming the page and the item."""
        place = page.place(index)
        where = f"{place.origin}, item {place.number}{_name_of(page.items[index])}"
        if not self.skip:
            raise DecodeError(f"{where}: {error.message}", hint=error.hint) from error
        if len(self.skipped) >= MOST_SKIPPED_ITEMS:
            raise LimitError(
                f"{where}: more than {MOST_SKIPPED_ITEMS} items can't be read.", hint=error.hint
            ) from error
        self.skipped.append(SkippedItem(place.origin, place.number, error.message))


def _name_of(item: bytes | msgspec.Raw) -> str:
    """Name of an item in brackets, for messages; empty where it can't be had."""
    try:
        name = msgspec.json.decode(item)["metadata"]["name"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
        return ""
    return f" ({str(name)[:80]})"


class _Row(NamedTuple):
    place: int
    text: bytes
    image: Any


def decode_page(page: Page, bad_items: BadItems | None = None, rewrite: Rewrite | None = None) -> pa.RecordBatch:
    """Decode a page into one record batch of `arrow_schema.part_schema()`, one row an item.

    `rewrite` changes the text of each object before anything is made of it.

    Raises `DecodeError` for the first item that can't be read unless `bad_items` says to skip.
    """
    bad_items = bad_items or BadItems()
    rows = _read_objects(page, bad_items, rewrite)
    try:
        return _to_batch(rows)
    except DecodeError:
        return _to_batch(_judge_each(page, rows, bad_items))


def _read_objects(page: Page, bad_items: BadItems, rewrite: Rewrite | None) -> list[_Row]:
    rows = []
    for index, item in enumerate(page.items):
        try:
            text = rewrite(bytes(item)) if rewrite else item
            image = read_object(text)
            rows.append(_Row(index, compact(bytes(text)), image))
        except DecodeError as error:
            bad_items.met(page, index, error)
    return rows


def _judge_each(page: Page, rows: list[_Row], bad_items: BadItems) -> list[_Row]:
    """Find the items whose values don't fit their column, one at a time: the slow way, only after a failure."""
    kept = []
    for row in rows:
        try:
            _to_batch([row])
        except DecodeError as error:
            bad_items.met(page, row.place, error)
        else:
            kept.append(row)
    return kept


def _to_batch(rows: list[_Row]) -> pa.RecordBatch:
    objects = [row.image for row in rows]
    arrays = _IMAGE_COLUMNS.arrays(objects)
    arrays += _READING_COLUMNS.arrays([_Readings(image) for image in objects])
    arrays.append(_texts(rows))
    return pa.record_batch(arrays, schema=part_schema())


def _texts(rows: list[_Row]) -> pa.Array:
    try:
        return pa.array([row.text for row in rows], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid as error:
        raise DecodeError("it is not UTF-8 text.") from error


class _Readings:
    """The signatures of an object, read: shaped like an object with one field."""

    __slots__ = ("signature_readings",)

    def __init__(self, image: Any) -> None:
        signatures = image.signatures or []
        self.signature_readings = [read_content(entry.content if entry else None) for entry in signatures]


def compact(text: bytes) -> bytes:
    """Drop white space between tokens of indented JSON; every token stays as it is."""
    return msgspec.json.format(text, indent=-1) if b"\n" in text else text
