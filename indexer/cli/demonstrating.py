"""What `demo` does: serve, export page by page, publish, and show the summary and the three reports."""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from indexer.catalog import open_catalog
from indexer.cli.diagnostics import note
from indexer.cli.emit import emit
from indexer.cli.ingesting import ExportOptions, run_export
from indexer.cli.options import Choice, OutputOptions
from indexer.cli.reporting import write_report
from indexer.cluster import connect_server
from indexer.errors import ConfigurationError
from indexer.loopback import ImageStore, LoopbackServer, items_of_pages
from indexer.places import folder_at
from indexer.report import ReportOptions
from indexer.resources import resource_folder

if TYPE_CHECKING:
    import duckdb

CLUSTER = "sample"
COMMAND = "image-indexer"


class Report(NamedTuple):
    """A query of the demo, the columns that tell the story, and how many rows are enough."""

    query: str
    columns: str
    row_count: int


REPORTS = (
    Report(
        "capacity-summary", "image_count, index_count, logical_bytes, physical_bytes, registry_bytes, dedup_ratio", 1
    ),
    Report(
        "layer-sharing", "left(layer_digest, 19) AS layer, size_bytes, image_count, repository_count, saved_bytes", 10
    ),
    Report("layer-sharing-histogram", "*", 5),
    Report("architecture-coverage", "registry, repository, platforms, missing_platforms", 10),
    Report("unsigned-images", "left(image_name, 19) AS image, kind, registry, repository", 10),
)


def run_demo(store: str) -> None:
    """Export the bundled sample from a server on loopback and print the reports on stdout."""
    pages = sorted((resource_folder("data") / "sample").glob("page-*.json.gz"))
    bodies = (gzip.decompress(page.read_bytes()) for page in pages)
    with ImageStore(items_of_pages(bodies)) as images, LoopbackServer(images) as server:
        note(f"Serving the bundled sample at {server.url}.")
        snapshot = run_export(connect_server(server.url), store, ExportOptions(CLUSTER))
    with open_catalog(store, clusters=(CLUSTER,)) as catalog:
        for report in REPORTS:
            _show(catalog.query(report.query), report)
    _write_report(Choice(store, snapshot.snapshot_id, (CLUSTER,)))
    note(f"The store is {folder_at(store)}; the snapshot is {snapshot.snapshot_id}. Try next:")
    command, place = _command(), shlex.quote(store)
    note(f"  {command} query --store {place}")
    note(f"  {command} query capacity-summary --store {place} --format json")
    note(f'  {command} sql --store {place} "SELECT * FROM repositories ORDER BY physical_bytes DESC LIMIT 10"')


def _command() -> str:
    """How to call this tool again: by its name, or by its path where it is not on the shell's."""
    called = sys.argv[0]
    is_only_there = Path(called).name == COMMAND and os.access(called, os.X_OK) and not shutil.which(COMMAND)
    return shlex.quote(called) if is_only_there else COMMAND


def _write_report(choice: Choice) -> None:
    """Write the HTML report beside the store, or here for a remote one; without its libraries there is none."""
    store = folder_at(choice.store)
    path = (store if isinstance(store, Path) else Path("store").absolute()).with_name("report.html")
    try:
        write_report(choice, path, ReportOptions(title="Images of the bundled sample"))
    except ConfigurationError as error:
        note(f"No {path.name}. {error}")


def _show(relation: duckdb.DuckDBPyRelation, report: Report) -> None:
    """Print the first rows; the result is taken once, since a relation runs again each time it is looked at."""
    import duckdb

    rows = relation.to_arrow_table()
    shown = min(report.row_count, len(rows))
    sys.stdout.write(f"\n{report.query} ({shown} of {len(rows)} rows)\n")
    sys.stdout.flush()
    with duckdb.connect() as connection:
        emit(connection.from_arrow(rows).project(report.columns), OutputOptions("table", None, report.row_count))
    sys.stdout.write("\n")
