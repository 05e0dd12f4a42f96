"""Which snapshots have a query index, and which statements it can answer.

A statement is given to the engine of the index. What it refuses, and what would need columns the index leaves out,
goes to the pure views. If all that is missing is an annex (see `index_tables`), the engine's own binder says so: it
fails over the name of a database that is not attached. Then the annex is attached, built before if need be, and the
statement asked again; so nothing has to guess from its text what it needs, and none is answered without it.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from indexer import index_files, index_tables
from indexer.places import RemotePath
from indexer.relations import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from indexer.queries import CannedQuery
    from indexer.relations import Aliases
    from indexer.store import Snapshot

logger = logging.getLogger(__name__)

FROM_IMAGE_COUNT = 10_000
"""Below this the views in memory answer before a file could be built."""

MAIN = "main"

_PLACE = "place_of_the_row"
_Answer = TypeVar("_Answer")
_CANT_ATTACH = (OSError, RuntimeError, duckdb.Error)


@dataclass
class QueryIndex:
    """An open index, and what its annexes are built from."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    snapshots: Sequence[Snapshot]
    aliases: Aliases
    _asked: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, annex: str) -> None:
        """Attach an annex; one that can't be built is told in the log once, and costs only time."""
        with self._lock:
            if annex in self._asked:
                return
            self._asked.add(annex)
            try:
                index_files.attach_annex(self.connection.cursor(), annex, self.path, self.snapshots, self.aliases)
            except _CANT_ATTACH as error:
                logger.warning("The query index has no annex %s (%s): queries take longer.", annex, _line(error))

    def close(self) -> None:
        """Release the engine."""
        self.connection.close()


def pays(snapshots: Sequence[Snapshot]) -> bool:
    """Whether a file is worth its building: where there is much to compute, and where every query would download."""
    return any(isinstance(snapshot.folder, RemotePath) for snapshot in snapshots) or not is_small(snapshots)


def is_small(snapshots: Sequence[Snapshot]) -> bool:
    """Whether memory is enough for what the views share."""
    return sum(snapshot.receipt.image_count for snapshot in snapshots) < FROM_IMAGE_COUNT


def open_index(snapshots: Sequence[Snapshot], settings: Sequence[str], aliases: Aliases) -> QueryIndex | None:
    """Open the file for these snapshots read-only, after building it if need be; None where it would not pay.

    A cache that can't be written is told in the log and costs only time.
    """
    if not pays(snapshots):
        return None
    try:
        path = index_files.index_path(snapshots, aliases)
        if not path.exists():
            index_files.build_index(path, snapshots, aliases)
        os.utime(path)
        return QueryIndex(index_files.connect(path, settings), path, snapshots, aliases)
    except _CANT_ATTACH as error:
        logger.warning("There is no query index (%s): queries take longer.", _line(error))
        return None


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def answer(index: QueryIndex, text: str, parameters: dict[str, Any]) -> duckdb.DuckDBPyRelation | None:
    """Return the relation of a statement, or None where it needs what only the store holds, or is no such statement."""
    return _with_annexes(index, lambda: _relation(index.connection.cursor(), text, parameters))


@dataclass(frozen=True)
class Numbered:
    """What a query answers in numbers: the statement, its values, and the connection it is asked on."""

    cursor: duckdb.DuckDBPyConnection
    text: str
    parameters: dict[str, Any]
    relation: duckdb.DuckDBPyRelation
    digests: frozenset[str]
    """Columns of the answer that are numbers in place of digests."""


def answer_query(
    index: QueryIndex, query: CannedQuery, parameters: dict[str, Any], row_limit: int | None
) -> duckdb.DuckDBPyRelation | None:
    """Return the relation of a query that allows for numbers in place of digests, or None where that won't do."""

    def ask() -> duckdb.DuckDBPyRelation | None:
        numbered = _numbered(index, query, parameters, row_limit)
        return None if numbered is None else _relation(numbered.cursor, _named_sql(numbered), numbered.parameters)

    return _with_annexes(index, ask)


def answer_in_numbers(index: QueryIndex, query: CannedQuery, parameters: dict[str, Any]) -> Numbered | None:
    """Return what a query that allows for numbers in place of digests answers in them, or None where that won't do."""
    return _with_annexes(index, lambda: _numbered(index, query, parameters, None))


def _with_annexes(index: QueryIndex, ask: Callable[[], _Answer | None]) -> _Answer | None:
    tried: set[str] = set()
    while True:
        try:
            return ask()
        except duckdb.Error as error:
            named = {annex for annex in index_tables.ANNEXES if index_tables.annex_database(annex) in str(error)}
            if named <= tried:
                return None
            tried |= named
        for annex in named:
            index.attach(annex)


def _numbered(
    index: QueryIndex, query: CannedQuery, parameters: dict[str, Any], row_limit: int | None
) -> Numbered | None:
    if query.digests is None:
        return None
    cursor, digests = index.connection.cursor(), frozenset(query.digests)
    cursor.execute(f"SET search_path = '{index_tables.KEYED},{MAIN}'")
    values = {name: _number(cursor, value) if name in digests else value for name, value in parameters.items()}
    # Behind the statement's own ORDER BY: the engine then keeps no more rows than those.
    text = query.sql if row_limit is None else f"{query.sql}\nLIMIT {row_limit}"
    relation = _relation(cursor, text, values)
    if relation is None:  # a relation without rows is false
        return None
    return Numbered(cursor, text, values, relation, digests.intersection(relation.columns))


def _relation(
    cursor: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any]
) -> duckdb.DuckDBPyRelation | None:
    plan = cursor.sql(f"EXPLAIN (FORMAT json) {text}", params=parameters or None)
    if plan is None or any(index_tables.BEYOND in str(row) for row in plan.fetchall()):
        return None
    return cursor.sql(text, params=parameters or None)


def _number(cursor: duckdb.DuckDBPyConnection, value: Any) -> Any:
    """Give the number of a digest as text, as the parameter is; a name that nothing has gets a number nothing has."""
    names = value if isinstance(value, list) else [value]
    wanted = "SELECT unnest(CAST(? AS VARCHAR[]))"
    rows = cursor.execute(f"SELECT digest, digest_id FROM kept.digests WHERE digest IN ({wanted})", [names]).fetchall()
    known = dict(rows)
    numbers = [None if name is None else str(known.get(name, 0)) for name in names]
    return numbers if isinstance(value, list) else numbers[0]


def _named_sql(numbered: Numbered) -> str:
    """Put text in place of numbers and enumerations, rows in their order."""
    cells, joins = [], []
    for name, kind in zip(numbered.relation.columns, numbered.relation.types, strict=True):
        column = quote_identifier(name)
        if name in numbered.digests:
            joins.append(f"LEFT JOIN kept.digests AS {column} ON {column}.digest_id = answered.{column}")
            cells.append(f"{column}.digest AS {column}")
        else:
            cells.append(
                f"CAST(answered.{column} AS VARCHAR) AS {column}" if kind.id == "enum" else f"answered.{column}"
            )
    rows = f"SELECT *, row_number() OVER () AS {_PLACE} FROM ({numbered.text}\n)"
    return f"SELECT {', '.join(cells)} FROM ({rows}) AS answered {' '.join(joins)} ORDER BY answered.{_PLACE}"
