"""Commands on the snapshots of a store: list, show, verify, diff, expire."""

from __future__ import annotations

import click

from indexer.cli import completing
from indexer.cli.lazy import LazyGroup
from indexer.cli.options import (
    OutputOptions,
    cluster_option,
    document_options,
    log_options,
    output_options,
    store_option,
)

COMMANDS = {
    "list": ("indexer.cli.snapshots:list_", "List the snapshots, oldest first."),
    "show": ("indexer.cli.snapshots:show", "Print the receipt of a snapshot."),
    "verify": ("indexer.cli.snapshots:verify", "Hash parts and count rows again."),
    "diff": ("indexer.cli.snapshots:diff", "Say what came, went and changed between two snapshots."),
    "expire": ("indexer.cli.snapshots:expire", "Delete old snapshots, but for one a day, week or month."),
}


@click.group(cls=LazyGroup, commands_by_name=COMMANDS)
def snapshots() -> None:
    """List, show, verify, compare and expire what is in a store."""


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
@document_options
@log_options
def show(snapshot_id: str, store: str, clusters: tuple[str, ...], output: OutputOptions) -> None:
    """Print the receipt of a snapshot (the latest, unless another is named): as it is, or as a row."""
    from indexer.cli.inspecting import show_snapshot

    show_snapshot(store, snapshot_id, clusters, output)


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


@click.command()
@click.argument(
    "before", required=False, shell_complete=completing.snapshot_ids, help="The earlier one: id or beginning."
)
@click.argument("after", required=False, shell_complete=completing.snapshot_ids, help="The later one.")
@click.option("--images", is_flag=True, help="A row an image, instead of a row a repository with its bytes.")
@store_option
@cluster_option
@output_options
@log_options
def diff(
    before: str | None, after: str | None, images: bool, store: str, clusters: tuple[str, ...], output: OutputOptions
) -> None:
    """Say what came, went and changed between two snapshots; exit 2 for those that can't be compared.

    Without ids, the newest snapshot of each cluster is set against the one before it; with one, against the newest.

    \b
    image-indexer snapshots diff --store S
    image-indexer snapshots diff 20260301 20260302 --store S --cluster prod --images
    """
    from indexer.cli.inspecting import diff_snapshots

    diff_snapshots(store, (before, after), clusters, "snapshot-diff-images" if images else "snapshot-diff", output)


@click.command()
@click.option("--keep-daily", type=click.IntRange(0), default=0, metavar="N", help="Keep the last one of N days.")
@click.option("--keep-weekly", type=click.IntRange(0), default=0, metavar="N", help="And of N weeks.")
@click.option("--keep-monthly", type=click.IntRange(0), default=0, metavar="N", help="And of N months.")
@click.option("--dry-run", is_flag=True, help="Say what would expire, and delete nothing.")
@store_option
@cluster_option
@output_options
@log_options
def expire(
    keep_daily: int,
    keep_weekly: int,
    keep_monthly: int,
    dry_run: bool,
    store: str,
    clusters: tuple[str, ...],
    output: OutputOptions,
) -> None:
    """Delete old snapshots, but for one a day, week or month; the newest complete one of a cluster always stays.

    Days, weeks (ISO) and months are of UTC, and only those with a snapshot count. Prints a row a snapshot.

    \b
    image-indexer snapshots expire --keep-daily 14 --keep-weekly 8 --keep-monthly 24 --dry-run --store S
    """
    from indexer.cli.inspecting import expire_snapshots
    from indexer.retention import KeepPolicy

    expire_snapshots(store, clusters, KeepPolicy(keep_daily, keep_weekly, keep_monthly), output, is_trial=dry_run)
