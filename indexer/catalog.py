"""DuckDB over snapshots: base relations, views, comments, and the lock that keeps users' SQL to reading.

Everything about the engine that had to be learnt stands here: relations (not results) go to Polars and Arrow; an
open result owns its connection, so every statement gets a cursor; a view finds unqualified names in its own schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import duckdb

from indexer import queries, verified
from indexer.errors import ConfigurationError, QueryError, SnapshotError
from indexer.schema import PART_FIELDS, SCHEMA_VERSION, ListOf, Scalar, Type
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
_READING = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN})


class Catalog:
    """Views over the snapshots of a store, in an engine that can only read them.

    Use it as a context manager, or close it. Relations it returns belong to it: they end with it.
    """

    def __init__(self, store: Store, chosen: Sequence[Snapshot], keyrings: Sequence[Path] = ()) -> None:
        self.store = store
        self.snapshots = tuple(chosen)
        self._keyring = verified.read_keyrings(keyrings) if keyrings else None
        self._verified_schemas: set[str] = set()
        self._connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        try:
            self._build()
        except duckdb.Error as error:
            self.close()
            raise SnapshotError(
                f"The engine can't read the store: {_first_line(error)}",
                hint="Check it with: image-indexer snapshots verify.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the engine."""
        self._connection.close()

    def query(self, name: str, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run a canned query. Raises `UnknownQueryError`, `BadParameterError` or `QueryError`."""
        return self.run(queries.load(name), **parameters)

    def run(self, query: queries.CannedQuery, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run a query that was loaded (also a check)."""
        return self._relation(query.sql, query.bind(parameters))

    def sql(self, text: str, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run one reading statement of the user's own; parameters are bound as `$name`.

        Raises `ConfigurationError` for a statement that writes or for several statements, `QueryError` for one the
        engine refuses.
        """
        check_reads_only(self._connection, text)
        return self._relation(text, parameters)

    def verify_signatures(self, schema: str = MAIN) -> None:
        """Verify the signatures of a schema's images with the keyrings that were given; once, and nothing without.

        Queries do it by themselves before they run; `all_snapshots` only when a statement names it.
        """
        if self._keyring and schema not in self._verified_schemas:
            verified.insert_verifications(self._connection, schema, self._keyring)
            self._verified_schemas.add(schema)

    def _relation(self, text: str, parameters: dict[str, Any]) -> duckdb.DuckDBPyRelation:
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

    def _build(self) -> None:
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute(f"CREATE SCHEMA {ALL_SNAPSHOTS}")
        self._connection.execute(queries.macros_sql())
        self._create_verification_tables()
        everything = self.store.snapshots()
        for schema, snapshots in ((MAIN, self.snapshots), (ALL_SNAPSHOTS, tuple(everything))):
            create_snapshots(self._connection, schema, snapshots)
            self._create_stored_images(schema, snapshots)
            for view in VIEWS:
                self._create_view(schema, view)
        self._lock()

    def _create_verification_tables(self) -> None:
        """Create one table for both schemas: what a key says of a content is the same in every snapshot."""
        for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
            create_table(self._connection, MAIN, table)
            self._connection.execute(f"CREATE VIEW {ALL_SNAPSHOTS}.{table.name} AS FROM {MAIN}.{table.name}")
            comment(self._connection, ALL_SNAPSHOTS, table, "VIEW")
        if self._keyring:
            verified.insert_keys(self._connection, self._keyring)

    def _create_stored_images(self, schema: str, snapshots: Sequence[Snapshot]) -> None:
        self._connection.execute(f"CREATE VIEW {schema}.stored_images AS {stored_images_sql(snapshots)}")

    def _create_view(self, schema: str, view: View) -> None:
        self._connection.execute(f"CREATE VIEW {schema}.{view.name} AS {queries.view_sql(view.name)}")
        comment(self._connection, schema, view, "VIEW")

    def _lock(self) -> None:
        folder = quote(str(self.store.folder))
        for setting in (
            f"allowed_directories = [{folder}]",
            "enable_external_access = false",
            "autoload_known_extensions = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")


def open_catalog(
    location: str | Path,
    *,
    snapshot: str = LATEST,
    clusters: tuple[str, ...] = (),
    keyrings: Sequence[Path] = (),
    store: Store | None = None,
) -> Catalog:
    """Open the views of a store: the newest complete snapshot of every cluster, or the one chosen.

    With `keyrings`, files of public keys, signatures are verified. Raises `StoreError` where there is no store, cluster
    or snapshot, `SnapshotError` for a broken one, `ConfigurationError` for a keyring that can't be read.
    """
    store = store or Store(location)
    return Catalog(store, store.choose(snapshot, clusters), keyrings)


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


def check_reads_only(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Refuse by statement type: the lock of the engine alone does not stop writing inside an allowed directory."""
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise query_error(error) from error
    if len(statements) != 1:
        raise ConfigurationError(f"One statement at a time, please: there are {len(statements)}.")
    if statements[0].type not in _READING:
        raise ConfigurationError(
            f"{statements[0].type.name} statements are refused: the index is only read.",
            hint="Ask with SELECT; write results with --format and -o.",
        )


def query_error(error: duckdb.Error) -> QueryError:
    """Turn an error of the engine into one of ours, without the listing of its innards."""
    return QueryError(f"The engine refused the statement: {_first_line(error)}", hint="")


def quote(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("'", "''") + "'"


def stored_images_sql(snapshots: Sequence[Snapshot]) -> str:
    """Select every stored row with its cluster and snapshot; typed and empty where there are none.

    Where all parts are of an older schema version, the columns it did not know come from an empty typed relation.
    """
    paths = [path for snapshot in snapshots for path in snapshot.part_paths]
    stored = _stored_rows_sql(paths)
    if any(snapshot.receipt.schema_version == SCHEMA_VERSION for snapshot in snapshots):
        return stored
    empty = _no_rows_sql()
    return f"{empty} UNION ALL BY NAME {stored}" if paths else empty


def _no_rows_sql() -> str:
    columns = ", ".join(f"NULL::{engine_type(field.type)} AS {field.name}" for field in PART_FIELDS)
    return f"SELECT NULL::VARCHAR AS cluster, NULL::VARCHAR AS snapshot_id, {columns} WHERE false"


def _stored_rows_sql(paths: Sequence[Path]) -> str:
    files = ", ".join(quote(str(path)) for path in paths)
    return (
        "SELECT cluster, snapshot AS snapshot_id, * EXCLUDE (cluster, snapshot) "
        f"FROM read_parquet([{files}], union_by_name = true, hive_partitioning = true, "
        "hive_types = {'cluster': VARCHAR, 'snapshot': VARCHAR})"
    )


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
    ]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
