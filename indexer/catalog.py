"""DuckDB over snapshots: base relations, views, comments, and the lock that keeps users' SQL to reading.

Everything about the engine that had to be learnt stands here: relations (not results) go to Polars and Arrow; an
open result owns its connection, so every statement gets a cursor; a view finds unqualified names in its own schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import duckdb

from indexer import queries, verified
from indexer.errors import QueryError, SnapshotError
from indexer.schema import PART_FIELDS, SCHEMA_VERSION, ListOf, Scalar, Type
from indexer.statements import query_error, reading_statement
from indexer.store import LATEST, Snapshot, Store
from indexer.table_schema import KEYRING_KEYS, SIGNATURE_VERIFICATIONS, SNAPSHOTS
from indexer.view_schema import VIEWS, View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAIN, ALL_SNAPSHOTS = "main", "all_snapshots"

_TYPES = {
    Scalar.STRING: "VARCHAR",
    Scalar.INTEGER: "BIGINT",
    Scalar.BOOLEAN: "BOOLEAN",
    Scalar.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    Scalar.STRING_MAP: "MAP(VARCHAR, VARCHAR)",
    Scalar.KEYS: "VARCHAR[]",
}


class Catalog:
    """Views over the snapshots of a store, in an engine that can only read them.

    Use it as a context manager, or close it. Relations it has returned stay readable after that: each has a cursor of
    its own. With `tables_in`, a DuckDB file that is not there yet, the views over the chosen snapshots are computed
    once and kept there as tables: that takes longer than one query and less than ten. `all_snapshots` has the snapshots
    of `clusters`, of all of them where none is named.
    """

    def __init__(
        self,
        store: Store,
        chosen: Sequence[Snapshot],
        keyrings: Sequence[Path] = (),
        *,
        clusters: tuple[str, ...] = (),
        tables_in: Path | None = None,
    ) -> None:
        self.store = store
        self._clusters = clusters
        self.snapshots = tuple(chosen)
        self._has_all_snapshots = False
        for snapshot in chosen:
            snapshot.check_parts()
        self._keyring = verified.read_keyrings(keyrings) if keyrings else None
        self._verified_schemas: set[str] = set()
        self._connection = duckdb.connect(tables_in or ":memory:", config={"autoinstall_known_extensions": "false"})
        try:
            self._build(as_tables=tables_in is not None)
        except duckdb.Error as error:
            self.close()
            raise _broken_store(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the engine."""
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
        return self._relation(query.sql, query.bind(parameters))

    def sql(self, text: str, /, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run one reading statement of the user's own; parameters are bound as `$name`.

        Raises `QueryError` for a statement that does more than read, for several statements, and for one the engine
        refuses.
        """
        try:
            statement = reading_statement(self._connection, text)
        except duckdb.Error as error:
            raise query_error(error) from error
        return self._relation(statement, parameters)

    def verify_signatures(self, schema: str = MAIN) -> None:
        """Verify the signatures of a schema's images with the keyrings that were given; once, and nothing without.

        Queries do it by themselves before they run; `all_snapshots` only when a statement names it.
        """
        if self._keyring and schema not in self._verified_schemas:
            verified.insert_verifications(self._connection, schema, self._keyring)
            self._verified_schemas.add(schema)

    def _relation(self, text: str, parameters: dict[str, Any]) -> duckdb.DuckDBPyRelation:
        if ALL_SNAPSHOTS in text.lower():
            self._show_all_snapshots()
        try:
            self.verify_signatures(MAIN)
            if ALL_SNAPSHOTS in text.lower():
                self.verify_signatures(ALL_SNAPSHOTS)
            relation = self._connection.cursor().sql(text, params=parameters or None)
        except duckdb.Error as error:
            raise query_error(error) from error
        if relation is None:
            raise QueryError("The statement returns nothing.", hint="Ask with SELECT.")
        return relation

    def _build(self, *, as_tables: bool) -> None:
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._connection.execute(queries.macros_sql())
        self._create_verification_tables()
        if as_tables:
            self._create_tables()
        else:
            self._create_views(MAIN, self.snapshots)
        self._lock()

    def _create_views(self, schema: str, snapshots: Sequence[Snapshot]) -> None:
        create_snapshots(self._connection, schema, snapshots)
        self._create_stored_images(schema, snapshots)
        for view in VIEWS:
            self._create_view(schema, view, "VIEW")

    def _create_tables(self) -> None:
        """Compute each view from the tables before it."""
        create_snapshots(self._connection, MAIN, self.snapshots)
        self._create_stored_images(MAIN, self.snapshots)
        self.verify_signatures(MAIN)
        for view in VIEWS:
            self._create_view(MAIN, view, "TABLE")

    def _show_all_snapshots(self) -> None:
        """Create the second set of views when a statement first names it: most never do, and a store may be long."""
        if self._has_all_snapshots:
            return
        snapshots = self.store.snapshots(self._clusters)
        for snapshot in snapshots:
            snapshot.check_parts()
        try:
            self._connection.execute(f"CREATE SCHEMA {ALL_SNAPSHOTS}")
            self._show_verification_tables()
            self._create_views(ALL_SNAPSHOTS, snapshots)
        except duckdb.Error as error:
            raise _broken_store(error) from error
        self._has_all_snapshots = True

    def _create_verification_tables(self) -> None:
        """Create one table for both schemas: what a key says of a content is the same in every snapshot."""
        for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
            create_table(self._connection, MAIN, table)
        if self._keyring:
            verified.insert_keys(self._connection, self._keyring)

    def _show_verification_tables(self) -> None:
        for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
            self._connection.execute(f"CREATE VIEW {ALL_SNAPSHOTS}.{table.name} AS FROM {MAIN}.{table.name}")
            comment(self._connection, ALL_SNAPSHOTS, table, "VIEW")

    def _create_stored_images(self, schema: str, snapshots: Sequence[Snapshot]) -> None:
        self._connection.execute(f"CREATE VIEW {schema}.stored_images AS {stored_images_sql(snapshots)}")

    def _create_view(self, schema: str, view: View, what: str) -> None:
        self._connection.execute(f"CREATE {what} {schema}.{view.name} AS {queries.view_sql(view.name)}")
        comment(self._connection, schema, view, what)

    def _lock(self) -> None:
        folder = quote(str(self.store.folder))
        for setting in (
            f"allowed_directories = [{folder}]",
            "enable_external_access = false",
            "autoload_known_extensions = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")


def _broken_store(error: duckdb.Error) -> SnapshotError:
    return SnapshotError(
        f"The engine can't read the store: {query_error(error).message}",
        hint="Check it with: image-indexer snapshots verify.",
    )


def open_catalog(
    location: str | Path,
    *,
    snapshot: str = LATEST,
    clusters: tuple[str, ...] = (),
    keyrings: Sequence[Path] = (),
    store: Store | None = None,
    tables_in: Path | None = None,
) -> Catalog:
    """Open the views of a store: the newest complete snapshot of every cluster, or the one chosen.

    With `keyrings`, files of public keys, signatures are verified. Raises `StoreError` where there is no store, cluster
    or snapshot, `SnapshotError` for a broken one, `ConfigurationError` for a keyring that can't be read.
    """
    store = store or Store(location)
    return Catalog(store, store.choose(snapshot, clusters), keyrings, clusters=clusters, tables_in=tables_in)


def create_snapshots(connection: duckdb.DuckDBPyConnection, schema: str, snapshots: Sequence[Snapshot]) -> None:
    """Create the relation of receipts."""
    create_table(connection, schema, SNAPSHOTS)
    places = ", ".join("?" * len(SNAPSHOTS.columns))
    for snapshot in snapshots:
        connection.execute(f"INSERT INTO {schema}.snapshots VALUES ({places})", snapshot_row(snapshot))


def create_table(connection: duckdb.DuckDBPyConnection, schema: str, table: View) -> None:
    """Create an empty table with its comments."""
    columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    connection.execute(f"CREATE TABLE {schema}.{table.name} ({columns})")
    comment(connection, schema, table, "TABLE")


def comment(connection: duckdb.DuckDBPyConnection, schema: str, view: View, what: str) -> None:
    """Put the dictionary into the engine, where clients and DESCRIBE-like tools find it."""
    name = f"{schema}.{view.name}"
    connection.execute(f"COMMENT ON {what} {name} IS {quote(f'{view.sentence} A row is: {view.grain}.')}")
    for column in view.columns:
        connection.execute(f"COMMENT ON COLUMN {name}.{column.name} IS {quote(column.sentence)}")


def quote(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("'", "''") + "'"


def stored_images_sql(snapshots: Sequence[Snapshot]) -> str:
    """Select every stored row with its cluster and snapshot; typed and empty where there are none.

    Where all parts are of an older schema version, the columns it did not know come from an empty typed relation.
    """
    paths = [path for snapshot in snapshots for path in snapshot.part_paths]
    versions = {snapshot.receipt.schema_version for snapshot in snapshots if snapshot.receipt.parts}
    stored = _stored_rows_sql(paths, is_mixed=len(versions) > 1)
    if SCHEMA_VERSION in versions:
        return stored
    empty = _no_rows_sql()
    return f"{empty} UNION ALL BY NAME {stored}" if paths else empty


def _no_rows_sql() -> str:
    columns = ", ".join(f"NULL::{engine_type(field.type)} AS {field.name}" for field in PART_FIELDS)
    return f"SELECT NULL::VARCHAR AS cluster, NULL::VARCHAR AS snapshot_id, {columns} WHERE false"


def _stored_rows_sql(paths: Sequence[Path], *, is_mixed: bool) -> str:
    """Rows of parts; cluster and snapshot come from the last folders, whatever `key=value` folders stand above."""
    files = ", ".join(quote(str(path)) for path in paths)
    return (
        f"SELECT {_from_path('cluster')} AS cluster, {_from_path('snapshot')} AS snapshot_id, * EXCLUDE (filename) "
        f"FROM read_parquet([{files}], filename = true, hive_partitioning = false, union_by_name = {is_mixed})"
    )


def _from_path(key: str) -> str:
    folders = {name: f"{name}=([^/]*)" if name == key else f"{name}=[^/]*" for name in ("cluster", "snapshot")}
    return f"regexp_extract(filename, '/{folders['cluster']}/{folders['snapshot']}/[^/]*$', 1)"


def engine_type(of: Type) -> str:
    """DuckDB's name of a declared type."""
    if isinstance(of, Scalar):
        return _TYPES[of]
    if isinstance(of, ListOf):
        return f"{engine_type(of.item)}[]"
    return f"STRUCT({', '.join(f'{quote_identifier(part.name)} {engine_type(part.type)}' for part in of.fields)})"


def quote_identifier(name: str) -> str:
    """Return a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def snapshot_row(snapshot: Snapshot) -> list[Any]:
    """Values of the `snapshots` relation for one receipt."""
    receipt = snapshot.receipt
    return [
        receipt.cluster,
        receipt.snapshot_id,
        receipt.started_at,
        receipt.is_complete,
        receipt.is_consistent,
        receipt.completeness,
        receipt.image_count,
        receipt.duplicate_count,
        len(receipt.skipped_items),
        sum(part.size_bytes for part in receipt.parts),
        receipt.source,
        receipt.server_version,
        ", ".join(receipt.resource_versions) or None,
        receipt.tool_version,
        receipt.schema_version,
        receipt.cluster_identity,
    ]
