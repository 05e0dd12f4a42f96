"""What the commands on snapshots do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from indexer.cli.diagnostics import note
from indexer.cli.emit import emit, emit_columns, emit_document
from indexer.cli.options import DOCUMENT
from indexer.errors import SnapshotError, StoreError
from indexer.retention import KeepPolicy, Verdict, expire, judge
from indexer.store import Store, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.cli.options import OutputOptions
    from indexer.store import Snapshot


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


def show_snapshot(location: str, snapshot_id: str, clusters: tuple[str, ...], output: OutputOptions) -> None:
    """Write one receipt. Raises `StoreError` where there is none or the clusters have several."""
    receipt = _only_one(Store(location), snapshot_id, clusters).receipt.to_json()
    if output.format == DOCUMENT:
        emit_document(receipt, output)
    else:
        emit_columns({name: [value] for name, value in json.loads(receipt).items()}, output)


def _only_one(store: Store, snapshot_id: str, clusters: tuple[str, ...]) -> Snapshot:
    chosen = store.choose(snapshot_id, clusters)
    if len(chosen) != 1:
        raise StoreError(
            f"{len(chosen)} clusters have a complete snapshot.", hint="Choose with --cluster, or give a snapshot's id."
        )
    return chosen[0]


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


def diff_snapshots(
    location: str, ids: tuple[str | None, str | None], clusters: tuple[str, ...], query: str, output: OutputOptions
) -> None:
    """Write the rows of a query on the difference of two snapshots.

    Raises `StoreError` for an id that is unknown, and for a snapshot that can't be compared.
    """
    from indexer.catalog import Catalog

    store = Store(location)
    before, after = (_comparable(store, given, clusters) if given else None for given in ids)
    concerned = tuple(snapshot.cluster for snapshot in (before, after) if snapshot) or clusters
    with Catalog(Store(location, concerned), ()) as catalog:
        given = {"before": before and before.snapshot_id, "after": after and after.snapshot_id}
        rows = catalog.query(query, **given)
        if not rows.limit(1).fetchall():
            note("There is no difference, or no earlier snapshot to compare with.")
        emit(rows, output)


def _comparable(store: Store, snapshot_id: str, clusters: tuple[str, ...]) -> Snapshot:
    snapshot = _only_one(store, snapshot_id, clusters)
    receipt = snapshot.receipt
    if receipt.is_complete and receipt.is_consistent:
        return snapshot
    what = "not of one moment" if receipt.is_complete else "partial"
    raise StoreError(
        f"{snapshot.cluster}/{snapshot.snapshot_id} is {what}: a difference to it would mean nothing.",
        hint="Compare others; image-indexer query growth says which can be compared.",
    )


def expire_snapshots(
    location: str, clusters: tuple[str, ...], policy: KeepPolicy, output: OutputOptions, *, is_trial: bool
) -> None:
    """Delete what a policy does not keep, and write a verdict a snapshot.

    Raises `StoreError` for what can't be deleted, `SnapshotError` behind the rows for receipts that can't be read: such
    snapshots are left alone.
    """
    store = Store(location)
    found, broken = store.survey(clusters)
    verdicts = judge(found, policy)
    going = [verdict.snapshot for verdict in verdicts if not verdict.is_kept]
    if not is_trial:
        expire(store, going)
    freed = sum(part.size_bytes for snapshot in going for part in snapshot.receipt.parts)
    note(f"{len(going)} of {len(found)} snapshots {'would expire' if is_trial else 'expired'}: {freed:,} bytes.")
    _emit_verdicts(verdicts, output)
    if broken:
        raise broken[0]


def _emit_verdicts(verdicts: Sequence[Verdict], output: OutputOptions) -> None:
    import pyarrow as pa

    columns = {
        "cluster": pa.array([verdict.snapshot.cluster for verdict in verdicts], pa.string()),
        "snapshot_id": pa.array([verdict.snapshot.snapshot_id for verdict in verdicts], pa.string()),
        "is_kept": pa.array([verdict.is_kept for verdict in verdicts], pa.bool_()),
        "reasons": pa.array([", ".join(verdict.reasons) or None for verdict in verdicts], pa.string()),
    }
    emit_columns(columns, output)
