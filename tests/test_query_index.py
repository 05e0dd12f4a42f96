"""The query index answers as the pure views do, is found only for what it was built from, and may be missing."""

from __future__ import annotations

import logging
import os
import shutil
import threading

import duckdb
import pytest
from canned import EVERY

from indexer import index_files, index_tables, queries, query_index
from indexer.catalog import open_catalog
from indexer.index_tables import BEYOND
from indexer.view_schema import VIEWS

LEFT_OUT = [(view, column) for view, columns in index_tables._LEFT_OUT.items() for column in sorted(columns)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Return a cache folder of this module; every store is large enough for an index."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_INDEXER_CACHE", str(folder))
        patch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
        yield folder


@pytest.fixture(scope="module")
def indexed(cache, sample_store):
    """Open the sample with its index."""
    with open_catalog(sample_store) as catalog:
        assert catalog._index is not None
        yield catalog


def sorted_rows(relation):
    """Return the rows of a relation in an order of their own."""
    return sorted(map(repr, relation.to_arrow_table().to_pylist()))


@pytest.mark.parametrize("name", [view.name for view in VIEWS])
def test_rows_of_a_view_are_those_of_the_pure_view(indexed, sample_catalog, name) -> None:
    """Every view has the same columns, types and rows with and without the index."""
    text = f"SELECT * FROM {name}"
    pure = sample_catalog.sql(text)
    assert (indexed.sql(text).columns, indexed.sql(text).types) == (pure.columns, pure.types)
    assert sorted_rows(indexed.sql(text)) == sorted_rows(pure)


@pytest.mark.parametrize("name", sorted(index_tables.kept_names()))
def test_kept_columns_hold_what_the_view_returns(indexed, sample_catalog, name) -> None:
    """What is read from the index, and not from the store behind it, equals the pure view."""
    kept = [column.name for view in VIEWS for column in view.columns if view.name == name]
    kept = [column for column in kept if (name, column) not in LEFT_OUT]
    text = f"SELECT {', '.join(kept)} FROM {name}"
    answer = query_index.answer(indexed._index, text, {})
    assert answer is not None
    assert sorted_rows(answer) == sorted_rows(sample_catalog.sql(text))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_canned_queries_answer_the_same(indexed, sample_catalog, kind, name) -> None:
    """Every canned query returns the same rows in the same order."""
    query = queries.load(name, kind)
    volatile = "* EXCLUDE (snapshot_age_hours)" if "snapshot_age_hours" in query.columns else "*"
    fast, pure = (catalog.run(query).project(volatile).to_arrow_table() for catalog in (indexed, sample_catalog))
    assert fast.equals(pure)


@pytest.mark.parametrize(("view", "column"), LEFT_OUT)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT {column} FROM {view}",
        "SELECT count({column}) FROM {view}",
        "SELECT count(*) FROM {view} WHERE {column} IS NULL",
        "SELECT image_name FROM {view} ORDER BY CAST({column} AS VARCHAR), image_name",
        "WITH v AS MATERIALIZED (SELECT * FROM {view}) SELECT max(CAST({column} AS VARCHAR)) FROM v",
        "SELECT count(DISTINCT {column}) FROM {view} GROUP BY registry",
        "SELECT a.image_name FROM {view} AS a JOIN {view} AS b ON a.{column} = b.{column} AND a.uid = b.uid",
        "FROM {view} LIMIT 1",
        "SELECT v FROM {view} AS v",
        "SELECT * FROM {view} WHERE image_name = 'sha256:00'",
    ],
)
def test_statements_on_columns_left_out_go_to_the_store(indexed, view, column, text) -> None:
    """However a left-out column is used, the index declines rather than answers."""
    assert query_index.answer(indexed._index, text.format(view=view, column=column), {}) is None


@pytest.mark.parametrize("name", sorted(index_tables._LEFT_OUT))
def test_left_out_columns_fail_rather_than_answer(indexed, name) -> None:
    """Were such a plan not recognised, the statement would end in an error, never in wrong rows."""
    for column in index_tables._LEFT_OUT[name]:
        with pytest.raises(duckdb.Error, match="lacks this column"):
            indexed._index.connection.sql(f"SELECT count({column}) FROM {name}").fetchall()


def test_statements_that_are_no_query_are_left_to_the_store(indexed) -> None:
    """The index answers plain reading only; anything else gets the answer or the error of the pure views."""
    for text in ("EXPLAIN SELECT 1", "SELECT nothing FROM nowhere"):
        assert query_index.answer(indexed._index, text, {}) is None
    assert indexed.sql(f"SELECT '{BEYOND}' AS word").fetchall() == [(BEYOND,)]


def test_index_is_built_once_and_only_for_equal_receipts(cache, indexed, sample_store, tmp_path) -> None:
    """A second opening finds the file; a store whose receipt differs has another."""
    path = index_files.index_path(indexed.snapshots, {})
    built_at = path.stat().st_ctime_ns, path.stat().st_ino
    with open_catalog(sample_store) as again:
        assert index_files.index_path(again.snapshots, {}) == path
    assert path.stat().st_ino == built_at[1]
    shutil.copytree(sample_store, tmp_path / "copy")
    receipt = next((tmp_path / "copy").glob("cluster=*/snapshot=*/_receipt.json"))
    text = receipt.read_text(encoding="utf-8")
    sha256 = indexed.snapshots[0].receipt.parts[0].sha256
    receipt.write_text(text.replace(sha256, "0" * 64), encoding="utf-8")
    with open_catalog(tmp_path / "copy", use_index=False) as changed:
        assert index_files.index_path(changed.snapshots, {}) != path


def test_stale_sql_is_not_found(indexed, monkeypatch) -> None:
    """Another SQL of a view means another file."""
    path = index_files.index_path(indexed.snapshots, {})
    monkeypatch.setattr(index_tables.queries, "macros_sql", lambda: "-- other macros")
    assert index_files.index_path(indexed.snapshots, {}) != path


def test_two_builders_at_once_both_get_a_whole_index(sample_store, tmp_path, monkeypatch) -> None:
    """Openings that race build side by side, leave one file and nothing half made."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    counts = []

    def open_and_count():
        with open_catalog(sample_store) as catalog:
            counts.append(query_index.answer(catalog._index, "SELECT count(*) FROM images", {}).fetchall())

    threads = [threading.Thread(target=open_and_count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 2
    assert counts[0] == counts[1]
    assert [path.suffix for path in tmp_path.iterdir()] == [".duckdb"]


def test_cache_that_cannot_be_written_costs_only_time(sample_store, tmp_path, monkeypatch, caplog) -> None:
    """A file in place of the folder: a warning in the log, and answers from the pure views."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    with caplog.at_level(logging.WARNING), open_catalog(sample_store) as catalog:
        assert catalog._index is None
        assert catalog.sql("SELECT count(*) FROM images").fetchall()[0][0] > 0
    assert "There is no query index" in caplog.text


def test_broken_index_costs_only_time(sample_store, tmp_path, monkeypatch, caplog) -> None:
    """A file that is no database is told and not used."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    with open_catalog(sample_store, use_index=False) as catalog:
        index_files.index_path(catalog.snapshots, {}).write_bytes(b"no database")
    with caplog.at_level(logging.WARNING), open_catalog(sample_store) as catalog:
        assert catalog._index is None
    assert "There is no query index" in caplog.text


def test_cut_index_costs_only_time(sample_store, sample_catalog, tmp_path, monkeypatch, caplog) -> None:
    """A file of which the last block is missing is told and not used, though the engine would open it."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    with open_catalog(sample_store) as catalog:
        path = catalog._index.path
    os.truncate(path, path.stat().st_size - 4096)
    with caplog.at_level(logging.WARNING), open_catalog(sample_store) as catalog:
        assert catalog._index is None
        assert catalog.query("largest-images").fetchall() == sample_catalog.query("largest-images").fetchall()
    assert "was cut" in caplog.text


def test_old_indexes_make_room(sample_store, tmp_path, monkeypatch) -> None:
    """Only the files used last are kept."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    for number in range(index_files.KEPT_FILES + 2):
        (tmp_path / f"{number}.duckdb").touch()
    with open_catalog(sample_store):
        assert len(list(tmp_path.glob("*.duckdb"))) == index_files.KEPT_FILES


def test_small_stores_have_no_index(sample_store, tmp_path, monkeypatch) -> None:
    """Below the limit nothing is written anywhere."""
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 10_000)
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "cache"))
    with open_catalog(sample_store) as catalog:
        assert catalog._index is None
    assert not (tmp_path / "cache").exists()


def test_command_line_can_do_without(run, sample_store) -> None:
    """`--no-index` is an option of the reading commands, and so is the environment variable."""
    counted = run(
        "sql", "SELECT count(*) AS image_count FROM images", "--store", sample_store, "--no-index", "--format", "csv"
    )
    assert counted.returncode == 0, counted.stderr
    assert counted.stdout.startswith(b"image_count")


def test_index_is_locked_like_the_store(indexed) -> None:
    """Statements answered from the index can't reach files."""
    with pytest.raises(duckdb.Error):
        indexed._index.connection.sql("SELECT * FROM read_text('/etc/hostname')").fetchall()
