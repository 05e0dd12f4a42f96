"""The whole chain on the bundled sample, over HTTP on loopback."""

from __future__ import annotations

import click

from indexer.cli.options import log_options, store_option


@click.command()
@store_option
@log_options
def demo(store: str) -> None:
    """Run the whole chain on the bundled sample: serve it on loopback, export it, print what is in it.

    \b
    image-indexer demo
    image-indexer query layer-sharing --limit 20
    """
    from indexer.cli.demonstrating import run_demo

    run_demo(store)
