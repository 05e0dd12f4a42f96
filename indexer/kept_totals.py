"""Totals of snapshots, kept in the cache folder: a snapshot never changes, so what it holds is added up once.

A file `<hash>.totals` has the figures of one snapshot. The hash is over its receipt, which has the hashes of its parts,
and, as with the query index, over the SQL of the views and the versions of format and engine: a stale file is never
found. A file is written under another name and renamed, so it is whole or not there, and two processes that write at
once write the same. One that can't be read is written again; where none can be written, that costs only time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec

from indexer import index_tables
from indexer.places import cache_folder
from indexer.schema import SCHEMA_VERSION
from indexer.view_schema import SNAPSHOT_TOTALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from indexer.store import Snapshot

logger = logging.getLogger(__name__)

SUFFIX = ".totals"
SHARE_IMAGE_COUNT = 100_000
"""Snapshots are added up together up to so many images, so that memory does not grow with the number of nights."""

_COLUMNS = [column.name for column in SNAPSHOT_TOTALS.columns]
_IDS = 2
_DAY_SECONDS = 86_400
_UNUSED_DAYS = 90

Row = tuple[Any, ...]
"""A row of the view `snapshot_totals`."""


class _Totals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in a file: the hash it is named by, and the figures of the view by column."""

    name: str
    figures: dict[str, int]


def totals_of(snapshots: Sequence[Snapshot], add_up: Callable[[Sequence[Snapshot]], Iterable[Row]]) -> list[Row]:
    """Return the rows of the view for these snapshots: those that are kept, and the others added up and kept."""
    known = [_read(snapshot) for snapshot in snapshots]
    missing = [snapshot for snapshot, row in zip(snapshots, known, strict=True) if row is None]
    rows = [row for row in known if row]
    for share in _shares(missing):
        added = list(add_up(share))
        _keep(share, added)
        rows += added
    return rows


def totals_path(snapshot: Snapshot) -> Path:
    """Return the file for a snapshot, whether it exists or not."""
    content = hashlib.sha256(f"{_sources_hash()} {SCHEMA_VERSION} {duckdb.__version__}\n".encode())
    content.update(snapshot.receipt.to_json())
    return cache_folder() / f"{content.hexdigest()}{SUFFIX}"


@cache
def _sources_hash() -> str:
    return hashlib.sha256(index_tables.sources_text().encode()).hexdigest()


def _read(snapshot: Snapshot) -> Row | None:
    path = totals_path(snapshot)
    try:
        totals = msgspec.json.decode(path.read_bytes(), type=_Totals)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if totals.name != path.stem or list(totals.figures) != _COLUMNS[_IDS:]:
        return None
    with suppress(OSError):  # a cache that can be read only
        if time.time() - path.stat().st_mtime > _DAY_SECONDS:
            os.utime(path)
    return snapshot.cluster, snapshot.snapshot_id, *totals.figures.values()


def _keep(snapshots: Sequence[Snapshot], rows: Iterable[Row]) -> None:
    by_id = {row[:_IDS]: row[_IDS:] for row in rows}
    try:
        for snapshot in snapshots:
            figures = by_id[snapshot.cluster, snapshot.snapshot_id]
            _write(totals_path(snapshot), dict(zip(_COLUMNS[_IDS:], figures, strict=True)))
        _forget_unused(cache_folder())
    except OSError as error:
        logger.warning("Totals of snapshots can't be kept (%s): queries over many nights take longer.", error)


def _write(path: Path, figures: dict[str, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.stem}.{secrets.token_hex(4)}{SUFFIX}")
    try:
        new.touch(mode=0o600, exist_ok=False)
        new.write_bytes(msgspec.json.encode(_Totals(path.stem, figures)))
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _forget_unused(folder: Path) -> None:
    """Remove what nobody has asked for in months: totals of expired snapshots, and of older versions of the views."""
    for file in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # another process forgets, too
            if time.time() - file.stat().st_mtime > _UNUSED_DAYS * _DAY_SECONDS:
                file.unlink()


def _shares(snapshots: Iterable[Snapshot]) -> Iterator[list[Snapshot]]:
    """Yield snapshots together as long as they have no more than `SHARE_IMAGE_COUNT` images."""
    share: list[Snapshot] = []
    for snapshot in snapshots:
        image_counts = (each.receipt.image_count for each in (*share, snapshot))
        if share and sum(image_counts) > SHARE_IMAGE_COUNT:
            yield share
            share = []
        share.append(snapshot)
    if share:
        yield share
