"""What the commands on snapshots do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.cli.emit import emit
from indexer.errors import SnapshotError
from indexer.store import Store, verify

if TYPE_CHECKING:
    from indexer.cli.options import OutputOptions


def list_snapshots(location: str, clusters: tuple[str, ...], output: OutputOptions) -> None:
    """Write a row a snapshot."""
    import duckdb

    from indexer.catalog import create_snapshots

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_snapshots(connection, "main", Store(location).snapshots(clusters))
        emit(connection.sql("FROM snapshots ORDER BY taken_at, cluster, snapshot_id"), output)


def verify_snapshots(location: str, snapshot_id: str | None, clusters: tuple[str, ...]) -> None:
    """Verify snapshots, a line each. Raises `SnapshotError` if any is broken."""
    store = Store(location)
    chosen = store.choose(snapshot_id, clusters) if snapshot_id else store.snapshots(clusters)
    broken = 0
    for snapshot in chosen:
        problems = verify(snapshot)
        broken += bool(problems)
        for problem in problems or ["whole"]:
            click.echo(f"{snapshot.cluster}/{snapshot.snapshot_id}: {problem}")
    if broken:
        raise SnapshotError(f"{broken} of {len(chosen)} snapshots are broken.", hint="Export them again.")
