"""Durable files: content and names that survive a crash, and the errors of a disk in our words."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexer.errors import IncompleteError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there, also after a crash."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    sync_file(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make the content of a file survive a crash."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a crash."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing_to(folder: Path, what: str = "the store", setting: str = "--store") -> Iterator[None]:
    """Turn what a disk refuses into `IncompleteError` (full) or `StoreError` (anything else)."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise IncompleteError(
                f"The disk of {folder} is full; nothing was published.", hint="Free some space and run again."
            ) from error
        raise StoreError(
            f"Can't write to {what} {folder}: {error.strerror or error}.", hint=f"Choose another with {setting}."
        ) from error
