"""JSON text → its objects, one by one: a list of any length is never held, only one object and one block.

No JSON library hands out the text of single elements of a document that is still arriving, and the text is what must
be kept. So the end of each value is found by counting brackets outside strings (one expression in C does the
skipping); whether it is JSON in between is the decoder's business. Elements that lie whole in a block go faster: where
the last one ends is guessed, and the JSON library proves the guess or it is dropped.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import DecodeError
from indexer.pages import is_ours
from indexer.sources.limits import exceeded
from indexer.sources.pieces import Envelope, Items, Piece, Whole
from indexer.sources.streams import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.sources.limits import InputLimits
    from indexer.sources.streams import Stream

_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+([{}\[\]]?)', re.DOTALL)
_TO_CONTENT = re.compile(rb"[ \t\r\n\x1e]*+")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_PLAIN = re.compile(rb"[^\s,:{}\[\]\"]++")
_STATED = (b'"apiVersion"', b'"kind"')
_GOES_ON = (b"{", b"[", b",")
_START_BYTES = 16
_MOST_GUESSES = 10_000
_CUT_HINT = "It is cut short; fetch it again."
_FIRST_LINE_BYTES = 1 << 20
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


def json_pieces(stream: Stream, origin: str, limits: InputLimits) -> Iterator[Piece]:
    """Yield the objects of a list, of an array, of lines, or of documents that follow each other.

    Raises `DecodeError` for text that ends within a value or is no JSON between values.
    """
    if _has_lines(stream.peek(_FIRST_LINE_BYTES)):
        yield from _lines(stream, origin, limits)
    else:
        yield from _Reader(stream, origin, limits).pieces()


def _has_lines(head: bytes) -> bool:
    """Whether the first line is one object and no list, and more follow."""
    first, _, rest = head.partition(b"\n")
    if not rest.strip() or not first.startswith(b"{") or b'"items"' in first:
        return False
    try:
        msgspec.json.decode(first, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _lines(stream: Stream, origin: str, limits: InputLimits) -> Iterator[Piece]:
    """Yield an object a line, broken ones too, until one goes on behind its line."""
    rest = b""
    is_first = True
    while block := stream.read(BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n") if b"\n" in block else (rest + block,)
        ended = list(takewhile(lambda line: not line.rstrip().endswith(_GOES_ON), lines))
        objects = [line for line in ended if line.strip()]
        if is_first and objects:
            yield Whole(objects.pop(0))
            is_first = False
        if objects:
            yield Items(objects)
        if len(ended) < len(lines):
            yield from _Reader(stream, origin, limits, b"\n".join([*lines[len(ended) :], rest])).pieces()
            return
        if len(rest) > limits.object_bytes:
            raise exceeded(origin, "has a line that is too long", "object_bytes", limits.object_bytes)
    if rest.strip():
        yield Whole(rest)


class _Reader:
    """The part of the text that is held, and how far into it the reading is."""

    def __init__(self, stream: Stream, origin: str, limits: InputLimits, text: bytes = b"") -> None:
        self._stream, self._origin, self._limits = stream, origin, limits
        self._text = text
        self._at = 0
        self._count = 0
        self._may_guess = True

    def pieces(self) -> Iterator[Piece]:
        while first := self._next():
            if first == b"{":
                yield from self._object()
            elif first == b"[":
                yield from (Whole(bytes(text)) for items in self._elements(None) for text in items.texts)
            else:
                raise self._malformed(first)

    def _object(self) -> Iterator[Piece]:
        text = self._whole_object()
        if text is not None:
            yield Whole(text)
            return
        self._at += 1
        members: list[bytes] = []
        size_bytes = 0
        stated: dict[bytes, str] = {}
        count = None
        while (first := self._next(b",")) != b"}":
            key = self._key(first)
            if key == b'"items"' and self._next() == b"[":
                before = self._count
                # A list of another API says nothing of its elements: `config.openshift.io` has an ImageList, too.
                is_known = is_ours(stated.get(b'"apiVersion"'))
                yield from self._elements(stated.get(b'"kind"') if is_known else None)
                count = (count or 0) + self._count - before
                continue
            value = self._value()
            if key in _STATED:
                stated[key] = value.strip(b'"').decode(errors="replace")
            members.append(key + b":" + value)
            size_bytes += len(members[-1])
            self._check_size(size_bytes)
        self._at += 1
        text = b"{" + b",".join(members) + b"}"
        yield Whole(text) if count is None else Envelope(text, count)

    def _whole_object(self) -> bytes | None:
        """Take the object as it stands if all of it is here and it is no list: `items` tells, long before the end."""
        end = self._end_before_items()
        if end is None and self._items_at() < 0 and self._more():
            end = self._end_before_items()
        if end is None:
            return None
        text = self._text[self._at : end]
        self._at = end
        return text

    def _items_at(self) -> int:
        return self._text.find(b'"items"', self._at)

    def _end_before_items(self) -> int | None:
        depth, items_at = 0, self._items_at()
        for match in _TO_BRACKET.finditer(self._text, self._at):
            bracket = match[1]
            if not bracket or 0 <= items_at < match.end():
                return None
            depth += 1 if bracket in b"{[" else -1
            if depth == 0:
                return match.end()
        return None

    def _elements(self, kind: str | None) -> Iterator[Items]:
        self._at += 1
        while self._next(b",") != b"]":
            texts = self._whole_elements()
            if not texts and self._more():
                texts = self._whole_elements()
            texts = texts or [msgspec.Raw(self._value())]
            self._count += len(texts)
            yield Items(texts, kind)
        self._at += 1

    def _whole_elements(self) -> list[msgspec.Raw]:
        """Take the elements that end in the text that is held, as many as can be had at once; else none."""
        guesses = (self._end_before_last, self._end_by_braces) if self._may_guess else ()
        self._may_guess = False
        for guess in guesses:
            end = guess()
            with suppress(msgspec.DecodeError, RecursionError):
                elements = _ELEMENTS.decode(b"[%b]" % self._text[self._at : end])
                if elements:
                    self._at = end
                    return elements
        return []

    def _end_before_last(self) -> int:
        """Return where the last element but one ends, if elements begin alike and nothing else does."""
        start = self._text[self._at : self._at + _START_BYTES]
        return self._text.rfind(b"}", self._at, max(self._text.rfind(start, self._at), self._at)) + 1

    def _end_by_braces(self) -> int:
        """Return where the last closing brace stands that leaves no brace open, as if there were none in strings."""
        end = len(self._text)
        open_count = self._text.count(b"{", self._at) - self._text.count(b"}", self._at)
        for _ in range(_MOST_GUESSES):
            brace = self._text.rfind(b"}", self._at, end)
            if brace < 0:
                break
            open_count -= self._text.count(b"{", brace, end)
            if open_count == 0:
                return brace + 1
            open_count += 1
            end = brace
        return 0

    def _key(self, first: bytes) -> bytes:
        if first != b'"':
            raise self._malformed(first)
        key = self._value()
        if (colon := self._next()) != b":":
            raise self._malformed(colon)
        self._at += 1
        return key

    def _value(self) -> bytes:
        first = self._next()
        end = self._bracket_end() if first and first in b"{[" else self._plain_end(_STRING if first == b'"' else _PLAIN)
        text = self._text[self._at : end]
        self._at = end
        return text

    def _bracket_end(self) -> int:
        depth, at = 0, self._at
        while True:
            for match in _TO_BRACKET.finditer(self._text, at):
                bracket = match[1]
                if not bracket:
                    break
                depth += 1 if bracket in b"{[" else -1
                at = match.end()
                if depth == 0:
                    return at
            at -= self._at
            if not self._more():
                raise self._cut()
            at += self._at

    def _plain_end(self, pattern: re.Pattern[bytes]) -> int:
        """Find the end of a string, or of a number or word; those may go on in the next block."""
        while True:
            match = pattern.match(self._text, self._at)
            if match and (pattern is _STRING or match.end() < len(self._text)):
                return match.end()
            if not self._more():
                if match:
                    return match.end()
                raise self._malformed(self._text[self._at : self._at + 1]) if pattern is _PLAIN else self._cut()

    def _next(self, separator: bytes = b"") -> bytes:
        """Go to the next byte that is no white space (and no separator) and return it, nothing at the end."""
        while True:
            match = _TO_CONTENT.match(self._text, self._at)
            self._at = match.end() if match else self._at
            first = self._text[self._at : self._at + 1]
            if first and first == separator:
                self._at += 1
            elif first or not self._more():
                return first

    def _more(self) -> bool:
        """Read on; as much again as is held, so that a long value is not looked at too often."""
        held = self._text[self._at :]
        self._check_size(len(held))
        blocks = [held]
        missing = max(BLOCK_BYTES, len(held))
        while missing > 0 and (block := self._stream.read(missing)):
            blocks.append(block)
            missing -= len(block)
        self._text, self._at = b"".join(blocks), 0
        self._may_guess = True
        return len(blocks) > 1

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._limits.object_bytes:
            raise exceeded(self._origin, "has an object that is too large", "object_bytes", self._limits.object_bytes)

    def _cut(self) -> DecodeError:
        return DecodeError(f"{self._origin} ends within a value{self._where()}.", hint=_CUT_HINT)

    def _malformed(self, found: bytes) -> DecodeError:
        if not found:
            return self._cut()
        return DecodeError(
            f"{self._origin} is not JSON{self._where()}: {found.decode(errors='replace')!r} is out of place.",
            hint="Look at what wrote it, or fetch it again.",
        )

    def _where(self) -> str:
        return f" after item {self._count}" if self._count else ""
