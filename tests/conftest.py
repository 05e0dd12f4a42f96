"""Fixtures all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.catalog import Catalog


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites golden results."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden from what the queries return")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data beside the project; skip where it is not there."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("IMAGE_INDEXER_SHARED", default))
    if not folder.is_dir():
        pytest.skip("the folder of reference data is not beside the project (IMAGE_INDEXER_SHARED names another place)")
    return folder


@pytest.fixture(scope="session")
def sample_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Open the views over one snapshot of the bundled sample."""
    from indexer.catalog import open_catalog
    from indexer.ingest import IngestOptions, ingest
    from indexer.resources import resource_folder
    from indexer.sources.files import FileSource

    store = tmp_path_factory.mktemp("sample")
    pages = sorted((resource_folder("data") / "sample").glob("page-*.json.gz"))
    ingest(FileSource([str(page) for page in pages]), store, IngestOptions("sample"))
    with open_catalog(store) as catalog:
        yield catalog
