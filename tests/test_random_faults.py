"""Exports under random faults while objects change: the truth of one moment, or up to a named key, or nothing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from robustness import faults

if TYPE_CHECKING:
    from pathlib import Path


def test_exports_are_the_truth_or_nothing(tmp_path: Path) -> None:
    """Every published snapshot is what the server had; a failed run publishes nothing, the calm one after it does.

    tests/robustness/faults.py does the same a thousand times.
    """
    counts = faults.run(tmp_path, 20, random.randrange(1_000_000))
    assert sum(counts.values()) == 20
    assert counts["complete, consistent"] > 5
