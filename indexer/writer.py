"""Writing a snapshot: parts are staged under `_work/`, and one rename publishes them together with their receipt.

Nothing is visible before: a process killed at any instant leaves a folder under `_work/` that no reader looks at.
"""

from __future__ import annotations

import secrets
import shutil
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec.structs import replace

from indexer.arrow_schema import part_schema
from indexer.duplicates import Candidate, losers
from indexer.errors import StoreError
from indexer.files import sync_file, sync_folder, write_durably, writing_to
from indexer.journal import JOURNAL_NAME, Journal, staging_folder
from indexer.locks import held
from indexer.receipt import PART_ROWS, RECEIPT_NAME, Part, Receipt
from indexer.store import Snapshot, check_cluster_name, part_hash, store_folder

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.pages import Deletion

PART_BYTES = 64 << 20
"""A part is closed at this or at its rows, whichever comes first; being one row group, it bounds our memory."""

_CLAIMS, _CLAIM_SECONDS = 100, 0.02

_REPEATING_COLUMNS = [
    "docker_image_manifest_media_type",
    "docker_image_layers.list.element.media_type",
    "docker_image_manifests.list.element.media_type",
    "docker_image_manifests.list.element.architecture",
    "docker_image_manifests.list.element.os",
    "docker_image_metadata.architecture",
    "docker_image_metadata.api_version",
    "docker_image_metadata.kind",
    "docker_image_metadata_version",
]
"""Only these get a dictionary: digests never repeat enough to pay for one."""


def new_snapshot_id(now: dt.datetime) -> str:
    """Id of a snapshot: UTC time, which sorts, and six hex digits, which tell two of one second apart."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class SnapshotWriter:
    """Stages record batches and publishes them as one snapshot. Use as a context manager.

    Leaving it removes what is staged, unless it was published or `keep_staged` was set for a later run to resume.
    """

    def __init__(self, location: str | Path, cluster: str, snapshot_id: str, part_rows: int = PART_ROWS) -> None:
        self.store_folder = store_folder(location)
        self.cluster = check_cluster_name(cluster)
        self.snapshot_id = snapshot_id
        self._part_rows = part_rows
        self.staging = staging_folder(self.store_folder, cluster, snapshot_id)
        self.keep_staged = False
        self.parts: list[Part] = []
        self.is_ordered = True
        self.last_name = ""
        self._pending: list[pa.RecordBatch] = []
        self._pending_count = 0
        self._deletions: list[Candidate] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with writing_to(self.store_folder):
            for _ in range(_CLAIMS):
                if self._claim():
                    return self
        raise StoreError(f"{self.staging} is held by another run.", hint="Wait for it, or stop it.")

    def __exit__(self, *_: object) -> None:
        if not self.keep_staged:
            shutil.rmtree(self.staging, ignore_errors=True)
        self._open.close()

    def _claim(self) -> bool:
        """Make the staging folder and lock it; false if a run that clears up had its hands on it in between."""
        self.staging.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if self._open.enter_context(held(self.staging)) and self.staging.exists():
                return True
        self._open.close()
        time.sleep(_CLAIM_SECONDS)
        return False

    def adopt(self, journal: Journal) -> None:
        """Take over the parts an earlier run has staged; whatever else it left there is removed."""
        self.parts = list(journal.parts)
        self.is_ordered, self.last_name = journal.is_ordered, journal.last_name
        known = {JOURNAL_NAME, *(part.name for part in self.parts)}
        for path in self.staging.iterdir():
            if path.name not in known:
                path.unlink()

    @property
    def read_count(self) -> int:
        """Rows written so far."""
        return self._pending_count + sum(part.row_count for part in self.parts)

    def write(self, batch: pa.RecordBatch) -> bool:
        """Add rows; return whether that closed a part, so that everything so far is on disk."""
        self._watch_order(batch)
        self._pending.append(batch)
        self._pending_count += batch.num_rows
        if self._pending_count >= self._part_rows or sum(pending.nbytes for pending in self._pending) >= PART_BYTES:
            self._close_part()
        return not self._pending

    def delete(self, deletions: Sequence[Deletion], first_row: int) -> None:
        """Note objects that were deleted, of the page whose rows begin at `first_row`."""
        for name, uid, resource_version, created_at, after_count in deletions:
            position = first_row + after_count
            self._deletions.append(Candidate(name, position, uid, resource_version, created_at, is_deletion=True))

    def restart(self) -> None:
        """Drop everything written so far: the source began again from another moment."""
        for path in self.staging.iterdir():
            path.unlink()
        self.keep_staged = False
        self.parts, self._pending, self._pending_count = [], [], 0
        self.is_ordered, self.last_name = True, ""

    def finish_parts(self) -> tuple[list[Part], int]:
        """Close the last part and resolve duplicates. Returns the parts and how many objects gave way."""
        if self._pending or not self.parts:
            self._close_part()
        may_repeat = bool(self._deletions) or not self.is_ordered
        return self.parts, self._drop_duplicates() if may_repeat else 0

    def publish(self, receipt: Receipt) -> Snapshot:
        """Write the receipt and rename the staged folder into place: the one commit point."""
        target = self.store_folder / f"cluster={self.cluster}" / f"snapshot={self.snapshot_id}"
        with writing_to(self.store_folder):
            write_durably(self.staging / RECEIPT_NAME, receipt.to_json())
            target.parent.mkdir(exist_ok=True)
            # The journal goes last: up to here the run can be resumed, and nothing after it needs room on the disk.
            (self.staging / JOURNAL_NAME).unlink(missing_ok=True)
            self.staging.rename(target)
            sync_folder(target.parent)
        return Snapshot(target, receipt)

    def _watch_order(self, batch: pa.RecordBatch) -> None:
        """Strictly rising names, as the API lists them, prove that none came twice."""
        names = pc.struct_field(batch.column("metadata"), "name")
        if not self.is_ordered or len(names) == 0:
            return
        rising = pc.all(pc.less(names[:-1], names[1:])).as_py() is not False
        self.is_ordered = rising and names[0].as_py() > self.last_name
        self.last_name = names[-1].as_py()

    def _close_part(self) -> None:
        table = pa.Table.from_batches(self._pending, part_schema())
        self.parts.append(self._write_part(f"images-{len(self.parts):05}.parquet", table))
        self._pending, self._pending_count = [], 0

    def _write_part(self, name: str, table: pa.Table) -> Part:
        path = self.staging / name
        with writing_to(self.store_folder):
            pq.write_table(
                table,
                path,
                compression="zstd",
                compression_level=3,
                use_dictionary=_REPEATING_COLUMNS,
                write_statistics=["metadata.name", "metadata.creation_timestamp"],
                row_group_size=max(len(table), 1),
            )
            sync_file(path)
        return Part(name, len(table), path.stat().st_size, part_hash(path))

    def _drop_duplicates(self) -> int:
        lost = losers(self._candidates())
        first, replaced = 0, []
        for index, part in enumerate(self.parts):
            here = [position - first for position in lost if first <= position < first + part.row_count]
            first += part.row_count
            if here:
                self.parts[index] = self._without(part, here)
                replaced.append(part.name)
        # Only now: a disk that fills on the way must leave the parts as the journal knows them.
        for name in replaced:
            (self.staging / _reduced(name)).replace(self.staging / name)
        return len(lost)

    def _candidates(self) -> list[Candidate]:
        """Candidates among names that came more than once or were deleted; only columns that decide are read."""
        columns = ["metadata.name", "metadata.uid", "metadata.resource_version", "metadata.creation_timestamp"]
        tables = [pq.ParquetFile(self.staging / part.name).read(columns=columns) for part in self.parts]
        metadata = pa.concat_tables(tables).combine_chunks().column("metadata").combine_chunks()
        names = pc.struct_field(metadata, "name")
        counts = pc.value_counts(names)
        repeated = pc.struct_field(counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1)), "values")
        deleted = pa.array([deletion.name for deletion in self._deletions], pa.string())
        disputed = pa.concat_arrays([repeated, deleted])
        positions = pc.indices_nonzero(pc.is_in(names, value_set=disputed))
        rows = metadata.take(positions).to_pylist()
        objects = [
            Candidate(row["name"], position, row["uid"], row["resource_version"], row["creation_timestamp"])
            for position, row in zip(positions.to_pylist(), rows, strict=True)
        ]
        return objects + self._deletions

    def _without(self, part: Part, positions: list[int]) -> Part:
        table = pq.ParquetFile(self.staging / part.name).read()
        lost = pa.array(positions, pa.int64())
        keep = pc.invert(pc.is_in(pa.array(range(len(table)), pa.int64()), value_set=lost))
        reduced = self._write_part(_reduced(part.name), table.filter(keep))
        return replace(reduced, name=part.name)


def _reduced(name: str) -> str:
    """Name a part that lost rows until it takes the place of the whole one."""
    return f".{name}.reduced"
