"""Texts that are made from the code: `python -m indexer.cli.generated --write` writes them, a test compares them."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer import queries
from indexer.catalog import open_catalog
from indexer.dictionary import dictionary
from indexer.escaping import for_markdown
from indexer.ingest import IngestOptions, ingest
from indexer.output import rows_of
from indexer.plain_values import plain_text
from indexer.resources import resource_folder
from indexer.sources.files import FileSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.catalog import Catalog

ROOT = Path(__file__).parents[2]
CATALOGUE, DICTIONARY, README = ROOT / "docs" / "queries.md", ROOT / "data" / "DICTIONARY.md", ROOT / "README.md"
EXAMPLES: dict[str, dict[str, str]] = {
    "images-by-age": {"as_of": "2026-11-24T00:00:00Z"},
    "reclaimable": {"repositories": "quay.io/oddities/layers"},
    "stale-images": {"as_of": "2026-11-24T00:00:00Z"},
}
"""Parameters of the example answers, for queries that would otherwise return nothing or something else each day."""

VOLATILE = {
    "snapshot_id",
    "previous_snapshot_id",
    "before_snapshot_id",
    "after_snapshot_id",
    "taken_at",
    "oldest_taken_at",
    "newest_taken_at",
    "last_tried_at",
    "snapshot_age_hours",
    "age_hours",
    "days_since_previous",
    "first_day",
    "last_day",
}
"""Columns that differ between two imports of the same objects, or from one day to the next."""

_LONGEST_EXAMPLE = 60
_README_QUERIES = re.compile(r"(?<=<!-- queries -->\n).*?(?=<!-- /queries -->)", re.DOTALL)
_INTRODUCTION = """# Query catalogue

Made from the files in `queries/`; do not edit. Run one with `image-indexer query NAME`, give parameters with
`-p KEY=VALUE` (lists by commas). The last column of each table is the first row that the bundled sample gives.
"""


@cache
def generated_texts() -> dict[Path, str]:
    """Return every generated text by its file."""
    readme = README.read_text(encoding="utf-8")
    return {
        CATALOGUE: _catalogue(),
        DICTIONARY: dictionary(),
        README: _README_QUERIES.sub(lambda _: _query_list(), readme),
    }


def _query_list() -> str:
    """Table of the canned queries for the README."""
    loaded = [queries.load(name) for name in queries.names()]
    rows = (f"| [`{query.name}`](docs/queries.md#{query.name}) | {for_markdown(query.value)} |\n" for query in loaded)
    return "| query | good for |\n|---|---|\n" + "".join(rows)


def _catalogue() -> str:
    with tempfile.TemporaryDirectory() as folder:
        store, pages = Path(folder) / "store", sorted((resource_folder("data") / "sample").glob("page-*.json.gz"))
        # The first stands for the night before, so that what compares nights has something to show.
        for night in (pages[:-1], pages):
            ingest(FileSource([str(page) for page in night]), store, IngestOptions("sample", is_complete=True))
        with open_catalog(store, tables_in=Path(folder) / "views.duckdb") as catalog:
            return _INTRODUCTION + "".join(_sections(catalog))


def _sections(catalog: Catalog) -> Iterator[str]:
    for kind, heading in (("query", "Queries"), ("check", "Checks")):
        names = queries.names(kind)
        if names:
            yield f"\n## {heading}\n"
        yield from (_section(queries.load(name, kind), catalog) for name in names)


def _section(query: queries.CannedQuery, catalog: Catalog) -> str:
    given = EXAMPLES.get(query.name, {})
    rows = list(rows_of(catalog.run(query, **given)))
    parts = [f"\n### {query.name}\n\n**{query.title}.** {query.description}\n\nGood for: {query.value}\n"]
    parts += [f"\n- `{item.name}` ({item.type}{_default(item)}): {item.help}" for item in query.parameters]
    parts += ["\n"] if query.parameters else []
    parts += ["\n| column | meaning | for example |\n|---|---|---|\n"]
    parts += [f"| `{name}` | {sentence} | {_example(rows, name)} |\n" for name, sentence in query.columns.items()]
    words = "".join(f" -p {name}={value}" for name, value in given.items())
    return "".join(parts) + f"\nThe sample gives {_amount(len(rows))}{f' with `{words.strip()}`' if words else ''}.\n"


def _amount(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _default(parameter: queries.Parameter) -> str:
    if parameter.is_optional:
        return ", optional"
    if parameter.default is None:
        return ", needed"
    words = ",".join(map(str, parameter.default)) if parameter.is_list else parameter.default
    return f", default `{words}`"


def _example(rows: list[dict[str, Any]], name: str) -> str:
    if not rows:
        return ""
    text = plain_text(rows[0][name])
    if name in VOLATILE:
        return "…"
    return for_markdown(text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}…")


@click.command()
@click.option("--write", is_flag=True, help="Write the files; without it, name those that differ and fail.")
def main(write: bool) -> None:
    """Write or compare the generated texts of a checkout."""
    texts = generated_texts()
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        click.echo(path.relative_to(ROOT))
    if write:
        for path, text in texts.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    elif stale:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
