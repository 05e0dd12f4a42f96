"""The store: a folder of immutable snapshots, `cluster=<name>/snapshot=<id>/` with parts and a receipt each.

Readers see whole snapshots only: a folder without a receipt is not one. `latest` is the newest complete snapshot of a
cluster. Folders whose name begins with `_` are ours and skipped by Spark and Arrow readers. A store in object storage
is read by one listing of its clusters, one of each cluster's snapshots, and one request for each receipt wanted.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.errors import ConfigurationError, SnapshotError, StoreError
from indexer.places import Folder, Location, RemotePath, file_sizes, folder_at, for_each, open_file
from indexer.receipt import RECEIPT_NAME, Part, Receipt, read_receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LATEST = "latest"
_CLUSTER, _SNAPSHOT = "cluster=", "snapshot="
_RECEIPTS_AT_ONCE = 8
_CLUSTER_NAME = re.compile(r"[a-z][a-z0-9.-]*")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published snapshot: its folder and its receipt."""

    folder: Folder
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
    def part_paths(self) -> list[Folder]:
        """Absolute paths or addresses of its Parquet parts, in order."""
        return [self.folder / part.name for part in self.receipt.parts]

    def check_parts(self) -> None:
        """Raise `SnapshotError` for a part that is missing or cut: cheaper than `verify`, so done at every opening."""
        try:
            sizes = file_sizes(self.folder)
        except FileNotFoundError:
            sizes = {}
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        for part in self.receipt.parts:
            if sizes.get(part.name) != part.size_bytes:
                raise SnapshotError(
                    f"{self.cluster}/{self.snapshot_id}: {part.name} is missing or cut.",
                    hint="Check the store with: image-indexer snapshots verify.",
                )


class Store:
    """A store that exists, or some clusters of it. Raises `StoreError` where there is none."""

    def __init__(self, location: Location, clusters: tuple[str, ...] = ()) -> None:
        self.folder = folder_at(location)
        self.clusters = clusters
        try:
            is_there = self.folder.is_dir()
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        if not is_there:
            raise StoreError(
                f"There is no store at {location}.",
                hint="Name it with --store, or make one with export, import or demo.",
            )

    def snapshots(self, clusters: tuple[str, ...] = ()) -> list[Snapshot]:
        """Every snapshot (of these clusters), oldest first. Raises `SnapshotError` for a broken receipt."""
        return _oldest_first(_whole(self._read(self.folders(clusters))))

    def survey(self, clusters: tuple[str, ...] = ()) -> tuple[list[Snapshot], list[SnapshotError]]:
        """Return what `snapshots` does, and beside it an error for every receipt that can't be read."""
        found = self._read(self.folders(clusters))
        whole = [snapshot for snapshot in found if isinstance(snapshot, Snapshot)]
        return _oldest_first(whole), [error for error in found if isinstance(error, SnapshotError)]

    def latest(self, clusters: tuple[str, ...] = ()) -> list[Snapshot]:
        """Return the newest complete snapshot of every cluster (of these), in the order of cluster names."""
        found = [self._newest_complete(folder) for folder in self._cluster_folders(clusters)]
        return [snapshot for snapshot in found if snapshot]

    def choose(self, snapshot_id: str = LATEST, clusters: tuple[str, ...] = ()) -> list[Snapshot]:
        """Return the snapshots a reader asked for: `latest`, or the one with this id or a unique beginning of it."""
        if snapshot_id == LATEST:
            return self.latest(clusters)
        beginning = [folder for folder in self.folders(clusters) if _id_of(folder).startswith(snapshot_id)]
        found = self._read(folder for folder in beginning if _id_of(folder) == snapshot_id) or self._read(beginning)
        if len(found) == 1:
            return _whole(found)
        problem = "No snapshot begins with" if not found else f"{len(found)} snapshots begin with"
        raise StoreError(f"{problem} {snapshot_id!r}.", hint="List them with: image-indexer snapshots list.")

    def folders(self, clusters: tuple[str, ...] = ()) -> list[Folder]:
        """Folders of snapshots (of these clusters), published or not."""
        found = for_each(self.folder, self._snapshot_folders, self._cluster_folders(clusters))
        return [folder for folders in found for folder in folders]

    def check_parts(self, snapshots: Sequence[Snapshot]) -> None:
        """Do as `Snapshot.check_parts` does for each of several."""
        for_each(self.folder, Snapshot.check_parts, snapshots)

    def _newest_complete(self, cluster: Folder) -> Snapshot | None:
        """Go back from the newest, a few receipts at a time: ids begin with the time, and a store may be years long."""
        folders = self._snapshot_folders(cluster)
        while folders:
            # Ids of one second are in no order, so they stay together.
            oldest = _id_of(folders[-_RECEIPTS_AT_ONCE:][0]).partition("-")[0]
            newest = [folder for folder in folders if _id_of(folder) >= oldest]
            folders = folders[: -len(newest)]
            complete = [snapshot for snapshot in _whole(self._read(newest)) if snapshot.receipt.is_complete]
            if complete:
                return _oldest_first(complete)[-1]
        return None

    def _read(self, folders: Iterable[Folder]) -> list[Snapshot | SnapshotError]:
        """Read receipts; folders without one are left out."""
        return [found for found in for_each(self.folder, _open, folders) if found]

    def _cluster_folders(self, clusters: tuple[str, ...]) -> list[Folder]:
        clusters = clusters or self.clusters
        found = {path.name.removeprefix(_CLUSTER): path for path in self._children(self.folder, _CLUSTER)}
        _refuse_unknown(clusters, set(found))
        return [found[cluster] for cluster in sorted(found) if not clusters or cluster in clusters]

    def _snapshot_folders(self, cluster: Folder) -> list[Folder]:
        return self._children(cluster, _SNAPSHOT)

    def _children(self, folder: Folder, prefix: str) -> list[Folder]:
        """Folders of this prefix, sorted; unlike glob, an unreadable folder is not taken for an empty one."""
        try:
            found: list[Folder] = [path for path in folder.iterdir() if path.name.startswith(prefix) and path.is_dir()]
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        return sorted(found, key=lambda path: path.name)


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
    sizes = file_sizes(snapshot.folder)
    found = for_each(snapshot.folder, lambda part: _part_problems(snapshot.folder, part, sizes), snapshot.receipt.parts)
    problems = [problem for of_part in found for problem in of_part]
    known = {RECEIPT_NAME, *(part.name for part in snapshot.receipt.parts)}
    extra = sorted(path.name for path in snapshot.folder.iterdir() if path.name not in known)
    problems += [f"{name} is not in the receipt." for name in extra]
    counted = sum(part.row_count for part in snapshot.receipt.parts)
    if counted != snapshot.receipt.image_count:
        problems.append(f"The receipt counts {snapshot.receipt.image_count} images, its parts {counted}.")
    return problems


def part_hash(path: Folder) -> str:
    """Return the sha256 of a file, in hex."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def snapshot_folder(store: Folder, cluster: str, snapshot_id: str) -> Folder:
    """Where a snapshot stands once it is published."""
    return store / f"{_CLUSTER}{cluster}" / f"{_SNAPSHOT}{snapshot_id}"


def is_published(folder: Folder) -> bool:
    """Whether a snapshot's folder has its receipt. Azure shows an object empty from the moment it is opened."""
    receipt = folder / RECEIPT_NAME
    return receipt.size_bytes() > 0 if isinstance(receipt, RemotePath) else receipt.exists()


def withdraw(folder: RemotePath) -> None:
    """Delete a remote snapshot: its receipt first, which takes it out of sight, then the rest."""
    (folder / RECEIPT_NAME).unlink(missing_ok=True)
    folder.remove()


def remove_unpublished(folder: Folder) -> None:
    """Delete what a run uploaded that ended before its receipt; a local store has nothing of the kind."""
    if isinstance(folder, RemotePath) and not is_published(folder):
        folder.remove()


def _part_problems(folder: Folder, part: Part, sizes: dict[str, int]) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / part.name
    if part.name not in sizes:
        return [f"{part.name} is missing."]
    try:
        if sizes[part.name] != part.size_bytes or part_hash(path) != part.sha256:
            return [f"{part.name} has changed: its sha256 is not the receipt's."]
        with open_file(path) as file:
            row_count = pq.read_metadata(file).num_rows
    except (OSError, pa.ArrowException) as error:
        if isinstance(folder, RemotePath) and isinstance(error, OSError):
            raise _unreadable(folder, error) from error
        return [f"{part.name} can't be read: {error}."]
    return [] if row_count == part.row_count else [f"{part.name} has {row_count} rows, not {part.row_count}."]


def _id_of(folder: Folder) -> str:
    return folder.name.removeprefix(_SNAPSHOT)


def _whole(found: list[Snapshot | SnapshotError]) -> list[Snapshot]:
    """Raise the first error there is."""
    for snapshot in found:
        if isinstance(snapshot, SnapshotError):
            raise snapshot
    return [snapshot for snapshot in found if isinstance(snapshot, Snapshot)]


def _unreadable(store: Folder, error: OSError) -> StoreError:
    hint = "Check the address, the credentials and the network." if isinstance(store, RemotePath) else ""
    return StoreError(
        f"Can't read the store {store}: {error.strerror or error}.", hint=hint or "Check its permissions."
    )


def _oldest_first(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda snapshot: (snapshot.receipt.started_at, snapshot.snapshot_id))


def _open(folder: Folder) -> Snapshot | SnapshotError | None:
    """Read the receipt of a folder; None where there is none."""
    where = f"{folder.parent.name}/{folder.name}/{RECEIPT_NAME}"
    try:
        text = (folder / RECEIPT_NAME).read_bytes()
        if not text and isinstance(folder, RemotePath):
            return None  # see is_published
        receipt = read_receipt(text, where)
    except FileNotFoundError:
        return None
    except OSError as error:
        if isinstance(folder, RemotePath):
            raise _unreadable(folder, error) from error  # a store that does not answer is no broken snapshot
        return SnapshotError(f"Can't read {where}: {error.strerror or error}.", hint="Check its permissions.")
    except SnapshotError as error:
        return error
    stands_in = f"{_CLUSTER}{receipt.cluster}/{_SNAPSHOT}{receipt.snapshot_id}"
    if not where.startswith(f"{stands_in}/"):
        return SnapshotError(f"{where} is the receipt of {stands_in}.", hint="Move the folder back to its own name.")
    return Snapshot(folder, receipt)


def _refuse_unknown(wanted: tuple[str, ...], known: set[str]) -> None:
    missing = [cluster for cluster in wanted if cluster not in known]
    if missing:
        raise StoreError(
            f"The store has no cluster {missing[0]!r}.",
            hint=f"It has: {', '.join(sorted(known)) or 'none'}.",
        )
