"""The engine over a store: views as declared, words in the engine, and a lock that keeps users' SQL to reading."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest
from image_objects import image, name_of, publish

from indexer.catalog import Catalog, open_catalog
from indexer.errors import ExitCode, QueryError, SnapshotError, StoreError
from indexer.retention import expire
from indexer.store import Store
from indexer.table_schema import TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module", params=["empty store", "snapshot without images", "sample"])
def any_catalog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Open the views of stores that hold nothing, and of the sample."""
    store = tmp_path_factory.mktemp("store")
    if request.param == "sample":
        store = request.getfixturevalue("sample_store")
    elif request.param == "snapshot without images":
        publish(store)
    with open_catalog(store) as catalog:
        yield catalog


@pytest.mark.parametrize("schema", ["main", "all_snapshots"])
def test_views_have_the_declared_columns_and_types(any_catalog: Catalog, schema: str) -> None:
    """Names, types and order are those of the dictionary, in both schemas and whatever the store holds."""
    for view in VIEWS:
        relation = any_catalog.sql(f"FROM {schema}.{view.name} LIMIT 0")
        found = list(zip(relation.columns, map(str, relation.types), strict=True))
        assert found == [(column.name, column.type) for column in view.columns], view.name


def test_sentences_are_in_the_engine(sample_catalog: Catalog) -> None:
    """Clients find the sentence of every view and of every column where they look for comments."""
    statement = "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'main' AND comment IS NOT NULL"
    views = dict(sample_catalog.sql(statement).fetchall())
    assert views == {view.name: f"{view.sentence} A row is: {view.grain}." for view in VIEWS}
    statement = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'main'"
    comments = {(table, column): comment for table, column, comment in sample_catalog.sql(statement).fetchall()}
    assert all(comments[view.name, column.name] == column.sentence for view in VIEWS for column in view.columns)


def test_all_snapshots_has_every_snapshot_and_main_the_latest(tmp_path: Path) -> None:
    """Plain names show the newest complete snapshot; `all_snapshots` shows partial and older ones as well."""
    publish(tmp_path, image(1))
    newest = publish(tmp_path, image(1), image(2))
    publish(tmp_path, image(3), completeness="partial")
    count = "SELECT snapshot_id, count(*) FROM {}images GROUP BY ALL ORDER BY ALL"
    with open_catalog(tmp_path) as catalog:
        assert catalog.sql(count.format("")).fetchall() == [(newest.snapshot_id, 2)]
        assert sorted(rows for _, rows in catalog.sql(count.format("ALL_SNAPSHOTS.")).fetchall()) == [1, 1, 2]
        assert catalog.sql("SELECT count(*) FROM all_snapshots.snapshots").fetchall() == [(3,)]
        assert catalog.sql("SELECT count(*) FROM snapshots").fetchall() == [(1,)]


def test_a_partial_snapshot_is_shown_when_it_is_chosen(tmp_path: Path) -> None:
    """Without a complete snapshot the views are empty; named, the partial one is shown."""
    partial = publish(tmp_path, image(3), completeness="partial")
    with open_catalog(tmp_path) as catalog:
        assert catalog.sql("FROM images").fetchall() == []
    with open_catalog(tmp_path, snapshot=partial.snapshot_id, clusters=("test",)) as catalog:
        assert catalog.sql("SELECT image_name FROM images").fetchall() == [(name_of(3),)]


@pytest.mark.parametrize("damage", ["cut", "missing", "not Parquet"])
def test_a_broken_part_is_told_at_opening(tmp_path: Path, damage: str) -> None:
    """A part that is gone, cut or overwritten stops the reader before any figure comes out."""
    (part,) = publish(tmp_path, image(1)).part_paths
    if damage == "missing":
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:-1] if damage == "cut" else b"x" * part.stat().st_size)
    with pytest.raises(SnapshotError) as caught:
        open_catalog(tmp_path)
    assert caught.value.exit_code is ExitCode.DATA


def test_a_broken_old_snapshot_does_not_stop_the_views_of_the_latest(tmp_path: Path) -> None:
    """Only who looks at all snapshots is told of it."""
    (part,) = publish(tmp_path, image(1)).part_paths
    publish(tmp_path, image(2))
    part.unlink()
    with open_catalog(tmp_path) as catalog:
        assert catalog.sql("SELECT image_name FROM images").fetchall() == [(name_of(2),)]
        with pytest.raises(SnapshotError, match="is missing or cut"):
            catalog.sql("FROM all_snapshots.images")


def test_a_snapshot_published_meanwhile_does_not_change_open_views(tmp_path: Path) -> None:
    """Who has opened a store reads one state of it, while others publish into it."""
    publish(tmp_path, image(1))
    with open_catalog(tmp_path) as catalog:
        publish(tmp_path, image(2), image(3))
        assert catalog.sql("SELECT image_name FROM images").fetchall() == [(name_of(1),)]
    with open_catalog(tmp_path) as catalog:
        assert catalog.sql("SELECT count(*) FROM images").fetchall() == [(2,)]


def test_a_snapshot_that_expires_under_a_reader_is_told(tmp_path: Path) -> None:
    """Views over a snapshot that went away meanwhile say what may have happened and what to do."""
    snapshot = publish(tmp_path, image(1))
    with open_catalog(tmp_path) as catalog:
        expire(Store(tmp_path), [snapshot])
        with pytest.raises(SnapshotError, match="No files found") as caught:
            catalog.sql("SELECT max(raw_json) FROM images")
    assert "ask again" in caught.value.hint


def test_relations_live_side_by_side_and_end_with_the_catalog(sample_store: Path) -> None:
    """Several relations can be read in turn and again; when the catalog is closed, an error says so."""
    with open_catalog(sample_store) as catalog:
        images, layers = catalog.sql("SELECT count(*) FROM images"), catalog.sql("SELECT count(*) FROM layers")
        assert layers.fetchall() == layers.fetchall()
        assert images.fetchall() == images.fetchall()
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        images.fetchall()
    with pytest.raises(QueryError, match="closed"):
        catalog.sql("SELECT 1")


def test_times_are_shown_in_utc_whatever_the_zone_of_the_machine(
    sample_store: Path, environment: dict[str, str]
) -> None:
    """A cast to text, which depends on the session, gives the same everywhere."""
    code = "import sys, indexer\nwith indexer.open_store(sys.argv[1]) as catalog:\n"
    code += " print(catalog.sql(\"SELECT TIMESTAMPTZ '2024-01-01 00:00:00Z'::VARCHAR\").fetchall()[0][0])"
    command = [sys.executable, "-c", code, str(sample_store)]
    zone = environment | {"TZ": "Asia/Tokyo"}
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True, env=zone).stdout
        == "2024-01-01 00:00:00+00\n"
    )


# --- the lock -----------------------------------------------------------------------------------------------------

READING = [
    "SELECT 1",
    "SELECT 1;",
    "SELECT ';' -- a; b\n;",
    "WITH few AS (SELECT * FROM images LIMIT 3) FROM few",
    "FROM images SELECT image_name LIMIT 1",
    "VALUES (1), (2)",
    "TABLE repositories",
    "DESCRIBE images",
    "SUMMARIZE layers",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "EXPLAIN SELECT * FROM layers",
    "EXPLAIN ANALYZE SELECT count(*) FROM layers",
    "/* é */ EXPLAIN (FORMAT json) SELECT 'é' FROM layers",
    "EXPLAIN (SELECT 1)",
    "PIVOT layers ON is_foreign USING count(*)",
    "PIVOT layers ON is_foreign IN (true, false) USING count(*)",
    "WITH l AS (FROM layers) PIVOT l ON is_foreign IN (true) USING count(*)",
    "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT 'COPY', 'INSERT INTO', 'ATTACH'",
]


@pytest.mark.parametrize("statement", READING)
def test_reading_statements_run(sample_catalog: Catalog, statement: str) -> None:
    """What only reads is allowed in every form SQL has for it."""
    relation = sample_catalog.sql(statement)
    assert relation.columns
    assert relation.limit(1).to_arrow_table().num_rows == 1


WRITING = [
    "COPY (SELECT 1) TO '{target}'",
    "COPY images TO '{target}' (FORMAT parquet)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}'",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{target}'",
    "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO '{target}'",
    "WITH gone AS (COPY (SELECT 1) TO '{target}') SELECT 1",
    "EXPLAIN ANALYZE WITH gone AS (COPY (SELECT 1) TO '{target}') SELECT 1",
    "WITH gone AS (COPY (SELECT 1) TO '{target}') PIVOT layers ON is_foreign USING count(*)",
    "WITH gone AS (COPY (SELECT 1) TO '{target}') PIVOT layers ON is_foreign IN (true) USING count(*)",
    "FROM query('COPY (SELECT 1) TO ''{target}''')",
    "WITH gone AS (DELETE FROM snapshots RETURNING *) FROM gone",
    "WITH more AS (INSERT INTO snapshots FROM snapshots RETURNING *) FROM more",
    "ATTACH '{target}' AS other",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW images AS SELECT 1",
    "DROP VIEW images",
    "INSERT INTO snapshots FROM snapshots",
    "UPDATE snapshots SET cluster = 'x'",
    "DELETE FROM snapshots",
    "ALTER TABLE snapshots ADD COLUMN x INTEGER",
    "EXPORT DATABASE '{target}'",
    "SET threads = 1",
    "RESET threads",
    "PRAGMA threads = 1",
    "CALL pragma_version()",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "PREPARE p AS SELECT 1",
    "USE all_snapshots",
    "SET VARIABLE x = 1",
    "CONNECT 'somewhere'",
    "SELECT 1; SELECT 2",
    "SELECT 1) ; (SELECT 2",
    "",
    "-- nothing",
]


def _fingerprint(store: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in store.rglob("*") if path.is_file()}


@pytest.mark.parametrize("statement", WRITING)
@pytest.mark.parametrize("target", ["new", "part"])
def test_other_statements_are_refused_and_change_nothing(sample_catalog: Catalog, statement: str, target: str) -> None:
    """What may write is refused by what it is, and the store, which the engine could write to, stays as it was."""
    store, (snapshot,) = sample_catalog.store.folder, sample_catalog.snapshots
    before = _fingerprint(store)
    path = store / "new.csv" if target == "new" else snapshot.part_paths[0]
    with pytest.raises(QueryError):
        sample_catalog.sql(statement.format(target=path))
    assert _fingerprint(store) == before
    assert sample_catalog.sql("SELECT count(*) FROM snapshots").fetchall() == [(1,)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Open a store that has a link to a file outside and such a file beside it."""
    folder = tmp_path_factory.mktemp("guarded")
    publish(folder / "store", image(1))
    (folder / "outside.csv").write_text("secret\n1\n", encoding="utf-8")
    (folder / "store" / "link.csv").symlink_to("/etc/passwd")
    with open_catalog(folder / "store") as catalog:
        yield catalog


FUNCTIONS = ["read_csv", "read_text", "read_blob", "read_json", "parquet_metadata", "sniff_csv"]
OUTSIDE = ["/etc/passwd", "{store}/../outside.csv", "{store}/link.csv", "https://example.com/x.csv"]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("place", OUTSIDE)
def test_files_outside_the_store_are_not_read(guarded: Catalog, function: str, place: str) -> None:
    """No table function reaches a file outside: not by its path, not by `..`, not by a link, not over the network."""
    statement, path = f"FROM {function}($path)", place.format(store=guarded.store.folder)
    with pytest.raises((QueryError, duckdb.PermissionException), match="disabled by configuration"):
        guarded.sql(statement, path=path).to_arrow_table()


@pytest.mark.parametrize("pattern", ["/etc/*", "{store}/../*"])
def test_names_outside_the_store_are_not_listed(guarded: Catalog, pattern: str) -> None:
    """Patterns show no names either."""
    with pytest.raises(QueryError, match="disabled by configuration"):
        guarded.sql("FROM glob($pattern)", pattern=pattern.format(store=guarded.store.folder))


def test_files_are_not_read_as_tables(sample_catalog: Catalog) -> None:
    """A path in FROM is no way round the table functions."""
    with pytest.raises(QueryError):
        sample_catalog.sql("FROM '/etc/passwd'")


def test_the_lock_can_not_be_opened(sample_catalog: Catalog) -> None:
    """Settings are locked in the engine as well, should a statement ever get past the judge."""
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        sample_catalog._connection.execute("SET enable_external_access = true")


# --- parameters and failures --------------------------------------------------------------------------------------


def test_parameters_are_bound_never_pasted(sample_catalog: Catalog) -> None:
    """A value is a value, whatever quotes are in it; a list is a list."""
    text = "'; DROP VIEW images; --"
    assert sample_catalog.sql("SELECT $text, $numbers", text=text, numbers=[1, 2]).fetchall() == [(text, [1, 2])]


def test_a_missing_parameter_is_an_error(sample_catalog: Catalog) -> None:
    """A parameter without a value never becomes null in silence."""
    with pytest.raises(QueryError, match="name"):
        sample_catalog.sql("SELECT $name")


@pytest.mark.parametrize("statement", ["SELEC 1", "SELECT nope FROM images", "FROM nope", "SELECT 1 +", "EXPLAIN"])
def test_errors_of_the_engine_are_one_line_and_ours(sample_catalog: Catalog, statement: str) -> None:
    """The user sees what the engine says, without its listing."""
    with pytest.raises(QueryError) as caught:
        sample_catalog.sql(statement)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.FAILED


def test_a_missing_store_is_no_empty_store(tmp_path: Path) -> None:
    """Views of a store that is not there are an error, those of an empty one are empty."""
    with pytest.raises(StoreError):
        open_catalog(tmp_path / "nope")
    (tmp_path / "empty").mkdir()
    with open_catalog(tmp_path / "empty") as catalog:
        assert catalog.snapshots == ()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_tables_have_the_declared_columns(sample_catalog: Catalog, table) -> None:
    """Tables beside the views have the declared columns and types."""
    relation = sample_catalog.sql(f"FROM {table.name} LIMIT 0")
    found = list(zip(relation.columns, map(str, relation.types), strict=True))
    assert found == [(column.name, column.type) for column in table.columns]
