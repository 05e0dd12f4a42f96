"""What the reading commands do between their options and the output."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from indexer import queries
from indexer.cli.diagnostics import note
from indexer.cli.emit import emit, emit_columns, emit_document, emit_rows
from indexer.cli.options import DOCUMENT
from indexer.errors import BadParameterError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from indexer.catalog import Catalog
    from indexer.cli.options import Choice, Engine, OutputOptions
    from indexer.spark.catalog import SparkCatalog


def open_views(choice: Choice, *, tables_in: Path | None = None) -> Catalog:
    """Open the chosen views; says on stderr when there is nothing to see."""
    from indexer.catalog import open_catalog

    catalog = open_catalog(
        choice.store,
        snapshot=choice.snapshot,
        clusters=choice.clusters,
        keyrings=choice.keyrings,
        aliases=choice.aliases(),
        use_index=choice.use_index,
        tables_in=tables_in,
    )
    _note_nothing(catalog)
    return catalog


def open_spark_views(choice: Choice, engine: Engine) -> SparkCatalog:
    """Open the chosen views on Spark; says on stderr when there is nothing to see."""
    from indexer.spark.session import check_installed

    check_installed()
    from indexer.spark.catalog import open_spark_catalog

    # The line to Java logs a trace of every interrupt to the root, and Python would print it for want of a handler.
    logging.getLogger().addHandler(logging.NullHandler())
    catalog = open_spark_catalog(
        choice.store,
        snapshot=choice.snapshot,
        clusters=choice.clusters,
        keyrings=choice.keyrings,
        aliases=choice.aliases(),
        spark=engine.master,
    )
    _note_nothing(catalog)
    return catalog


def _note_nothing(catalog: Catalog | SparkCatalog) -> None:
    if not catalog.snapshots:
        note("The store has no complete snapshot; choose a partial one with --snapshot ID.")


@dataclass(frozen=True, slots=True)
class Given:
    """What a query is given: `KEY=VALUE` pairs, and a condition on the view images that picks some of them."""

    pairs: tuple[str, ...] = ()
    where: str | None = None


def list_queries(output: OutputOptions) -> None:
    """Write name and title of every canned query."""
    loaded = [queries.load(name) for name in queries.names()]
    emit_columns({"name": [query.name for query in loaded], "title": [query.title for query in loaded]}, output)


def show_dictionary(view: str | None, output: OutputOptions) -> None:
    """Write the dictionary, or the section of one view; as rows, a row a column."""
    from indexer import dictionary

    if output.format == DOCUMENT:
        text = dictionary.view_section(view) if view else dictionary.dictionary()
        emit_document(text.encode(), output)
    else:
        emit_columns(dictionary.column_rows(view), output)


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


def run_query(name: str, given: Given, engine: Engine, choice: Choice, output: OutputOptions) -> None:
    """Run a canned query and write its rows; a condition picks the images for its parameter `images`."""
    query = queries.load(name)
    parameters: dict[str, Any] = dict(parameters_of(given.pairs))
    query.bind(parameters | ({"images": []} if given.where else {}))
    picking = _images_where(given.where) if given.where else None
    with _open_on(engine, choice, [query.sql, picking] if picking else [query.sql]) as catalog:
        if picking:
            parameters["images"] = [name for (name,) in catalog.sql(picking).fetchall()]
        emit_rows(lambda row_limit: _answered(catalog, query, parameters, row_limit), output)


def _answered(
    catalog: Catalog | SparkCatalog, query: queries.CannedQuery, parameters: dict[str, Any], row_limit: int | None
) -> duckdb.DuckDBPyRelation:
    if row_limit is not None:
        return catalog.first_rows(query, row_limit, parameters)
    from indexer.arrow_rows import ArrowRows

    return cast("duckdb.DuckDBPyRelation", ArrowRows(catalog.every_row(query, parameters)))


def _images_where(condition: str) -> str:
    return f"SELECT DISTINCT image_name FROM images WHERE (\n{condition}\n) ORDER BY image_name"


def _open_on(engine: Engine, choice: Choice, statements: Sequence[str]) -> Catalog | SparkCatalog:
    if not engine.is_spark:
        return open_views(choice)
    catalog = open_spark_views(choice, engine)
    catalog.prepare(statements)
    return catalog


def run_sql(text: str, choice: Choice, output: OutputOptions) -> None:
    """Run one statement of the user's own and write its rows."""
    with open_views(choice) as catalog:
        emit(catalog.sql(text), output)


def statement_text(statement: str | None, path: Path | None) -> str:
    """Return the statement from the argument, a file or standard input."""
    if path is not None:
        return _text(path)
    if statement is not None and statement != "-":
        return statement
    return sys.stdin.buffer.read().decode(errors="surrogateescape")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"Can't read {path}: {error}.", hint="Check the path.") from error


def parameters_of(pairs: Iterable[str]) -> dict[str, str | list[str]]:
    """Read `KEY=VALUE` pairs; of `KEY=@FILE` every line of the file is a value.

    Raises `BadParameterError` for text that is none and for a key given twice, `ConfigurationError` for a file that
    can't be read.
    """
    parameters: dict[str, str | list[str]] = {}
    for key, value in map(_pair, pairs):
        if key in parameters:
            raise BadParameterError(f"The parameter {key!r} is given twice.", hint="Lists go by commas: -p KEY=A,B.")
        parameters[key] = _lines(Path(value[1:])) if value.startswith("@") else value
    return parameters


def _lines(path: Path) -> list[str]:
    lines = _text(path).splitlines()
    return [line.strip() for line in lines if line.strip()]


def shell(choice: Choice, output: OutputOptions) -> None:
    """Answer statements from a terminal until its end."""
    from indexer.cli.shell import Shell
    from indexer.cli.signals import leave_interrupts_to_shell

    leave_interrupts_to_shell()
    with open_views(choice) as catalog:
        Shell(catalog, output).run()


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not (key and found):
        raise BadParameterError(f"{text!r} is no parameter.", hint="Write it as -p KEY=VALUE.")
    return key, value
