"""Options of the commands that talk to a live cluster, each group handed over as one argument."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.cli.options import applied, packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.client.request import ListRequest
    from indexer.cluster import Connection


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Which server, and who asks."""

    server: str
    token_file: Path | None
    certificate_authority: Path | None

    def connect(self) -> Connection:
        """Open the connection. Raises `ConfigurationError` for credentials that can't be used."""
        from indexer.cluster import connect_server

        return connect_server(self.server, token_file=self.token_file, certificate_authority=self.certificate_authority)


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What is asked for, and how."""

    limit: int

    def request(self) -> ListRequest:
        """Return the request for the client."""
        from indexer.client.request import ListRequest

        return ListRequest(limit=self.limit)


def connection_options(command: Callable[..., Any]) -> Any:
    """`--server`, `--token-file` and `--certificate-authority`, handed over as one `connection`."""
    file = click.Path(path_type=Path)
    return applied(
        packed(command, "connection", ConnectionOptions, ("server", "token_file", "certificate_authority")),
        click.option("--server", required=True, metavar="URL", help="API server: https, or http on loopback."),
        click.option("--token-file", type=file, metavar="FILE", help="Bearer token; read again on 401."),
        click.option("--certificate-authority", type=file, metavar="FILE", help="CA of the server, in PEM."),
    )


def list_options(command: Callable[..., Any]) -> Any:
    """`--limit`, handed over as one `listing`."""
    return applied(
        packed(command, "listing", ListOptions, ("limit",)),
        click.option(
            "--limit", type=click.IntRange(min=1), default=500, show_default=True, metavar="N", help="Page size."
        ),
    )
