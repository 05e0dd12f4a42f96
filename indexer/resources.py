"""Files that ship beside the code: SQL and the sample, found in the wheel, in a checkout and in an editable install."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_BUNDLED = _PACKAGE / "_bundled"


def resource_folder(name: str) -> Path:
    """Folder `queries` or `data`: inside the wheel, else at the top of the checkout."""
    bundled = _BUNDLED / name
    return bundled if bundled.is_dir() else _PACKAGE.parent / name
