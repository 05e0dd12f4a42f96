"""The Python door: a few names, typed, and relations that go where notebooks need them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

import indexer

PROJECT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", indexer.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    """What `__all__` promises is there, and has words of its own."""
    assert getattr(indexer, name) is not None
    assert name == "__version__" or getattr(indexer, name).__doc__


def test_public_names_are_all_listed() -> None:
    """Nothing public beside `__all__` but modules."""
    ours = {name for name, value in vars(indexer).items() if getattr(value, "__module__", "").startswith("indexer")}
    public = {name for name in ours if not name.startswith("_")}
    assert public <= set(indexer.__all__)
    with pytest.raises(AttributeError, match="nope"):
        indexer.nope  # noqa: B018 (reading it is what fails)


def test_version_is_that_of_the_distribution() -> None:
    """The version is a version."""
    assert re.match(r"\d+\.\d+\.\d+", indexer.__version__)


def test_relations_go_to_polars_arrow_and_python(sample_store: Path) -> None:
    """A canned query and a statement give relations; each frame has the same rows, times included."""
    with indexer.open_store(sample_store) as catalog:
        assert isinstance(catalog, indexer.Catalog)
        relation = catalog.query("layer-sharing", min_images=2)
        frame, table, rows = relation.pl(), relation.to_arrow_table(), relation.fetchall()
        assert isinstance(frame, pl.DataFrame)
        assert isinstance(table, pa.Table)
        assert frame.height == table.num_rows == len(rows) > 0
        assert frame["image_count"].min() >= 2
        times = catalog.sql("SELECT first_seen_at FROM images WHERE first_seen_at IS NOT NULL LIMIT $n", n=2)
        assert [moment for (moment,) in times.fetchall()] == times.pl()["first_seen_at"].to_list()


def test_relations_can_be_refined(sample_store: Path) -> None:
    """A relation is a starting point: it can be filtered, sorted and joined in the engine."""
    with indexer.open_store(str(sample_store)) as catalog:
        layers = catalog.sql("SELECT layer_digest, size_bytes, image_count FROM layers")
        biggest = layers.filter("image_count > 1").order("size_bytes DESC, layer_digest").limit(3)
        assert len(biggest.fetchall()) == 3


def test_errors_are_those_of_the_tree(sample_store: Path, tmp_path: Path) -> None:
    """One `except` catches everything, and each error has its kind, a message and a hint."""
    with pytest.raises(indexer.ConfigurationError) as missing:
        indexer.open_store(tmp_path / "nope")
    assert missing.value.hint
    with indexer.open_store(sample_store) as catalog:
        with pytest.raises(indexer.QueryError):
            catalog.sql("SELECT nope")
        with pytest.raises(indexer.ConfigurationError):
            catalog.query("nope")
    assert issubclass(indexer.QueryError, indexer.IndexerError)


def test_one_snapshot_and_one_cluster_can_be_chosen(sample_store: Path) -> None:
    """Choices of the command line are choices of the door."""
    with indexer.open_store(sample_store) as catalog:
        (snapshot,) = catalog.snapshots
    with indexer.open_store(sample_store, snapshot=snapshot.snapshot_id, clusters=("sample",)) as catalog:
        assert catalog.snapshots == (snapshot,)
    with pytest.raises(indexer.ConfigurationError, match="has no cluster"):
        indexer.open_store(sample_store, clusters=("other",))


def test_types_of_public_names_are_pinned() -> None:
    """Mypy agrees with the file of pins: a type that changes for notebooks changes there first."""
    command = [sys.executable, "-m", "mypy", "--strict", "tests/typing_pins.py"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert ended.returncode == 0, ended.stdout
