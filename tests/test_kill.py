"""Exports killed at any instant: the next run ends in the same rows, and nobody ever sees half a snapshot."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from robustness import kill

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_exports_end_in_the_rows_of_an_undisturbed_one(tmp_path: Path) -> None:
    """SIGKILL at random moments, up to three times an export; tests/robustness/kill.py does the same for hours."""
    seed = random.randrange(1_000_000)
    counts = kill.run(tmp_path, 3, seed)
    print(f"seed {seed}: {dict(counts)}")
    assert counts["exports"] == 3, f"seed {seed}"
    assert counts["killed"], f"seed {seed}"
