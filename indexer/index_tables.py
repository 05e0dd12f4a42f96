"""A DuckDB file with the views of some snapshots computed once: tables under `kept`, the views' names before them.

What costs at scale is digests of 71 characters: joins and groups over them are the bulk of every query. So the tables
hold a number in place of each digest, in the order of the digests, and an enumeration in place of names that repeat.
Views of the same names stand before the tables twice: under `main` with text, and under `keyed` with the numbers. The
SQL of the views stays the one truth: it compares digests and does not look into them, so what depends on other tables
alone is computed by that very SQL over the numbers.

Columns that would be a second copy of the store are left out; their place is taken by an expression that reads
`beyond_the_index`, by which a plan that needs them shows itself (see `query_index`), and which fails rather than
answers.

What few statements ask for is left to annexes: files of their own beside the index, each with the tables of some views.
The views stand in the index all the same, over tables of a database that is not attached, so the engine can't bind a
statement that needs one before the annex is there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from indexer import queries
from indexer.engine_faults import ENGINE_CONFIG, WRONG_OPTIMIZER
from indexer.relations import (
    comment,
    comment_tables,
    create_aliases,
    create_snapshots,
    create_stored_images,
    create_table,
    quote,
)
from indexer.table_schema import KEYRING_KEYS, SIGNATURE_VERIFICATIONS, SNAPSHOTS, TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from indexer.relations import Aliases
    from indexer.store import Snapshot

FORMAT = "3"
"""Another one whenever this module writes other tables."""
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
        *("layers", "labels", "annotations", "env", "raw_json"),
        *("manifest_text", "config_text", "manifest_json", "config_json"),
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
    "image_labels": (_NUMBERED, ()),
    "image_env": (_NUMBERED, ()),
}
"""What is kept: where each finds what it reads, and which of its digests then come as text."""

_PASSING: dict[str, tuple[str, tuple[str, ...]]] = {
    "stated_layers": (_NUMBERED, ("layer_digest",)),
    "image_chains": (_TABLES, ()),
}
"""What only others are computed from: as many rows again, and gone with the build."""

ANNEXES: dict[str, tuple[str, ...]] = {
    "history": ("image_history",),
    "lineage": ("image_chains", "image_ancestors"),
    "labels": ("image_labels",),
    "environment": ("image_env",),
}
"""Views that are computed when a statement first needs them, by the name of the file that holds them."""

_ANNEX_OF = {name: annex for annex, names in ANNEXES.items() for name in names}
_INDEX = "query_index"
_SCRATCH = "scratch"
_NAME = "_name"
_ENUMERATED = ("cluster", "snapshot_id", "registry", "repository")
_MOST_NAMES = 65_535
"""An enumeration is read whole when a file is opened; names beyond this stay text."""

_AS_WRITTEN = f"{WRONG_OPTIMIZER},join_order,build_side_probe_side"
"""The table of digests is large, but narrow: hashing it costs less memory than hashing the objects and their lists."""


def build(path: Path, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    """Write the file. Raises `duckdb.Error` for a store that can't be read or a disk that is full.

    Memory stays near `MEMORY_LIMIT`; what does not fit spills into a folder beside the file.
    """
    with _engine(str(path), path) as connection:
        _create_pure(connection, snapshots, aliases)
        comment_tables(connection, "main")
        kinds = _create_enumerations(connection)
        _create_digests(connection)
        _create_numbered(connection, kinds)
        for annex in ANNEXES:
            connection.execute(f"ATTACH ':memory:' AS {annex_database(annex)}")
        for view in VIEWS:
            if view.name in _PASSING:
                _pass_on(connection, view.name, kinds, is_promised=view.name in _ANNEX_OF)
            if view.name in _KEPT:
                _keep(connection, view.name, kinds, is_promised=view.name in _ANNEX_OF)
                _show(connection, view.name)
            else:
                connection.execute(f"CREATE VIEW main.{view.name} AS {queries.view_sql(view.name)}")
            comment(connection, "main", view, "VIEW")
        for relation in (*TABLES, *VIEWS):
            connection.execute(f"CREATE VIEW all_snapshots.{relation.name} AS FROM main.{relation.name}")
        for name in _PASSING:
            connection.execute(f"DROP VIEW {KEYED}.{name}")
        connection.execute("SET search_path = 'main'; DROP SCHEMA numbered CASCADE; DROP SCHEMA pure CASCADE")


def build_annex(annex: str, path: Path, index: Path, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    """Write the file of an annex from its index and the store; raises as `build` does.

    Numbers and enumerations are those of the index, whichever process has built that: they follow from the names.
    """
    with _engine(":memory:", path) as connection:
        connection.execute(f"ATTACH {quote(str(path))} AS {annex_database(annex)}")
        connection.execute(f"ATTACH {quote(str(index))} AS {_INDEX} (READ_ONLY)")
        _create_pure(connection, snapshots, aliases)
        connection.execute(f"CREATE VIEW kept.digests AS FROM {_INDEX}.kept.digests")
        for name in _KEPT.keys() - _ANNEX_OF.keys():
            connection.execute(f"CREATE VIEW {KEYED}.{name} AS FROM {_INDEX}.{KEYED}.{name}")
        kinds = _enumerations_of_index(connection)
        _create_numbered(connection, kinds)
        for name in ANNEXES[annex]:
            (_pass_on if name in _PASSING else _keep)(connection, name, kinds, is_promised=False)
        connection.execute(f"CHECKPOINT {annex_database(annex)}")


def annex_database(annex: str) -> str:
    """Return the name under which the views of the index look for the tables of an annex."""
    return f"annex_of_{annex}"


@contextmanager
def _engine(database: str, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine that builds a file, with room beside it for what passes."""
    settings = ENGINE_CONFIG | {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": f"{path}.spill",
        "preserve_insertion_order": "false",
    }
    scratch = path.with_suffix(f".{_SCRATCH}")
    with duckdb.connect(database, config=settings) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # What does not fit into memory is read again from a file with its columns packed, not spilled as it is.
        connection.execute(f"ATTACH {quote(str(scratch))} AS {_SCRATCH}")
        yield connection
    scratch.unlink()


def _create_pure(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[Snapshot], aliases: Aliases) -> None:
    connection.execute(queries.macros_sql())
    for schema in ("pure", "numbered", "kept", KEYED, "all_snapshots"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for table in (KEYRING_KEYS, SIGNATURE_VERIFICATIONS):
        create_table(connection, "main", table)
    create_snapshots(connection, "main", snapshots)
    create_aliases(connection, "main", aliases)
    create_stored_images(connection, "main", snapshots)
    for view in VIEWS:
        connection.execute(f"CREATE VIEW pure.{view.name} AS {queries.view_sql(view.name)}")


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
    kind = f"kept.{column}{_NAME}"
    # The engine's order of text is that of its bytes.
    places = ", ".join(quote(name) for name in sorted(names, key=str.encode))
    connection.execute(f"CREATE TYPE {kind} AS ENUM ({places})")
    return kind


def _enumerations_of_index(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Give the types of the index by column, as `_create_enumerations` does."""
    found = connection.execute(
        "SELECT type_name FROM duckdb_types() WHERE database_name = ? AND schema_name = 'kept'", [_INDEX]
    )
    return {name.removesuffix(_NAME): f"{_INDEX}.kept.{name}" for (name,) in found.fetchall()}


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
    connection.execute(f"CREATE VIEW {KEYED}.snapshots AS SELECT {snapshots} FROM main.snapshots")


def _narrow(expression: str, name: str, kinds: dict[str, str]) -> str:
    kind = kinds.get(name, "VARCHAR")
    return expression if kind == "VARCHAR" else f"CAST({expression} AS {kind})"


def _keep(connection: duckdb.DuckDBPyConnection, name: str, kinds: dict[str, str], *, is_promised: bool) -> None:
    """Compute a view into its table, or what is promised of it: the columns."""
    path, digests = _KEPT[name]
    _compute(connection, _table(name), path, _encoded_sql(name, digests, kinds), is_promised=is_promised)


def _show(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Put the two views of its name before a table."""
    connection.execute(f"CREATE VIEW {KEYED}.{name} AS {_keyed_sql(name)}")
    connection.execute(f"CREATE VIEW main.{name} AS {_text_sql(name)}")


def _pass_on(connection: duckdb.DuckDBPyConnection, name: str, kinds: dict[str, str], *, is_promised: bool) -> None:
    path, digests = _PASSING[name]
    sql = _encoded_sql(name, digests, kinds)
    _compute(connection, f"{_SCRATCH}.{name}", path, sql, is_promised=is_promised)
    connection.execute(f"CREATE VIEW {KEYED}.{name} AS FROM {_SCRATCH}.{name}")


def _table(name: str) -> str:
    return f"{annex_database(_ANNEX_OF[name])}.main.{name}" if name in _ANNEX_OF else f"kept.{name}"


def _compute(connection: duckdb.DuckDBPyConnection, table: str, path: str, sql: str, *, is_promised: bool) -> None:
    connection.execute(f"SET search_path = {quote(path)}")
    switched_off = _AS_WRITTEN if path == _NUMBERED else WRONG_OPTIMIZER
    connection.execute(f"SET disabled_optimizers = {quote(switched_off)}")
    connection.execute(f"CREATE TABLE {table} AS {sql}{' LIMIT 0' if is_promised else ''}")
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
    return f"SELECT {', '.join(_cells(name, {}))} FROM {_table(name)} AS k"


def _text_sql(name: str) -> str:
    """Select every column of a view as the view has it."""
    names = [column for column in _columns(name) if column in DIGESTS]
    own = {"image_name"} if name in _OWN_TEXT else set()
    joined = [column for column in names if column not in own]
    text = {column: f"CAST(k.{column} AS VARCHAR)" for column in _ENUMERATED}
    text |= {column: f"{column}_of.digest" for column in joined} | dict.fromkeys(own, "k.image_digest")
    joins = (f"LEFT JOIN kept.digests AS {column}_of ON {column}_of.digest_id = k.{column}" for column in joined)
    return f"SELECT {', '.join(_cells(name, text))} FROM {_table(name)} AS k {' '.join(joins)}"


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
    return "\n".join(
        [FORMAT, repr(ANNEXES), queries.macros_sql(), *(queries.view_sql(view.name) for view in VIEWS), *shapes]
    )
