"""What the reading commands do between their options and the output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from indexer import queries
from indexer.catalog import Catalog, open_catalog
from indexer.cli.diagnostics import note, show_error
from indexer.cli.emit import emit
from indexer.errors import BadParameterError, ConfigurationError, IndexerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.cli.options import Choice, OutputOptions


def open_views(choice: Choice) -> Catalog:
    """Open the chosen views; says on stderr when there is nothing to see."""
    catalog = open_catalog(
        choice.store,
        snapshot=choice.snapshot,
        clusters=choice.clusters,
        keyrings=choice.keyrings,
        use_index=choice.use_index,
    )
    if not catalog.snapshots:
        note("The store has no complete snapshot; choose a partial one with --snapshot ID.")
    return catalog


def list_queries(output: OutputOptions) -> None:
    """Write name and title of every canned query."""
    import duckdb
    import pyarrow as pa

    loaded = [queries.load(name) for name in queries.names()]
    table = pa.table({"name": [query.name for query in loaded], "title": [query.title for query in loaded]})
    with duckdb.connect() as connection:
        emit(connection.from_arrow(table), output)


def query_text(name: str, *, with_sql: bool) -> str:
    """Return the file of a query, or what it answers, takes and returns."""
    query = queries.load(name)
    if with_sql:
        return queries.query_paths()[name].read_text(encoding="utf-8")
    lines = [f"{query.title}", "", query.description, query.value, "", "Parameters:"]
    lines += [f"  {item.name} {item.type} (default {item.default}): {item.help}" for item in query.parameters]
    lines += ["  none"] if not query.parameters else []
    lines += ["", "Columns:", *(f"  {column}: {sentence}" for column, sentence in query.columns.items())]
    return "\n".join(lines) + "\n"


def run_query(name: str, pairs: tuple[str, ...], choice: Choice, output: OutputOptions) -> None:
    """Run a canned query and write its rows."""
    query = queries.load(name)
    parameters = _parameters(pairs)
    query.bind(parameters)
    with open_views(choice) as catalog:
        emit(catalog.run(query, **parameters), output)


def run_sql(text: str, choice: Choice, output: OutputOptions) -> None:
    """Run one statement of the user's own and write its rows."""
    with open_views(choice) as catalog:
        emit(catalog.sql(text), output)


def statement_text(statement: str | None, path: Path | None) -> str:
    """Return the statement from the argument, a file or standard input."""
    if path is not None:
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"Can't read {path}: {error}.", hint="Check the path.") from error
    return sys.stdin.read() if statement in {None, "-"} else str(statement)


def shell(choice: Choice, output: OutputOptions) -> None:
    """Read statements from a terminal until the end of input; an error ends the statement, not the shell."""
    with open_views(choice) as catalog:
        note("Reading SQL; end a statement with ; and the shell with Ctrl-D. SHOW TABLES lists the views.")
        for statement in _statements():
            try:
                emit(catalog.sql(statement), output)
            except IndexerError as error:
                show_error(error)


def _statements() -> Iterator[str]:
    lines: list[str] = []
    while True:
        try:
            lines.append(input("...> " if lines else "sql> "))
        except EOFError:
            return
        if lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []


def _parameters(pairs: tuple[str, ...]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for key, value in map(_pair, pairs):
        if key in parameters:
            raise BadParameterError(f"The parameter {key!r} is given twice.", hint="Lists go by commas: -p KEY=A,B.")
        parameters[key] = value
    return parameters


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not (key and found):
        raise BadParameterError(f"{text!r} is no parameter.", hint="Write it as -p KEY=VALUE.")
    return key, value
