"""What tests look at after a run of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_one_line(stderr: bytes) -> bool:
    """Whether stderr is one line that says what is wrong."""
    lines = stderr.decode().splitlines()
    return len(lines) == 1 and lines[0].startswith("image-indexer: error: ")


def snapshots_in(store: Path) -> list[Path]:
    """Folders of snapshots, published or half so."""
    return sorted(store.glob("cluster=*/snapshot=*"))
