"""Options of the commands that talk to a live cluster, each group handed over as one argument."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.cli.options import applied, packed
from indexer.errors import ConfigurationError
from indexer.receipt import PART_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.client.request import ListRequest
    from indexer.cluster import Connection

_FILE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Which server, and who asks."""

    server: str | None
    token_file: Path | None
    certificate_authority: Path | None
    kubeconfig: Path | None
    context: str | None
    act_as: str | None
    act_as_groups: tuple[str, ...]

    def connect(self) -> Connection:
        """Open the connection. Raises `ConfigurationError` for credentials that can't be used."""
        from indexer.cluster import Impersonation, connect_configured, connect_server

        impersonation = Impersonation(self.act_as, self.act_as_groups)
        if self.server is None:
            self._refuse(("--token-file", self.token_file), ("--certificate-authority", self.certificate_authority))
            return connect_configured(kubeconfig=self.kubeconfig, context=self.context, impersonation=impersonation)
        if self.kubeconfig or self.context:
            raise ConfigurationError("--server stands for itself.", hint="Leave out --kubeconfig and --context.")
        return connect_server(
            self.server,
            token_file=self.token_file,
            certificate_authority=self.certificate_authority,
            impersonation=impersonation,
        )

    @staticmethod
    def _refuse(*options: tuple[str, Path | None]) -> None:
        for name, value in options:
            if value:
                raise ConfigurationError(f"{name} needs --server.", hint="A kubeconfig brings its own credentials.")


@dataclass(frozen=True, slots=True)
class StagingOptions:
    """How a run keeps what it has, for the next one to go on from."""

    resume: bool
    part_rows: int


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What is asked for, and how."""

    limit: int
    label_selector: str | None
    field_selector: str | None
    resource_version: str | None
    resource_version_match: Any
    on_expired: Any
    connect_timeout: float
    read_timeout: float
    timeout: float | None
    retry_budget: float

    def request(self) -> ListRequest:
        """Return the request for the client. Raises `ConfigurationError` for combinations the API refuses."""
        from indexer.client.request import ListRequest
        from indexer.client.retry import RetryPolicy
        from indexer.cluster import Timeouts

        return ListRequest(
            limit=self.limit,
            label_selector=self.label_selector,
            field_selector=self.field_selector,
            resource_version=self.resource_version,
            resource_version_match=self.resource_version_match,
            on_expired=self.on_expired,
            timeouts=Timeouts(self.connect_timeout, self.read_timeout, self.timeout),
            retries=RetryPolicy.within(self.retry_budget),
        )


CONNECTION_KEYS = tuple(ConnectionOptions.__dataclass_fields__)


def connection_options(command: Callable[..., Any]) -> Any:
    """Which server and who asks, handed over as one `connection`."""
    context = click.option("--context", metavar="NAME", help="Context of the kubeconfig; default its current one.")
    return applied(packed(command, "connection", ConnectionOptions, CONNECTION_KEYS), *server_options(context))


def server_options(context: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], ...]:
    """Options of a connection, in the order they are shown; `context` is the one that differs between commands."""
    return (
        click.option("--server", metavar="URL", help="API server: https, or http on loopback; no kubeconfig is read."),
        click.option("--token-file", type=_FILE, metavar="FILE", help="Bearer token for --server; read again on 401."),
        click.option("--certificate-authority", type=_FILE, metavar="FILE", help="CA of --server, in PEM."),
        click.option("--kubeconfig", type=_FILE, metavar="FILE", help="Instead of $KUBECONFIG or ~/.kube/config."),
        context,
        click.option("--as", "act_as", metavar="USER", help="Impersonate this user."),
        click.option("--as-group", "act_as_groups", multiple=True, metavar="GROUP", help="And this group; repeatable."),
    )


def list_options(command: Callable[..., Any]) -> Any:
    """`--limit`, selectors, moment and patience, handed over as one `listing`."""
    return applied(
        packed(command, "listing", ListOptions, tuple(ListOptions.__dataclass_fields__)),
        click.option("--limit", type=click.IntRange(1), default=500, show_default=True, metavar="N", help="Page size."),
        click.option("-l", "--selector", "label_selector", metavar="LABELS", help="Only these; the result is partial."),
        click.option("--field-selector", metavar="FIELDS", help="Only these (metadata.name=…); the result is partial."),
        click.option("--resource-version", metavar="VERSION", help="List at this moment."),
        click.option("--resource-version-match", type=click.Choice(("Exact", "NotOlderThan")), help="How to take it."),
        click.option(
            "--on-expired",
            type=click.Choice(("restart", "continue", "fail")),
            default="restart",
            show_default=True,
            help="When the list's moment is gone before its end: start again, go on inconsistently, or fail.",
        ),
        *_timeouts(),
    )


def staging_options(command: Callable[..., Any]) -> Any:
    """`--resume` and `--part-rows`, handed over as one `staging`."""
    return applied(
        packed(command, "staging", StagingOptions, ("resume", "part_rows")),
        click.option("--resume/--no-resume", default=True, show_default=True, help="Go on from an unfinished run."),
        click.option(
            "--part-rows",
            type=click.IntRange(1),
            default=PART_ROWS,
            show_default=True,
            metavar="N",
            help="Images in a Parquet file; a killed run loses less than one file's.",
        ),
    )


def _timeouts() -> tuple[Callable[[Any], Any], ...]:
    seconds = click.FloatRange(min=0, min_open=True)
    return (
        click.option("--connect-timeout", type=seconds, default=5, show_default=True, metavar="S", help="To connect."),
        click.option("--read-timeout", type=seconds, default=60, show_default=True, metavar="S", help="Of silence."),
        click.option("--timeout", type=seconds, metavar="S", help="Of the whole list; default none."),
        click.option(
            "--retry-budget",
            type=seconds,
            default=300,
            show_default=True,
            metavar="S",
            help="Of retries, all together.",
        ),
    )
