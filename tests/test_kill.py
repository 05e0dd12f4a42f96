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


def test_killed_exports_into_object_storage_end_the_same(tmp_path: Path, s3_port: int) -> None:
    """The same against a store that speaks S3: no receipt ever stands without its parts, and no part stays behind."""
    seed = random.randrange(1_000_000)
    counts = kill.run(tmp_path, 2, seed, s3_port=s3_port)
    print(f"seed {seed}: {dict(counts)}")
    assert counts["exports"] == 2, f"seed {seed}"
    assert counts["killed"], f"seed {seed}"
