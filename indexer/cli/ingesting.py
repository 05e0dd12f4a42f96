"""What the writing commands do between their options and the store."""

from __future__ import annotations

import atexit
import gc
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from indexer.cli.diagnostics import logger, note
from indexer.cli.progress import terminal_progress
from indexer.client.request import ListRequest
from indexer.ingest import IngestOptions, export, ingest
from indexer.receipt import PART_ROWS
from indexer.sources.api import ApiSource
from indexer.sources.files import FileSource
from indexer.sources.probes import ISSUER
from indexer.store import Store

if TYPE_CHECKING:
    from indexer.cli.options import OutcomeOptions
    from indexer.cluster import Connection
    from indexer.ingest import Progress
    from indexer.redaction import Redactor
    from indexer.sources.limits import InputLimits
    from indexer.store import Snapshot


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a live cluster is exported; without a name the cluster is called after its server."""

    cluster: str | None = None
    skip_bad_items: bool = False
    resume: bool = True
    part_rows: int = PART_ROWS
    request: ListRequest = field(default_factory=ListRequest)
    redactor: Redactor | None = None


def run_import(paths: tuple[str, ...], location: str, options: IngestOptions, limits: InputLimits) -> Snapshot:
    """Import files and say on stderr what was published."""
    suit_bulk_work()
    source = FileSource(paths, limits, skip_bad_items=options.skip_bad_items)
    with terminal_progress(click.get_current_context().meta) as progress:
        snapshot = ingest(source, location, options, progress)
    report(snapshot)
    if not snapshot.receipt.is_complete and options.is_complete is None:
        note("If you know this input to be everything, import it again with --complete.")
    return snapshot


def run_export(connection: Connection, location: str, options: ExportOptions) -> Snapshot:
    """Export a live list and say on stderr what was published."""
    suit_bulk_work()
    with terminal_progress(click.get_current_context().meta) as progress:
        snapshot = export_into(location, connection, options, progress)
    report(snapshot)
    return snapshot


def export_into(location: str, connection: Connection, options: ExportOptions, progress: Progress) -> Snapshot:
    """Export a live list."""
    cluster = options.cluster or connection.cluster_name
    ingest_options = IngestOptions(
        cluster, skip_bad_items=options.skip_bad_items, part_rows=options.part_rows, redactor=options.redactor
    )
    source = ApiSource(connection, options.request)
    snapshot = export(source, location, ingest_options, progress, resume=options.resume)
    _warn_of_another_cluster(snapshot, location)
    return snapshot


def _warn_of_another_cluster(snapshot: Snapshot, location: str) -> None:
    """Say so when the name was another cluster's: their snapshots would be taken for one series."""
    identity = snapshot.receipt.cluster_identity or ""
    known = [each.receipt.cluster_identity for each in Store(location).survey((snapshot.cluster,))[0]]
    others = {other for other in known if other and other.startswith(ISSUER) and other != identity}
    if identity.startswith(ISSUER) and others:
        logger.warning(
            "The store has snapshots of another cluster under the name %s (%s, now %s); give it a name of its own with "
            "--cluster.",
            snapshot.cluster,
            ", ".join(sorted(others)),
            identity,
        )


def suit_bulk_work() -> None:
    """Settle how this process uses memory; only a command may choose for its whole process, so the library does not.

    Arrow's buffers come from jemalloc where it is built in: peak memory is a tenth less than with mimalloc. The
    collector of cycles runs seldom and passes over what is imported: decoding makes many containers and no cycles, and
    looking through them took a sixth of its time.
    """
    import pyarrow as pa

    with suppress(NotImplementedError):
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    gc.freeze()
    # The engine's module complains at the end about what the collector can't reach.
    atexit.register(gc.unfreeze)
    gc.set_threshold(50_000, 20, 100)


def tell(snapshot: Snapshot, location: str, outcome: OutcomeOptions) -> None:
    """Tell machines about a published snapshot: the receipt on stdout, metrics in a file."""
    if outcome.receipt:
        click.echo(snapshot.receipt.to_json(), nl=False)
    if outcome.metrics_file:
        from indexer.metrics import write_metrics

        write_metrics([snapshot], location, outcome.metrics_file)


def report(snapshot: Snapshot) -> None:
    """Say what was published, and everything about it that a careful reader must know."""
    receipt = snapshot.receipt
    for warning in receipt.warnings:
        logger.warning("%s", warning)
    for item in receipt.skipped_items[:10]:
        logger.warning("Skipped %s, item %s: %s", item.origin, item.number, item.reason)
    if receipt.skipped_items:
        logger.warning("%s items were skipped; the receipt names each.", len(receipt.skipped_items))
    if receipt.redaction:
        note(f"{receipt.redaction.value_count} values of environment variables were replaced by hashes.")
    if not receipt.is_complete:
        logger.warning("The snapshot is partial: views show it only with --snapshot %s.", receipt.snapshot_id)
    note(
        f"Published {receipt.cluster}/{receipt.snapshot_id}: {receipt.image_count} images, "
        f"{'complete' if receipt.is_complete else 'partial'}."
    )
