"""The memory of an export does not grow with the cluster."""

from __future__ import annotations

import pytest
from benchmarks.export import measure


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_number_of_images() -> None:
    """Two and a half times the Images need at most a fifth more; tests/benchmarks/export.py measures any number."""
    small, large = (measure(count, 500, names=("image-indexer export",)) for count in (10_000, 25_000))
    peaks = [figures["image-indexer export"].peak_mib for figures in (small, large)]
    assert peaks[1] < peaks[0] * 1.2, peaks
