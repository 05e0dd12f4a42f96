"""Small Image objects and pages made by hand, and ways to decode and publish them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from indexer.decode import decode_page
from indexer.ingest import IngestOptions, ingest
from indexer.pages import Page, SourceReport, read_page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from indexer.store import Snapshot


def name_of(number: int) -> str:
    """Digest-like name of the object with this number."""
    return f"sha256:{number:064x}"


def image(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an Image object with a name and the fields given by their API keys."""
    metadata = {"name": name_of(number)} | fields.pop("metadata", {})
    return {"metadata": metadata, **fields}


def page_text(items: Iterable[dict[str, Any]], **metadata: Any) -> bytes:
    """Return the JSON text of an ImageList page."""
    return json.dumps({"kind": "ImageList", "metadata": metadata, "items": list(items)}).encode()


def decoded(*items: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    """Rows of one decoded page; items are objects or their JSON text."""
    texts = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
    rows: list[dict[str, Any]] = decode_page(Page("page 1", texts)).to_pylist(maps_as_pydicts="strict")
    return rows


class PageSource:
    """A source of pages given as JSON texts."""

    description = "pages of a test"

    def __init__(self, *texts: bytes, completeness: str = "proven", is_consistent: bool = True) -> None:
        self.texts = texts
        self.report = SourceReport(completeness=completeness, is_consistent=is_consistent)

    def pages(self):
        """Yield every page."""
        for number, text in enumerate(self.texts, 1):
            self.report.page_count = number
            yield read_page(text, f"page {number}")


def publish(store: str | Path, *items: dict[str, Any], cluster: str = "test", **report: Any) -> Snapshot:
    """Publish a snapshot of these objects."""
    return ingest(PageSource(page_text(items), **report), store, IngestOptions(cluster))
