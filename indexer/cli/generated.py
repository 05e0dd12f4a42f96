"""Texts that are made from the code: `python -m indexer.cli.generated --write` writes them, a test compares them."""

from __future__ import annotations

import re
from pathlib import Path

import click

from indexer import queries
from indexer.dictionary import cell, dictionary

ROOT = Path(__file__).parents[2]
DICTIONARY, CATALOGUE, README = ROOT / "data" / "DICTIONARY.md", ROOT / "queries" / "README.md", ROOT / "README.md"

_README_QUERIES = re.compile(r"(?<=<!-- queries -->\n).*?(?=<!-- /queries -->)", re.DOTALL)
_INTRODUCTION = """# Canned queries

Made from the files beside this one; do not edit. Run one with `image-indexer query NAME`, give parameters with
`-p KEY=VALUE` (lists by commas).
"""


def generated_texts() -> dict[Path, str]:
    """Return every generated text by its file; of the README only the table of queries is generated."""
    readme = README.read_text(encoding="utf-8")
    return {
        DICTIONARY: dictionary(),
        CATALOGUE: _INTRODUCTION + "".join(_section(queries.load(name)) for name in queries.names()),
        README: _README_QUERIES.sub(lambda _: _query_table(), readme),
    }


def _query_table() -> str:
    loaded = [queries.load(name) for name in queries.names()]
    rows = [f"| `{query.name}` | {cell(query.description)} |\n" for query in loaded]
    return "| query | answers |\n|---|---|\n" + "".join(rows)


def _section(query: queries.CannedQuery) -> str:
    parts = [f"\n## {query.name}\n\n**{query.title}.** {query.description}\n\nGood for: {query.value}\n"]
    parts += [f"\n- `{item.name}` ({item.type}{_default(item)}): {item.help}" for item in query.parameters]
    parts += ["\n"] if query.parameters else []
    parts += ["\n| column | meaning |\n|---|---|\n"]
    parts += [f"| `{name}` | {cell(sentence)} |\n" for name, sentence in query.columns.items()]
    return "".join(parts)


def _default(parameter: queries.Parameter) -> str:
    if parameter.is_optional:
        return ", optional"
    if parameter.default is None:
        return ", needed"
    words = ",".join(map(str, parameter.default)) if parameter.is_list else parameter.default
    return f", default `{words}`"


@click.command()
@click.option("--write", is_flag=True, help="Write the files; without it, name those that differ and fail.")
def main(write: bool) -> None:
    """Write or compare the generated texts of a checkout."""
    texts = generated_texts()
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        click.echo(path.relative_to(ROOT))
    if write:
        for path in stale:
            path.write_text(texts[path], encoding="utf-8")
    elif stale:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
