"""Queries keep to the memory they may take: what does not fit goes to a folder of its own, which is gone afterwards."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from indexer.catalog import open_catalog
from indexer.engine_memory import VARIABLE
from indexer.errors import ConfigurationError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

SORTED = "SELECT md5(CAST(i AS VARCHAR)) AS text FROM range(2000000) AS r (i) ORDER BY text"


def test_what_does_not_fit_is_spilled_and_the_folder_is_removed(
    sample_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sort several times as large as the memory gives all its rows, and leaves nothing behind."""
    monkeypatch.setenv(VARIABLE, "100MB")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_catalog(sample_store) as catalog:
        reader = catalog.sql(SORTED).to_arrow_reader(100_000)
        first = reader.read_next_batch()
        spilled = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
        row_count = len(first) + sum(len(batch) for batch in reader)
        del reader
    assert row_count == 2_000_000
    assert spilled > 10 << 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("amount", ["much", "0GB", "-1GB", "2", "2GB; SELECT 1"])
def test_what_is_no_amount_of_memory_is_refused(
    sample_store: Path, monkeypatch: pytest.MonkeyPatch, amount: str
) -> None:
    """A wrong setting is named, with how to write it."""
    monkeypatch.setenv(VARIABLE, amount)
    with pytest.raises(ConfigurationError, match=VARIABLE) as caught:
        open_catalog(sample_store)
    assert caught.value.exit_code == ExitCode.USAGE
