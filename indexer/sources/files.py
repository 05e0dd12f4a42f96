"""Files and standard input → pages: ImageList pages, `List` documents, single Images and NDJSON, plain or gzipped."""

from __future__ import annotations

import gzip
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import ConfigurationError, DecodeError
from indexer.pages import Page, SourceReport, check_text, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STANDARD_INPUT = "-"
_GZIP_MAGIC = b"\x1f\x8b"


class FileSource:
    """Pages from files in the order given; `-` is standard input.

    Raises `ConfigurationError` for a file that is not there or can't be read, `DecodeError` for one that holds
    something else.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        self.report = SourceReport()

    @property
    def description(self) -> str:
        """The file names."""
        return "files: " + ", ".join(
            Path(path).name if path != STANDARD_INPUT else "standard input" for path in self.paths
        )

    def pages(self) -> Iterator[Page]:
        """Yield a page a document; NDJSON is one page a file."""
        seen = _Seen()
        for path in self.paths:
            for page in read_document(_content(path), _origin(path)):
                seen.add(page)
                self.report.page_count += 1
                yield page
        seen.conclude(self.report)


class _Seen:
    """What the pages of a run show about completeness."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.items: dict[str, int] = defaultdict(int)
        self.announced: dict[str, int] = defaultdict(int)
        self.ended: dict[str, bool] = defaultdict(bool)

    def add(self, page: Page) -> None:
        self.kinds.add(page.kind)
        if page.kind != "ImageList":
            return
        version = page.metadata.resource_version or ""
        self.items[version] += len(page.items)
        total = len(page.items) + (page.metadata.remaining_item_count or 0)
        self.announced[version] = max(self.announced[version], total)
        self.ended[version] |= not page.metadata.continue_

    def conclude(self, report: SourceReport) -> None:
        report.resource_versions = sorted(version for version in self.items if version)
        report.is_consistent = len(self.items) <= 1
        report.completeness = "unproven" if self.kinds - {"ImageList"} else "proven"
        if self.items:
            report.expected_count = sum(self.announced.values())
        if self.kinds == {"Image"}:
            report.completeness = "partial"
            report.warnings.append("Single objects are not the whole resource.")
        for version, items in self.items.items():
            if not self.ended[version] or items < self.announced[version]:
                report.completeness = "partial"
                report.warnings.append(f"Pages of the list at resourceVersion {version or 'unknown'} are missing.")


def read_document(body: bytes, origin: str) -> Iterator[Page]:
    """Yield the page of one document, or of NDJSON lines."""
    lines = body.splitlines()
    if len(lines) > 1 and _is_whole(lines[0]) and _is_object(lines[0]):
        check_text(body, origin)
        items = [line for line in lines if line.strip()]
        yield Page(origin, items, "NDJSON", size_bytes=len(body))
    else:
        yield read_page(body, origin)


def _is_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_object(line: bytes) -> bool:
    return line.lstrip().startswith(b"{")


def _content(path: str) -> bytes:
    try:
        body = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Can't read {path}: {error.strerror or error}.", hint="Check the path.") from error
    if not body.startswith(_GZIP_MAGIC):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError) as error:
        raise DecodeError(f"{_origin(path)} is broken gzip: {error}.", hint="Fetch it again.") from error


def _origin(path: str) -> str:
    return "standard input" if path == STANDARD_INPUT else Path(path).name
