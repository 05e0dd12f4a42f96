"""Which file holds the kept views of the chosen snapshots, and which statements it can answer.

The name of a file is a hash over the receipts' part hashes, the SQL of the views and the versions of format and engine:
a stale one is never found, only a new one built. It lies outside the store, which may be read-only or shared. Two
processes that build at once each write a file of their own; the last renames it over an equal one.

Views that few statements name are added when one first does: to a copy, which takes the place of the file under a name
that says what it has. Two processes that add different ones leave two files, and each opening takes the fuller.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import shutil
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from indexer import index_tables
from indexer.places import RemotePath, cache_folder
from indexer.relations import quote_identifier
from indexer.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from indexer.queries import CannedQuery
    from indexer.relations import Aliases
    from indexer.store import Snapshot

logger = logging.getLogger(__name__)

FROM_IMAGE_COUNT = 10_000
"""Below this the views in memory answer before a file could be built."""

MAIN = "main"

KEPT_FILES = 4
_NO_TABLE = re.compile(r"Table with name (\w+) does not exist")
_PLACE = "place_of_the_row"
_OLD_SECONDS = 86_400
_LOCKING = threading.Lock()


def index_path(snapshots: Sequence[Snapshot], aliases: Aliases) -> Path:
    """Return the file for these snapshots, whether it exists or not."""
    content = hashlib.sha256(index_tables.sources_text().encode())
    content.update(f"{SCHEMA_VERSION} {duckdb.__version__} {sorted(aliases.items())}".encode())
    for snapshot in snapshots:
        parts = " ".join(part.sha256 for part in snapshot.receipt.parts)
        content.update(f"\n{snapshot.folder} {parts}\n".encode() + snapshot.receipt.to_json())
    return cache_folder() / f"{content.hexdigest()}.duckdb"


def pays(snapshots: Sequence[Snapshot]) -> bool:
    """Whether a file is worth its building: where there is much to compute, and where every query would download."""
    return any(isinstance(snapshot.folder, RemotePath) for snapshot in snapshots) or not is_small(snapshots)


class LackingError(Exception):
    """The file has no view of this name yet."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def is_small(snapshots: Sequence[Snapshot]) -> bool:
    """Whether memory is enough for what the views share."""
    return sum(snapshot.receipt.image_count for snapshot in snapshots) < FROM_IMAGE_COUNT


def open_index(
    snapshots: Sequence[Snapshot], settings: Sequence[str], aliases: Aliases
) -> duckdb.DuckDBPyConnection | None:
    """Open the file for these snapshots read-only, after building it if need be; None where it would not pay.

    A cache that can't be written is told in the log and costs only time.
    """
    if not pays(snapshots):
        return None
    try:
        path = _fullest(index_path(snapshots, aliases))
        if not path.exists():
            logger.info("Building the query index of %s snapshots in %s, once.", len(snapshots), path.parent)
            with _made(path) as new:
                index_tables.build(new, snapshots, aliases)
        os.utime(path)
        return _connect(path, settings)
    except (OSError, RuntimeError, duckdb.Error) as error:
        logger.warning("There is no query index (%s): queries take longer.", str(error).strip().partition("\n")[0])
        return None


def open_with(
    name: str, snapshots: Sequence[Snapshot], settings: Sequence[str], aliases: Aliases
) -> duckdb.DuckDBPyConnection | None:
    """Open the file after adding a view it lacked; None where that can't be done, told in the log."""
    try:
        base = index_path(snapshots, aliases)
        old = _fullest(base)
        names = {name, *_added(old)}
        path = base.with_suffix("".join(f".{one}" for one in sorted(names)) + base.suffix)
        if not path.exists():
            logger.info("Adding %s to the query index, once.", name)
            with _made(path) as new:
                shutil.copyfile(old, new)
                index_tables.add(new, name, snapshots)
            old.unlink(missing_ok=True)
        return _connect(path, settings)
    except (OSError, RuntimeError, duckdb.Error) as error:
        logger.warning("The query index lacks %s (%s).", name, str(error).strip().partition("\n")[0])
        return None


def _fullest(base: Path) -> Path:
    """Return the file of this name with the most views added, or the name itself."""
    return max(
        [base, *base.parent.glob(f"{base.stem}.*{base.suffix}")], key=lambda path: (len(_added(path)), path.name)
    )


def _added(path: Path) -> list[str]:
    return path.name.split(".")[1:-1]


def _connect(path: Path, settings: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """Connect and apply the settings. Connections of a process to one file share an engine, so the first locks it."""
    with _LOCKING:
        connection = duckdb.connect(str(path), read_only=True, config={"autoinstall_known_extensions": "false"})
        if not connection.execute("SELECT current_setting('lock_configuration')").fetchall()[0][0]:
            for setting in settings:
                connection.execute(setting)
    return connection


@contextmanager
def _made(path: Path) -> Iterator[Path]:
    """Give a place for a new file; what was made there takes its name if all went well."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make_room(path.parent)
    folder = path.parent / f"{path.stem[:16]}.{secrets.token_hex(4)}.tmp"
    folder.mkdir(mode=0o700)
    try:
        yield folder / "index.duckdb"
        (folder / "index.duckdb").replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_room(folder: Path) -> None:
    """Remove all but the last used files, and what builds that were killed left a day ago."""
    used = sorted(folder.glob("*.duckdb"), key=lambda path: path.stat().st_mtime)
    for path in used[: max(len(used) - KEPT_FILES + 1, 0)]:
        path.unlink(missing_ok=True)
    for path in folder.glob("*.tmp"):
        if time.time() - path.stat().st_mtime > _OLD_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def answer(
    connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any]
) -> duckdb.DuckDBPyRelation | None:
    """Return the relation of a statement, or None where it needs what only the store holds, or is no such statement.

    Raises `LackingError` for a view that can be added.
    """
    try:
        return _relation(connection.cursor(), text, parameters)
    except duckdb.Error as error:
        _refuse_lacking(error)
        return None


def _refuse_lacking(error: duckdb.Error) -> None:
    """Raise `LackingError` where the engine says that there is no table of a name that can be added."""
    said = _NO_TABLE.search(str(error)) if isinstance(error, duckdb.CatalogException) else None
    if said and said[1] in index_tables.ON_DEMAND:
        raise LackingError(said[1]) from error


def answer_query(
    connection: duckdb.DuckDBPyConnection, query: CannedQuery, parameters: dict[str, Any], row_limit: int | None
) -> duckdb.DuckDBPyRelation | None:
    """Return the relation of a query that allows for numbers in place of digests, or None where that won't do.

    Raises `LackingError` for a view that can be added.
    """
    if query.digests is None:
        return None
    cursor = connection.cursor()
    try:
        cursor.execute(f"SET search_path = '{index_tables.KEYED},{MAIN}'")
        numbered = {
            name: _numbered(cursor, value) if name in query.digests else value for name, value in parameters.items()
        }
        asked = f"SELECT * FROM ({query.sql}\n)" + (f" LIMIT {row_limit}" if row_limit is not None else "")
        answered = _relation(cursor, asked, numbered)
        if answered is None:  # a relation without rows is false
            return None
        return _relation(cursor, _named_sql(asked, answered, query.digests), numbered)
    except duckdb.Error as error:
        _refuse_lacking(error)
        return None


def _relation(
    cursor: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any]
) -> duckdb.DuckDBPyRelation | None:
    plan = cursor.sql(f"EXPLAIN (FORMAT json) {text}", params=parameters or None)
    if plan is None or any(index_tables.BEYOND in str(row) for row in plan.fetchall()):
        return None
    return cursor.sql(text, params=parameters or None)


def _numbered(cursor: duckdb.DuckDBPyConnection, value: Any) -> Any:
    """Give the number of a digest as text, as the parameter is; a name that nothing has gets a number nothing has."""
    names = value if isinstance(value, list) else [value]
    wanted = "SELECT unnest(CAST(? AS VARCHAR[]))"
    rows = cursor.execute(f"SELECT digest, digest_id FROM kept.digests WHERE digest IN ({wanted})", [names]).fetchall()
    known = dict(rows)
    numbers = [None if name is None else str(known.get(name, 0)) for name in names]
    return numbers if isinstance(value, list) else numbers[0]


def _named_sql(asked: str, answered: duckdb.DuckDBPyRelation, digests: Sequence[str]) -> str:
    """Put text in place of numbers and enumerations, rows in their order."""
    cells, joins = [], []
    for name, kind in zip(answered.columns, answered.types, strict=True):
        column = quote_identifier(name)
        if name in digests:
            joins.append(f"LEFT JOIN kept.digests AS {column} ON {column}.digest_id = answered.{column}")
            cells.append(f"{column}.digest AS {column}")
        else:
            cells.append(
                f"CAST(answered.{column} AS VARCHAR) AS {column}" if kind.id == "enum" else f"answered.{column}"
            )
    rows = f"SELECT *, row_number() OVER () AS {_PLACE} FROM ({asked})"
    return f"SELECT {', '.join(cells)} FROM ({rows}) AS answered {' '.join(joins)} ORDER BY answered.{_PLACE}"
