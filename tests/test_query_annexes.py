"""Annexes of the query index: built when a statement first needs them, whatever happens to their files."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading

import pytest
from fleets import write_store
from hypothesis import HealthCheck, given, settings
from random_fleets import fleets

from indexer import index_files, index_tables, queries, query_index
from indexer.catalog import open_catalog
from indexer.sample import generate_images

QUERIES = {
    "heaviest-steps": {"history"},
    "heaviest-layers": {"history"},
    "lineage": {"lineage"},
    "base-images": {"lineage"},
    "label-keys": {"labels"},
    "environment-names": {"environment"},
    "capacity-summary": set(),
}
"""Canned queries, and the annexes each needs."""

VIEWS = [name for names in index_tables.ANNEXES.values() for name in names if name in index_tables.kept_names()]

_ASK = """
import sys
from indexer import query_index
from indexer.catalog import open_catalog
query_index.FROM_IMAGE_COUNT = 0
with open_catalog(sys.argv[1]) as catalog:
    sys.stdin.readline()
    print(len(query_index.answer(catalog._index, sys.argv[2], {}).fetchall()))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store of two clusters."""
    folder = tmp_path_factory.mktemp("clusters") / "store"
    for cluster, (count, seed) in {"east": (40, 1), "west": (30, 2)}.items():
        write_store(folder, list(generate_images(count, seed)), cluster)
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory, store):
    """Return the file of its index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
        with open_catalog(store) as catalog:
            yield catalog._index.path


@pytest.fixture
def cache(tmp_path, monkeypatch, index):
    """Return a cache folder of this test with the index; every store is large enough for one."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    (tmp_path / "cache").mkdir()
    shutil.copy(index, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def pure(store):
    """Open the pure views over the store."""
    with open_catalog(store, use_index=False) as catalog:
        yield catalog


def annexes(cache):
    """Return the names of the annexes that are there."""
    return {path.name.split(".")[1] for path in cache.glob(f"*{index_files.ANNEX}")}


def sorted_rows(relation):
    """Return the rows of a relation in an order of their own."""
    return sorted(map(repr, relation.to_arrow_table().to_pylist()))


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_builds_the_annexes_it_needs_and_no_other(cache, store, pure, name) -> None:
    """The opening builds none; the query builds its own, and its rows are those of the pure views."""
    with open_catalog(store) as catalog:
        assert annexes(cache) == set()
        assert catalog.query(name).to_arrow_table().equals(pure.query(name).to_arrow_table())
    assert annexes(cache) == QUERIES[name]


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM {view}",
        "SELECT count(*) AS row_count FROM {view}",
        "SELECT 1 AS one WHERE EXISTS (FROM {view})",
        "SELECT image_name FROM images WHERE image_name NOT IN (SELECT image_name FROM {view})",
        "SELECT * FROM all_snapshots.{view} WHERE false",
        "WITH unused AS (FROM {view}) SELECT 1 AS one",
    ],
)
def test_statements_on_views_of_annexes_are_answered_from_them(cache, store, pure, name, text) -> None:
    """However a view is used, the first statement attaches its annex, and none is answered without it."""
    asked = text.format(view=name)
    with open_catalog(store) as catalog:
        answered = query_index.answer(catalog._index, asked, {})
        assert answered is not None
        assert answered.types == pure.sql(asked).types
        assert sorted_rows(answered) == sorted_rows(pure.sql(asked))


def test_only_its_user_can_read_an_annex(cache, store) -> None:
    """Labels and environment may hold what should not be there, and the cache folder may be open to others."""
    cache.chmod(0o755)
    with open_catalog(store) as catalog:
        catalog.query("environment-names")
        assert index_files.annex_path(catalog._index.path, "environment").stat().st_mode & 0o077 == 0


def test_annexes_are_built_once(cache, store) -> None:
    """A second opening attaches the files of the first."""
    for _ in range(2):
        with open_catalog(store) as catalog:
            catalog.query("lineage")
        files = {path: path.stat().st_ino for path in cache.glob(f"*{index_files.ANNEX}")}
        assert len(files) == 1
    with open_catalog(store) as catalog:
        catalog.query("lineage")
    assert files == {path: path.stat().st_ino for path in cache.glob(f"*{index_files.ANNEX}")}


@pytest.mark.parametrize("kept_share", [0, 0.5, 0.99])
def test_an_annex_that_was_cut_is_built_again(cache, store, pure, kept_share) -> None:
    """A file of which the end is missing is not trusted, even if the engine would open it."""
    with open_catalog(store) as catalog:
        rows = catalog.query("lineage").to_arrow_table()
        path = index_files.annex_path(catalog._index.path, "lineage")
    whole_bytes = path.stat().st_size
    os.truncate(path, int(whole_bytes * kept_share))
    with open_catalog(store) as catalog:
        assert catalog.query("lineage").to_arrow_table().equals(rows)
        assert query_index.answer(catalog._index, "FROM image_ancestors", {}) is not None
    assert path.stat().st_size == whole_bytes
    assert rows.equals(pure.query("lineage").to_arrow_table())


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 100_000])
def test_an_annex_that_is_no_database_is_built_again(cache, store, pure, content) -> None:
    """Whatever lies in its place is replaced."""
    with open_catalog(store, use_index=False) as catalog:
        path = index_files.annex_path(index_files.index_path(catalog.snapshots, {}), "history")
    path.write_bytes(content)
    with open_catalog(store) as catalog:
        assert catalog.query("heaviest-steps").to_arrow_table().equals(pure.query("heaviest-steps").to_arrow_table())
    assert path.stat().st_size > len(content)


def test_an_annex_that_cannot_be_written_costs_only_time(cache, store, pure, caplog) -> None:
    """A folder in its place: one warning in the log, however often it is needed, and rows from the pure views."""
    with caplog.at_level(logging.WARNING), open_catalog(store) as catalog:
        (index_files.annex_path(catalog._index.path, "lineage") / "full").mkdir(parents=True)
        for _ in range(2):
            assert catalog.query("lineage").to_arrow_table().equals(pure.query("lineage").to_arrow_table())
        assert query_index.answer(catalog._index, "SELECT count(*) FROM images", {}) is not None
    assert caplog.text.count("has no annex lineage") == 1
    assert not list(cache.glob("*.tmp"))


def test_processes_that_build_an_annex_at_once_leave_one(cache, store, pure) -> None:
    """Two processes of one index both answer, and leave one file and nothing half made."""
    text = "FROM image_ancestors"
    command = [sys.executable, "-c", _ASK, str(store), text]
    asking = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in asking:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [int(process.communicate(timeout=60)[0]) for process in asking]
    assert answers == [len(pure.sql(text).fetchall())] * 2
    assert annexes(cache) == {"lineage"}
    assert not list(cache.glob("*.tmp"))


def test_threads_that_need_an_annex_at_once_share_it(cache, store, pure) -> None:
    """Two catalogs of a process, which share an engine, and two threads of each."""
    counts = []
    with open_catalog(store) as one, open_catalog(store) as other:
        threads = [
            threading.Thread(target=lambda of=of: counts.append(of.query("lineage").to_arrow_table().num_rows))
            for of in (one, other, one, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts == [pure.query("lineage").to_arrow_table().num_rows] * 4


def test_annexes_go_with_their_index(cache, store) -> None:
    """Making room removes the least used index with its annexes, and never that of the annex being built."""
    with open_catalog(store) as catalog:
        catalog.query("lineage")
        old, path = index_files.annex_path(catalog._index.path, "lineage"), catalog._index.path
        os.utime(path, (0, 0))
        for number in range(index_files.KEPT_FILES):
            (cache / f"{number}.duckdb").touch()
        catalog.query("heaviest-steps")
        assert path.exists()
        assert annexes(cache) == {"history", "lineage"}
        assert len(list(cache.glob("*.duckdb"))) == index_files.KEPT_FILES
    os.utime(path, (0, 0))
    with index_files.built(cache / "another.duckdb") as file:
        file.touch()
    assert not path.exists()
    assert not old.exists()


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fleets())
def test_annexes_of_random_fleets_hold_what_the_views_return(tmp_path_factory, cache, objects) -> None:
    """Rows of each view over any fleet, an empty one as well, and of the queries over them."""
    folder = write_store(tmp_path_factory.mktemp("fleet") / "store", objects)
    with open_catalog(folder) as catalog, open_catalog(folder, use_index=False) as without:
        if catalog._index is None:
            return
        for text in (f"FROM {name}" for name in VIEWS):
            kept = query_index.answer(catalog._index, text, {})
            assert sorted_rows(kept) == sorted_rows(without.sql(text)), text
        for name in QUERIES:
            assert catalog.query(name).to_arrow_table().equals(without.query(name).to_arrow_table()), name


def test_views_of_annexes_are_known() -> None:
    """Every annex holds views of the index, and no view is in two."""
    names = [name for held in index_tables.ANNEXES.values() for name in held]
    assert len(names) == len(set(names))
    assert {*names} <= {*index_tables.kept_names(), *index_tables._PASSING}
    assert queries.load("lineage").digests is not None
