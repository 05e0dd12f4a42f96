"""Schemas over snapshots beside those a reader chose, created when a statement first needs them.

`all_snapshots` has every snapshot of the store's chosen clusters. What can be said of snapshots as such (receipts,
their series, kept totals) stands there without a look at any part; rows follow when a statement needs them. A narrow
schema has the rows of a selection alone, and of all snapshots only the series: no other part is opened, and none has to
be whole.
"""

from __future__ import annotations

import re
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from indexer import kept_totals, query_index
from indexer.relations import columns_sql, create_aliases, create_snapshots, create_stored_images
from indexer.shown_views import KEPT, ShownViews, views_behind
from indexer.table_schema import KEYRING_KEYS, SIGNATURE_VERIFICATIONS
from indexer.view_schema import SNAPSHOT_SERIES, SNAPSHOT_TOTALS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import duckdb

    from indexer.queries import CannedQuery
    from indexer.query_index import QueryIndex
    from indexer.relations import Aliases
    from indexer.store import Snapshot, Store

MAIN, ALL_SNAPSHOTS = "main", "all_snapshots"
_STORED = "stored_images"

_Id = tuple[str, str]


class SnapshotSchemas:
    """The schemas of one catalog. Statements of several threads may ask at once."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        store: Store,
        aliases: Aliases,
        *,
        keeps_totals: bool,
    ) -> None:
        self._engine, self._store, self._aliases = connection, store, aliases
        self._keeps_totals = keeps_totals
        self.index: QueryIndex | None = None
        """The index of the chosen snapshots, once there is one."""
        self._all: ShownViews | None = None
        self.has_rows = False
        """Whether `all_snapshots` has the rows of its snapshots, too."""
        self._narrow: dict[frozenset[_Id], tuple[str, ShownViews]] = {}
        self._made_count = 0
        self._lock = threading.RLock()

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of their own: one that another thread is busy with would refuse."""
        return self._engine.cursor()

    def close(self) -> None:
        """Let go of the engine."""
        if "_connection" in vars(self):
            self._connection.close()

    @cached_property
    def snapshots(self) -> Sequence[Snapshot]:
        """Every snapshot of the store's chosen clusters, as they were when they were first asked for."""
        return self._store.snapshots()

    def has_only(self, chosen: Sequence[Snapshot]) -> bool:
        """Whether there are no snapshots but these."""
        return {_id(snapshot) for snapshot in self.snapshots} == {_id(snapshot) for snapshot in chosen}

    def show(self, text: str, *, every: bool) -> None:
        """Create what a statement may read in `all_snapshots`, and with `every` all other views, too."""
        with self._lock:
            views = self._open_series()
            if self._keeps_totals and SNAPSHOT_TOTALS.name in views_behind(text, ALL_SNAPSHOTS):
                self._keeps_totals = False
                self._give_totals(views)
            if every or _STORED in text.lower() or views.behind(text) - {SNAPSHOT_SERIES.name}:
                self._open_rows()
            views.show(text, every=every)

    def comment_all(self) -> None:
        """Comment on every column of `all_snapshots`, if it is there."""
        with self._lock:
            if self._all:
                self.show("", every=True)
                self._all.comment_all()

    def narrow(self, query: CannedQuery, parameters: Mapping[str, Any]) -> tuple[str, str]:
        """Make room for a query that says what it reads; gives its statement and the schema that this is over."""
        with self._lock:
            self._open_series().show(SNAPSHOT_SERIES.name, every=False)
            wanted = self._wanted(query.reads or "", parameters)
            if wanted not in self._narrow:
                self._narrow[wanted] = self._create_narrow(wanted)
            schema, views = self._narrow[wanted]
            statement = re.sub(rf"\b{ALL_SNAPSHOTS}\.", f"{schema}.", query.sql)
            views.show(statement, every=False)
        return statement, schema

    def _wanted(self, selection: str, parameters: Mapping[str, Any]) -> frozenset[_Id]:
        cursor = self._connection.cursor()
        (statement,) = cursor.extract_statements(selection)
        given = {name: value for name, value in parameters.items() if name in statement.named_parameters}
        return frozenset(cursor.execute(statement, given).fetchall())

    def _open_series(self) -> ShownViews:
        if self._all is None:
            self._connection.execute(f"CREATE SCHEMA {ALL_SNAPSHOTS}")
            create_snapshots(self._connection, ALL_SNAPSHOTS, self.snapshots)
            self._all = self._views_of(ALL_SNAPSHOTS)
        return self._all

    def _open_rows(self) -> None:
        if not self.has_rows:
            self._store.check_parts(self.snapshots)
            create_stored_images(self._connection, ALL_SNAPSHOTS, self.snapshots)
            self.has_rows = True

    def _create_narrow(self, wanted: Collection[_Id]) -> tuple[str, ShownViews]:
        snapshots = [snapshot for snapshot in self.snapshots if _id(snapshot) in wanted]
        self._store.check_parts(snapshots)
        self._made_count += 1
        schema = f"some_snapshots_{self._made_count}"
        self._connection.execute(f"CREATE SCHEMA {schema}")
        create_snapshots(self._connection, schema, snapshots)
        views = self._views_of(schema, {SNAPSHOT_SERIES.name: f"FROM {ALL_SNAPSHOTS}.{SNAPSHOT_SERIES.name}"})
        create_stored_images(self._connection, schema, snapshots)
        return schema, views

    def _give_totals(self, views: ShownViews) -> None:
        """Have the totals of snapshots from what is kept, but for those that are added up as fast as a file is read."""
        large = [snapshot for snapshot in self.snapshots if query_index.pays([snapshot])]
        if not large:
            return
        rows = kept_totals.totals_of(large, self._added_up)
        table = f"{KEPT}.{SNAPSHOT_TOTALS.name}"
        self._connection.execute(f"CREATE TABLE {table} ({columns_sql(SNAPSHOT_TOTALS)})")
        places = ", ".join("?" * len(SNAPSHOT_TOTALS.columns))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        small = {_id(snapshot) for snapshot in self.snapshots} - {_id(snapshot) for snapshot in large}
        views.give(
            SNAPSHOT_TOTALS.name, f"FROM {table}{f' UNION ALL FROM {self._pure_totals(small)}' if small else ''}"
        )

    def _added_up(self, snapshots: Sequence[Snapshot]) -> list[kept_totals.Row]:
        """Add up totals: of what the index has by itself, of the rest from the store."""
        rows = self._indexed_totals()
        wanted = {_id(snapshot) for snapshot in snapshots}
        known = [row for row in rows if row[:2] in wanted]
        missing = wanted - {row[:2] for row in known}
        if missing:
            known += self._connection.cursor().execute(f"FROM {self._pure_totals(missing)}").fetchall()
        return known

    def _indexed_totals(self) -> list[kept_totals.Row]:
        relation = query_index.answer(self.index, f"FROM {SNAPSHOT_TOTALS.name}", {}) if self.index else None
        return relation.fetchall() if relation else []

    def _pure_totals(self, wanted: Collection[_Id]) -> str:
        schema, views = self._create_narrow(wanted)
        views.show(SNAPSHOT_TOTALS.name, every=False)
        return f"{schema}.{SNAPSHOT_TOTALS.name}"

    def _views_of(self, schema: str, given: Mapping[str, str] | None = None) -> ShownViews:
        """Create the tables that views read beside receipts and rows, and return what creates the views."""
        create_aliases(self._connection, schema, self._aliases)
        for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
            self._connection.execute(f"CREATE VIEW {schema}.{table.name} AS FROM {MAIN}.{table.name}")
        return ShownViews(self._connection, schema, keeps_in_memory=False, given=given)


def _id(snapshot: Snapshot) -> _Id:
    return snapshot.cluster, snapshot.snapshot_id
