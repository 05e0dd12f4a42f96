"""How much memory an engine may take, and where it puts what does not fit."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from pathlib import Path

from indexer.errors import ConfigurationError
from indexer.relations import quote

VARIABLE = "IMAGE_INDEXER_MEMORY"
_SHARE = "60%"
"""Of what the machine or container has; the engine's own four fifths leave too little to what becomes of the rows."""

_AMOUNT = re.compile(r"[1-9]\d{0,8}(?:\.\d{1,3})? ?(?:%|[KMGT]i?B)", re.IGNORECASE)


def memory_limit() -> str:
    """`$IMAGE_INDEXER_MEMORY`, else a share of the memory there is. Raises `ConfigurationError` for no amount."""
    limit = os.environ.get(VARIABLE) or _SHARE
    if not _AMOUNT.fullmatch(limit):
        raise ConfigurationError(f"{VARIABLE} is {limit[:80]!r}, no amount of memory.", hint="Write 2GB, or 50%.")
    return limit


def memory_settings() -> list[str]:
    """Return statements for one engine; it makes its folder for what does not fit when needed, and removes it."""
    folder = Path(tempfile.gettempdir(), f"image-indexer-{secrets.token_hex(8)}")
    return [f"SET memory_limit = {quote(memory_limit())}", f"SET temp_directory = {quote(str(folder))}"]
