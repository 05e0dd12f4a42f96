"""The command that follows a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from indexer.cli.input_options import ItemOptions, item_options
from indexer.cli.live_options import ConnectionOptions, connection_options
from indexer.cli.options import (
    OutcomeOptions,
    applied,
    log_options,
    outcome_options,
    packed,
    store_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class PaceOptions:
    """When a new snapshot is due, how many there shall be, and the size of pages."""

    every: float
    max_changes: int
    snapshot_count: int | None
    limit: int


def pace_options(command: Callable[..., Any]) -> Any:
    """`--every`, `--max-changes`, `--snapshots` and `--limit`, handed over as one `pace`."""
    return applied(
        packed(command, "pace", PaceOptions, tuple(PaceOptions.__dataclass_fields__)),
        click.option(
            "--every",
            type=click.FloatRange(min=0, min_open=True),
            default=900,
            show_default=True,
            metavar="S",
            help="Publish this often, if anything changed.",
        ),
        click.option(
            "--max-changes",
            type=click.IntRange(1),
            default=1000,
            show_default=True,
            metavar="N",
            help="Publish after so many changes.",
        ),
        click.option("--snapshots", "snapshot_count", type=click.IntRange(1), metavar="N", help="End after N of them."),
        click.option("--limit", type=click.IntRange(1), default=500, show_default=True, metavar="N", help="Page size."),
    )


@click.command()
@store_option
@click.option("--cluster", metavar="NAME", help="Name of the cluster; default from the context or the server.")
@connection_options
@pace_options
@item_options
@outcome_options
@log_options
def watch(
    store: str,
    cluster: str | None,
    connection: ConnectionOptions,
    pace: PaceOptions,
    items: ItemOptions,
    outcome: OutcomeOptions,
) -> None:
    """Follow a cluster: a new complete snapshot whenever enough has changed, until it is told to end.

    It starts from the newest consistent snapshot of the cluster, or makes one.

    \b
    image-indexer watch --store S --every 600
    """
    from indexer.cli.following import follow

    outcome.check()
    follow(connection.connect(), store, cluster, pace, items, outcome)
