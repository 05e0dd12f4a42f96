"""Relations of the engine: receipts, stored rows, tables and views with their comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from indexer.places import Folder, RemotePath
from indexer.schema import PART_FIELDS, SCHEMA_VERSION, ListOf, Scalar, Type
from indexer.table_schema import REGISTRY_ALIASES, SNAPSHOTS, TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from indexer.store import Snapshot
    from indexer.view_schema import View

_REMOTE = "remote"

Aliases = Mapping[str, str]
"""Registry hosts by their other names, both in lower case."""

_TYPES = {
    Scalar.STRING: "VARCHAR",
    Scalar.INTEGER: "BIGINT",
    Scalar.BOOLEAN: "BOOLEAN",
    Scalar.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    Scalar.STRING_MAP: "MAP(VARCHAR, VARCHAR)",
    Scalar.KEYS: "VARCHAR[]",
}


def create_snapshots(connection: duckdb.DuckDBPyConnection, schema: str, snapshots: Sequence[Snapshot]) -> None:
    """Create the relation of receipts."""
    create_table(connection, schema, SNAPSHOTS)
    places = ", ".join("?" * len(SNAPSHOTS.columns))
    for snapshot in snapshots:
        connection.execute(f"INSERT INTO {schema}.snapshots VALUES ({places})", snapshot_row(snapshot))


def create_aliases(connection: duckdb.DuckDBPyConnection, schema: str, aliases: Aliases) -> None:
    """Create the relation of configured registry aliases."""
    create_table(connection, schema, REGISTRY_ALIASES)
    for pair in sorted(aliases.items()):
        connection.execute(f"INSERT INTO {schema}.{REGISTRY_ALIASES.name} VALUES (?, ?)", pair)


def create_table(connection: duckdb.DuckDBPyConnection, schema: str, table: View) -> None:
    """Create an empty table; `comment_tables` comments on it."""
    connection.execute(f"CREATE TABLE {schema}.{table.name} ({columns_sql(table)})")


def comment_tables(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Comment on the tables of a schema, and on those it shows of another as views."""
    asked = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = ?"
    kinds = dict(connection.execute(asked, [schema]).fetchall())
    for table in TABLES:
        if table.name in kinds:
            comment(connection, schema, table, "VIEW" if kinds[table.name] == "VIEW" else "TABLE")


def columns_sql(of: View) -> str:
    """Declare the columns of a view as those of a table."""
    return ", ".join(f"{column.name} {column.type}" for column in of.columns)


def comment(connection: duckdb.DuckDBPyConnection, schema: str, view: View, what: str) -> None:
    """Put the dictionary into the engine, where clients and DESCRIBE-like tools find it."""
    name = f"{schema}.{view.name}"
    connection.execute(f"COMMENT ON {what} {name} IS {quote(f'{view.sentence} A row is: {view.grain}.')}")
    for column in view.columns:
        connection.execute(f"COMMENT ON COLUMN {name}.{column.name} IS {quote(column.sentence)}")


def quote(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("'", "''") + "'"


def create_stored_images(connection: duckdb.DuckDBPyConnection, schema: str, snapshots: Sequence[Snapshot]) -> None:
    """Create the relation of every stored row with its cluster and snapshot, which the views are made of."""
    is_remote = any(isinstance(snapshot.folder, RemotePath) for snapshot in snapshots)
    sql = _remote_rows_sql(connection, schema, snapshots) if is_remote else stored_images_sql(snapshots)
    connection.execute(f"CREATE VIEW {schema}.stored_images AS {sql}")


def attach_remote(connection: duckdb.DuckDBPyConnection) -> None:
    """Make room for views over Arrow datasets: they live in this process only, and no database file takes them."""
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_REMOTE}")


def _remote_rows_sql(connection: duckdb.DuckDBPyConnection, schema: str, snapshots: Sequence[Snapshot]) -> str:
    """Select from a view over a dataset, which all cursors see; a registered one is known to its connection alone."""
    from indexer.datasets import stored_rows

    attach_remote(connection)
    (current,) = connection.execute("SELECT current_database()").fetchall()[0]
    connection.execute(f"USE {_REMOTE}")
    try:
        connection.from_arrow(stored_rows(snapshots)).create_view(schema)
    finally:
        connection.execute(f"USE {quote_identifier(current)}")
    return f"FROM {_REMOTE}.{schema}"


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


def _stored_rows_sql(paths: Sequence[Folder], *, is_mixed: bool) -> str:
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
