"""Commands that write snapshots: export, import."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.cli.options import log_options, store_option


@click.command()
@store_option
@click.option("--cluster", metavar="NAME", help="Name of the cluster; default from the server.")
@click.option("--server", metavar="URL", help="API server: https, or http on loopback.")
@click.option("--token-file", type=click.Path(path_type=Path), metavar="FILE", help="Bearer token; read again on 401.")
@click.option(
    "--certificate-authority", type=click.Path(path_type=Path), metavar="FILE", help="CA of the server, in PEM."
)
@click.option("--limit", type=click.IntRange(min=1), default=500, show_default=True, metavar="N", help="Page size.")
@click.option(
    "--on-bad-item",
    type=click.Choice(("fail", "skip")),
    default="fail",
    show_default=True,
    help="Whether an item that can't be read fails the run.",
)
@click.option("--resume/--no-resume", default=True, show_default=True, help="Go on from an unfinished run.")
@log_options
def export(
    store: str,
    cluster: str | None,
    server: str | None,
    token_file: Path | None,
    certificate_authority: Path | None,
    limit: int,
    on_bad_item: str,
    resume: bool,
) -> None:
    """Export a live cluster into a new snapshot: its whole list of Images, or nothing.

    \b
    image-indexer export --store S --server https://api.prod:6443 --token-file token --cluster prod
    """
    from indexer.cli.ingesting import run_export


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
