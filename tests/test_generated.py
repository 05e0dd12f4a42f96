"""Generated texts in the checkout are what the code makes today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from indexer import queries
from indexer.cli import generated
from indexer.dictionary import dictionary, view_section
from indexer.errors import ConfigurationError
from indexer.schema import PART_FIELDS
from indexer.table_schema import TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "path",
    [generated.CATALOGUE, generated.DICTIONARY, generated.README],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_committed_text_is_what_the_code_makes(path: Path) -> None:
    """Where this fails, `python -m indexer.cli.generated --write` writes the text again."""
    assert path.read_text(encoding="utf-8") == generated.generated_texts()[path]


def test_the_dictionary_has_every_view_column_and_field() -> None:
    """Nothing that can be read is left unexplained."""
    text = dictionary()
    for view in (*VIEWS, *TABLES):
        assert f"### `{view.name}`" in text
        assert all(f"| `{column.name}` | {column.type} |" in view_section(view.name) for column in view.columns)
    parts = text.partition("## Parquet parts")[2]
    assert all(f"| `{field.name}" in parts for field in PART_FIELDS)
    assert "| `docker_image_layers[].media_type` | string |" in parts


def test_an_unknown_view_names_the_nearest() -> None:
    """A slip of the fingers is answered with the name that was meant."""
    with pytest.raises(ConfigurationError, match="Did you mean 'layers'"):
        view_section("layer")


def test_the_readme_names_every_query() -> None:
    """The table of the README has a row a query, between its markers."""
    text = generated.README.read_text(encoding="utf-8")
    table = text.partition("<!-- queries -->")[2].partition("<!-- /queries -->")[0]
    assert [line.split("`")[1] for line in table.splitlines() if line.startswith("| [`")] == queries.names()


def test_writing_twice_changes_nothing() -> None:
    """Without `--write` the command only compares, and says by its exit code whether all is current."""
    ended = CliRunner().invoke(generated.main, [])
    assert (ended.exit_code, ended.output) == (0, "")
