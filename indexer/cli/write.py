"""Commands that write snapshots: export, import."""

from __future__ import annotations

import click

from indexer.cli.fleet_options import Targets, target_options
from indexer.cli.input_options import InputOptions, ItemOptions, input_options, item_options
from indexer.cli.live_options import ListOptions, StagingOptions, list_options, staging_options
from indexer.cli.options import OutcomeOptions, log_options, outcome_options, store_option


@click.command()
@store_option
@target_options
@list_options
@item_options
@staging_options
@outcome_options
@log_options
def export(
    store: str,
    targets: Targets,
    listing: ListOptions,
    items: ItemOptions,
    staging: StagingOptions,
    outcome: OutcomeOptions,
) -> None:
    """Export a live cluster into a new snapshot: its whole list of Images, or nothing.

    Of several clusters each gets a snapshot, or none; the exit code is the highest of theirs.

    \b
    image-indexer export --store S
    image-indexer export --store S --context prod --metrics-file /var/lib/node-exporter/image-indexer.prom
    image-indexer export --store S --server https://api.prod:6443 --token-file token --cluster prod
    image-indexer export --store S --context prod --context test --parallel 2
    image-indexer export --store S --fleet fleet.toml --receipt
    """
    from indexer.cli.exporting import LiveOptions, export_fleet, export_one

    outcome.check()
    options = LiveOptions(store, listing, items, staging, outcome)
    if targets.is_fleet:
        export_fleet(*targets.fleet(), options)
    else:
        export_one(targets.single(), options)


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", help="Files and folders; - is standard input.")
@store_option
@click.option("--cluster", required=True, metavar="NAME", help="Cluster the objects come from.")
@input_options
@item_options
@outcome_options
@log_options
def import_(
    paths: tuple[str, ...],
    store: str,
    cluster: str,
    judged: InputOptions,
    items: ItemOptions,
    outcome: OutcomeOptions,
) -> None:
    """Import files into a new snapshot: whatever holds Image objects.

    Lists and single objects in JSON, YAML and NDJSON, watch captures, `oc adm inspect` folders, Velero backups, image
    stream tags; in gzip, xz, zstd, bzip2, tar and zip. What is in a file counts, not its name.

    \b
    image-indexer import inspect.local.*/ --store S --cluster prod
    image-indexer import images.json.gz --store S --cluster prod --redact-env secrets
    oc get --raw '/apis/image.openshift.io/v1/images' | image-indexer import - --store S --cluster prod
    """
    from indexer.cli.ingesting import run_import, tell
    from indexer.ingest import IngestOptions

    outcome.check()
    options = IngestOptions(cluster, judged.is_complete, items.skip_bad, redactor=items.redactor())
    tell(run_import(paths, store, options, judged.limits()), store, outcome)
