"""What documents come apart into, whatever they are written in: JSON texts of objects and of what is around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

    from indexer.errors import DecodeError


class Items(NamedTuple):
    """Neighbours among the `items` of a list; `list_kind` is the list's kind as far as it is known yet."""

    texts: Sequence[bytes | msgspec.Raw]
    list_kind: str | None = None


class Whole(NamedTuple):
    """An object on its own."""

    text: bytes


class Envelope(NamedTuple):
    """A list without its `items`, once they have been read."""

    text: bytes
    item_count: int


class Broken(NamedTuple):
    """Something that stands where an object should and is none."""

    error: DecodeError


Piece = Items | Whole | Envelope | Broken
