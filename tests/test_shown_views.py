"""Views appear when a statement needs them; what has appeared, and when, changes no answer."""

from __future__ import annotations

import pytest
from image_objects import image, publish

from indexer import query_index
from indexer.catalog import ALL_SNAPSHOTS, MAIN, open_catalog
from indexer.shown_views import views_behind
from indexer.table_schema import TABLES
from indexer.view_schema import VIEWS

SHOWN = "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'VIEW'"
NAMES = {view.name for view in VIEWS}


def shown(catalog, schema=MAIN):
    """Return the views that are there, asked behind the catalog's back."""
    return {name for (name,) in catalog._connection.cursor().execute(SHOWN, [schema]).fetchall()} & NAMES


def test_a_canned_query_binds_only_what_it_reads(sample_store) -> None:
    """What reads receipts creates no view, what reads layers none of signatures."""
    with open_catalog(sample_store) as catalog:
        catalog.query("completeness").fetchall()
        assert shown(catalog) == set()
        catalog.query("layer-sharing").fetchall()
        assert shown(catalog) == {"image_objects", "stated_layers", "image_layers", "layers"}


@pytest.mark.parametrize("text", ["SELECT 1", "FROM query_table('ima' || 'ges') LIMIT 1", "SHOW TABLES"])
def test_a_statement_of_the_users_own_sees_every_view(sample_store, text) -> None:
    """Whatever it says: names may come from expressions, and catalogues list everything."""
    with open_catalog(sample_store) as catalog:
        assert catalog.sql(text).fetchall()
        assert shown(catalog) == NAMES


def test_rows_are_the_same_in_memory_and_not(sample_store) -> None:
    """A view that was created plain is computed into memory by the next statement that names it, with equal rows."""
    with open_catalog(sample_store) as catalog:
        plain = catalog.sql("FROM query_table('ima' || 'ges') ORDER BY ALL").to_arrow_table()
        assert catalog.sql("FROM images ORDER BY ALL").to_arrow_table() == plain
        asked = "SELECT comment FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = 'images'"
        comments = catalog.sql(asked).fetchall()
        assert comments
        assert all(comment for (comment,) in comments)


def test_an_open_answer_survives_a_view_that_is_replaced(sample_store) -> None:
    """Half an answer is read, then another statement has the view computed: the other half is there."""
    with open_catalog(sample_store) as catalog:
        count = catalog.sql("SELECT count(*) FROM query_table('ima' || 'ges')").fetchall()[0][0]
        reader = catalog.sql("SELECT image_name FROM query_table('ima' || 'ges')").to_arrow_reader(500)
        first = reader.read_next_batch()
        assert catalog.sql("SELECT count(*) FROM images").fetchall() == [(count,)]
        assert len(first) + len(reader.read_all()) == count


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_what_a_view_reads_is_known(empty_store, view) -> None:
    """The engine binds a view when it is created, so one that reads what is not there yet would be refused."""
    with open_catalog(empty_store) as catalog:
        catalog._show(f"FROM {view.name}", names_all=False, every=False)
        assert view.name in shown(catalog)


def test_a_name_in_a_comment_or_of_a_column_costs_little() -> None:
    """Comments and columns name nothing; views are found in any spelling and through other views."""
    assert views_behind("SELECT 1 -- images", MAIN) == set()
    assert views_behind("SELECT o.layers FROM image_objects AS o", MAIN) == {"image_objects"}
    layers = {"image_layers", "stated_layers", "image_objects"}
    for text in ("FROM Image_Layers", "FROM memory.MAIN . image_layers"):
        assert views_behind(text, MAIN) == layers


def test_a_view_is_computed_only_in_the_schema_that_is_asked(sample_store) -> None:
    """What a query reads of all snapshots is not computed a second time for the chosen ones."""
    with open_catalog(sample_store) as catalog:
        catalog.query("growth").fetchall()
        assert shown(catalog) == set()
        assert shown(catalog, ALL_SNAPSHOTS) >= {"layers", "image_layers", "snapshot_series"}
    layers = {"image_layers", "stated_layers", "image_objects"}
    assert views_behind("FROM all_snapshots.image_layers", MAIN) == set()
    assert views_behind("FROM all_snapshots.image_layers", ALL_SNAPSHOTS) == layers


@pytest.mark.parametrize("schema", [MAIN, ALL_SNAPSHOTS])
def test_tables_have_their_comments_when_a_statement_shows_them(sample_store, schema) -> None:
    """Comments come late for tables, too; in a schema that only shows tables of another they are of views."""
    shows = f"SELECT table_name, comment FROM duckdb_columns() WHERE schema_name = '{schema}'"
    with open_catalog(sample_store) as catalog:
        catalog.query("completeness").fetchall()
        assert not any(sentence for _, sentence in catalog._connection.cursor().execute(shows).fetchall())
        found = catalog.sql(shows).fetchall()
    assert {table.name for table in TABLES} <= {name for name, _ in found}
    assert all(sentence for name, sentence in found if name in {table.name for table in TABLES})


@pytest.mark.parametrize(("image_count", "snapshot_count", "is_one"), [(3, 1, True), (3, 2, True), (5, 2, False)])
def test_a_small_store_is_read_by_one_thread(tmp_path, monkeypatch, image_count, snapshot_count, is_one) -> None:
    """One small part is one piece of work; a store with many snapshots of it is not small."""
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 10)
    for _ in range(snapshot_count):
        publish(tmp_path, *(image(number) for number in range(image_count)))
    with open_catalog(tmp_path) as catalog:
        found = catalog.sql("SELECT current_setting('threads')").fetchall()[0][0]
    assert (found == 1) is is_one
