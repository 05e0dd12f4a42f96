"""Stores of many nights: snapshots taken at moments a test chooses, through the real writer."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from fleets import ObjectSource
from msgspec.structs import replace

from indexer.ingest import IngestOptions, ingest
from indexer.receipt import RECEIPT_NAME
from indexer.writer import new_snapshot_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fleets import Object

    from indexer.receipt import Receipt

FIRST_NIGHT = dt.datetime(2026, 3, 1, 2, 0, tzinfo=dt.UTC)


def night(number: int) -> dt.datetime:
    """Return the moment of the n-th night, from 0."""
    return FIRST_NIGHT + dt.timedelta(days=number)


def write_night(
    store: Path, objects: Sequence[Object], cluster: str = "fleet", taken_at: dt.datetime = FIRST_NIGHT, **said: Any
) -> Receipt:
    """Publish a snapshot as if it had been taken at that moment; `said` overrules other words of its receipt."""
    snapshot = ingest(ObjectSource(objects), store, IngestOptions(cluster))
    receipt = replace(
        snapshot.receipt, snapshot_id=new_snapshot_id(taken_at), started_at=taken_at, finished_at=taken_at, **said
    )
    (snapshot.folder / RECEIPT_NAME).write_bytes(receipt.to_json())
    snapshot.folder.rename(snapshot.folder.with_name(f"snapshot={receipt.snapshot_id}"))
    return receipt


def spoil_rows(path: Path) -> None:
    """Overwrite the rows of a part; its size stays, and its footer, which tells the columns."""
    content = path.read_bytes()
    footer_bytes = int.from_bytes(content[-8:-4], "little") + 8
    path.write_bytes(content[:4] + bytes(len(content) - 4 - footer_bytes) + content[-footer_bytes:])
