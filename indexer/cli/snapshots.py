"""Commands on the snapshots of a store: list, show, verify."""

from __future__ import annotations

import click

from indexer.cli import completing
from indexer.cli.lazy import LazyGroup
from indexer.cli.options import OutputOptions, cluster_option, log_options, output_options, store_option

COMMANDS = {
    "list": ("indexer.cli.snapshots:list_", "List the snapshots, oldest first."),
    "show": ("indexer.cli.snapshots:show", "Print the receipt of a snapshot."),
    "verify": ("indexer.cli.snapshots:verify", "Hash parts and count rows again."),
}


@click.group(cls=LazyGroup, commands_by_name=COMMANDS)
def snapshots() -> None:
    """List, show and verify what is in a store."""


@click.command("list")
@store_option
@cluster_option
@output_options
@log_options
def list_(store: str, clusters: tuple[str, ...], output: OutputOptions) -> None:
    """List the snapshots, oldest first.

    \b
    image-indexer snapshots list --store S
    """
    from indexer.cli.inspecting import list_snapshots

    list_snapshots(store, clusters, output)


@click.command()
@click.argument(
    "snapshot_id",
    required=False,
    default="latest",
    shell_complete=completing.snapshot_ids,
    help="Id, its beginning, or latest.",
)
@store_option
@cluster_option
@log_options
def show(snapshot_id: str, store: str, clusters: tuple[str, ...]) -> None:
    """Print the receipt of a snapshot (the latest, unless another is named) as JSON."""
    from indexer.cli.inspecting import show_snapshot

    show_snapshot(store, snapshot_id, clusters)


@click.command()
@click.argument(
    "snapshot_id",
    required=False,
    shell_complete=completing.snapshot_ids,
    help="Id or its beginning; without one, all of them.",
)
@store_option
@cluster_option
@log_options
def verify(snapshot_id: str | None, store: str, clusters: tuple[str, ...]) -> None:
    """Hash every part and count its rows again; exit 4 if anything differs from the receipt."""
    from indexer.cli.inspecting import verify_snapshots

    verify_snapshots(store, snapshot_id, clusters)
