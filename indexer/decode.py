"""Page → record batch: pure, one row an Image, nothing guessed and nothing dropped in silence.

What the object does not say stays null. An item that can't be read is an error that names the page, the item and the
field, or, where the user asked to skip bad items, an entry in the receipt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Sequence

    from indexer.pages import Page

Text = bytes | msgspec.Raw
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


def _name_of(item: Text) -> str:
    """Name of an item in brackets, for messages; empty where it can't be had."""
    try:
        name = msgspec.json.decode(item)["metadata"]["name"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
        return ""
    return f" ({str(name)[:80]})"


def decode_page(page: Page, bad_items: BadItems | None = None, rewrite: Rewrite | None = None) -> pa.RecordBatch:
    """Decode a page into one record batch of `arrow_schema.part_schema()`, one row an item.

    `rewrite` changes the text of each object before anything is made of it.

    Raises `DecodeError` for the first item that can't be read unless `bad_items` says to skip.
    """
    bad_items = bad_items or BadItems()
    texts = _rewritten(page, bad_items, rewrite) if rewrite else dict(enumerate(page.items))
    try:
        return _to_batch(list(texts.values()))
    except DecodeError:
        return _to_batch(_judge_each(page, texts, bad_items))


def _rewritten(page: Page, bad_items: BadItems, rewrite: Rewrite) -> dict[int, Text]:
    """Rewrite each item, once; gives texts by their place in the page."""
    texts: dict[int, Text] = {}
    for index, item in enumerate(page.items):
        try:
            texts[index] = rewrite(bytes(item))
        except DecodeError as error:
            bad_items.met(page, index, error)
    return texts


def _judge_each(page: Page, texts: dict[int, Text], bad_items: BadItems) -> list[Text]:
    """Find the items that can't be read, one at a time: the slow way, only after a failure."""
    kept = []
    for index, text in texts.items():
        try:
            _to_batch([text])
        except DecodeError as error:
            bad_items.met(page, index, error)
        else:
            kept.append(text)
    return kept


def _to_batch(texts: Sequence[Text]) -> pa.RecordBatch:
    images = [read_object(text) for text in texts]
    arrays = _IMAGE_COLUMNS.arrays(images)
    arrays += _READING_COLUMNS.arrays([_Readings(image) for image in images])
    arrays.append(_text_array(texts))
    return pa.record_batch(arrays, schema=part_schema())


def _text_array(texts: Sequence[Text]) -> pa.Array:
    joined = b"".join(texts)
    if b"\n" in joined:
        texts = [compact(bytes(text)) for text in texts]
        joined = b"".join(texts)
    ends = pa.array(accumulate(map(len, texts), initial=0), pa.int32())
    plain = pa.Array.from_buffers(pa.binary(), len(texts), [None, ends.buffers()[1], pa.py_buffer(joined)])
    try:
        return plain.cast(pa.string())
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
