"""What `watch` does between its options and the store."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import click

from indexer.cli.ingesting import report, tell
from indexer.cli.progress import terminal_progress
from indexer.client.request import ListRequest
from indexer.ingest import IngestOptions
from indexer.watch import WatchOptions, watch

if TYPE_CHECKING:
    from indexer.cli.follow import PaceOptions
    from indexer.cli.input_options import ItemOptions
    from indexer.cli.options import OutcomeOptions
    from indexer.cluster import Connection


def follow(
    connection: Connection,
    location: str,
    cluster: str | None,
    pace: PaceOptions,
    items: ItemOptions,
    outcome: OutcomeOptions,
) -> None:
    """Follow a cluster and say of each snapshot what was published."""
    ingest = IngestOptions(cluster or connection.cluster_name, skip_bad_items=items.skip_bad, redactor=items.redactor())
    options = WatchOptions(ingest, pace.every, pace.max_changes, ListRequest(limit=pace.limit))
    with (
        terminal_progress(click.get_current_context().meta) as progress,
        closing(watch(connection, location, options, progress)) as snapshots,
    ):
        for snapshot in islice(snapshots, pace.snapshot_count):
            report(snapshot)
            tell(snapshot, location, outcome)
