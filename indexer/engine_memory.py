"""How much memory an engine may take, and the private folder for what does not fit.

The engine makes a folder of its own in it when it first needs one, and removes that when it is closed; relations may
outlive the catalog that returned them, so nobody else knows the moment. The folder around it belongs to the process:
only its user can look into it, which the engine does not see to, and it is gone when the process ends.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import tempfile
from functools import cache
from pathlib import Path

from indexer.errors import ConfigurationError
from indexer.relations import quote

VARIABLE = "IMAGE_INDEXER_MEMORY"
_SHARE = "50%"
"""Of what the machine or the container has; the engine would take 80 %, and there may be two of them."""

_AMOUNT = re.compile(r"[1-9]\d{0,8}(?:\.\d{1,3})? ?(?:%|[KMGT]i?B)", re.IGNORECASE)


def memory_limit() -> str:
    """`$IMAGE_INDEXER_MEMORY`, else a share of the memory there is. Raises `ConfigurationError` for no amount."""
    limit = os.environ.get(VARIABLE) or _SHARE
    if not _AMOUNT.fullmatch(limit):
        raise ConfigurationError(f"{VARIABLE} is {limit[:80]!r}, no amount of memory.", hint="Write 2GB, or 50%.")
    return limit


def memory_settings() -> list[str]:
    """Return the statements for one engine, to be run before those that lock it."""
    limit = f"SET memory_limit = {quote(memory_limit())}"
    try:
        folder = _process_folder(os.getpid()) / secrets.token_hex(4)
    except OSError:  # such as a read-only root: the engine's own limit leaves most room without spilling
        return [limit] if VARIABLE in os.environ else []
    return [limit, f"SET temp_directory = {quote(str(folder))}"]


@cache
def _process_folder(owner: int) -> Path:
    """Make the folder of this process; `owner` keeps one that was forked off from using and removing its parent's."""
    folder = Path(tempfile.mkdtemp(prefix="image-indexer-", suffix=".spill"))
    atexit.register(_remove, folder, owner)
    return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
