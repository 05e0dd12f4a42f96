"""Writing a snapshot: parts are staged in the work folder, and one step publishes them together with their receipt.

Nothing is visible before: a process killed at any instant leaves a staging folder that no reader looks at.
A full part is written in a thread of its own while the next one is filled: both libraries at work there, Arrow and
zstd, leave the interpreter free.
"""

from __future__ import annotations

import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec.structs import replace

from indexer.duplicates import Candidate, losers
from indexer.errors import IndexerError, StoreError
from indexer.journal import JOURNAL_NAME, Journal, staging_folder
from indexer.locks import held
from indexer.parts import part_table, write_part
from indexer.places import Location, folder_at, staging_for
from indexer.publishing import prove_writable, publish
from indexer.receipt import PART_ROWS, Part, Receipt
from indexer.store import Snapshot, check_cluster_name, snapshot_folder

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from indexer.pages import Deletion

PART_BYTES = 24 << 20
"""A part is closed at this or at its rows, whichever comes first; with the one being written, it bounds our memory."""

_END_BYTES = 16
"""Of a digest, 64 bits: hardly ever the same by chance, even in millions."""

_NAMES_AT_ONCE = 250_000
_LAST_DIGITS = [digit.encode() for digit in "0123456789abcdef"]

_CLAIMS, _CLAIM_SECONDS = 100, 0.02


def new_snapshot_id(now: dt.datetime) -> str:
    """Id of a snapshot: UTC time, which sorts, and six hex digits, which tell two of one second apart."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class Staged(NamedTuple):
    """What is on disk after a part: every part so far, whether names rose all along, and the last name."""

    parts: list[Part]
    is_ordered: bool
    last_name: str


class SnapshotWriter:
    """Stages record batches and publishes them as one snapshot. Use as a context manager.

    Leaving it removes what is staged, unless it was published or `keep_staged` was set for a later run to resume.
    """

    def __init__(self, location: Location, cluster: str, snapshot_id: str, part_rows: int = PART_ROWS) -> None:
        self.store = folder_at(location)
        self.cluster = check_cluster_name(cluster)
        self.snapshot_id = snapshot_id
        self._part_rows = part_rows
        self.staging = staging_folder(self.store, cluster, snapshot_id)
        self.keep_staged = False
        self.parts: list[Part] = []
        self.is_ordered = True
        self.last_name = ""
        self.read_count = 0
        self._pending: list[pa.RecordBatch] = []
        self._pending_count = self._pending_bytes = 0
        self._deletions: list[Candidate] = []
        self._thread = ThreadPoolExecutor(1, "part-writer")
        self._closing: Future[None] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        prove_writable(self.store)
        with staging_for(self.store):
            for _ in range(_CLAIMS):
                if self._claim():
                    return self
        raise StoreError(f"{self.staging} is held by another run.", hint="Wait for it, or stop it.")

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
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
        self.read_count = sum(part.row_count for part in self.parts)
        known = {JOURNAL_NAME, *(part.name for part in self.parts)}
        for path in self.staging.iterdir():
            if path.name not in known:
                path.unlink()

    def write(self, batch: pa.RecordBatch, when_staged: Callable[[Staged], None] | None = None) -> None:
        """Add rows. If they fill a part, it is written meanwhile, and `when_staged` hears of it in the writer's thread.

        What goes wrong in that thread is raised when the next part is full, or at the end.
        """
        self._watch_order(batch)
        self._pending.append(batch)
        self.read_count += batch.num_rows
        self._pending_count += batch.num_rows
        self._pending_bytes += batch.nbytes
        if self._pending_count >= self._part_rows or self._pending_bytes >= PART_BYTES:
            self._close_part(when_staged)

    def delete(self, deletions: Sequence[Deletion], first_row: int) -> None:
        """Note objects that were deleted, of the page whose rows begin at `first_row`; before its rows are written."""
        for name, uid, resource_version, created_at, after_count in deletions:
            position = first_row + after_count
            self._deletions.append(Candidate(name, position, uid, resource_version, created_at, is_deletion=True))

    def restart(self) -> None:
        """Drop everything written so far: the source began again from another moment."""
        self._settle()
        for path in self.staging.iterdir():
            path.unlink()
        self.keep_staged = False
        self.parts, self._pending, self._pending_count, self._pending_bytes = [], [], 0, 0
        self._deletions = []
        self.read_count, self.is_ordered, self.last_name = 0, True, ""

    def abandon(self) -> None:
        """Let nothing be resumed from what is staged; an error is on its way already, a second one says no more."""
        with suppress(IndexerError):
            self._settle()
        self.keep_staged = False

    def finish_parts(self) -> tuple[list[Part], int]:
        """Close the last part and resolve duplicates. Returns the parts and how many objects gave way."""
        self._settle()
        if self._pending or not self.parts:
            self._close_part(None)
            self._settle()
        may_repeat = bool(self._deletions) or not self.is_ordered
        return self.parts, self._drop_duplicates() if may_repeat else 0

    def publish(self, receipt: Receipt) -> Snapshot:
        """Make the staged parts and their receipt visible in one step: the one commit point."""
        target = snapshot_folder(self.store, self.cluster, self.snapshot_id)
        with staging_for(self.store):
            publish(self.staging, target, receipt)
        return Snapshot(target, receipt)

    def _watch_order(self, batch: pa.RecordBatch) -> None:
        """Strictly rising names, as the API lists them, prove that none came twice."""
        names = pc.struct_field(batch.column("metadata"), "name")
        if not self.is_ordered or len(names) == 0:
            return
        rising = pc.all(pc.less(names[:-1], names[1:])).as_py() is not False
        self.is_ordered = rising and names[0].as_py() > self.last_name
        self.last_name = names[-1].as_py()

    def _close_part(self, when_staged: Callable[[Staged], None] | None) -> None:
        """Hand the pending rows to the writer's thread; one part at a time, so that no more than two are in memory."""
        self._settle()
        first_row = self.read_count - self._pending_count
        has_deletions = bool(self._deletions) and self._deletions[-1].position > first_row
        stage = partial(self._stage, self._pending, keep_order=has_deletions)
        self._closing = self._thread.submit(stage, (self.is_ordered, self.last_name), when_staged)
        self._pending, self._pending_count, self._pending_bytes = [], 0, 0

    def _settle(self) -> None:
        """Wait for the part being written; raises what went wrong with it."""
        closing, self._closing = self._closing, None
        if closing is not None:
            closing.result()

    def _stage(
        self,
        batches: list[pa.RecordBatch],
        order: tuple[bool, str],
        when_staged: Callable[[Staged], None] | None,
        *,
        keep_order: bool,
    ) -> None:
        table = part_table(batches, keep_order=keep_order)
        self.parts.append(self._write_part(f"images-{len(self.parts):05}.parquet", table))
        if when_staged is not None:
            when_staged(Staged(self.parts, *order))

    def _write_part(self, name: str, table: pa.Table) -> Part:
        with staging_for(self.store):
            return write_part(self.staging / name, table)

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
        """Candidates among names that came more than once or were deleted: names first, then only rows in dispute."""
        deleted = pa.array([deletion.name for deletion in self._deletions], pa.string())
        disputed = pa.concat_arrays([self._repeated_names(), deleted])
        objects: list[Candidate] = []
        first = 0
        for part in self.parts if len(disputed) else ():
            objects.extend(self._disputed_rows(part, first, disputed))
            first += part.row_count
        return objects + self._deletions

    def _repeated_names(self) -> pa.Array:
        """Names that came more than once, by shares of the names, so that memory does not grow with their number."""
        share_count = min(1 + self.read_count // _NAMES_AT_ONCE, len(_LAST_DIGITS))
        return pa.concat_arrays([self._repeated_in(share, share_count) for share in range(share_count)])

    def _repeated_in(self, share: int, share_count: int) -> pa.Array:
        """Names of a share that came more than once. Only their ends are held at once, a quarter of a digest."""
        ends = _repeated(_ends(names) for names in self._names(share, share_count))
        if not len(ends):
            return pa.array([], pa.string())
        names = self._names(share, share_count)
        return _repeated(chunk.filter(pc.is_in(_ends(chunk), value_set=ends)) for chunk in names)

    def _names(self, share: int, share_count: int) -> Iterator[pa.Array]:
        for part in self.parts:
            names = self._staged_metadata(part, "name").field("name")
            yield names.filter(_is_in_share(names, share, share_count))

    def _disputed_rows(self, part: Part, first: int, disputed: pa.Array) -> list[Candidate]:
        metadata = self._staged_metadata(part, "name", "uid", "resource_version", "creation_timestamp")
        positions = pc.indices_nonzero(pc.is_in(metadata.field("name"), value_set=disputed))
        rows = metadata.take(positions).to_pylist()
        return [
            Candidate(row["name"], first + place, row["uid"], row["resource_version"], row["creation_timestamp"])
            for place, row in zip(positions.to_pylist(), rows, strict=True)
        ]

    def _staged_metadata(self, part: Part, *fields: str) -> pa.StructArray:
        columns = [f"metadata.{field}" for field in fields]
        table = pq.ParquetFile(self.staging / part.name).read(columns=columns)
        return table.column("metadata").combine_chunks()

    def _without(self, part: Part, positions: list[int]) -> Part:
        table = pq.ParquetFile(self.staging / part.name).read()
        lost = pa.array(positions, pa.int64())
        keep = pc.invert(pc.is_in(pa.array(range(len(table)), pa.int64()), value_set=lost))
        reduced = self._write_part(_reduced(part.name), table.filter(keep))
        return replace(reduced, name=part.name)


def _is_in_share(names: pa.Array, share: int, share_count: int) -> pa.Array:
    """Which names belong to a share by their last digit; the first share also has those that end otherwise."""
    last = pc.binary_slice(names.cast(pa.binary()), -1)
    others = [digit for place, digit in enumerate(_LAST_DIGITS) if place % share_count]
    if share == 0:
        return pc.invert(pc.is_in(last, value_set=pa.array(others, pa.binary())))
    return pc.is_in(last, value_set=pa.array(others[share - 1 :: share_count - 1], pa.binary()))


def _ends(names: pa.Array) -> pa.Array:
    return pc.binary_slice(names.cast(pa.binary()), -_END_BYTES)


def _repeated(chunks: Iterable[pa.Array]) -> pa.Array:
    counts = pc.value_counts(pa.chunked_array(chunks))
    return pc.struct_field(counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1)), "values")


def _reduced(name: str) -> str:
    """Name a part that lost rows until it takes the place of the whole one."""
    return f".{name}.reduced"
