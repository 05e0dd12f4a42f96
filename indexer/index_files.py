"""The files of the query index in the cache folder: their names, how they are made, opened and given up.

The name of an index is a hash over the receipts' part hashes, the SQL of the views and the versions of format and
engine: a stale one is never found, only a new one built. Its annexes (see `index_tables`) bear its name and their own,
and go when it goes. They all lie outside the store, which may be read-only or shared. Two processes that build at once
each write a file of their own; the last renames it over an equal one.

An index is opened read-only and its engine locked; the lock lets annexes be attached later, since the paths they will
have are allowed before it closes.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from indexer import index_tables
from indexer.engine_faults import ENGINE_CONFIG
from indexer.places import cache_folder
from indexer.relations import quote
from indexer.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from indexer.relations import Aliases
    from indexer.store import Snapshot

logger = logging.getLogger(__name__)

KEPT_FILES = 4
ANNEX = ".annex"
_OLD_SECONDS = 86_400
_BLOCK_HEADERS_BYTES = 3 * 4096
"""What stands before the blocks of a DuckDB file: https://duckdb.org/docs/stable/internals/storage."""

_LOCKING = threading.Lock()


def index_path(snapshots: Sequence[Snapshot], aliases: Aliases) -> Path:
    """Return the file for these snapshots, whether it exists or not."""
    content = hashlib.sha256(index_tables.sources_text().encode())
    content.update(f"{SCHEMA_VERSION} {duckdb.__version__} {sorted(aliases.items())}".encode())
    for snapshot in snapshots:
        parts = " ".join(part.sha256 for part in snapshot.receipt.parts)
        content.update(f"\n{snapshot.folder} {parts}\n".encode() + snapshot.receipt.to_json())
    return cache_folder() / f"{content.hexdigest()}.duckdb"


def annex_path(index: Path, annex: str) -> Path:
    """Return the file of an annex."""
    return index.with_suffix(f".{annex}{ANNEX}")


def connect(path: Path, settings: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """Connect and apply the settings. Connections of a process to one file share an engine, so the first locks it.

    Raises `OSError` for a file that was cut, `duckdb.Error` for one that is no database.
    """
    with _LOCKING:
        connection = duckdb.connect(str(path), read_only=True, config=ENGINE_CONFIG)
        (database,) = connection.execute("SELECT current_database()").fetchall()[0]
        if not _is_whole(connection, database, path):
            connection.close()
            raise OSError(f"{path} was cut; delete it")
        if not connection.execute("SELECT current_setting('lock_configuration')").fetchall()[0][0]:
            for setting in (_annexes_allowed(path), *settings):
                connection.execute(setting)
    return connection


def _annexes_allowed(path: Path) -> str:
    # The engine looks for a log of changes beside each file, also of one it only reads.
    files = (f"{annex_path(path, annex)}{suffix}" for annex in index_tables.ANNEXES for suffix in ("", ".wal"))
    return f"SET allowed_paths = [{', '.join(map(quote, files))}]"


def build_index(path: Path, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    """Build an index, in the place of the least used one if there are many."""
    with built(path) as file:
        logger.info("Building the query index of %s snapshots in %s, once.", len(snapshots), path.parent)
        index_tables.build(file, snapshots, aliases)


def attach_annex(
    connection: duckdb.DuckDBPyConnection, annex: str, path: Path, snapshots: Sequence[Snapshot], aliases: Aliases
) -> None:
    """Attach an annex to the engine of the index at this path, and build it if it is not there or not whole.

    Raises `OSError`, `RuntimeError` or `duckdb.Error` where neither can be done.
    """
    file = annex_path(path, annex)
    if file.exists() and _attached(connection, annex, file):
        return
    with built(file) as new:
        logger.info("Building the annex %s of the query index in %s, once.", annex, path.parent)
        index_tables.build_annex(annex, new, path, snapshots, aliases)
    if not _attached(connection, annex, file):
        raise OSError(f"{file} is broken as soon as it is written")


def _attached(connection: duckdb.DuckDBPyConnection, annex: str, file: Path) -> bool:
    """Attach a file if it is whole, for all connections to the index in this process."""
    database = index_tables.annex_database(annex)
    with _LOCKING:
        try:
            connection.execute(f"ATTACH IF NOT EXISTS {quote(str(file))} AS {database} (READ_ONLY)")
            if _is_whole(connection, database, file):
                return True
            connection.execute(f"DETACH {database}")
        except duckdb.Error as error:
            logger.info("%s can't be attached: %s", file, error)
    return False


def _is_whole(connection: duckdb.DuckDBPyConnection, database: str, file: Path) -> bool:
    """Whether a file is as long as its header says: the engine notices a cut one only when it reads the end."""
    sizes = "SELECT block_size * total_blocks FROM pragma_database_size() WHERE database_name = ?"
    (size_bytes,) = connection.execute(sizes, [database]).fetchall()[0]
    return file.stat().st_size >= _BLOCK_HEADERS_BYTES + int(size_bytes)


@contextmanager
def built(path: Path) -> Iterator[Path]:
    """Give a file to write, which becomes the one at this path when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make_room(path)
    folder = path.parent / f"{path.stem[:16]}.{secrets.token_hex(4)}.tmp"
    folder.mkdir(mode=0o700)
    try:
        yield folder / "index.duckdb"
        (folder / "index.duckdb").chmod(0o600)  # a cache folder of somebody's choice may be open to others
        (folder / "index.duckdb").replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_room(path: Path) -> None:
    """Remove all but the last used indexes, annexes without an index, and what builds that were killed left a day ago.

    The index a file belongs to stays: it was used just now, or is about to be written.
    """
    others = (file for file in path.parent.glob("*.duckdb") if file.stem != _name(path))
    used = sorted(others, key=lambda file: file.stat().st_mtime)
    for file in used[: max(len(used) - KEPT_FILES + 1, 0)]:
        file.unlink(missing_ok=True)
    for file in path.parent.glob(f"*{ANNEX}"):
        if not file.with_name(f"{_name(file)}.duckdb").exists():
            file.unlink(missing_ok=True)
    for file in path.parent.glob("*.tmp"):
        if time.time() - file.stat().st_mtime > _OLD_SECONDS:
            shutil.rmtree(file, ignore_errors=True)


def _name(path: Path) -> str:
    """Return what the names of an index and its annexes begin with."""
    return path.name.partition(".")[0]
