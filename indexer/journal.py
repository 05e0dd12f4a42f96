"""The journal of an unfinished run: what is staged already and where the source can go on.

It is written each time a part is finished, so that a run killed at any instant loses no more than the part it was
filling. It lives beside the staged parts in the work folder and never leaves it.
"""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from indexer.files import write_durably
from indexer.locks import held
from indexer.pages import SkippedItem
from indexer.places import Folder, work_folder
from indexer.receipt import Part
from indexer.schema import SCHEMA_VERSION
from indexer.store import is_published, part_hash, remove_unpublished, snapshot_folder

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL_NAME = "_journal.json"


class Journal(msgspec.Struct, kw_only=True):
    """State of a run after a finished part; `resume_point` is the source's own word for where to go on."""

    schema_version: int = SCHEMA_VERSION
    snapshot_id: str
    request_key: str
    started_at: dt.datetime
    resume_point: bytes
    parts: list[Part]
    is_ordered: bool
    last_name: str
    skipped_items: list[SkippedItem]

    def write(self, staging: Path) -> None:
        """Put the journal beside the staged parts, whole or not at all."""
        write_durably(staging / JOURNAL_NAME, msgspec.json.encode(self))


def staging_folder(store: Folder, cluster: str, snapshot_id: str) -> Path:
    """Where the parts of an unpublished snapshot are staged."""
    return work_folder(store) / f"{cluster}.{snapshot_id}"


def unfinished(store: Folder, cluster: str, request_key: str) -> Journal | None:
    """Return the newest unfinished run of this cluster that made the same request and whose parts are whole.

    A run that was killed between its receipt and its end is finished: its snapshot must never be written again.
    """
    for staging in reversed(_staging_folders(store, cluster)):
        journal = _read(staging)
        if not journal or journal.request_key != request_key or not _is_whole(staging, journal):
            continue
        if not is_published(snapshot_folder(store, cluster, journal.snapshot_id)):
            return journal
    return None


def remove_leftovers(store: Folder, cluster: str, keep: str | None = None) -> None:
    """Remove what dead runs of this cluster left, but for the snapshot to be resumed and what living runs hold."""
    for staging in _staging_folders(store, cluster):
        # It may be gone by now: an import beside this run has published it.
        with suppress(FileNotFoundError):
            if staging.name != f"{cluster}.{keep}":
                _remove_unheld(staging, snapshot_folder(store, cluster, staging.name.rpartition(".")[2]))


def _remove_unheld(staging: Path, target: Folder) -> None:
    with held(staging) as is_free:
        if is_free:
            remove_unpublished(target)
            shutil.rmtree(staging, ignore_errors=True)


def _staging_folders(store: Folder, cluster: str) -> list[Path]:
    """Folders of one cluster, oldest first; cluster names may hold dots, snapshot ids don't."""
    found = work_folder(store).glob(f"{cluster}.*")
    return sorted(path for path in found if path.is_dir() and path.name.rpartition(".")[0] == cluster)


def _read(staging: Path) -> Journal | None:
    """None for a journal that is missing, broken or of another schema version: then there is nothing to resume."""
    try:
        journal = msgspec.json.decode((staging / JOURNAL_NAME).read_bytes(), type=Journal)
    except (OSError, msgspec.DecodeError):
        return None
    return journal if journal.schema_version == SCHEMA_VERSION else None


def _is_whole(staging: Path, journal: Journal) -> bool:
    paths = [(staging / part.name, part) for part in journal.parts]
    return all(path.is_file() and part_hash(path) == part.sha256 for path, part in paths)
