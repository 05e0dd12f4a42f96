"""Write the bundled sample: `python -m indexer.sample --write data/sample` (needs the `test` dependency group)."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.sample import bundled_sample, list_pages, read_settings, write_pages
from indexer.sample.signing import SigningKey


def write_sample(folder: Path) -> list[Path]:
    """Make the pages and the public key in `folder` from its `settings.toml`; gives the pages' paths."""
    settings = read_settings(folder / "settings.toml")
    key = SigningKey(settings.seed, settings.key_created_at)
    images = bundled_sample(settings, key)
    (folder / "signing-key.asc").write_text(key.armored_public_key(), encoding="ascii")
    return write_pages(list_pages(images, settings.resource_version, settings.page_limit), folder)


@click.command()
@click.option("--write", "folder", type=click.Path(path_type=Path, file_okay=False, exists=True), required=True)
def main(folder: Path) -> None:
    """Write the pages and the public signing key of the sample into a folder that holds settings.toml."""
    paths = write_sample(folder)
    total = sum(path.stat().st_size for path in paths)
    click.echo(f"{len(paths)} pages, {total:,} bytes in {folder}", err=True)


if __name__ == "__main__":
    main()
