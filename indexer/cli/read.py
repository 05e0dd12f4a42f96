"""Commands that read a store: query, sql, schema."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from indexer.cli import completing
from indexer.cli.options import (
    Choice,
    Engine,
    OutputOptions,
    choice_options,
    document_options,
    engine_options,
    log_options,
    output_options,
)


@click.command()
@click.argument("name", required=False, shell_complete=completing.query_names, help="Name of a canned query.")
@click.option(
    "-p",
    "--param",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completing.query_parameters,
    help="A parameter; lists by commas, or =@FILE with a value a line.",
)
@click.option("--where", metavar="CONDITION", help="For the parameter `images`: those of the view images it holds for.")
@click.option("--show-sql", "shown", flag_value="sql", help="Print the SQL file and stop.")
@click.option("--describe", "shown", flag_value="words", help="Say what it answers, takes and returns, and stop.")
@engine_options
@choice_options
@output_options
@log_options
def query(
    name: str | None,
    pairs: tuple[str, ...],
    where: str | None,
    shown: str | None,
    engine: Engine,
    choice: Choice,
    output: OutputOptions,
) -> None:
    """Run a canned query; without a name, list them.

    \b
    image-indexer query
    image-indexer query layer-sharing --limit 20
    image-indexer query architecture-coverage -p required=linux/amd64,linux/arm64 --format csv
    image-indexer query reclaimable --where "first_seen_at < TIMESTAMP '2024-01-01'"
    image-indexer query capacity-by-cluster --engine spark --master spark://master.example.com:7077
    """
    from indexer.cli import reading

    if name is None:
        reading.list_queries(output)
    elif shown:
        click.echo(reading.query_text(name, with_sql=shown == "sql"), nl=False)
    else:
        reading.run_query(name, reading.Given(pairs, where), engine, choice, output)


@click.command()
@click.argument("statement", required=False, help="One reading statement; - or none reads standard input.")
@click.option("-f", "--file", "path", type=click.Path(path_type=Path), help="Read the statement from a file.")
@choice_options
@output_options
@log_options
def sql(
    statement: str | None,
    path: Path | None,
    choice: Choice,
    output: OutputOptions,
) -> None:
    """Run any reading SQL over the views; a shell without a statement.

    \b
    image-indexer sql "SELECT kind, count(*) FROM images GROUP BY kind"
    image-indexer sql -f statement.sql --format csv -o answer.csv
    echo "SELECT * FROM repositories" | image-indexer sql --format csv
    """
    from indexer.cli import reading

    if statement is None and path is None and sys.stdin.isatty():
        reading.shell(choice, output)
    else:
        reading.run_sql(reading.statement_text(statement, path), choice, output)


@click.command()
@click.argument(
    "view",
    required=False,
    shell_complete=completing.view_names,
    help="Name of a view; without one, the whole dictionary.",
)
@document_options
@log_options
def schema(view: str | None, output: OutputOptions) -> None:
    """Show the data dictionary: every view and column, and the columns of the Parquet parts.

    \b
    image-indexer schema
    image-indexer schema layers
    image-indexer schema --format csv -o columns.csv
    """
    from indexer.cli import reading

    reading.show_dictionary(view, output)
