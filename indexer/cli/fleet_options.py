"""Options of `export`: one cluster, or many at once, handed over as one argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.cli.live_options import CONNECTION_KEYS, ConnectionOptions, server_options
from indexer.cli.options import applied, packed
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_PARALLEL = 4
"""Lists at once: each waits for its server most of the time, and holds two or three pages in memory."""


@dataclass(frozen=True, slots=True)
class Member:
    """One cluster of a fleet; without a name it is called after its context or server."""

    name: str | None
    connection: ConnectionOptions

    @property
    def label(self) -> str:
        """What it is called in messages before a connection tells more."""
        return self.name or self.connection.context or self.connection.server or "the current context"


@dataclass(frozen=True, slots=True)
class Targets:
    """Which clusters are exported: one, several contexts, or those of a fleet file."""

    cluster: str | None
    connection: ConnectionOptions
    contexts: tuple[str, ...]
    fleet_file: Path | None
    parallel: int | None

    @property
    def is_fleet(self) -> bool:
        """Whether several clusters were asked for."""
        return self.fleet_file is not None or len(self.contexts) > 1

    def single(self) -> Member:
        """Return the one cluster that was asked for. Raises `ConfigurationError` for options of many."""
        if self.parallel:
            raise ConfigurationError("--parallel is for several clusters.", hint="Give several --context, or --fleet.")
        return Member(self.cluster, self._of(self.contexts[0] if self.contexts else None))

    def fleet(self) -> tuple[list[Member], int]:
        """Return the clusters and how many are read at once. Raises `ConfigurationError` for what does not fit."""
        if self.cluster:
            raise ConfigurationError("--cluster names one cluster.", hint="Give names in a fleet file: --fleet FILE.")
        if self.fleet_file is None:
            members = [Member(None, self._of(context)) for context in self.contexts]
            return members, self.parallel or DEFAULT_PARALLEL
        if self.contexts or self.connection.server or self.connection.kubeconfig:
            raise ConfigurationError(
                "--fleet stands for itself.", hint="Leave out --context, --server and --kubeconfig."
            )
        from indexer.cli.fleet_file import read_fleet

        members, parallel = read_fleet(self.fleet_file, self.connection)
        return members, self.parallel or parallel or DEFAULT_PARALLEL

    def _of(self, context: str | None) -> ConnectionOptions:
        return replace(self.connection, context=context)


def _pack(
    cluster: str | None, contexts: tuple[str, ...], fleet: Path | None, parallel: int | None, *of: Any
) -> Targets:
    connection = ConnectionOptions(**dict(zip(_SHARED_KEYS, of, strict=True)), context=None)
    return Targets(cluster, connection, contexts, fleet, parallel)


_SHARED_KEYS = tuple(key for key in CONNECTION_KEYS if key != "context")


def target_options(command: Callable[..., Any]) -> Any:
    """Which clusters, and who asks, handed over as one `targets`."""
    context = click.option(
        "--context",
        "contexts",
        multiple=True,
        metavar="NAME",
        help="Context of the kubeconfig; default its current one. Repeated: a snapshot of each cluster.",
    )
    file = click.Path(path_type=Path)
    return applied(
        packed(command, "targets", _pack, ("cluster", "contexts", "fleet", "parallel", *_SHARED_KEYS)),
        click.option("--cluster", metavar="NAME", help="Name of the cluster; default from the context or the server."),
        *server_options(context),
        click.option("--fleet", type=file, metavar="FILE", help="A snapshot of each cluster in this TOML file."),
        click.option(
            "--parallel",
            type=click.IntRange(1),
            metavar="N",
            help=f"Clusters read at once; default {DEFAULT_PARALLEL}, or what the fleet file says.",
        ),
    )
