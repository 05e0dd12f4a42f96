"""Fixtures all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data beside the project; skip where it is not there."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("IMAGE_INDEXER_SHARED", default))
    if not folder.is_dir():
        pytest.skip("the folder of reference data is not beside the project (IMAGE_INDEXER_SHARED names another place)")
    return folder
