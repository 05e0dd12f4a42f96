"""What the commands on snapshots do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.cli.emit import emit
from indexer.errors import SnapshotError, StoreError
from indexer.store import Store, verify

if TYPE_CHECKING:
    from indexer.cli.options import OutputOptions


def list_snapshots(location: str, clusters: tuple[str, ...], output: OutputOptions) -> None:
    """Write a row a snapshot. Raises `SnapshotError` behind the rows for receipts that can't be read."""
    import duckdb

    from indexer.relations import create_snapshots

    found, broken = Store(location).survey(clusters)
    with duckdb.connect() as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        create_snapshots(connection, "main", found)
        emit(connection.sql("FROM snapshots ORDER BY taken_at, cluster, snapshot_id"), output)
    if broken:
        raise broken[0]


def show_snapshot(location: str, snapshot_id: str, clusters: tuple[str, ...]) -> None:
    """Write one receipt. Raises `StoreError` where there is none or the clusters have several."""
    chosen = Store(location).choose(snapshot_id, clusters)
    if len(chosen) != 1:
        raise StoreError(
            f"{len(chosen)} clusters have a complete snapshot.", hint="Choose with --cluster, or give a snapshot's id."
        )
    click.echo(chosen[0].receipt.to_json(), nl=False)


def verify_snapshots(location: str, snapshot_id: str | None, clusters: tuple[str, ...]) -> None:
    """Verify snapshots, a line each. Raises `SnapshotError` if any is broken."""
    store = Store(location)
    chosen, unreadable = (store.choose(snapshot_id, clusters), []) if snapshot_id else store.survey(clusters)
    for error in unreadable:
        click.echo(error.message)
    broken_count = len(unreadable)
    for snapshot in chosen:
        problems = verify(snapshot)
        broken_count += bool(problems)
        for problem in problems or ["whole"]:
            click.echo(f"{snapshot.cluster}/{snapshot.snapshot_id}: {problem}")
    if broken_count:
        raise SnapshotError(
            f"{broken_count} of {len(chosen) + len(unreadable)} snapshots are broken.", hint="Export them again."
        )
