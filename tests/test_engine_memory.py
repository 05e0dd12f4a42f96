"""Queries take a share of the memory and spill the rest into a private folder, which does not stay."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from indexer import engine_memory, query_index
from indexer.catalog import open_catalog
from indexer.engine_memory import VARIABLE
from indexer.errors import ConfigurationError, ExitCode

SORTED = "SELECT * FROM (SELECT i, repeat(md5(i::VARCHAR), 3) AS word FROM range(1000000) AS r (i)) ORDER BY word"


@pytest.mark.parametrize("from_image_count", [0, 1_000_000])
def test_a_query_that_does_not_fit_spills_under_the_lock(
    sample_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_image_count: int
) -> None:
    """With the index and without, a sort larger than the limit ends with all rows, and its files are gone."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", from_image_count)
    monkeypatch.setenv(VARIABLE, "100MB")
    with open_catalog(sample_store) as catalog:
        (spill,) = (Path(row[0]) for row in catalog.sql("SELECT current_setting('temp_directory')").fetchall())
        relation = catalog.sql(SORTED)
        reader = relation.to_arrow_reader(1_000)
        assert reader.read_next_batch().num_rows == 1_000
        assert any(spill.iterdir())
        assert stat.S_IMODE(spill.parent.stat().st_mode) == stat.S_IRWXU
        assert 1_000 + sum(batch.num_rows for batch in reader) == 1_000_000
    del reader, relation
    assert not spill.exists()


def test_queries_go_on_where_nothing_can_be_written(sample_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any folder for temporary files an engine keeps its own limit, and answers."""

    def refuse(**_: str) -> str:
        raise FileNotFoundError("No usable temporary directory found")

    engine_memory._process_folder.cache_clear()
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert engine_memory.memory_settings() == []
    with open_catalog(sample_store, use_index=False) as catalog:
        assert catalog.query("capacity-summary").fetchall()


def test_the_folder_is_gone_with_the_process() -> None:
    """A process that ends leaves nothing behind."""
    code = "import os; from indexer.engine_memory import _process_folder as made; folder = made(os.getpid()); "
    code += "print(folder.is_dir(), folder)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    was_there, folder = ended.stdout.split()
    assert was_there == "True"
    assert not Path(folder).exists()


@pytest.mark.parametrize("amount", ["much", "0GB", "-1GB", "2", "2GB; SELECT 1"])
def test_what_is_no_amount_of_memory_is_refused(
    sample_store: Path, monkeypatch: pytest.MonkeyPatch, amount: str
) -> None:
    """A wrong setting is named, with how to write it."""
    monkeypatch.setenv(VARIABLE, amount)
    with pytest.raises(ConfigurationError, match=VARIABLE) as caught:
        open_catalog(sample_store)
    assert caught.value.exit_code == ExitCode.USAGE
