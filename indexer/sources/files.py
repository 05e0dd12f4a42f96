"""Everything people have on disk → pages: lists, single objects, captures, trees, archives, standard input."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from indexer.errors import DecodeError, LimitError
from indexer.pages import Deletion, Page, Place, SourceReport
from indexer.sources.account import Account, is_image_folder, is_object_count
from indexer.sources.forms import are_images, find_images
from indexer.sources.inputs import Inputs, shown_name, total_size_bytes
from indexer.sources.json_pieces import json_pieces
from indexer.sources.limits import Budget, InputLimits
from indexer.sources.pieces import Envelope, Items, Whole
from indexer.sources.refusals import JSON_STARTS, refuse_content
from indexer.sources.streams import as_utf8
from indexer.sources.trouble import BadDocuments
from indexer.sources.yaml_pieces import yaml_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import msgspec

    from indexer.sources.inputs import Document
    from indexer.sources.pieces import Piece
    from indexer.sources.streams import Stream

logger = logging.getLogger(__name__)

PAGE_ITEMS = 500
PAGE_BYTES = 4 << 20
"""A page is closed at whichever comes first: this bounds what is decoded at once."""

_HEAD_BYTES = 1 << 20
_YAML_OBJECT = re.compile(
    rb"(?:[\s{\[]|- |---|#.*\n|%.*\n)*+"
    rb"""[:"']?(?:apiVersion|kind|items|metadata|dockerImage\w+|image|status)["']?\s*:"""
)
_IMAGE_FIELDS = re.compile(rb'dockerImage(?!Repository)|kind"?:\s*"?Image(?:List)?\b')


class FileSource:
    """Pages from files, folders and archives in the order given; `-` is standard input.

    Raises `ConfigurationError` for what is not there or can't be read, `DecodeError` for what holds something else
    (or skips and records it, with `skip_bad_items`), `LimitError` for what would cost too much.
    """

    def __init__(
        self, paths: Sequence[str], limits: InputLimits | None = None, *, skip_bad_items: bool = False
    ) -> None:
        self.paths = tuple(paths)
        self.report = SourceReport()
        self._limits = limits or InputLimits()
        self._budget = Budget(self._limits)
        self._bad = BadDocuments(skip_bad_items, self.report.skipped_items)
        self._inputs = Inputs(self._budget, self._bad)
        self._account = Account()

    @property
    def description(self) -> str:
        """The file names."""
        return "files: " + ", ".join(map(shown_name, self.paths))

    def pages(self) -> Iterator[Page]:
        """Yield pages of bounded size, across the borders of files."""
        self.report.total_size_bytes = total_size_bytes(self.paths)
        pager = _Pager()
        for path in self.paths:
            for run in self._found_in(path):
                yield from map(self._counted, pager.add(run))
        if (page := pager.finish()) is not None:
            yield self._counted(page)
        self._refuse_nothing()
        self._account.conclude(self.report, self._inputs.left_out_count)

    def _refuse_nothing(self) -> None:
        """Skipping everything is no success."""
        skipped = self.report.skipped_items
        if skipped and not self._account.forms:
            raise DecodeError(f"Nothing could be read; {len(skipped)} skipped, the first: {skipped[0].reason}")

    def _counted(self, page: Page) -> Page:
        self.report.page_count += 1
        self.report.read_size_bytes = self._budget.read_bytes
        return page

    def _found_in(self, path: str) -> Iterator[_Run]:
        self._account.begin()
        skipped_before = len(self.report.skipped_items)
        with self._bad.met(shown_name(path)):
            for document in self._inputs.open(path):
                with self._bad.met(document.origin):
                    yield from self._read(document)
        if len(self.report.skipped_items) == skipped_before:
            self._account.end(shown_name(path))

    def _read(self, document: Document) -> Iterator[_Run]:
        self._account.see_path(document.path)
        if is_object_count(document.path):
            self._account.see_object_count(document.stream.peek(_HEAD_BYTES))
            return
        stream = as_utf8(document.stream, document.origin)
        if not _is_stray(document) or _shows_images(stream.peek(_HEAD_BYTES)):
            yield from self._images_in(document, self._pieces(document, stream))
        elif _is_long_json(stream.peek(_HEAD_BYTES)):
            yield from self._look_into(document, stream)

    def _look_into(self, document: Document, stream: Stream) -> Iterator[_Run]:
        """Take apart what shows no Image in its first bytes; if it is broken before the first one, it is no input."""
        has_images = False
        try:
            for run in self._images_in(document, self._pieces(document, stream)):
                has_images = True
                yield run
        except DecodeError as error:
            if has_images or isinstance(error, LimitError):
                raise
            logger.info("Left out %s: %s", document.origin, error)

    def _pieces(self, document: Document, stream: Stream) -> Iterator[Piece]:
        head = stream.peek(_HEAD_BYTES)
        refuse_content(head, document.origin)
        reader = json_pieces if head.lstrip().startswith(JSON_STARTS) else yaml_pieces
        return reader(stream, document.origin, self._limits)

    def _images_in(self, document: Document, pieces: Iterator[Piece]) -> Iterator[_Run]:
        number = 1
        for piece in pieces:
            place = Place(document.origin, number)
            number += 1
            if isinstance(piece, Envelope):
                self._account.see_envelope(piece.text, piece.item_count, document.origin)
            elif isinstance(piece, Items):
                number += len(piece.texts) - 1
                yield from self._items_in(piece, document, place)
            elif isinstance(piece, Whole):
                yield from self._open(piece.text, None, document, place, is_alone=place.number == 1)
            else:
                with self._bad.met(*place):
                    raise piece.error

    def _items_in(self, items: Items, document: Document, place: Place) -> Iterator[_Run]:
        if are_images(items.texts, items.list_kind):
            self._account.see_images(len(items.texts), document.path, is_named=document.is_named)
            yield _Run(place, items.texts)
            return
        for number, text in enumerate(items.texts, place.number):
            yield from self._open(bytes(text), items.list_kind, document, place._replace(number=number))

    def _open(
        self, text: bytes, list_kind: str | None, document: Document, place: Place, *, is_alone: bool = False
    ) -> Iterator[_Run]:
        with self._bad.met(*place):
            for found in find_images(text, document.origin, list_kind):
                if found.form == "broken" and _is_stray(document) and not _IMAGE_FIELDS.search(text):
                    continue
                self._account.see(found, document.path, is_named=document.is_named, is_alone=is_alone)
                if found.image is not None or found.deletion is not None:
                    yield _Run(place, () if found.image is None else (found.image,), found.deletion)


def _shows_images(head: bytes) -> bool:
    """Whether a file that lies around is taken for input: it looks like objects and names a field of an Image."""
    looks_right = head.lstrip().startswith(JSON_STARTS) or _YAML_OBJECT.match(head)
    return bool(looks_right and _IMAGE_FIELDS.search(head))


def _is_long_json(head: bytes) -> bool:
    return len(head) == _HEAD_BYTES and head.lstrip().startswith(JSON_STARTS)


def _is_stray(document: Document) -> bool:
    """Whether a document lies around where nobody said there were Images."""
    return not (document.is_named or is_image_folder(document.path))


class _Run(NamedTuple):
    """Images that stand side by side, the first at `place`; or the deletion of one."""

    place: Place
    images: Sequence[bytes | msgspec.Raw]
    deletion: Deletion | None = None


class _Pager:
    """Gathers Images into pages."""

    def __init__(self) -> None:
        self._items: list[bytes | msgspec.Raw] = []
        self._places: list[Place] = []
        self._deletions: list[Deletion] = []
        self._size_bytes = 0

    def add(self, run: _Run) -> Iterator[Page]:
        """Add finds; yield the pages they fill."""
        if run.deletion is not None:
            self._deletions.append(run.deletion._replace(after_count=len(self._items)))
        for start in range(0, max(len(run.images), 1), PAGE_ITEMS):
            self._take(run.images[start : start + PAGE_ITEMS], run.place.origin, run.place.number + start)
            is_full = len(self._items) + len(self._deletions) >= PAGE_ITEMS or self._size_bytes >= PAGE_BYTES
            if is_full and (page := self.finish()) is not None:
                yield page

    def _take(self, images: Sequence[bytes | msgspec.Raw], origin: str, first_number: int) -> None:
        self._items.extend(images)
        self._places.extend(Place(origin, number) for number in range(first_number, first_number + len(images)))
        self._size_bytes += sum(map(len, images))

    def finish(self) -> Page | None:
        """Return what has been gathered, if anything."""
        if not (self._items or self._deletions):
            return None
        origin = self._places[0].origin if self._places else "watch events"
        page = Page(origin, self._items, size_bytes=self._size_bytes, places=self._places, deletions=self._deletions)
        self._items, self._places, self._deletions, self._size_bytes = [], [], [], 0
        return page
