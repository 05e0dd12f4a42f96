"""DuckDB over snapshots: base relations, views, comments, and the lock that keeps users' SQL to reading.

Everything about the engine that had to be learnt stands here: relations (not results) go to Polars and Arrow; an
open result owns its connection, so every statement gets a cursor; a view finds unqualified names in its own schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import duckdb

from indexer import queries, query_index, verified
from indexer.engine_faults import ENGINE_CONFIG
from indexer.engine_memory import memory_settings
from indexer.errors import IncompleteError, QueryError, SnapshotError
from indexer.places import Location, RemotePath
from indexer.relations import (
    Aliases,
    attach_remote,
    comment,
    comment_tables,
    create_aliases,
    create_snapshots,
    create_stored_images,
    create_table,
    quote,
)
from indexer.shown_views import KEPT, ShownViews, views_behind
from indexer.signature_views import IMAGE_SIGNATURES
from indexer.snapshot_schemas import ALL_SNAPSHOTS, MAIN, SnapshotSchemas
from indexer.statements import query_error, reading_statement
from indexer.store import LATEST, Snapshot, Store
from indexer.table_schema import KEYRING_KEYS, SIGNATURE_VERIFICATIONS
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from indexer.numbered_rows import NumberedRows

__all__ = ["ALL_SNAPSHOTS", "MAIN", "Catalog", "open_catalog"]

BATCH_ROWS = 10_000

_NAMED_IN_ALL = re.compile(rf"\b{ALL_SNAPSHOTS}\.\w+", re.IGNORECASE)
_SHOWS_COMMENTS = ("comment", "duckdb_", "information_schema", "pg_", "show")


class Catalog:
    """Views over the snapshots of a store, in an engine that can only read them.

    Use it as a context manager, or close it. Relations it has returned stay readable after that: each has a cursor of
    its own. With `tables_in`, a DuckDB file that is not there yet, the views over the chosen snapshots are computed
    once and kept there as tables: that takes longer than one query and less than ten. `all_snapshots` has every
    snapshot of the store's chosen clusters.
    """

    def __init__(
        self,
        store: Store,
        chosen: Sequence[Snapshot],
        keyrings: Sequence[Path] = (),
        *,
        aliases: Aliases | None = None,
        use_index: bool = True,
        tables_in: Path | None = None,
    ) -> None:
        self.store = store
        self.aliases = dict(aliases or {})
        self.snapshots = tuple(chosen)
        self._views: ShownViews | None = None
        self._index: query_index.QueryIndex | None = None
        self._numbered: NumberedRows | None = None
        store.check_parts(chosen)
        self._keyring = verified.read_keyrings(keyrings) if keyrings else None
        self._verified_schemas: set[str] = set()
        # What keys say of signatures is of this moment, and the index is of another.
        has_index = use_index and tables_in is None and not self._keyring and query_index.pays(chosen)
        self._keeps_in_memory = not has_index and query_index.is_small(chosen)
        self._connection = duckdb.connect(tables_in or ":memory:", config=_engine_config(store, chosen))
        self._schemas = SnapshotSchemas(
            self._connection, store, self.aliases, keeps_totals=use_index and tables_in is None
        )
        try:
            self._build(as_tables=tables_in is not None)
        except duckdb.Error as error:
            self.close()
            raise _broken_store(error) from error
        if has_index:
            self._index = query_index.open_index(chosen, self._settings(), self.aliases)
            self._schemas.index = self._index
        if self._index:
            from indexer.numbered_rows import NumberedRows  # Arrow is imported where there is much to read

            self._numbered = NumberedRows(self._index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the engine."""
        if self._index:
            self._index.close()
        self._schemas.close()
        self._connection.close()

    def leave_store(self) -> None:
        """Drop what still reads the store, so that the file of `tables_in` stands for itself."""
        self._connection.execute(f"DROP VIEW {MAIN}.stored_images")
        self._connection.execute("CHECKPOINT")

    def query(self, name: str, /, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run a canned query. Raises `UnknownQueryError`, `BadParameterError` or `QueryError`."""
        return self.run(queries.load(name), **parameters)

    def run(self, query: queries.CannedQuery, /, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run a query that was loaded (also a check)."""
        return self.first_rows(query, None, parameters)

    def first_rows(
        self, query: queries.CannedQuery, row_limit: int | None, parameters: Mapping[str, Any]
    ) -> duckdb.DuckDBPyRelation:
        """Run a query that was loaded for its first rows, or all; a relation cut afterwards may have computed all."""
        bound = query.bind(dict(parameters))
        if query.reads:
            relation = self._narrow_relation(query, bound)
        elif self._index and (kept := query_index.answer_query(self._index, query, bound, row_limit)) is not None:
            return kept
        else:
            relation = self._relation(query.sql, bound)
        return relation if row_limit is None else relation.limit(row_limit)

    def every_row(
        self, query: queries.CannedQuery, parameters: Mapping[str, Any], batch_rows: int = BATCH_ROWS
    ) -> pa.RecordBatchReader:
        """Run a query that was loaded for all its rows: those of `run` in batches of Arrow, none kept, and sooner."""
        bound = query.bind(dict(parameters))
        if self._numbered and not query.reads and (kept := self._numbered.reader(query, bound, batch_rows)) is not None:
            return kept
        return self.run(query, **parameters).to_arrow_reader(batch_rows)

    def sql(self, text: str, /, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run one reading statement of the user's own; parameters are bound as `$name`.

        Raises `QueryError` for a statement that does more than read, for several statements, and for one the engine
        refuses.
        """
        try:
            statement = reading_statement(self._connection, text)
        except duckdb.Error as error:
            raise query_error(error) from error
        return self._relation(statement, parameters, shows_every_view=True)

    def verify_signatures(self, schema: str = MAIN) -> None:
        """Verify the signatures of a schema's images with the keyrings that were given; once, and nothing without.

        Queries do it by themselves before they run; `all_snapshots` only when a statement names it.
        """
        if self._keyring and schema not in self._verified_schemas:
            verified.insert_verifications(self._connection, schema, self._keyring)
            self._verified_schemas.add(schema)

    def _relation(
        self, text: str, parameters: dict[str, Any], *, shows_every_view: bool = False
    ) -> duckdb.DuckDBPyRelation:
        names_all = ALL_SNAPSHOTS in text.lower()
        shows_comments = any(word in text.lower() for word in _SHOWS_COMMENTS)
        index = None if shows_comments or (names_all and not self._schemas.has_only(self.snapshots)) else self._index
        if index and (kept := query_index.answer(index, text, parameters)) is not None:
            return kept
        self._show(text, names_all=names_all, every=shows_every_view, comments=shows_comments)
        return self._asked(text, parameters)

    def _narrow_relation(self, query: queries.CannedQuery, parameters: dict[str, Any]) -> duckdb.DuckDBPyRelation:
        """Run a query over the snapshots it says it reads."""
        try:
            text, schema = self._schemas.narrow(query, parameters)
            if IMAGE_SIGNATURES.name in views_behind(text, schema):
                self.verify_signatures(schema)
        except duckdb.Error as error:
            raise _broken_store(error) from error
        return self._asked(text, parameters)

    def _asked(self, text: str, parameters: dict[str, Any]) -> duckdb.DuckDBPyRelation:
        try:
            relation = self._connection.cursor().sql(text, params=parameters or None)
        except duckdb.Error as error:
            raise query_error(error) from error
        if relation is None:
            raise QueryError("The statement returns nothing.", hint="Ask with SELECT.")
        return relation

    def _build(self, *, as_tables: bool) -> None:
        if isinstance(self.store.folder, RemotePath):
            attach_remote(self._connection)  # all_snapshots may come after the lock
        self._connection.execute(queries.macros_sql())
        self._create_verification_tables()
        if as_tables:
            self._create_tables()
        else:
            self._connection.execute(f"CREATE SCHEMA {KEPT}")
            self._create_relations()
            self._views = ShownViews(self._connection, MAIN, keeps_in_memory=self._keeps_in_memory)
        for setting in self._settings():
            self._connection.execute(setting)

    def _create_relations(self) -> None:
        create_snapshots(self._connection, MAIN, self.snapshots)
        create_aliases(self._connection, MAIN, self.aliases)
        create_stored_images(self._connection, MAIN, self.snapshots)

    def _create_tables(self) -> None:
        """Compute each view from the tables before it."""
        self._create_relations()
        comment_tables(self._connection, MAIN)
        self.verify_signatures(MAIN)
        for view in VIEWS:
            self._connection.execute(f"CREATE TABLE {MAIN}.{view.name} AS {queries.view_sql(view.name)}")
            comment(self._connection, MAIN, view, "TABLE")

    def _show(self, text: str, *, names_all: bool, every: bool, comments: bool = False) -> None:
        """Create the views a statement may read, in the second schema only when it names that: a store may be long."""
        try:
            if names_all:
                self._schemas.show(text, every=every)
                if self._schemas.has_rows:
                    self.verify_signatures(ALL_SNAPSHOTS)
            self.verify_signatures(MAIN)  # before what is kept in memory is computed
            if self._views:
                self._views.show(_NAMED_IN_ALL.sub("", text), every=every)
            if comments:
                self._comment_all()
        except duckdb.Error as error:
            raise _broken_store(error) from error

    def _create_verification_tables(self) -> None:
        """Create one table for both schemas: what a key says of a content is the same in every snapshot."""
        for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
            create_table(self._connection, MAIN, table)
        if self._keyring:
            verified.insert_keys(self._connection, self._keyring)

    def _comment_all(self) -> None:
        if self._views:
            self._views.comment_all()
        self._schemas.comment_all()

    def _settings(self) -> list[str]:
        """Return the statements that keep an engine to reading this store, the last of them for good."""
        readable = "" if isinstance(self.store.folder, RemotePath) else quote(str(self.store.folder))
        return [
            *memory_settings(),
            "SET GLOBAL TimeZone = 'UTC'",
            f"SET allowed_directories = [{readable}]",
            "SET enable_external_access = false",
            "SET autoload_known_extensions = false",
            "SET lock_configuration = true",
        ]


def _engine_config(store: Store, chosen: Sequence[Snapshot]) -> dict[str, str | bool | int | float | list[str]]:
    """Say what has to be known when an engine starts; it gets one thread where all there is to read is one small part.

    Others would cost their start and the sharing of work that is one piece. `all_snapshots` may have more parts, so
    the snapshots of a store count as if all were like the chosen one.
    """
    config = dict(ENGINE_CONFIG)
    is_one_part = sum(len(snapshot.receipt.parts) for snapshot in chosen) == 1
    if (
        is_one_part
        and not isinstance(store.folder, RemotePath)
        and query_index.is_small([*chosen] * len(store.folders()))
    ):
        config["threads"] = 1
    return config


def _broken_store(error: duckdb.Error) -> SnapshotError | IncompleteError:
    found = query_error(error)
    if not isinstance(found, QueryError):
        return found
    return SnapshotError(
        f"The engine can't read the store: {found.message}",
        hint="Check it with: image-indexer snapshots verify.",
    )


def open_catalog(
    location: Location,
    *,
    snapshot: str = LATEST,
    clusters: tuple[str, ...] = (),
    keyrings: Sequence[Path] = (),
    aliases: Aliases | None = None,
    use_index: bool = True,
    tables_in: Path | None = None,
) -> Catalog:
    """Open the views of a store: the newest complete snapshot of every cluster, or the one chosen.

    With `keyrings`, files of public keys, signatures are verified; `aliases` fold names of one registry. Large
    snapshots are answered from a query index that is built once, outside the store (see `query_index`), unless
    `use_index` is false. Raises `StoreError` where there is no store, cluster or snapshot, `SnapshotError` for a
    broken one, `ConfigurationError` for a keyring that can't be read.
    """
    store = Store(location, clusters)
    return Catalog(store, store.choose(snapshot), keyrings, aliases=aliases, use_index=use_index, tables_in=tables_in)
