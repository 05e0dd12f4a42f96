"""The store: a folder of immutable snapshots, `cluster=<name>/snapshot=<id>/` with parts and a receipt each.

Readers see whole snapshots only: a folder without a receipt is not one. `latest` is the newest complete snapshot of a
cluster. Folders whose name begins with `_` are ours and skipped by Spark and Arrow readers.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import ConfigurationError, SnapshotError, StoreError
from indexer.receipt import RECEIPT_NAME, Part, Receipt, read_receipt

if TYPE_CHECKING:
    from collections.abc import Iterable

WORK_FOLDER = "_work"
LATEST = "latest"
_CLUSTER, _SNAPSHOT = "cluster=", "snapshot="
_CLUSTER_NAME = re.compile(r"[a-z][a-z0-9.-]*")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published snapshot: its folder and its receipt."""

    folder: Path
    receipt: Receipt

    @property
    def cluster(self) -> str:
        """Cluster the snapshot was taken of."""
        return self.receipt.cluster

    @property
    def snapshot_id(self) -> str:
        """Id, which begins with the UTC time the export began."""
        return self.receipt.snapshot_id

    @property
    def part_paths(self) -> list[Path]:
        """Absolute paths of its Parquet parts, in order."""
        return [self.folder / part.name for part in self.receipt.parts]

    def check_parts(self) -> None:
        """Raise `SnapshotError` for a part that is missing or cut: cheaper than `verify`, so done at every opening."""
        for part in self.receipt.parts:
            path = self.folder / part.name
            if not path.is_file() or path.stat().st_size != part.size_bytes:
                raise SnapshotError(
                    f"{self.cluster}/{self.snapshot_id}: {part.name} is missing or cut.",
                    hint="Check the store with: image-indexer snapshots verify.",
                )


class Store:
    """A store that exists, or some clusters of it. Raises `StoreError` where there is none."""

    def __init__(self, location: str | Path, clusters: tuple[str, ...] = ()) -> None:
        self.folder = store_folder(location)
        self.clusters = clusters
        if not self.folder.is_dir():
            raise StoreError(
                f"There is no store at {location}.",
                hint="Name it with --store, or make one with export, import or demo.",
            )

    def snapshots(self, clusters: tuple[str, ...] = ()) -> list[Snapshot]:
        """Every snapshot (of these clusters), oldest first. Raises `SnapshotError` for a broken receipt."""
        found, broken = self.survey(clusters)
        if broken:
            raise broken[0]
        return found

    def survey(self, clusters: tuple[str, ...] = ()) -> tuple[list[Snapshot], list[SnapshotError]]:
        """Return what `snapshots` does, and beside it an error for every receipt that can't be read."""
        found, broken = [], []
        for folder in self._folders(clusters):
            try:
                found.append(_open(folder))
            except SnapshotError as error:
                # A snapshot that has expired since the folder was listed is not a broken one.
                if (folder / RECEIPT_NAME).exists():
                    broken.append(error)
        return _oldest_first(found), broken

    def latest(self, clusters: tuple[str, ...] = ()) -> list[Snapshot]:
        """Return the newest complete snapshot of every cluster (of these), in the order of cluster names."""
        newest = {snapshot.cluster: snapshot for snapshot in self.snapshots(clusters) if snapshot.receipt.is_complete}
        return [newest[cluster] for cluster in sorted(newest)]

    def choose(self, snapshot_id: str = LATEST, clusters: tuple[str, ...] = ()) -> list[Snapshot]:
        """Return the snapshots a reader asked for: `latest`, or the one with this id or a unique beginning of it."""
        if snapshot_id == LATEST:
            return self.latest(clusters)
        ids = {folder: folder.name.removeprefix(_SNAPSHOT) for folder in self._folders(clusters)}
        found = [folder for folder in ids if ids[folder] == snapshot_id]
        found = found or [folder for folder in ids if ids[folder].startswith(snapshot_id)]
        if len(found) == 1:
            return [_open(found[0])]
        problem = "No snapshot begins with" if not found else f"{len(found)} snapshots begin with"
        raise StoreError(f"{problem} {snapshot_id!r}.", hint="List them with: image-indexer snapshots list.")

    def _folders(self, clusters: tuple[str, ...]) -> list[Path]:
        """Folders of published snapshots (of these clusters): those that have a receipt."""
        clusters = clusters or self.clusters
        try:
            found = {path.name.removeprefix(_CLUSTER): path for path in _children(self.folder, _CLUSTER)}
            _refuse_unknown(clusters, set(found))
            chosen = [found[cluster] for cluster in sorted(found) if not clusters or cluster in clusters]
            folders = [folder for path in chosen for folder in _children(path, _SNAPSHOT)]
            return [folder for folder in folders if (folder / RECEIPT_NAME).exists()]
        except OSError as error:
            raise StoreError(
                f"Can't read the store {self.folder}: {error.strerror or error}.", hint="Check its permissions."
            ) from error


def store_folder(location: str | Path) -> Path:
    """Return the absolute folder of a store. Raises `ConfigurationError` for a URL: stores are local folders."""
    if "://" in str(location):
        raise ConfigurationError(
            f"Stores in object storage are not supported: {location}.", hint="Name a folder with --store."
        )
    return Path(location).absolute()


def check_cluster_name(name: str) -> str:
    """Return the name, or raise `ConfigurationError` for one that can't stand in a folder's name."""
    if not _CLUSTER_NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no cluster name.",
            hint="Use lower-case letters, digits, dots and hyphens, a letter first: --cluster prod-1.",
        )
    return name


def verify(snapshot: Snapshot) -> list[str]:
    """Hash every part and count its rows again; return what differs from the receipt, a sentence each."""
    problems = [problem for part in snapshot.receipt.parts for problem in _part_problems(snapshot.folder, part)]
    known = {RECEIPT_NAME, *(part.name for part in snapshot.receipt.parts)}
    extra = sorted(path.name for path in snapshot.folder.iterdir() if path.name not in known)
    problems += [f"{name} is not in the receipt." for name in extra]
    counted = sum(part.row_count for part in snapshot.receipt.parts)
    if counted != snapshot.receipt.image_count:
        problems.append(f"The receipt counts {snapshot.receipt.image_count} images, its parts {counted}.")
    return problems


def part_hash(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _part_problems(folder: Path, part: Part) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / part.name
    if not path.is_file():
        return [f"{part.name} is missing."]
    try:
        if part_hash(path) != part.sha256:
            return [f"{part.name} has changed: its sha256 is not the receipt's."]
        row_count = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        return [f"{part.name} can't be read: {error}."]
    return [] if row_count == part.row_count else [f"{part.name} has {row_count} rows, not {part.row_count}."]


def _children(folder: Path, prefix: str) -> list[Path]:
    """Folders of this prefix, sorted; unlike glob, it does not take a folder that can't be read for an empty one."""
    return sorted(path for path in folder.iterdir() if path.name.startswith(prefix) and path.is_dir())


def _oldest_first(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda snapshot: (snapshot.receipt.started_at, snapshot.snapshot_id))


def _open(folder: Path) -> Snapshot:
    where = f"{folder.parent.name}/{folder.name}/{RECEIPT_NAME}"
    try:
        text = (folder / RECEIPT_NAME).read_bytes()
    except OSError as error:
        raise SnapshotError(f"Can't read {where}: {error.strerror or error}.", hint="Check its permissions.") from error
    receipt = read_receipt(text, where)
    stands_in = f"{_CLUSTER}{receipt.cluster}/{_SNAPSHOT}{receipt.snapshot_id}"
    if not where.startswith(f"{stands_in}/"):
        raise SnapshotError(f"{where} is the receipt of {stands_in}.", hint="Move the folder back to its own name.")
    return Snapshot(folder, receipt)


def _refuse_unknown(wanted: tuple[str, ...], known: set[str]) -> None:
    missing = [cluster for cluster in wanted if cluster not in known]
    if missing:
        raise StoreError(
            f"The store has no cluster {missing[0]!r}.",
            hint=f"It has: {', '.join(sorted(known)) or 'none'}.",
        )
