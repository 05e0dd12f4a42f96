"""What TAB offers for arguments and options, read from the files and the store it is pressed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import IndexerError

if TYPE_CHECKING:
    import click

    from indexer.store import Snapshot


def query_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of canned queries."""
    from indexer import queries

    return _beginning(incomplete, queries.names())


def check_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of data-quality checks."""
    from indexer import queries

    return _beginning(incomplete, queries.names("check"))


def query_parameters(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Parameters of the query that was named, each up to its equals sign."""
    from indexer import queries

    # Before an option without its value click leaves arguments unread.
    name = ctx.params.get("name") or next(iter(ctx.args), "")
    try:
        query = queries.load(name)
    except IndexerError:
        return []
    return _beginning(incomplete, [f"{parameter.name}=" for parameter in query.parameters])


def view_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of views and tables."""
    from indexer.table_schema import TABLES
    from indexer.view_schema import VIEWS

    return _beginning(incomplete, [view.name for view in (*VIEWS, *TABLES)])


def snapshot_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Ids of the snapshots in the store, newest first."""
    ids = [snapshot.snapshot_id for snapshot in reversed(_snapshots(ctx))]
    return _beginning(incomplete, ["latest", *ids])


def cluster_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Clusters the store has snapshots of."""
    return _beginning(incomplete, sorted({snapshot.cluster for snapshot in _snapshots(ctx)}))


def _snapshots(ctx: click.Context) -> list[Snapshot]:
    """Snapshots of the store that the command line, the environment or the default names; none where it can't be read.

    Completion may not fail and has nowhere to complain.
    """
    import os

    from indexer.cli.options import DEFAULT_STORE
    from indexer.store import Store

    location = ctx.params.get("store") or os.environ.get("IMAGE_INDEXER_STORE") or DEFAULT_STORE
    try:
        return list(Store(location).snapshots())
    except IndexerError:
        return []


def _beginning(incomplete: str, words: list[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
