"""Commands that write snapshots: export, import."""

from __future__ import annotations

import click

from indexer.cli.live_options import (
    ConnectionOptions,
    ListOptions,
    StagingOptions,
    connection_options,
    list_options,
    staging_options,
)
from indexer.cli.options import OutcomeOptions, bad_item_option, log_options, outcome_options, store_option


@click.command()
@store_option
@click.option("--cluster", metavar="NAME", help="Name of the cluster; default from the context or the server.")
@connection_options
@list_options
@bad_item_option
@staging_options
@outcome_options
@log_options
def export(
    store: str,
    cluster: str | None,
    connection: ConnectionOptions,
    listing: ListOptions,
    on_bad_item: str,
    staging: StagingOptions,
    outcome: OutcomeOptions,
) -> None:
    """Export a live cluster into a new snapshot: its whole list of Images, or nothing.

    \b
    image-indexer export --store S
    image-indexer export --store S --context prod --metrics-file /var/lib/node-exporter/image-indexer.prom
    image-indexer export --store S --server https://api.prod:6443 --token-file token --cluster prod
    """
    from indexer.cli.ingesting import ExportOptions, run_export, tell

    outcome.check()
    options = ExportOptions(cluster, on_bad_item == "skip", staging.resume, staging.part_rows, listing.request())
    tell(run_export(connection.connect(), store, options), store, outcome)


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", help="Files; - for standard input.")
@store_option
@click.option("--cluster", required=True, metavar="NAME", help="Cluster the objects come from.")
@click.option("--complete/--partial", "is_complete", default=None, help="Overrule what the input shows.")
@bad_item_option
@outcome_options
@log_options
def import_(
    paths: tuple[str, ...],
    store: str,
    cluster: str,
    is_complete: bool | None,
    on_bad_item: str,
    outcome: OutcomeOptions,
) -> None:
    """Import files into a new snapshot: ImageList pages, List documents, NDJSON, plain or gzipped.

    \b
    image-indexer import page-*.json.gz --store S --cluster prod
    oc get --raw '/apis/image.openshift.io/v1/images' | image-indexer import - --store S --cluster prod
    """
    from indexer.cli.ingesting import run_import, tell
    from indexer.ingest import IngestOptions

    outcome.check()
    tell(run_import(paths, store, IngestOptions(cluster, is_complete, on_bad_item == "skip")), store, outcome)
