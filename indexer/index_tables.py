"""A DuckDB file with the views of some snapshots computed once: tables under `kept`, the views' names before them.

The SQL of the views stays the one truth: each table is what its view returns, so rows are equal. What costs at scale is
digests of 71 characters in every reference, so references to layers are kept as pairs of integers. Columns that would
be a second copy of the store are left out; their place is taken by an expression that reads `beyond_the_index`, by
which a plan that needs them shows itself (see `query_index`), and which fails rather than answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from indexer import queries
from indexer.relations import comment, create_aliases, create_snapshots, create_stored_images, create_table, quote
from indexer.table_schema import KEYRING_KEYS, SIGNATURE_VERIFICATIONS, TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from indexer.relations import Aliases
    from indexer.store import Snapshot

BEYOND = "beyond_the_index"
MEMORY_LIMIT = "2GB"

_BY_NAME = {view.name: view for view in VIEWS}
_LEFT_OUT = {
    "image_objects": {
        "layers",
        "children",
        "labels",
        "annotations",
        "env",
        "exposed_ports",
        "manifest_json",
        "config_json",
        "raw_json",
    },
    "images": {"raw_json"},
}
_NOT_NEEDED = {"annotations", "env", "raw_json"}
"""Columns of `image_objects` that no kept view reads."""

_PLAIN = ("image_manifests", "index_members", "image_sizes", "repositories", "image_signatures", "image_history")
_OF_OBJECTS = ("cluster", "snapshot_id", "image_name", "registry", "repository", "is_managed")
_KEY = "cluster, snapshot_id"
_SCRATCH = "scratch"
_OBJECTS = f"{_SCRATCH}.objects"


def build(path: Path, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    """Write the file. Raises `duckdb.Error` for a store that can't be read or a disk that is full.

    Memory stays near `MEMORY_LIMIT`; what does not fit spills into a folder beside the file.
    """
    settings: dict[str, Any] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": f"{path}.spill",
        "preserve_insertion_order": "false",
    }
    scratch = path.with_suffix(f".{_SCRATCH}")
    with duckdb.connect(str(path), config=settings) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # What does not fit into memory is read again from a file with its columns packed, not spilled as it is.
        connection.execute(f"ATTACH {quote(str(scratch))} AS {_SCRATCH}")
        _create_pure(connection, snapshots, aliases)
        connection.execute("CREATE SCHEMA kept; SET search_path = 'kept,main'")
        _keep_objects(connection)
        _keep_layers(connection)
        for name in _PLAIN:
            connection.execute(f"CREATE TABLE kept.{name} AS {queries.view_sql(name)}")
        _keep(connection, "images", f"({queries.view_sql('images')})")
        connection.execute(f"CREATE TEMP TABLE image_chains AS {queries.view_sql('image_chains')}")
        connection.execute(f"CREATE TABLE kept.image_ancestors AS {queries.view_sql('image_ancestors')}")
        _create_facades(connection)
    scratch.unlink()


def _create_pure(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    connection.execute(queries.macros_sql())
    for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
        create_table(connection, "main", table)
    create_snapshots(connection, "main", snapshots)
    create_aliases(connection, "main", aliases)
    create_stored_images(connection, "main", snapshots)
    for view in VIEWS:
        connection.execute(f"CREATE VIEW main.{view.name} AS {queries.view_sql(view.name)}")


def _keep_objects(connection: duckdb.DuckDBPyConnection) -> None:
    """Read the store once: all that other views need of it goes into a table that ends with the build."""
    columns = ", ".join(_columns("image_objects", _NOT_NEEDED))
    connection.execute(
        f"CREATE TABLE {_OBJECTS} AS SELECT row_number() OVER () AS image_id, {columns}, true AS {BEYOND} "
        "FROM main.image_objects"
    )
    connection.execute(f"CREATE TEMP VIEW image_objects AS {_facade('image_objects', _OBJECTS, _NOT_NEEDED)}")
    _keep(connection, "image_objects", _OBJECTS, "image_id")


def _keep_layers(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"CREATE TABLE {_SCRATCH}.image_layers AS {queries.view_sql('image_layers')}")
    connection.execute(f"CREATE TEMP VIEW image_layers AS FROM {_SCRATCH}.image_layers")
    layers = queries.view_sql("layers")
    connection.execute(f"CREATE TABLE kept.layers AS SELECT row_number() OVER () AS layer_id, l.* FROM ({layers}) AS l")
    columns = ", ".join(f"u.{name}" for name in _use_columns())
    connection.execute(
        f"CREATE TABLE kept.layer_uses AS SELECT o.image_id, l.layer_id, {columns} FROM temp.image_layers AS u "
        f"INNER JOIN {_OBJECTS} AS o USING ({_KEY}, image_name) LEFT JOIN kept.layers AS l USING ({_KEY}, layer_digest)"
    )


def _keep(connection: duckdb.DuckDBPyConnection, name: str, source: str, *more: str) -> None:
    columns = ", ".join([*more, *_columns(name, _LEFT_OUT[name])])
    connection.execute(f"CREATE TABLE kept.{name} AS SELECT {columns}, true AS {BEYOND} FROM {source}")


def _create_facades(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the kept tables behind the names of their views, with the comments of the pure views."""
    for name, sql in _facades().items():
        connection.execute(f"CREATE OR REPLACE VIEW main.{name} AS {sql}")
    for view in VIEWS:
        comment(connection, "main", view, "VIEW")


def _facades() -> dict[str, str]:
    facades = {name: f"FROM kept.{name}" for name in (*_PLAIN, "image_ancestors")}
    facades |= {name: _facade(name, f"kept.{name}", left_out) for name, left_out in _LEFT_OUT.items()}
    facades["layers"] = "SELECT * EXCLUDE (layer_id) FROM kept.layers"
    facades["image_layers"] = _image_layers_sql()
    return facades


def kept_names() -> list[str]:
    """Return the views that are answered from tables; the others are pure in the file, too."""
    return list(_facades())


def _image_layers_sql() -> str:
    sides = dict.fromkeys(_OF_OBJECTS, "o") | {"layer_digest": "l"}
    columns = ", ".join(f"{sides.get(name, 'u')}.{name}" for name in _columns("image_layers"))
    return (
        f"SELECT {columns} FROM kept.layer_uses AS u INNER JOIN kept.image_objects AS o USING (image_id) "
        "LEFT JOIN kept.layers AS l USING (layer_id)"
    )


def _facade(name: str, source: str, left_out: Iterable[str]) -> str:
    """Select every column of a view from a table that lacks some."""
    absent = f"CASE WHEN {BEYOND} THEN error('The index lacks this column.') END"
    columns = (
        f"CAST({absent} AS {column.type}) AS {column.name}" if column.name in left_out else column.name
        for column in _BY_NAME[name].columns
    )
    return f"SELECT {', '.join(columns)} FROM {source}"


def _columns(name: str, left_out: Iterable[str] = ()) -> list[str]:
    return [column.name for column in _BY_NAME[name].columns if column.name not in left_out]


def _use_columns() -> list[str]:
    return [name for name in _columns("image_layers") if name not in {*_OF_OBJECTS, "layer_digest"}]


def sources_text() -> str:
    """Everything in this project that decides what the tables hold, for the name of the file."""
    shapes = [repr(relation) for relation in (*VIEWS, *TABLES)]
    return "\n".join([queries.macros_sql(), *(queries.view_sql(view.name) for view in VIEWS), *shapes])
