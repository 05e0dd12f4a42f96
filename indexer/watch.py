"""Following a cluster: after a consistent snapshot its changes are collected, and published as whole new snapshots.

A snapshot of a watch is the one before it with the changes since, at the resourceVersion of the last event: as complete
and consistent as a new list. Nothing is kept but snapshots, so a watch that starts again goes on from the newest.
"""

from __future__ import annotations

import heapq
import logging
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from indexer.client.request import ListRequest
from indexer.client.watching import Change, Watch
from indexer.errors import ExpiredError, IncompleteError
from indexer.ingest import IngestOptions, Progress, export_locked, exporting, ingest
from indexer.pages import Page, SourceReport
from indexer.places import Folder, Location, folder_at, open_file
from indexer.sources.api import ApiSource
from indexer.store import Snapshot, Store

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from indexer.cluster import Connection

logger = logging.getLogger(__name__)

PAGE_ITEMS = 500
FUTILE_LISTS = 3
"""How many lists in a row may be too old for a watch before that is an error."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """When a snapshot is due: `every_seconds` after the last if anything changed, or after `change_count` changes.

    `request` gives page size and patience; a watch has no selectors, since its snapshots are of the whole resource.
    """

    ingest: IngestOptions
    every_seconds: float = 900
    change_count: int = 1000
    request: ListRequest = field(default_factory=ListRequest)


def watch(
    connection: Connection, location: Location, options: WatchOptions, progress: Progress | None = None
) -> Generator[Snapshot, None, None]:
    """Yield every snapshot that is published, the first being a new list where the store has none to start from.

    Runs until it is closed or fails. Raises what `export` raises, and `SourceError` when the server stays away.
    """
    store = folder_at(location)
    with exporting(store, options.ingest.cluster):
        following = _Following(connection, store, options, progress)
        while True:
            try:
                yield from following.snapshots()
            except ExpiredError as error:
                following.expire(error)


class _Following:
    """A watch over a base snapshot, until the server can't go on from it."""

    def __init__(
        self, connection: Connection, location: Folder, options: WatchOptions, progress: Progress | None
    ) -> None:
        self.connection, self.location, self.options, self.progress = connection, location, options, progress
        self.source = ApiSource(connection, options.request)
        self.stream: Watch | None = None
        self.futile_count = 0
        self.base = newest_base(location, options.ingest.cluster, self.source.description)

    def snapshots(self) -> Iterator[Snapshot]:
        if self.base is None:
            self.base = self._list()
            yield self.base
        base, request = self.base, self.options.request
        position = base.receipt.resource_versions[-1]
        self.stream = Watch(self.connection, position, request.timeouts, request.retries)
        while True:
            overlay = self._collect(self.stream)
            if overlay:
                source = OverlaySource(base, overlay, self.stream.position, self.source.description)
                self.base = base = ingest(source, self.location, self.options.ingest, self.progress)
                yield base

    def expire(self, error: ExpiredError) -> None:
        """Start from a new list next time. Raises `IncompleteError` when new lists don't help either."""
        self.futile_count = 0 if self.stream and self.stream.has_heard else self.futile_count + 1
        if self.futile_count > FUTILE_LISTS:
            raise IncompleteError(
                f"{self.connection.server} can't be followed from its own lists: {error.message}",
                hint="Use export instead; something between here and the API server mixes up answers.",
            ) from error
        logger.warning("%s Listing everything again.", error.message)
        self.base = self.stream = None

    def _list(self) -> Snapshot:
        self.source = ApiSource(self.connection, self.options.request)
        return export_locked(self.source, self.location, self.options.ingest, self.progress)

    def _collect(self, stream: Watch) -> dict[str, bytes | None]:
        """Collect changes until a snapshot is due: the new object by name, None for one that was deleted."""
        overlay: dict[str, bytes | None] = {}
        for change in stream.changes(self.options.every_seconds):
            _apply(overlay, change)
            if len(overlay) >= self.options.change_count:
                break
        return overlay


class OverlaySource:
    """A snapshot with changes laid over it, as a source: the whole resource at `resource_version`."""

    def __init__(
        self, base: Snapshot, overlay: dict[str, bytes | None], resource_version: str, description: str
    ) -> None:
        self._base = base
        self._overlay = overlay
        self._description = description
        self._report = SourceReport(
            resource_versions=[resource_version],
            server_version=base.receipt.server_version,
            cluster_identity=base.receipt.cluster_identity,
            warnings=list(base.receipt.warnings),
        )

    @property
    def description(self) -> str:
        """That of the list the watch began with."""
        return self._description

    @property
    def report(self) -> SourceReport:
        """What stands in the receipt: complete and consistent, as the base was."""
        return self._report

    def pages(self) -> Iterator[Page]:
        """Yield all objects, in the order of their names."""
        items = self._items()
        while chunk := list(islice(items, PAGE_ITEMS)):
            self._report.page_count += 1
            yield Page(f"page {self._report.page_count} of the watch", chunk)

    def _items(self) -> Iterator[bytes]:
        kept = ((name, item) for name, item in base_items(self._base) if name not in self._overlay)
        changed = sorted((name, item) for name, item in self._overlay.items() if item is not None)
        return (item for _, item in heapq.merge(kept, changed, key=lambda pair: pair[0]))


def base_items(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    """Yield name and JSON of every object of a snapshot, one part at a time in memory.

    Parts follow each other in the order of names, and rows within a part in an order of their own: see `parts`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in snapshot.part_paths:
        with open_file(path) as file, pq.ParquetFile(file) as part:
            stored = part.read(columns=["metadata.name", "raw_json"]).flatten()
            rows = pa.table(stored.columns, names=["name", "text"]).sort_by("name")
        for batch in rows.to_batches(PAGE_ITEMS):
            yield from zip(batch["name"].to_pylist(), map(str.encode, batch["text"].to_pylist()), strict=True)


def newest_base(location: Folder, cluster: str, source: str) -> Snapshot | None:
    """Find the newest snapshot a watch may start from: complete, of one moment, from this very server."""
    if not location.is_dir():
        return None
    found = [snapshot for snapshot in Store(location).snapshots() if snapshot.cluster == cluster]
    return next((snapshot for snapshot in reversed(found) if _is_base(snapshot, source)), None)


def _is_base(snapshot: Snapshot, source: str) -> bool:
    receipt = snapshot.receipt
    is_whole = receipt.is_complete and receipt.is_consistent and not receipt.skipped_items
    return is_whole and receipt.source == source and len(receipt.resource_versions) == 1


def _apply(overlay: dict[str, bytes | None], change: Change) -> None:
    overlay[change.name] = None if change.kind == "DELETED" else change.item
