"""What `export` does between its options and the store: one cluster, or several beside each other."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import msgspec

from indexer.cli.diagnostics import SUBJECT, note, show_error
from indexer.cli.ingesting import ExportOptions, export_into, report, run_export, tell, use_compact_memory
from indexer.cli.progress import terminal_bars
from indexer.errors import ConfigurationError, ExitCode, FleetError, IncompleteError, IndexerError
from indexer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from indexer.cli.fleet_options import Member
    from indexer.cli.input_options import ItemOptions
    from indexer.cli.live_options import ListOptions, StagingOptions
    from indexer.cli.options import OutcomeOptions
    from indexer.cluster import Connection
    from indexer.ingest import Progress
    from indexer.pages import SourceReport
    from indexer.store import Snapshot


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How live clusters are exported, the same for each."""

    store: str
    listing: ListOptions
    items: ItemOptions
    staging: StagingOptions
    outcome: OutcomeOptions

    def of(self, cluster: str | None) -> ExportOptions:
        """Return the options of one cluster; each has a redactor of its own, since it counts."""
        items, staging = self.items, self.staging
        return ExportOptions(
            cluster, items.skip_bad, staging.resume, staging.part_rows, self.listing.request(), items.redactor()
        )


def export_one(member: Member, options: LiveOptions) -> None:
    """Export a cluster and say on stderr what was published."""
    of_it = options.of(member.name)
    tell(run_export(member.connection.connect(), options.store, of_it), options.store, options.outcome)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the export of one cluster ended: with a snapshot or an error."""

    cluster: str
    snapshot: Snapshot | None = None
    error: IndexerError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Exit code it would have had alone."""
        return self.error.exit_code if self.error else ExitCode.DONE

    def to_json(self) -> bytes:
        """One line: the cluster, its exit code, and its receipt or error."""
        line = {
            "cluster": self.cluster,
            "exit_code": int(self.exit_code),
            "error": str(self.error) if self.error else None,
            "receipt": self.snapshot.receipt if self.snapshot else None,
        }
        return msgspec.json.encode(line) + b"\n"


def export_fleet(members: Sequence[Member], parallel: int, options: LiveOptions) -> None:
    """Export clusters, `parallel` at once, and tell of each as it ends; a failure spoils none of the others.

    Raises `ConfigurationError` before the first request where two have one name, `FleetError` at the end where some
    failed.
    """
    options.of(None)  # what is wrong with the options is wrong for all
    connections, ended = _connect(members)
    for outcome in ended:
        _tell(outcome, options.outcome)
    use_compact_memory()
    with terminal_bars(click.get_current_context().meta) as bar_of:
        for outcome in _export_all(connections, parallel, options, bar_of):
            ended.append(outcome)
            _tell(outcome, options.outcome)
    if options.outcome.metrics_file and any(each.snapshot for each in ended):
        from indexer.metrics import write_metrics

        write_metrics(_newest_of(ended, options.store), options.store, options.outcome.metrics_file)
    _summarise(ended)


def _connect(members: Sequence[Member]) -> tuple[dict[str, Connection], list[Ended]]:
    """Open every connection, one after the other: a login may have to ask. What can't be opened has ended already."""
    opened: list[tuple[str, Connection]] = []
    failed: list[Ended] = []
    for member in members:
        try:
            connection = member.connection.connect()
            opened.append((member.name or connection.cluster_name, connection))
        except IndexerError as error:
            failed.append(Ended(member.label, error=error))
    names = Counter(name for name, _ in opened)
    names.update(each.cluster for each in failed)
    repeated = next((name for name, count in names.items() if count > 1), None)
    if repeated:
        raise ConfigurationError(
            f"Two clusters would be called {repeated!r} in the store.", hint="Give each a name in a fleet file."
        )
    return dict(opened), failed


def _export_all(
    connections: dict[str, Connection], parallel: int, options: LiveOptions, bar_of: Callable[[str], Progress]
) -> Iterator[Ended]:
    stop = threading.Event()
    with ThreadPoolExecutor(parallel, thread_name_prefix="export") as pool:
        futures: list[Future[Ended]] = [
            pool.submit(_export, cluster, connection, options, _Stoppable(bar_of(cluster), stop))
            for cluster, connection in connections.items()
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _export(cluster: str, connection: Connection, options: LiveOptions, progress: Progress) -> Ended:
    SUBJECT.set(cluster)
    try:
        return Ended(cluster, export_into(options.store, connection, options.of(cluster), progress))
    except IndexerError as error:
        return Ended(cluster, error=error)
    finally:
        connection.close()


class _Stoppable:
    """Progress that ends a run at its next page once it is told to stop."""

    def __init__(self, inner: Progress, stop: threading.Event) -> None:
        self._inner, self._stop = inner, stop

    def advance(self, read_count: int, report: SourceReport) -> None:
        """Pass on, or raise `IncompleteError`."""
        if self._stop.is_set():
            raise IncompleteError("The export was stopped.")
        self._inner.advance(read_count, report)


def _tell(ended: Ended, outcome: OutcomeOptions) -> None:
    _show(ended)
    if outcome.receipt:
        click.echo(ended.to_json(), nl=False)


def _show(ended: Ended) -> None:
    subject = SUBJECT.set(ended.cluster)
    try:
        if ended.snapshot:
            report(ended.snapshot)
        if ended.error:
            show_error(ended.error)
    finally:
        SUBJECT.reset(subject)


def _newest_of(ended: Sequence[Ended], location: str) -> list[Snapshot]:
    """Return the newest snapshot of each cluster, so that a failure shows as the age of the last success."""
    clusters = {each.cluster for each in ended}
    newest = {each.cluster: each for each in Store(location).snapshots() if each.cluster in clusters}
    return [newest[cluster] for cluster in sorted(newest)]


def _summarise(ended: Sequence[Ended]) -> None:
    failed = [each for each in ended if each.error]
    exported = len(ended) - len(failed)
    if not failed:
        note(f"{exported} of {len(ended)} clusters exported.")
        return
    names = ", ".join(
        f"{each.cluster} ({int(each.exit_code)})" for each in sorted(failed, key=lambda each: each.cluster)
    )
    raise FleetError(
        f"{exported} of {len(ended)} clusters exported; failed: {names}.",
        hint="Each has its own message above.",
        exit_code=max(each.exit_code for each in failed),
    )
