"""What the views read, as temporary views of Spark: stored rows where they stand, small tables from this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from indexer import verified
from indexer.errors import EngineError
from indexer.relations import create_aliases, create_snapshots, create_stored_images, create_table
from indexer.schema import PART_FIELDS, ListOf, Scalar, Type
from indexer.spark.session import reason
from indexer.table_schema import KEYRING_KEYS, REGISTRY_ALIASES, SIGNATURE_VERIFICATIONS, SNAPSHOTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from indexer.places import Folder
    from indexer.relations import Aliases
    from indexer.signature.keyring import Keyring
    from indexer.store import Snapshot

_MAIN = "main"
_SCHEMES = {"s3": "s3a", "gs": "gs", "abfs": "abfs", "abfss": "abfss"}
_TYPES = {
    Scalar.STRING: "STRING",
    Scalar.INTEGER: "BIGINT",
    Scalar.BOOLEAN: "BOOLEAN",
    Scalar.TIMESTAMP: "TIMESTAMP",
    Scalar.STRING_MAP: "MAP<STRING, STRING>",
    Scalar.KEYS: "ARRAY<STRING>",
}


def stored_images(session: SparkSession, store: Folder, snapshots: Sequence[Snapshot]) -> DataFrame:
    """Every stored row with its cluster and snapshot; only the parts that receipts name, whatever else lies there.

    Cluster and snapshot are partitions to Spark, so a condition on them leaves files alone. Columns that an older
    schema version did not know are null. Raises `EngineError` where Spark does not see the store.
    """
    columns = [f"`{field.name}` {spark_type(field.type)}" for field in PART_FIELDS]
    ddl = ", ".join(["cluster STRING", "snapshot STRING", *columns])
    paths = [spark_address(path) for snapshot in snapshots for path in snapshot.part_paths]
    rows = _rows_of(session, store, paths, ddl) if paths else session.createDataFrame([], ddl)
    return rows.select("cluster", rows.snapshot.alias("snapshot_id"), *(field.name for field in PART_FIELDS))


def _rows_of(session: SparkSession, store: Folder, paths: Sequence[str], ddl: str) -> DataFrame:
    """Name the files; Spark looks whether they are there. Raises `EngineError` where it does not see them."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    # Brackets and stars in the name of a folder are no patterns.
    options = {"basePath": spark_address(store), "__globPaths__": "false"}
    try:
        return session.read.schema(ddl).options(**options).parquet(*paths)
    except (PySparkException, Py4JError) as error:
        raise EngineError(
            f"Spark can't see the store {store}: {reason(error)}",
            hint="It needs the same folder on every machine, or a connector for the address (spark.jars.packages).",
        ) from error


def small_tables(snapshots: Sequence[Snapshot], aliases: Aliases, keyring: Keyring | None) -> dict[str, pa.Table]:
    """Return receipts, aliases and what the keys of a keyring say, by name; DuckDB fills them as for itself."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_snapshots(connection, _MAIN, snapshots)
        create_aliases(connection, _MAIN, aliases)
        for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
            create_table(connection, _MAIN, table)
        if keyring:
            create_stored_images(connection, _MAIN, snapshots)
            verified.insert_keys(connection, keyring)
            verified.insert_verifications(connection, _MAIN, keyring)
        names = [table.name for table in (SNAPSHOTS, REGISTRY_ALIASES, KEYRING_KEYS, SIGNATURE_VERIFICATIONS)]
        return {name: connection.table(name).to_arrow_table() for name in names}


def spark_type(of: Type) -> str:
    """Spark's name of a declared type."""
    if isinstance(of, Scalar):
        return _TYPES[of]
    if isinstance(of, ListOf):
        return f"ARRAY<{spark_type(of.item)}>"
    return f"STRUCT<{', '.join(f'`{part.name}`: {spark_type(part.type)}' for part in of.fields)}>"


def spark_address(place: Folder) -> str:
    """Address of a folder or part as Spark's connectors spell it. Raises `EngineError` where none is known."""
    if isinstance(place, Path):
        # Not as_uri: Spark takes the text as it is, percent signs included.
        return f"file://{place}"
    scheme, _, rest = str(place).partition("://")
    if scheme not in _SCHEMES:
        raise EngineError(
            f"Spark can't read the store {place} by its address.", hint="Copy the store, or query it with DuckDB."
        )
    return f"{_SCHEMES[scheme]}://{rest}"
