"""Commands that write snapshots: export, import."""

from __future__ import annotations

import click

from indexer.cli.options import log_options, store_option


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", help="Files; - for standard input.")
@store_option
@click.option("--cluster", required=True, metavar="NAME", help="Cluster the objects come from.")
@click.option("--complete/--partial", "is_complete", default=None, help="Overrule what the input shows.")
@click.option(
    "--on-bad-item",
    type=click.Choice(("fail", "skip")),
    default="fail",
    show_default=True,
    help="Whether an item that can't be read fails the run.",
)
@log_options
def import_(paths: tuple[str, ...], store: str, cluster: str, is_complete: bool | None, on_bad_item: str) -> None:
    r"""Import files into a new snapshot: ImageList pages, List documents, NDJSON, plain or gzipped.

    \b
    image-indexer import page-*.json.gz --store S --cluster prod
    oc get --raw '/apis/image.openshift.io/v1/images' | image-indexer import - --store S --cluster prod
    """
    from indexer.cli.ingesting import run_import
    from indexer.ingest import IngestOptions

    run_import(paths, store, IngestOptions(cluster, is_complete, on_bad_item == "skip"))
