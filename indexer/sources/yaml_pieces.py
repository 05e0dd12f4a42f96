"""YAML text → its objects, one by one: documents and the items of lists are cut apart by lines before they are parsed.

A list as `oc get -o yaml` prints it has its items at one indentation below a line `items:`; nothing inside an item
stands that far left, whatever quotes or blocks it is written in. So a list of any length is held only in batches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from indexer.errors import DecodeError
from indexer.sources.limits import exceeded
from indexer.sources.pieces import Broken, Envelope, Items, Piece, Whole
from indexer.sources.streams import BLOCK_BYTES
from indexer.sources.yaml_values import Anchors, YamlError, json_text, yaml_roots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.sources.limits import InputLimits
    from indexer.sources.streams import Stream

_ITEMS = re.compile(rb"items:\s*(?:#.*)?\Z")
_DASH = re.compile(rb"( *)-(?:\s|\Z)")
_BOUNDARY = re.compile(rb"(?:---|\.\.\.)(?:\s|\Z)")
_ANYWHERE = (b"#", "\x85".encode(), "\u2028".encode(), "\u2029".encode())
"""Comments stand at any indentation, and so do, inside quoted texts, what is a line break to YAML 1.1 and not to us."""

_BATCH_BYTES = 1 << 18
_OBJECT_SHARE = 4
"""Parsed YAML takes many times its size in memory, so a document may have this part of what an object may."""


def yaml_pieces(stream: Stream, origin: str, limits: InputLimits) -> Iterator[Piece]:
    """Yield the objects of lists and of documents.

    Raises `DecodeError` for a document that is no YAML, naming the line; an item of a list that is none is `Broken`.
    """
    document = _Document(origin, limits)
    for number, line in enumerate(_lines(stream, origin, limits)):
        if line[:1] in b"-." and _BOUNDARY.match(line):
            yield from document.finish()
            document = _Document(origin, limits, number)
        document.take(line, number)
        if document.ready:
            yield from document.ready
            document.ready = []
    yield from document.finish()


def _lines(stream: Stream, origin: str, limits: InputLimits) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n") if b"\n" in block else (rest + block,)
        yield from lines
        if len(rest) > limits.object_bytes:
            raise exceeded(origin, "has a line that is too long", "object_bytes", limits.object_bytes)
    if rest:
        yield rest


class _Document:
    """One document: the lines around its items, and the batch of items being gathered."""

    def __init__(self, origin: str, limits: InputLimits, first_line: int = 0) -> None:
        self._origin, self._limits, self._first_line = origin, limits, first_line
        self._around: list[bytes] = []
        self._items: list[list[bytes]] = []
        self._items_line = 0
        self._held_bytes = 0
        self._indent: bytes | None = None
        self._may_be_item = False
        self._has_begun = False
        self._count: int | None = None
        self._anchors = Anchors()
        self.ready: list[Piece] = []

    def take(self, line: bytes, number: int) -> None:
        """Add a line; pieces that are finished by it are put into `ready`."""
        if self._may_be_item and self._take_item_line(line, number):
            return
        self._may_be_item = bool(_ITEMS.match(line))
        # Directives such as %YAML stand before the mark of their document, which would end one here.
        is_directive = line.startswith(b"%") and not self._has_begun
        self._has_begun = self._has_begun or bool(line.strip() and not is_directive)
        self._around.append(b"" if is_directive else line)
        self._hold(line)

    def finish(self) -> Iterator[Piece]:
        """Yield what is left."""
        self._flush()
        yield from self.ready
        for root in self._parse(self._around, self._first_line):
            if isinstance(root, list):
                yield from (Whole(json_text(element)) for element in root)
            elif isinstance(root, dict):
                text = json_text(_without_symbols(root))
                yield Whole(text) if self._count is None else Envelope(text, self._count)
            elif root is not None:
                raise DecodeError(f"{self._origin} holds plain text, not objects.", hint="Export the Images again.")

    def _take_item_line(self, line: bytes, number: int) -> bool:
        """Take a line into the items; False for one that stands further left and is no item."""
        if self._indent is None:
            dash = _DASH.match(line)
            if dash is None:
                return not line.strip()
            self._indent, self._count = dash[1], 0
            self._around.pop()
        indent = self._indent
        if line.startswith(indent + b"-") and _DASH.match(line):
            if self._held_bytes > _BATCH_BYTES:
                self._flush()
            if not self._items:
                self._items_line = number
            self._items.append([])
        elif line.strip() and not (line.startswith(indent + b" ") or line.lstrip(b" ").startswith(_ANYWHERE)):
            self._indent = None
            return False
        self._items[-1].append(line)
        self._hold(line)
        return True

    def _hold(self, line: bytes) -> None:
        self._held_bytes += len(line) + 1
        limit = self._limits.object_bytes // _OBJECT_SHARE
        if self._held_bytes > limit:
            raise exceeded(self._origin, "has YAML that is too large in one piece", "object_bytes", limit)

    def _flush(self) -> None:
        """Parse the items that are held; all at once, and one by one only where that fails."""
        items, line = self._items, self._items_line
        self._items, self._held_bytes = [], 0
        if not items:
            return
        self._count = (self._count or 0) + len(items)
        try:
            roots = self._parse([line for item in items for line in item], line)
        except DecodeError:
            for item in items:
                self.ready.append(self._judge(item, line))
                line += len(item)
            return
        self.ready.append(Items([json_text(element) for root in roots for element in root]))

    def _judge(self, item: list[bytes], line: int) -> Piece:
        try:
            return Items([json_text(self._parse(item, line)[0][0])])
        except DecodeError as error:
            return Broken(error)

    def _parse(self, lines: list[bytes], first_line: int) -> list[Any]:
        try:
            return yaml_roots(b"\n".join(lines), self._origin, self._limits, self._anchors)
        except YamlError as error:
            message = f"{self._origin}, line {first_line + error.line + 1}: {error.message}."
            raise DecodeError(message, hint=error.hint) from error


def _without_symbols(root: dict[str, Any]) -> dict[str, Any]:
    """Take the colons off keys that Ruby wrote as symbols (`:metadata:`), where all keys are such."""
    if not root or not all(key.startswith(":") for key in root):
        return root
    return {key[1:]: _plain(value) for key, value in root.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, dict):
        return {key.removeprefix(":"): _plain(member) for key, member in value.items()}
    return value
