"""The command that looks for data one should not trust."""

from __future__ import annotations

import click

from indexer.cli import completing
from indexer.cli.options import Choice, OutputOptions, choice_options, log_options, output_options


@click.command()
@click.argument("names", nargs=-1, shell_complete=completing.check_names, help="Only these checks.")
@click.option("--findings", is_flag=True, help="A row a finding instead of a row a check.")
@choice_options
@output_options
@log_options
def check(names: tuple[str, ...], findings: bool, choice: Choice, output: OutputOptions) -> None:
    """Run the data-quality checks; exit 1 if one of severity `fail` finds something.

    \b
    image-indexer check
    image-indexer check --findings --format csv -o findings.csv
    """
    from indexer.cli.checking import run_checks

    run_checks(names, choice, output, with_findings=findings)
