"""Framing of OpenPGP packets: headers, lengths, compression.

Written after RFC 9580 §4.2 (packet syntax) and §5.6 (compressed data). Every length is checked against what is
there, and a budget bounds packets, partial lengths, nesting and expanded bytes, because the blobs come from
whoever may write to an image or to a signature store.
"""

from __future__ import annotations

import bz2
import zlib
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from indexer.signature.cursor import Cursor
from indexer.signature.states import ReadingState, UnreadableBlobError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_SEGMENT_COUNT: Final = 1024
"""Packets and partial lengths in one blob, at all levels together."""
MAX_NESTING: Final = 3
"""Compressed packets within each other."""
MAX_EXPANDED_SIZE_BYTES: Final = 1 << 18
"""Bytes that all compressed packets of one blob may expand to together."""
MAX_EXPANSION_RATIO: Final = 128
"""Expanded bytes per compressed byte, above `FREE_EXPANSION_SIZE_BYTES`; a payload of JSON stays below 10."""
FREE_EXPANSION_SIZE_BYTES: Final = 1 << 16
"""Expanded bytes that are never held to the ratio."""


class Tag(IntEnum):
    """Packet types that matter here (RFC 9580 §5)."""

    RESERVED = 0
    SIGNATURE = 2
    ONE_PASS_SIGNATURE = 4
    COMPRESSED = 8
    MARKER = 10
    LITERAL = 11
    PADDING = 21


class Packet(NamedTuple):
    """A packet: its type (`Tag`, or any other number up to 63) and its contents without header and lengths."""

    tag: int
    body: bytes


@dataclass(slots=True)
class Budget:
    """What one blob may still cost."""

    segment_count: int = MAX_SEGMENT_COUNT
    expanded_size_bytes: int = MAX_EXPANDED_SIZE_BYTES

    def spend_segment(self) -> None:
        """Count one packet or one partial length."""
        self.segment_count -= 1
        if self.segment_count < 0:
            raise UnreadableBlobError(ReadingState.TOO_COMPLEX)


def read_packets(blob: bytes) -> Iterator[Packet]:
    """Yield the packets of a binary OpenPGP message, those inside compressed packets in their place.

    Raises UnreadableBlobError at the point where reading can't go on; what was yielded before stays valid.
    """
    yield from _walk(blob, Budget(), nesting=0)


def _walk(data: bytes, budget: Budget, nesting: int) -> Iterator[Packet]:
    cursor = Cursor(data, ReadingState.TRUNCATED)
    while cursor.remaining_count:
        packet = _read_packet(cursor, budget)
        if packet.tag != Tag.COMPRESSED:
            yield packet
        elif nesting == MAX_NESTING:
            raise UnreadableBlobError(ReadingState.TOO_COMPLEX)
        else:
            yield from _walk(_expand(packet.body, budget), budget, nesting + 1)


def _read_packet(cursor: Cursor, budget: Budget) -> Packet:
    budget.spend_segment()
    header = cursor.number(1)
    is_new_format = header & 0x40
    tag = header & 0x3F if is_new_format else header >> 2 & 0x0F
    if not header & 0x80 or tag == Tag.RESERVED:
        raise UnreadableBlobError(ReadingState.NOT_OPENPGP)
    body = _read_new_body(cursor, budget) if is_new_format else _read_old_body(cursor, header & 0x03)
    return Packet(tag, body)


def _read_old_body(cursor: Cursor, length_type: int) -> bytes:
    """Old format: 1, 2 or 4 bytes of length, or no length at all, which means up to the end."""
    indeterminate = 3
    return cursor.rest() if length_type == indeterminate else cursor.take(cursor.number(1 << length_type))


def _read_new_body(cursor: Cursor, budget: Budget) -> bytes:
    # A first partial length below 512 bytes is not allowed, yet real release signatures have one: so it is read.
    chunks: list[bytes] = []
    while 224 <= (first := cursor.number(1)) < 255:  # noqa: PLR2004 - the ranges of RFC 9580 §4.2.1
        budget.spend_segment()
        chunks.append(cursor.take(1 << (first & 0x1F)))
    chunks.append(cursor.take(read_new_length(cursor, first)))
    return b"".join(chunks)


def read_new_length(cursor: Cursor, first: int) -> int:
    """Finish a length of one, two or five bytes whose first byte was read; subpackets use the same encoding.

    Packets must have sorted out partial lengths (224 to 254) before; in subpackets they are two-byte lengths.
    """
    one_byte_limit, four_byte_marker = 192, 255
    if first < one_byte_limit:
        return first
    if first < four_byte_marker:
        return (first - one_byte_limit << 8) + cursor.number(1) + one_byte_limit
    return cursor.number(4)


class _Decompressor(Protocol):
    """What zlib and bz2 have in common."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_DECOMPRESSORS: Final[Mapping[int, Callable[[], _Decompressor]]] = MappingProxyType(
    {1: partial(zlib.decompressobj, -zlib.MAX_WBITS), 2: zlib.decompressobj, 3: bz2.BZ2Decompressor}
)


def _expand(body: bytes, budget: Budget) -> bytes:
    """Decompress one packet within the budget.

    Bytes behind the end of the compressed stream are ignored, as GnuPG does.
    """
    cursor = Cursor(body, ReadingState.TRUNCATED)
    algorithm, compressed = cursor.number(1), cursor.rest()
    if algorithm == 0:
        return compressed
    ratio_limit = max(FREE_EXPANSION_SIZE_BYTES, MAX_EXPANSION_RATIO * len(compressed))
    limit = min(ratio_limit, budget.expanded_size_bytes)
    expanded = _decompress(algorithm, compressed, limit)
    budget.expanded_size_bytes -= len(expanded)
    return expanded


def _decompress(algorithm: int, compressed: bytes, limit: int) -> bytes:
    if algorithm not in _DECOMPRESSORS:
        raise UnreadableBlobError(ReadingState.BAD_COMPRESSION)
    decompressor = _DECOMPRESSORS[algorithm]()
    try:
        # One byte more than allowed tells "too large" from "exactly full"; zlib takes 0 as "no limit".
        expanded = decompressor.decompress(compressed, limit + 1)
    except (zlib.error, OSError) as error:  # bz2 reports damage as OSError
        raise UnreadableBlobError(ReadingState.BAD_COMPRESSION) from error
    if len(expanded) > limit:
        raise UnreadableBlobError(ReadingState.TOO_LARGE)
    if not decompressor.eof:
        raise UnreadableBlobError(ReadingState.TRUNCATED)
    return expanded
