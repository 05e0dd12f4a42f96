"""Source → snapshot: pages are decoded, staged and published, or nothing is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from indexer.decode import BadItems, decode_page
from indexer.receipt import Receipt
from indexer.writer import SnapshotWriter, new_snapshot_id

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.pages import Source
    from indexer.store import Snapshot


class Progress(Protocol):
    """Told how far a run has come; `total_count` is the source's estimate, None while unknown."""

    def advance(self, read_count: int, total_count: int | None) -> None:
        """`read_count` objects have been decoded so far."""


class NoProgress:
    """Progress that nobody watches."""

    def advance(self, read_count: int, total_count: int | None) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """`is_complete` overrules what the source shows; `skip_bad_items` keeps an account instead of failing."""

    cluster: str
    is_complete: bool | None = None
    skip_bad_items: bool = False


def ingest(source: Source, location: str | Path, options: IngestOptions, progress: Progress | None = None) -> Snapshot:
    """Read a source to its end and publish one snapshot.

    Raises whatever the source, the decoder or the store raises; nothing is published then.
    """
    progress = progress or NoProgress()
    started_at = dt.datetime.now(dt.UTC)
    bad_items = BadItems(skip=options.skip_bad_items)
    with SnapshotWriter(location, options.cluster, new_snapshot_id(started_at)) as writer:
        for page in source.pages():
            writer.write(decode_page(page, bad_items))
            progress.advance(writer.read_count, source.report.expected_count)
        receipt = _receipt(source, writer, options, bad_items, started_at)
        return writer.publish(receipt)


def _receipt(
    source: Source, writer: SnapshotWriter, options: IngestOptions, bad_items: BadItems, started_at: dt.datetime
) -> Receipt:
    read_count = writer.read_count
    parts, duplicate_count = writer.finish_parts()
    report = source.report
    is_partial = report.completeness == "partial" or bool(bad_items.skipped)
    return Receipt(
        tool_version=version("image-indexer"),
        cluster=options.cluster,
        snapshot_id=writer.snapshot_id,
        source=source.description,
        server_version=report.server_version,
        resource_versions=report.resource_versions,
        is_complete=not is_partial if options.is_complete is None else options.is_complete,
        is_consistent=report.is_consistent,
        completeness="partial" if is_partial else report.completeness,
        expected_count=report.expected_count,
        read_count=read_count,
        image_count=read_count - duplicate_count,
        duplicate_count=duplicate_count,
        page_count=report.page_count,
        retry_count=report.retry_count,
        expired_count=report.expired_count,
        broken_at=report.broken_at,
        skipped_items=bad_items.skipped,
        warnings=report.warnings,
        started_at=started_at,
        finished_at=dt.datetime.now(dt.UTC),
        parts=parts,
    )
