"""A DuckDB file with the views of some snapshots computed once: tables under `kept`, the views' names before them.

What costs at scale is digests of 71 characters: joins and groups over them are the bulk of every query. So the tables
hold a number in place of each digest, in the order of the digests, and an enumeration in place of names that repeat.
Views of the same names stand before the tables twice: under `main` with text, and under `keyed` with the numbers. The
SQL of the views stays the one truth: it compares digests and does not look into them, so what depends on other tables
alone is computed by that very SQL over the numbers.

Columns that would be a second copy of the store are left out; their place is taken by an expression that reads
`beyond_the_index`, by which a plan that needs them shows itself (see `query_index`), and which fails rather than
answers.

What few statements ask for and takes long to compute (`ON_DEMAND`) is not in a new file at all: the engine refuses a
statement that names it, and it is added to a copy of the file then.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from indexer import queries
from indexer.relations import comment, create_aliases, create_snapshots, create_stored_images, create_table, quote
from indexer.table_schema import KEYRING_KEYS, SIGNATURE_VERIFICATIONS, SNAPSHOTS, TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from indexer.relations import Aliases
    from indexer.store import Snapshot
    from indexer.view_schema import View

BEYOND = "beyond_the_index"
MEMORY_LIMIT = "1500MB"
KEYED = "keyed"

DIGESTS = frozenset({"image_name", "layer_digest", "child_digest", "member_name", "ancestor_name"})
"""Columns that hold a number for each digest."""

_OWN_TEXT = frozenset({"image_objects", "images", "image_sizes"})
"""Tables that are asked for the image's name most: they hold its text, too."""

_BY_NAME = {view.name: view for view in VIEWS}
_LEFT_OUT = {
    "image_objects": {
        "layers",
        "labels",
        "annotations",
        "env",
        "manifest_text",
        "config_text",
        "manifest_json",
        "config_json",
        "raw_json",
    },
    "images": {"raw_json"},
}
_STORE, _NUMBERED, _TEXT, _TABLES = "pure", "numbered,pure", "main", f"{KEYED},main"
"""Where the SQL of a view finds the others: in the store, there with numbers, text of the index, its numbers."""

_KEPT: dict[str, tuple[str, tuple[str, ...]]] = {
    "image_objects": (_NUMBERED, ()),
    "image_layers": (_TABLES, ()),
    "layers": (_TABLES, ()),
    "image_manifests": (_TEXT, ("image_name", "child_digest")),
    "index_members": (_TABLES, ()),
    "image_sizes": (_TABLES, ()),
    "repositories": (_TABLES, ()),
    "image_signatures": (_STORE, ("image_name",)),
    "images": (_TABLES, ()),
    "image_history": (_STORE, ("image_name", "layer_digest")),
    "image_ancestors": (_TABLES, ()),
}
"""What is kept: where each finds what it reads, and which of its digests then come as text."""

ON_DEMAND = ("image_ancestors", "image_history")
"""Views that are added when a statement first names them; no other view reads them."""

_PASSING: dict[str, tuple[str, tuple[str, ...]]] = {
    "stated_layers": (_NUMBERED, ("layer_digest",)),
    "image_chains": (_TABLES, ()),
}
"""What only others are computed from: as many rows again, and gone with the build."""

_READ_BY = {"stated_layers": "image_layers", "image_chains": "image_ancestors"}

_SCRATCH = "scratch"
_ENUMERATED = ("cluster", "snapshot_id", "registry", "repository")
_MOST_NAMES = 65_535
"""An enumeration is read whole when a file is opened; names beyond this stay text."""

_AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side'"
"""The table of digests is large, but narrow: hashing it costs less memory than hashing the objects and their lists."""


def build(path: Path, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    """Write the file. Raises `duckdb.Error` for a store that can't be read or a disk that is full.

    Memory stays near `MEMORY_LIMIT`; what does not fit spills into a folder beside the file.
    """
    with _building(path) as connection:
        _create_base(connection, snapshots, aliases)
        _create_pure(connection)
        kinds = _create_enumerations(connection)
        _create_digests(connection)
        _create_numbered(connection, kinds)
        for view in VIEWS:
            if view.name not in ON_DEMAND:
                _create(connection, view, kinds)
        for table in TABLES:
            connection.execute(f"CREATE VIEW all_snapshots.{table.name} AS FROM main.{table.name}")


def add(path: Path, name: str, snapshots: Sequence[Snapshot]) -> None:
    """Add a view of `ON_DEMAND` to a file of these snapshots. Raises what `build` raises."""
    with _building(path) as connection:
        connection.execute("DROP VIEW main.stored_images")
        create_stored_images(connection, "main", snapshots)
        _create_pure(connection)
        kinds = _enumerations(connection)
        _create_numbered(connection, kinds)
        for passing, reader in _READ_BY.items():
            if reader == name:
                _pass_on(connection, passing, kinds)
        _create(connection, _BY_NAME[name], kinds)


@contextmanager
def _building(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a file for writing, with room beside it for what does not stay."""
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
        yield connection
        for name in _PASSING:
            connection.execute(f"DROP VIEW IF EXISTS {KEYED}.{name}")
        connection.execute("SET search_path = 'main'; DROP SCHEMA numbered CASCADE; DROP SCHEMA pure CASCADE")
    scratch.unlink()


def _create(connection: duckdb.DuckDBPyConnection, view: View, kinds: dict[str, str]) -> None:
    if view.name in _PASSING and _READ_BY[view.name] not in ON_DEMAND:
        _pass_on(connection, view.name, kinds)
    if view.name in _KEPT:
        _keep(connection, view.name, kinds)
    else:
        connection.execute(f"CREATE VIEW main.{view.name} AS {queries.view_sql(view.name)}")
    comment(connection, "main", view, "VIEW")
    connection.execute(f"CREATE VIEW all_snapshots.{view.name} AS FROM main.{view.name}")


def _create_base(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    connection.execute(queries.macros_sql())
    for schema in ("kept", KEYED, "all_snapshots"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
        create_table(connection, "main", table)
    create_snapshots(connection, "main", snapshots)
    create_aliases(connection, "main", aliases)
    create_stored_images(connection, "main", snapshots)


def _create_pure(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE SCHEMA pure; CREATE SCHEMA numbered")
    for view in VIEWS:
        connection.execute(f"CREATE VIEW pure.{view.name} AS {queries.view_sql(view.name)}")


def _enumerations(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Types by column, of a file that was built."""
    types = "SELECT type_name FROM duckdb_types() WHERE schema_name = 'kept' AND logical_type = 'ENUM'"
    names = {row[0] for row in connection.execute(types).fetchall()}
    return {
        column: _enumeration(column) if _enumeration(column).partition(".")[2] in names else "VARCHAR"
        for column in _ENUMERATED
    }


def _enumeration(column: str) -> str:
    return f"kept.{column}_name"


def _create_enumerations(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Create a type for each column of names that repeat, in the order of the names; gives types by column."""
    pairs = "SELECT DISTINCT registry, repository FROM pure.image_objects"
    sources = {
        ("cluster", "snapshot_id"): "SELECT cluster, snapshot_id FROM main.snapshots",
        ("registry", "repository"): f"{pairs} LIMIT {_MOST_NAMES + 1}",
    }
    kinds = {}
    for columns, sql in sources.items():
        rows = connection.execute(sql).fetchall()
        for place, column in enumerate(columns):
            names = {row[place] for row in rows} - {None}
            kinds[column] = _create_enumeration(connection, column, names, is_whole=len(rows) <= _MOST_NAMES)
    return kinds


def _create_enumeration(connection: duckdb.DuckDBPyConnection, column: str, names: set[str], *, is_whole: bool) -> str:
    if not names or not is_whole:
        return "VARCHAR"
    kind = _enumeration(column)
    # The engine's order of text is that of its bytes.
    places = ", ".join(quote(name) for name in sorted(names, key=str.encode))
    connection.execute(f"CREATE TYPE {kind} AS ENUM ({places})")
    return kind


def _create_digests(connection: duckdb.DuckDBPyConnection) -> None:
    """Give every digest a number; the numbers sort as the text does, so that orders and smallest ones are the same."""
    connection.execute(
        "CREATE TABLE kept.digests AS SELECT CAST(row_number() OVER (ORDER BY digest) AS INTEGER) AS digest_id, digest "
        "FROM (SELECT DISTINCT digest FROM (SELECT metadata.name AS digest FROM main.stored_images "
        "UNION ALL SELECT unnest(docker_image_layers).name FROM main.stored_images "
        "UNION ALL SELECT unnest(docker_image_manifests).digest FROM main.stored_images) WHERE digest IS NOT NULL)"
    )


def _create_numbered(connection: duckdb.DuckDBPyConnection, kinds: dict[str, str]) -> None:
    columns = ", ".join(
        "d.digest_id AS image_name" if name == "image_name" else f"{_narrow(f'o.{name}', name, kinds)} AS {name}"
        for name in _columns("image_objects")
    )
    connection.execute(
        f"CREATE VIEW numbered.image_objects AS SELECT {columns}, o.image_name AS image_digest "
        "FROM pure.image_objects AS o INNER JOIN kept.digests AS d ON d.digest = o.image_name"
    )
    snapshots = ", ".join(
        f"{_narrow(column.name, column.name, kinds)} AS {column.name}" for column in SNAPSHOTS.columns
    )
    connection.execute(f"CREATE OR REPLACE VIEW {KEYED}.snapshots AS SELECT {snapshots} FROM main.snapshots")


def _narrow(expression: str, name: str, kinds: dict[str, str]) -> str:
    kind = kinds.get(name, "VARCHAR")
    return expression if kind == "VARCHAR" else f"CAST({expression} AS {kind})"


def _keep(connection: duckdb.DuckDBPyConnection, name: str, kinds: dict[str, str]) -> None:
    """Compute a view into its table, and put the two views of its name before it."""
    path, digests = _KEPT[name]
    _compute(connection, f"kept.{name}", path, _encoded_sql(name, digests, kinds))
    connection.execute(f"CREATE VIEW {KEYED}.{name} AS {_keyed_sql(name)}")
    connection.execute(f"CREATE VIEW main.{name} AS {_text_sql(name)}")


def _pass_on(connection: duckdb.DuckDBPyConnection, name: str, kinds: dict[str, str]) -> None:
    path, digests = _PASSING[name]
    _compute(connection, f"{_SCRATCH}.{name}", path, _encoded_sql(name, digests, kinds))
    connection.execute(f"CREATE VIEW {KEYED}.{name} AS FROM {_SCRATCH}.{name}")


def _compute(connection: duckdb.DuckDBPyConnection, table: str, path: str, sql: str) -> None:
    connection.execute(f"SET search_path = {quote(path)}")
    connection.execute(_AS_WRITTEN if path == _NUMBERED else "RESET disabled_optimizers")
    connection.execute(f"CREATE TABLE {table} AS {sql}")
    connection.execute("SET search_path = 'main'")


def _encoded_sql(name: str, digests: Sequence[str], kinds: dict[str, str]) -> str:
    """Select what is kept of a view, its digests and repeating names in their short form."""
    cells = [
        f"{column}_of.digest_id AS {column}"
        if column in digests
        else f"{_narrow(f'v.{column}', column, kinds)} AS {column}"
        for column in _columns(name, _LEFT_OUT.get(name, ()))
    ]
    joins = [f"LEFT JOIN kept.digests AS {column}_of ON {column}_of.digest = v.{column}" for column in digests]
    if name == "image_objects":
        cells.append("v.image_digest")
    elif name in _OWN_TEXT:
        cells.append("own.digest AS image_digest")
        joins.append("INNER JOIN kept.digests AS own ON own.digest_id = v.image_name")
    source = "FROM numbered.image_objects" if name == "image_objects" else queries.view_sql(name)
    return f"SELECT {', '.join(cells)}, true AS {BEYOND} FROM ({source}) AS v {' '.join(joins)}"


def _keyed_sql(name: str) -> str:
    """Select every column of a view, digests as numbers."""
    return f"SELECT {', '.join(_cells(name, {}))} FROM kept.{name} AS k"


def _text_sql(name: str) -> str:
    """Select every column of a view as the view has it."""
    names = [column for column in _columns(name) if column in DIGESTS]
    own = {"image_name"} if name in _OWN_TEXT else set()
    joined = [column for column in names if column not in own]
    text = {column: f"CAST(k.{column} AS VARCHAR)" for column in _ENUMERATED}
    text |= {column: f"{column}_of.digest" for column in joined} | dict.fromkeys(own, "k.image_digest")
    joins = (f"LEFT JOIN kept.digests AS {column}_of ON {column}_of.digest_id = k.{column}" for column in joined)
    return f"SELECT {', '.join(_cells(name, text))} FROM kept.{name} AS k {' '.join(joins)}"


def _cells(name: str, expressions: dict[str, str]) -> list[str]:
    """Write a view's columns over its table, which lacks some."""
    left_out = _LEFT_OUT.get(name, ())
    absent = f"CASE WHEN k.{BEYOND} THEN error('The index lacks this column.') END"
    return [
        f"CAST({absent} AS {column.type}) AS {column.name}"
        if column.name in left_out
        else f"{expressions.get(column.name, f'k.{column.name}')} AS {column.name}"
        for column in _BY_NAME[name].columns
    ]


def kept_names() -> list[str]:
    """Return the views that are answered from tables; the others are pure in the file, too."""
    return list(_KEPT)


def _columns(name: str, left_out: Iterable[str] = ()) -> list[str]:
    return [column.name for column in _BY_NAME[name].columns if column.name not in left_out]


def sources_text() -> str:
    """Everything in this project that decides what the tables hold, for the name of the file."""
    shapes = [repr(relation) for relation in (*VIEWS, *TABLES)]
    return "\n".join([queries.macros_sql(), *(queries.view_sql(view.name) for view in VIEWS), *shapes])
