"""The data dictionary in Markdown, made from `schema`, `view_schema` and `table_schema`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from indexer.errors import ConfigurationError
from indexer.schema import PART_FIELDS, SCHEMA_VERSION, Field, ListOf, Scalar
from indexer.table_schema import TABLES
from indexer.view_schema import VIEWS, View

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTRODUCTION = f"""# Data dictionary

Made from `schema.py`, `view_schema.py` and `table_schema.py` in `indexer/`; do not edit.

Schema version {SCHEMA_VERSION}.

Every view exists twice: plain, over the newest complete snapshot of every cluster (or the one chosen), and in the
schema `all_snapshots`, over all of them.

"""


_TABLE_HEAD = "| column | type | meaning |\n|---|---|---|\n"


def dictionary() -> str:
    """Return the whole dictionary: views, then the columns of the Parquet parts."""
    return _INTRODUCTION + "## Views\n\n" + "\n".join(view_text(view) for view in (*VIEWS, *TABLES)) + _parts_text()


def column_rows(name: str | None) -> dict[str, list[str]]:
    """Return the columns of one view, or of all, as lists by heading. Raises as `view_section` does."""
    views = (_view(name),) if name else (*VIEWS, *TABLES)
    columns = [(view.name, column) for view in views for column in view.columns]
    return {
        "view": [view for view, _ in columns],
        "column": [column.name for _, column in columns],
        "type": [column.type for _, column in columns],
        "meaning": [column.sentence for _, column in columns],
    }


def view_section(name: str) -> str:
    """Return the section of one view. Raises `ConfigurationError` with the nearest name."""
    return view_text(_view(name))


def _view(name: str) -> View:
    views = {view.name: view for view in (*VIEWS, *TABLES)}
    if name not in views:
        near = difflib.get_close_matches(name, views, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(views)}."
        raise ConfigurationError(f"There is no view {name!r}.", hint=hint)
    return views[name]


def view_text(view: View) -> str:
    """Return a heading, a sentence and a table of columns."""
    rows = [f"| `{column.name}` | {column.type} | {cell(column.sentence)} |" for column in view.columns]
    return f"### `{view.name}`\n\n{view.sentence} A row is: {view.grain}.\n\n{_TABLE_HEAD}" + "\n".join(rows) + "\n"


def _parts_text() -> str:
    rows = [f"| `{path}` | {type_name} | {cell(sentence)} |" for path, type_name, sentence in _paths(PART_FIELDS, "")]
    head = "\n## Parquet parts\n\nOne row an Image; lists stay lists (`[]`).\n\n"
    return head + _TABLE_HEAD + "\n".join(rows) + "\n"


def _paths(fields: tuple[Field, ...], prefix: str) -> Iterator[tuple[str, str, str]]:
    for field in fields:
        path, of = f"{prefix}{field.name}", field.type
        while isinstance(of, ListOf):
            path, of = f"{path}[]", of.item
        if isinstance(of, Scalar):
            yield path, of.value, field.sentence
        else:
            yield path, "struct", field.sentence
            yield from _paths(of.fields, f"{path}.")


def cell(text: str) -> str:
    """Return text of ours for a cell of a Markdown table; its backticks stay."""
    return text.replace("|", "\\|")
