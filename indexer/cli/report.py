"""Commands that write one file from a store: the capacity report, a DuckDB file."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.cli.options import Choice, choice_options, log_options


@click.command()
@click.option(
    "-o",
    "--output",
    "output_path",
    type=click.Path(path_type=Path),
    default="report.html",
    show_default=True,
    metavar="FILE",
    help="Write here.",
)
@click.option("--title", default="Container image capacity", show_default=True, help="Heading of the report.")
@click.option(
    "--required",
    default="linux/amd64,linux/arm64",
    show_default=True,
    metavar="LIST",
    help="Platforms every repository should have, by commas.",
)
@click.option(
    "--top", type=click.IntRange(min=1), default=15, show_default=True, metavar="N", help="Rows a table shows."
)
@choice_options
@log_options
def report(output_path: Path, title: str, required: str, top: int, choice: Choice) -> None:
    """Write the capacity report: one HTML file that needs no network and no script.

    \b
    image-indexer report -o report.html
    image-indexer report -o prod.html --cluster prod --title "Images of prod" --required linux/amd64,linux/s390x
    """
    from indexer.cli.reporting import write_report
    from indexer.report import ReportOptions

    platforms = tuple(part.strip() for part in required.split(",") if part.strip())
    write_report(choice, output_path, ReportOptions(title, platforms, top))


@click.command()
@click.option(
    "-o", "--output", "output_path", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Write here."
)
@choice_options
@log_options
def build(output_path: Path, choice: Choice) -> None:
    """Write the views of the chosen snapshots as tables of a DuckDB file, with a comment on each table and column.

    \b
    image-indexer build -o images.duckdb
    duckdb images.duckdb "SELECT registry, sum(exclusive_bytes) FROM repositories GROUP BY registry"
    """
    from indexer.cli.reporting import build_file

    build_file(choice, output_path)
