"""All rows of a query in batches: those of the relation, with text put in by Arrow, whatever happens to its file."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest
from canned import CASES, EVERY, parameters_of, query_of
from fleets import write_store
from hypothesis import HealthCheck, given, settings
from random_fleets import fleets

from indexer import digest_texts, index_files, queries, query_index
from indexer.catalog import open_catalog
from indexer.digest_texts import DigestTexts
from indexer.sample import generate_images

MOMENTS = {"snapshot_age_hours", "age_hours"}
"""Columns that differ from one second to the next."""

NAMES = [name for kind, name in EVERY if kind == "query"]
NUMBERED = [name for name in NAMES if queries.load(name).digests is not None]
WITH_DIGESTS = [name for name in NUMBERED if set(queries.load(name).digests) & set(queries.load(name).columns)]
SOME = "layer-sharing"

_ASK = """
import sys
from indexer import queries, query_index
from indexer.catalog import open_catalog
query_index.FROM_IMAGE_COUNT = 0
with open_catalog(sys.argv[1]) as catalog:
    sys.stdin.readline()
    print(catalog.every_row(queries.load(sys.argv[2]), {}).read_all().num_rows)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store of three clusters, two of which share most of their images."""
    folder = tmp_path_factory.mktemp("clusters") / "store"
    for cluster, (count, seed) in {"east": (60, 1), "north": (45, 1), "west": (40, 2)}.items():
        write_store(folder, list(generate_images(count, seed)), cluster)
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory, store):
    """Open the store with its index, in a cache of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
        with open_catalog(store) as catalog:
            yield catalog


@pytest.fixture(scope="module")
def pure(store):
    """Open the pure views over the store."""
    with open_catalog(store, use_index=False) as catalog:
        yield catalog


@pytest.fixture
def cache(tmp_path, monkeypatch, indexed):
    """Return a cache folder of this test with the index and without the text of digests."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    (tmp_path / "cache").mkdir()
    shutil.copy(indexed._index.path, tmp_path / "cache")
    return tmp_path / "cache"


def steady(table):
    """Return rows without what changes by the second."""
    return table.drop_columns([name for name in table.column_names if name in MOMENTS])


def every_row(catalog, name, given_values=None):
    """Return all rows of a query as a table."""
    return steady(catalog.every_row(queries.load(name), given_values or {}).read_all())


def run(catalog, name, given_values=None):
    """Return the same from the relation."""
    return steady(catalog.query(name, **(given_values or {})).to_arrow_table())


def is_numbered(catalog, name):
    """Whether all rows come as numbers first."""
    query = queries.load(name)
    return catalog._numbered.reader(query, query.bind(parameters_of(name)), 10) is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_that_of_the_relation(indexed, name) -> None:
    """Names, types, rows and their order are those of `run`, which `test_index_by_number` holds to the pure views."""
    given_values = parameters_of(name)
    assert run(indexed, name, given_values).equals(every_row(indexed, name, given_values))


def test_every_row_comes_without_an_index_as_well(pure) -> None:
    """Whoever asks for all rows need not know whether there is an index."""
    assert run(pure, SOME).equals(every_row(pure, SOME))


@pytest.mark.parametrize("case", [case for case in CASES if query_of(case) in NUMBERED])
def test_other_parameters_give_the_same_rows(indexed, case) -> None:
    """With each set of parameters that has golden results."""
    assert run(indexed, query_of(case), CASES[case]).equals(every_row(indexed, query_of(case), CASES[case]))


@pytest.mark.parametrize("name", NUMBERED)
def test_queries_that_allow_numbers_get_their_text_from_arrow(indexed, name) -> None:
    """None is left to the join."""
    assert is_numbered(indexed, name)


@pytest.mark.parametrize("name", NUMBERED)
def test_first_rows_of_every_query_are_those_of_all(indexed, name) -> None:
    """A limit may stand behind each of them, and cuts the same rows."""
    query, given_values = queries.load(name), parameters_of(name)
    first = query_index.answer_query(indexed._index, query, query.bind(given_values), 2)
    assert steady(first.to_arrow_table()).equals(every_row(indexed, name, given_values).slice(0, 2))


def test_batches_are_as_small_as_asked(indexed) -> None:
    """Memory is bound by the batch."""
    batches = list(indexed.every_row(queries.load(SOME), {}, batch_rows=1))
    assert len(batches) > 1
    assert pa.Table.from_batches(batches).equals(run(indexed, SOME))


def test_answers_without_rows_have_their_columns(indexed) -> None:
    """Nothing found: the types are there all the same."""
    given_values = {"min_images": 1_000_000}
    rows = every_row(indexed, SOME, given_values)
    assert rows.num_rows == 0
    assert rows.schema.equals(run(indexed, SOME, given_values).schema)


def test_lists_of_digests_come_as_lists_of_text(indexed, pure) -> None:
    """Empty lists, null in place of a list, and null within one stay what they are."""
    query = replace(
        queries.load(SOME),
        parameters=(),
        digests=("digests", "image_name"),
        sql="SELECT l.image_name, CASE WHEN count(*) > 12 THEN NULL WHEN count(*) > 9 THEN [] ELSE "
        "list_append(array_agg(l.layer_digest ORDER BY l.position), NULL) END AS digests "
        "FROM image_layers AS l GROUP BY l.cluster, l.image_name ORDER BY l.cluster, l.image_name",
    )
    for batch_rows in (3, 10_000):
        rows = indexed._numbered.reader(query, {}, batch_rows).read_all()
        assert rows.equals(pure.run(query).to_arrow_table())
    assert {None, 0} < {None if digests is None else len(digests) for digests in rows["digests"].to_pylist()}


def test_what_is_no_number_is_left_to_the_engine(indexed, pure) -> None:
    """A query that promises a digest and returns something else is answered all the same."""
    query = replace(
        queries.load(SOME), parameters=(), digests=("digest",), sql="SELECT 1.5 AS digest FROM images ORDER BY 1"
    )
    assert indexed._numbered.reader(query, {}, 10) is None
    assert indexed.every_row(query, {}).read_all().num_rows == pure.run(query).to_arrow_table().num_rows


def test_first_queries_write_the_texts_and_later_ones_read_them(cache, store, pure) -> None:
    """A query without digests writes nothing; the file stays as it is, and only its user can read it."""
    with open_catalog(store) as catalog:
        path = index_files.annex_path(catalog._index.path, digest_texts.ANNEX)
        every_row(catalog, "capacity-by-repository")
        assert not path.exists()
        every_row(catalog, SOME)
        written = path.stat()
    with open_catalog(store) as catalog:
        assert every_row(catalog, SOME).equals(run(pure, SOME))
    assert path.stat().st_ino == written.st_ino
    assert written.st_mode & 0o077 == 0
    assert not list(cache.glob("*.tmp"))


@pytest.mark.parametrize("damage", ["cut", "empty", "zeros", "longer", "of another index"])
def test_texts_that_are_not_whole_are_written_again(cache, store, pure, damage) -> None:
    """Whatever lies in the place of the file is replaced, and the answers are right."""
    with open_catalog(store) as catalog:
        every_row(catalog, SOME)
        path = index_files.annex_path(catalog._index.path, digest_texts.ANNEX)
    whole = path.read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "zeros": bytes(len(whole)),
        "longer": whole + b"\0",
        "of another index": whole[71:-32] + digest_texts._TRAILER.pack(digest_texts._MARK, *other_shape(whole)),
    }
    path.write_bytes(damaged[damage])
    with open_catalog(store) as catalog:
        assert every_row(catalog, SOME).equals(run(pure, SOME))
    assert path.read_bytes() == whole


def other_shape(whole):
    """Return what the trailer would say without the first digest."""
    _, count, width, size_bytes = digest_texts._TRAILER.unpack(whole[-digest_texts._TRAILER.size :])
    return count - 1, width, size_bytes - width


def test_texts_that_cannot_be_written_cost_only_time(cache, store, pure, caplog) -> None:
    """A folder in their place: one warning in the log, however often they are needed, and the join's rows."""
    with caplog.at_level(logging.WARNING), open_catalog(store) as catalog:
        (index_files.annex_path(catalog._index.path, digest_texts.ANNEX) / "full").mkdir(parents=True)
        for _ in range(2):
            assert every_row(catalog, SOME).equals(run(pure, SOME))
    assert caplog.text.count("no text of digests") == 1
    assert not list(cache.glob("*.tmp"))


def test_numbers_with_gaps_are_refused(tmp_path) -> None:
    """A number is a place: where one is missing nothing is written."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA kept; CREATE TABLE kept.digests AS SELECT 1 AS digest_id, 'a' AS digest")
        connection.execute("INSERT INTO kept.digests VALUES (3, 'c')")
        with pytest.raises(OSError, match="gaps"):
            DigestTexts.of_index(connection, tmp_path / "index.duckdb")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("digests", [[], ["a"], ["aa", "bb", "ccc", "", "é"], ["aa", "bb"]])
def test_texts_of_any_width_are_found_by_their_numbers(tmp_path, digests) -> None:
    """Digests of one width need no ends, others do; null and the number of nothing are null."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA kept; CREATE TABLE kept.digests (digest_id INTEGER, digest VARCHAR)")
        for number, digest in reversed([*enumerate(digests, 1)]):
            connection.execute("INSERT INTO kept.digests VALUES (?, ?)", [number, digest])
        for _ in ("written", "read"):
            texts = DigestTexts.of_index(connection, tmp_path / "index.duckdb")
            numbers = pa.array([None, *range(len(digests) + 1), *range(len(digests), 0, -1)], pa.int32())
            found = texts.of_numbers(numbers)
            found.validate(full=True)
            assert found.to_pylist() == [None, None, *digests, *reversed(digests)]
            assert texts.of_numbers(numbers.slice(1)).equals(found.slice(1))


def test_processes_that_write_the_texts_at_once_leave_one_file(cache, store, pure) -> None:
    """Both answer, and nothing is left half made."""
    command = [sys.executable, "-c", _ASK, str(store), SOME]
    asking = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in asking:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [int(process.communicate(timeout=60)[0]) for process in asking]
    assert answers == [run(pure, SOME).num_rows] * 2
    assert len(list(cache.glob(f"*.{digest_texts.ANNEX}{index_files.ANNEX}"))) == 1
    assert not list(cache.glob("*.tmp"))


def test_texts_go_with_their_index(cache, store) -> None:
    """Making room for another index removes both."""
    with open_catalog(store) as catalog:
        every_row(catalog, SOME)
        path = catalog._index.path
    os.utime(path, (0, 0))
    for number in range(index_files.KEPT_FILES):
        (cache / f"{number}.duckdb").touch()
    with index_files.built(cache / "another.duckdb") as file:
        file.touch()
    assert not list(cache.glob(f"{path.stem}*"))


def test_a_reader_that_is_given_up_ends_its_query(indexed) -> None:
    """The next question is answered; none waits for rows nobody reads."""
    reader = indexed.every_row(queries.load(SOME), {}, batch_rows=1)
    reader.read_next_batch()
    del reader
    assert every_row(indexed, SOME).equals(run(indexed, SOME))


def test_errors_of_the_engine_are_told(indexed) -> None:
    """One that shows only midway ends the rows with its message."""
    query = replace(
        queries.load(SOME),
        parameters=(),
        digests=("image_name",),
        sql="SELECT image_name, CASE WHEN image_name > 100 THEN error('midway') END AS word FROM images",
    )
    with pytest.raises((OSError, duckdb.Error), match="midway"):
        indexed.every_row(query, {}, batch_rows=1).read_all()


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_the_command_writes_the_same_with_the_index_and_without(cache, store, tmp_path, form) -> None:
    """Files of both ways are equal byte for byte."""
    for name in ("with", "without"):
        command = [sys.executable, "-m", "indexer", "query", "lineage", "--store", str(store), "--format", form]
        subprocess.run(
            [*command, "-o", str(tmp_path / name), *(["--no-index"] if name == "without" else [])], check=True
        )
    assert (tmp_path / "with").read_bytes() == (tmp_path / "without").read_bytes()


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fleets())
def test_every_row_of_random_fleets_is_that_of_the_relation(tmp_path_factory, cache, objects) -> None:
    """Over any fleet, an empty one and one with digests of any form as well."""
    folder = write_store(tmp_path_factory.mktemp("fleet") / "store", objects)
    with open_catalog(folder) as catalog:
        for name in WITH_DIGESTS:
            given_values = parameters_of(name)
            assert every_row(catalog, name, given_values).equals(run(catalog, name, given_values)), name
