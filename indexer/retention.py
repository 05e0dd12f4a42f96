"""Which snapshots of a store are kept, and how the others go: out of sight at once, then file by file."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from indexer.errors import ConfigurationError, StoreError
from indexer.files import sync_folder, writing_to
from indexer.places import WORK_FOLDER, Folder, RemotePath, for_each
from indexer.store import is_published, withdraw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from indexer.store import Snapshot, Store

EXPIRED_SUFFIX = ".expired"
_UPLOAD_TIME = dt.timedelta(days=1)
"""No upload takes so long: what is older and has no receipt was given up."""


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """Of how many days, ISO weeks and months (in UTC) a snapshot is kept; periods without one are not counted.

    Raises `ConfigurationError` where it would keep nothing.
    """

    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def __post_init__(self) -> None:
        if not (self.daily or self.weekly or self.monthly):
            raise ConfigurationError(
                "Nothing says what to keep.", hint="Give --keep-daily, --keep-weekly or --keep-monthly."
            )

    @property
    def periods(self) -> tuple[tuple[str, int, Callable[[Snapshot], str]], ...]:
        """Name, number and key of each kind of period."""
        return (
            ("daily", self.daily, lambda snapshot: f"{snapshot.receipt.started_at:%Y-%m-%d}"),
            ("weekly", self.weekly, lambda snapshot: f"{snapshot.receipt.started_at:%G-%V}"),
            ("monthly", self.monthly, lambda snapshot: f"{snapshot.receipt.started_at:%Y-%m}"),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A snapshot and why it is kept; without a reason it expires."""

    snapshot: Snapshot
    reasons: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether anything speaks for it."""
        return bool(self.reasons)


def judge(snapshots: Iterable[Snapshot], policy: KeepPolicy) -> list[Verdict]:
    """Return a verdict for each snapshot, by cluster, oldest first.

    The newest complete snapshot of a cluster always stays. Of a period the last one of one moment is kept, or the last
    complete one where there is none such. A partial one stays until a complete one follows it.
    """
    in_order = sorted(snapshots, key=lambda snapshot: (snapshot.cluster, *_age(snapshot)))
    by_cluster = groupby(in_order, key=lambda snapshot: snapshot.cluster)
    return [verdict for _, group in by_cluster for verdict in _judge_cluster(list(group), policy)]


def _age(snapshot: Snapshot) -> tuple[object, str]:
    return snapshot.receipt.started_at, snapshot.snapshot_id


def _judge_cluster(snapshots: Sequence[Snapshot], policy: KeepPolicy) -> list[Verdict]:
    complete = [snapshot for snapshot in snapshots if snapshot.receipt.is_complete]
    reasons: dict[str, list[str]] = {snapshot.snapshot_id: [] for snapshot in snapshots}
    if complete:
        reasons[complete[-1].snapshot_id].append("latest")
    for name, count, key in policy.periods:
        for snapshot in _last_of_periods(complete, count, key):
            reasons[snapshot.snapshot_id].append(name)
    for snapshot in snapshots[snapshots.index(complete[-1]) + 1 if complete else 0 :]:
        reasons[snapshot.snapshot_id].append("no complete one since")
    return [Verdict(snapshot, tuple(reasons[snapshot.snapshot_id])) for snapshot in snapshots]


def _last_of_periods(snapshots: Sequence[Snapshot], count: int, key: Callable[[Snapshot], str]) -> list[Snapshot]:
    """Pick one of each of the last `count` periods that have any."""
    best: dict[str, Snapshot] = {}
    for snapshot in snapshots:
        earlier = best.get(key(snapshot))
        if earlier is None or snapshot.receipt.is_consistent or not earlier.receipt.is_consistent:
            best[key(snapshot)] = snapshot
    return [best[period] for period in sorted(best)[len(best) - min(count, len(best)) :]]


def expire(store: Store, snapshots: Iterable[Snapshot]) -> None:
    """Delete snapshots. Killed at any instant, it leaves each one whole or out of sight; the next run clears up.

    In object storage, what killed uploads have left goes, too. Raises `StoreError` for what can't be deleted.
    """
    if isinstance(store.folder, RemotePath):
        _expire_remotely(store, snapshots)
        return
    work = store.folder / WORK_FOLDER
    for leftover in sorted(work.glob(f"*{EXPIRED_SUFFIX}")):
        _delete(leftover)
    for snapshot in snapshots:
        hidden = work / f"{snapshot.cluster}.{snapshot.snapshot_id}{EXPIRED_SUFFIX}"
        with writing_to(store.folder):
            work.mkdir(exist_ok=True)
            _hide(store.folder / snapshot.folder.parent.name / snapshot.folder.name, hidden)
        _delete(hidden)


def _hide(folder: Path, hidden: Path) -> None:
    with suppress(FileNotFoundError):  # another run has taken it
        folder.rename(hidden)
    sync_folder(hidden.parent)
    sync_folder(folder.parent)


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise StoreError(f"Can't delete all of {folder}.", hint="Check its permissions and run it again.")


def _expire_remotely(store: Store, snapshots: Iterable[Snapshot]) -> None:
    try:
        for_each(store.folder, _withdraw, [snapshot.folder for snapshot in snapshots])
        for_each(store.folder, _remove_abandoned, store.folders())
    except OSError as error:
        raise StoreError(
            f"Can't delete all of it in {store.folder}: {error}.", hint="Check the credentials and run it again."
        ) from error


def _withdraw(folder: Folder) -> None:
    if isinstance(folder, RemotePath):
        withdraw(folder)


def _remove_abandoned(folder: Folder) -> None:
    """Delete objects without a receipt, unless they are so new that their upload may be under way."""
    if not isinstance(folder, RemotePath) or is_published(folder):
        return
    if all(path.changed_at() < dt.datetime.now(dt.UTC) - _UPLOAD_TIME for path in folder.iterdir()):
        folder.remove()
