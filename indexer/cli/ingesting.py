"""What the writing commands do between their options and the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.cli.diagnostics import logger, note
from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource

if TYPE_CHECKING:
    from indexer.pages import Source
    from indexer.store import Snapshot


def run_import(paths: tuple[str, ...], location: str, options: IngestOptions) -> None:
    """Import files and say on stderr what was published."""
    run_ingest(FileSource(paths), location, options)


def run_ingest(source: Source, location: str, options: IngestOptions) -> Snapshot:
    """Publish a snapshot of a source and say on stderr what it is."""
    from indexer.cli.progress import terminal_progress

    with terminal_progress(click.get_current_context().meta) as progress:
        snapshot = ingest(source, location, options, progress)
    report(snapshot)
    return snapshot


def report(snapshot: Snapshot) -> None:
    """Say what was published, and everything about it that a careful reader must know."""
    receipt = snapshot.receipt
    for warning in receipt.warnings:
        logger.warning("%s", warning)
    for item in receipt.skipped_items[:10]:
        logger.warning("Skipped %s, item %s: %s", item.origin, item.number, item.reason)
    if receipt.skipped_items:
        logger.warning("%s items were skipped; the receipt names each.", len(receipt.skipped_items))
    if not receipt.is_complete:
        logger.warning("The snapshot is partial: views show it only with --snapshot %s.", receipt.snapshot_id)
    note(
        f"Published {receipt.cluster}/{receipt.snapshot_id}: {receipt.image_count} images, "
        f"{'complete' if receipt.is_complete else 'partial'}."
    )
