"""Options that commands share, each stacked by one decorator."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.cli import completing
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_STORE = "./image-index"
DOCUMENT = "text"
FORMATS = ("table", "csv", "tsv", "json", "ndjson", "markdown", "parquet")
TERMINAL_ROWS = 100


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where rows go and how; `limit` is None for all."""

    format: str
    path: Path | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which views to open: a store, a snapshot and clusters; and the keys to verify signatures with."""

    store: str
    snapshot: str
    clusters: tuple[str, ...]
    keyrings: tuple[Path, ...] = ()
    use_index: bool = True
    alias_pairs: tuple[str, ...] = ()

    def aliases(self) -> dict[str, str]:
        """Return registries by their other names. Raises `ConfigurationError` for text that is no pair."""
        pairs = [pair.lower().partition("=") for pair in self.alias_pairs]
        for alias, _, registry in pairs:
            if not (alias and registry):
                raise ConfigurationError(
                    f"{alias!r} is no registry alias.", hint="Write it as --registry-alias ALIAS=REGISTRY."
                )
        return {alias: registry for alias, _, registry in pairs}


def applied(command: Any, *options: Callable[[Any], Any]) -> Any:
    """Stack options on a command in the order they are shown."""
    for option in reversed(options):
        command = option(command)
    return command


def store_option(command: Callable[..., Any]) -> Any:
    """`--store`: a folder or an address."""
    return applied(
        command,
        click.option(
            "--store",
            envvar="IMAGE_INDEXER_STORE",
            default=DEFAULT_STORE,
            show_default=True,
            metavar="STORE",
            help="Folder, s3://, gs:// or az:// address; also $IMAGE_INDEXER_STORE.",
        ),
    )


def choice_options(command: Callable[..., Any]) -> Any:
    """`--store`, `--snapshot`, `--cluster`, `--keyring`, `--index`: what views show and how, as one `choice`."""
    return applied(
        packed(command, "choice", Choice, ("store", "snapshot", "clusters", "keyrings", "use_index", "alias_pairs")),
        store_option,
        click.option(
            "--snapshot",
            default="latest",
            show_default=True,
            metavar="ID",
            shell_complete=completing.snapshot_ids,
            help="A snapshot's id, or its beginning.",
        ),
        cluster_option,
        click.option(
            "--keyring",
            "keyrings",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Public keys to verify signatures with; repeatable.",
        ),
        click.option(
            "--registry-alias",
            "alias_pairs",
            multiple=True,
            envvar="IMAGE_INDEXER_REGISTRY_ALIASES",
            metavar="ALIAS=REGISTRY",
            help="Count a registry host as another, such as a route as the integrated registry; repeatable.",
        ),
        click.option(
            "--index/--no-index",
            "use_index",
            default=True,
            envvar="IMAGE_INDEXER_INDEX",
            help="Whether large stores are answered from an index, built once in the user's cache; on by default.",
        ),
    )


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs a query: DuckDB in this process, or Spark on a master (by default what Spark is configured for)."""

    name: str = "duckdb"
    master: str | None = None

    @property
    def is_spark(self) -> bool:
        """Whether Spark was asked for. Raises `ConfigurationError` for a master without it."""
        if self.master and self.name != "spark":
            raise ConfigurationError("--master is of Spark.", hint="Give --engine spark as well.")
        return self.name == "spark"


def engine_options(command: Callable[..., Any]) -> Any:
    """`--engine` and `--master`, handed over as one `engine`."""
    return applied(
        packed(command, "engine", Engine, ("engine_name", "master")),
        click.option(
            "--engine",
            "engine_name",
            type=click.Choice(("duckdb", "spark")),
            default="duckdb",
            show_default=True,
            help="What runs the query; Spark needs the extra [spark] and Java.",
        ),
        click.option("--master", metavar="URL", help="Master of Spark, such as spark://HOST:7077 or local[4]."),
    )


def cluster_option(command: Callable[..., Any]) -> Any:
    """`--cluster`, repeatable."""
    option = click.option(
        "--cluster",
        "clusters",
        multiple=True,
        metavar="NAME",
        shell_complete=completing.cluster_names,
        help="Only this cluster; repeatable.",
    )
    return option(command)


def output_options(command: Callable[..., Any]) -> Any:
    """`--format`, `-o` and `--limit`, handed over as one `output`."""
    return _output_options(command, FORMATS, "Format.")


def document_options(command: Callable[..., Any]) -> Any:
    """As `output_options`, for commands that print a document unless rows are asked for."""
    return _output_options(command, (DOCUMENT, *FORMATS), "Format; all but text give rows.")


def _output_options(command: Any, formats: tuple[str, ...], sentence: str) -> Any:
    return applied(
        packed(command, "output", OutputOptions, ("format", "output_path", "limit")),
        click.option("--format", type=click.Choice(formats), default=formats[0], show_default=True, help=sentence),
        click.option(
            "-o", "--output", "output_path", type=click.Path(path_type=Path), metavar="FILE", help="Write here."
        ),
        click.option(
            "--limit",
            type=click.IntRange(min=0),
            metavar="N",
            help=f"At most N rows; default {TERMINAL_ROWS} on a terminal, else all.",
        ),
    )


def packed(command: Any, name: str, pack: Callable[..., Any], keys: tuple[str, ...]) -> Any:
    """Hand several options to the command as one argument, so that its signature stays short."""

    @wraps(command)
    def wrapped(**values: Any) -> Any:
        values[name] = pack(*(values.pop(key) for key in keys))
        return command(**values)

    return wrapped


@dataclass(frozen=True, slots=True)
class OutcomeOptions:
    """What a run tells machines when it has published."""

    receipt: bool
    metrics_file: Path | None

    def check(self) -> None:
        """Raise `ConfigurationError` before the work rather than after it."""
        path = self.metrics_file
        if path and (path.is_dir() or not os.access(path.absolute().parent, os.W_OK | os.X_OK)):
            raise ConfigurationError(
                f"Can't write {path}: its folder is missing or not yours to write in.",
                hint="Choose another --metrics-file.",
            )


def outcome_options(command: Callable[..., Any]) -> Any:
    """`--receipt` and `--metrics-file`, handed over as one `outcome`."""
    return applied(
        packed(command, "outcome", OutcomeOptions, ("receipt", "metrics_file")),
        click.option("--receipt", is_flag=True, help="Print the receipt on stdout, as JSON."),
        click.option(
            "--metrics-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Write Prometheus metrics here, after success only.",
        ),
    )


def log_options(command: Callable[..., Any]) -> Any:
    """`-v`, `--log-format` and `--no-progress`; configures logging before the command runs."""
    return applied(
        command,
        click.option(
            "-v", "--verbose", "verbosity", count=True, expose_value=False, callback=_verbosity, help="Say more."
        ),
        click.option(
            "--log-format",
            type=click.Choice(("text", "json")),
            default="text",
            show_default=True,
            expose_value=False,
            callback=_log_format,
            help="Form of what goes to stderr.",
        ),
        click.option(
            "--no-progress", is_flag=True, expose_value=False, callback=_progress, help="No progress bar on stderr."
        ),
    )


def _remember(ctx: click.Context, name: str, value: Any) -> Any:
    from indexer.cli.diagnostics import configure_logging

    ctx.meta[name] = value
    configure_logging(ctx.meta.get("verbosity", 0), ctx.meta.get("log_format", "text"))
    return value


def _verbosity(ctx: click.Context, _: click.Parameter, value: int) -> Any:
    return _remember(ctx, "verbosity", value)


def _log_format(ctx: click.Context, _: click.Parameter, value: str) -> Any:
    return _remember(ctx, "log_format", value)


def _progress(ctx: click.Context, _: click.Parameter, value: bool) -> Any:
    return _remember(ctx, "no_progress", value)
