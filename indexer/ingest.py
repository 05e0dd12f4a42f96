"""Source → snapshot: pages are decoded, staged and published, or nothing is."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from indexer.decode import BadItems, decode_page
from indexer.errors import ConfigurationError, ExpiredError, IndexerError
from indexer.journal import Journal, remove_leftovers, unfinished
from indexer.locks import held
from indexer.pages import Completeness, Page, Restarted, Source
from indexer.places import Folder, Location, folder_at, staging_for, work_folder
from indexer.receipt import PART_ROWS, Receipt
from indexer.store import check_cluster_name
from indexer.writer import SnapshotWriter, Staged, new_snapshot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from indexer.pages import SourceReport
    from indexer.redaction import Redactor
    from indexer.store import Snapshot

logger = logging.getLogger(__name__)


class Progress(Protocol):
    """Told how far a run has come."""

    def advance(self, read_count: int, report: SourceReport) -> None:
        """`read_count` objects have been decoded so far; the report says what is expected, in objects or bytes."""


class NoProgress:
    """Progress that nobody watches."""

    def advance(self, read_count: int, report: SourceReport) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """`is_complete` overrules what the source shows; `skip_bad_items` keeps an account instead of failing.

    `part_rows` is the size of a Parquet part, and the most a killed export loses. `redactor` rewrites every object
    before anything is made of it.
    """

    cluster: str
    is_complete: bool | None = None
    skip_bad_items: bool = False
    part_rows: int = PART_ROWS
    redactor: Redactor | None = None

    def run_key(self, request_key: str) -> str:
        """Name a run to resume: the same request, redacted with the same key."""
        return f"{request_key} {self.redactor.record.names} {self.redactor.key_id}" if self.redactor else request_key


class ResumableSource(Source, Protocol):
    """A source that can go on where an earlier run stopped."""

    @property
    def request_key(self) -> str:
        """The same for two sources that ask for the same thing."""

    def resume(self, point: bytes) -> None:
        """Go on after the page that carried this point; its report comes back with it."""


def ingest(source: Source, location: Location, options: IngestOptions, progress: Progress | None = None) -> Snapshot:
    """Read a source to its end and publish one snapshot.

    Raises whatever the source, the decoder or the store raises; nothing is published then.
    """
    return _Run(source, folder_at(location), options, progress or NoProgress()).publish()


def export(
    source: ResumableSource,
    location: Location,
    options: IngestOptions,
    progress: Progress | None = None,
    *,
    resume: bool = True,
) -> Snapshot:
    """Read a live list to its end and publish one snapshot, going on from an unfinished run of the same request.

    Raises `ConfigurationError` while another run exports the same cluster, else what `ingest` raises; what was
    staged by finished parts is kept for the next run.
    """
    with exporting(folder_at(location), options.cluster):
        return export_locked(source, location, options, progress, resume=resume)


def export_locked(
    source: ResumableSource,
    location: Location,
    options: IngestOptions,
    progress: Progress | None = None,
    *,
    resume: bool = True,
) -> Snapshot:
    """Do as `export` does, for a caller that holds the cluster's lock (`exporting`) already."""
    folder = folder_at(location)
    run_key = options.run_key(source.request_key)
    run = _Run(source, folder, options, progress or NoProgress(), request_key=run_key)
    journal = unfinished(folder, options.cluster, run_key) if resume else None
    if journal and journal.skipped_items and not options.skip_bad_items:
        journal = None  # that run was allowed to leave out what this one must not
    remove_leftovers(folder, options.cluster, keep=journal.snapshot_id if journal else None)
    if journal:
        logger.info("Resuming %s after %s parts.", journal.snapshot_id, len(journal.parts))
        source.resume(journal.resume_point)
    return run.publish(journal)


@contextmanager
def exporting(store: Folder, cluster: str) -> Iterator[None]:
    """Hold the cluster's lock. Raises `ConfigurationError` while a living process holds it."""
    lock = work_folder(store) / f"{check_cluster_name(cluster)}.lock"
    with staging_for(store):
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    with held(lock) as is_free:
        if not is_free:
            raise ConfigurationError(
                f"Another run is exporting the cluster {cluster} into {store}.", hint="Wait for it, or stop it."
            )
        yield


class _Run:
    """One run from the first page to the receipt."""

    def __init__(
        self, source: Source, folder: Folder, options: IngestOptions, progress: Progress, request_key: str | None = None
    ) -> None:
        self.source, self.folder, self.options, self.progress = source, folder, options, progress
        self.request_key = request_key
        self.bad_items = BadItems(skip=options.skip_bad_items)
        self._rewrite = options.redactor.redact if options.redactor else None
        self.started_at = dt.datetime.now(dt.UTC)

    def publish(self, journal: Journal | None = None) -> Snapshot:
        snapshot_id = journal.snapshot_id if journal else new_snapshot_id(self.started_at)
        with SnapshotWriter(self.folder, self.options.cluster, snapshot_id, self.options.part_rows) as writer:
            if journal:
                self._adopt(writer, journal)
            self._read(writer)
            snapshot = writer.publish(self._receipt(writer))
            writer.keep_staged = False
        return snapshot

    def _adopt(self, writer: SnapshotWriter, journal: Journal) -> None:
        writer.adopt(journal)
        writer.keep_staged = True
        self.started_at = journal.started_at
        self.bad_items.skipped.extend(journal.skipped_items)

    def _read(self, writer: SnapshotWriter) -> None:
        try:
            for page in self.source.pages():
                self._take(page, writer)
        except IndexerError as error:
            if _has_expired(error):
                # What is staged can't be gone on from; kept, it would fail every run to come in the same way.
                writer.abandon()
            raise

    def _take(self, page: Page | Restarted, writer: SnapshotWriter) -> None:
        if isinstance(page, Restarted):
            logger.warning("Starting the list again: %s", page.reason)
            writer.restart()
            self.bad_items.skipped.clear()
            self.started_at = dt.datetime.now(dt.UTC)
            return
        batch = decode_page(page, self.bad_items, self._rewrite)
        writer.delete(page.deletions, writer.read_count)
        writer.write(batch, self._checkpoint(writer, page.resume_point))
        self.progress.advance(writer.read_count, self.source.report)

    def _checkpoint(self, writer: SnapshotWriter, resume_point: bytes | None) -> Callable[[Staged], None] | None:
        """Return what writes the journal once everything up to this page is on disk; None where none is kept."""
        request_key, skipped_count = self.request_key, len(self.bad_items.skipped)
        if resume_point is None or request_key is None:
            return None

        def write_journal(staged: Staged) -> None:
            journal = Journal(
                snapshot_id=writer.snapshot_id,
                request_key=request_key,
                started_at=self.started_at,
                resume_point=resume_point,
                parts=staged.parts,
                is_ordered=staged.is_ordered,
                last_name=staged.last_name,
                skipped_items=self.bad_items.skipped[:skipped_count],
            )
            with staging_for(self.folder):
                journal.write(writer.staging)
            writer.keep_staged = True

        return write_journal

    def _receipt(self, writer: SnapshotWriter) -> Receipt:
        read_count = writer.read_count
        parts, duplicate_count = writer.finish_parts()
        report, options = self.source.report, self.options
        skipped_items = report.skipped_items + self.bad_items.skipped
        looks_partial = report.completeness == "partial" or bool(skipped_items)
        is_complete = not looks_partial if options.is_complete is None else options.is_complete
        completeness: Completeness = "unproven" if looks_partial else report.completeness
        completeness = completeness if is_complete else "partial"
        return Receipt(
            tool_version=version("image-indexer"),
            cluster=options.cluster,
            cluster_identity=report.cluster_identity,
            snapshot_id=writer.snapshot_id,
            source=self.source.description,
            server_version=report.server_version,
            resource_versions=report.resource_versions,
            is_complete=is_complete,
            is_consistent=report.is_consistent,
            completeness=completeness,
            expected_count=report.expected_count,
            read_count=read_count,
            image_count=read_count - duplicate_count,
            duplicate_count=duplicate_count,
            page_count=report.page_count,
            retry_count=report.retry_count,
            expired_count=report.expired_count,
            broken_at=report.broken_at,
            skipped_items=skipped_items,
            redaction=options.redactor.record if options.redactor else None,
            warnings=report.warnings,
            started_at=self.started_at,
            finished_at=dt.datetime.now(dt.UTC),
            parts=parts,
        )


def _has_expired(error: IndexerError) -> bool:
    return isinstance(error, ExpiredError) or isinstance(error.__cause__, ExpiredError)
