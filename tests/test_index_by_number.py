"""Numbers in place of digests: the index answers by them wherever a query allows it, and with the very same rows."""

from __future__ import annotations

import pytest
from canned import CASES, EVERY, parameters_of, query_of
from fleets import write_store
from hypothesis import HealthCheck, given, settings
from random_fleets import fleets

from indexer import index_tables, queries, query_index
from indexer.catalog import open_catalog
from indexer.sample import generate_images

MOMENTS = {"snapshot_age_hours", "age_hours"}
"""Columns that differ from one second to the next."""

NUMBERED = [name for kind, name in EVERY if kind == "query" and queries.load(name).digests is not None]
A_FEW = ["base-images", "capacity-by-registry", "heaviest-layers", "reclaimable", "sharing-between-repositories"]
CASES_NUMBERED = [case for case in CASES if query_of(case) in NUMBERED]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    """Keep the indexes of this module by themselves; every store is large enough for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
        yield


@pytest.fixture
def _in_memory(monkeypatch):
    """Let what has no index keep in memory what its views share: whole views are compared above, query by query."""
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 10_000)
    monkeypatch.setattr(query_index, "pays", lambda _: True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store of three clusters, two of which share most of their images."""
    folder = tmp_path_factory.mktemp("clusters") / "store"
    for cluster, (count, seed) in {"east": (60, 1), "north": (45, 1), "west": (40, 2)}.items():
        write_store(folder, list(generate_images(count, seed)), cluster)
    return folder


@pytest.fixture(scope="module")
def pure(store):
    """Open the pure views over the store."""
    with open_catalog(store, use_index=False) as catalog:
        yield catalog


@pytest.fixture(scope="module")
def indexed(store):
    """Open the store with its index."""
    with open_catalog(store) as catalog:
        yield catalog


def steady(relation):
    """Return the rows and types of a relation without what changes by the second."""
    table = relation.to_arrow_table()
    return table.drop_columns([name for name in table.column_names if name in MOMENTS])


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_queries_over_clusters_answer_the_same(indexed, pure, kind, name) -> None:
    """Rows, order and types over several clusters are those of the pure views."""
    query = queries.load(name, kind)
    fast, slow = (steady(catalog.run(query, **parameters_of(name))) for catalog in (indexed, pure))
    assert fast.equals(slow)


@pytest.mark.parametrize("name", NUMBERED)
def test_queries_that_allow_numbers_are_answered_by_them(indexed, name) -> None:
    """No such query falls back to text."""
    query = queries.load(name)
    assert query_index.answer_query(indexed._index, query, query.bind(parameters_of(name)), None) is not None


@pytest.mark.parametrize("case", CASES_NUMBERED)
def test_other_parameters_are_answered_by_numbers_as_well(indexed, pure, case) -> None:
    """With each set of parameters that has golden results the rows are those of the pure views."""
    query, given_values = queries.load(query_of(case)), CASES[case]
    fast = query_index.answer_query(indexed._index, query, query.bind(given_values), None)
    assert fast is not None
    assert steady(fast).equals(steady(pure.run(query, **given_values)))


@pytest.mark.parametrize("name", ["layer-sharing", "largest-images", "reclaimable", "lineage"])
def test_first_rows_are_the_first_of_all(indexed, pure, name) -> None:
    """A limit known beforehand gives the same rows as one applied afterwards, with the index and without."""
    query, given_values = queries.load(name), {"min_age_days": 100} if name == "reclaimable" else {}
    whole = pure.run(query, **given_values).to_arrow_table()
    assert whole.num_rows > 3
    for catalog in (indexed, pure):
        assert catalog.first_rows(query, 3, given_values).to_arrow_table().equals(whole.slice(0, 3))


def test_parameters_that_are_digests_find_their_images(indexed, pure) -> None:
    """A name given as a parameter is found, one that no image has finds nothing, and none asks for all."""
    (name,) = pure.sql("SELECT max(image_name) FROM image_ancestors").fetchall()[0]
    lineage, reclaimable = queries.load("lineage"), queries.load("reclaimable")
    for query, values in (
        *((lineage, {"image": image}) for image in (name, "sha256:none", None)),
        *((reclaimable, {"images": images}) for images in ([name], [name, "sha256:none"], ["sha256:none"], [])),
    ):
        fast = query_index.answer_query(indexed._index, query, query.bind(values), None)
        assert fast is not None
        assert fast.to_arrow_table().equals(pure.run(query, **values).to_arrow_table())


def test_what_is_named_as_digest_is_there() -> None:
    """The front matter names parameters and columns of the query, and columns of digests are all named."""
    for kind, name in EVERY:
        query = queries.load(name, kind)
        known = {*query.columns, *(parameter.name for parameter in query.parameters)}
        assert {*(query.digests or ())} <= known, name
        if query.digests is not None:
            assert {*query.columns} & index_tables.DIGESTS <= {*query.digests}, name


def test_names_too_many_for_an_enumeration_stay_text(store, pure, tmp_path, monkeypatch) -> None:
    """A fleet of more repositories than an enumeration may hold has an index all the same."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path))
    monkeypatch.setattr(index_tables, "_MOST_NAMES", 1)
    with open_catalog(store) as catalog:
        types = catalog._index.connection.execute("SELECT typeof(repository) FROM keyed.images LIMIT 1").fetchall()
        assert types == [("VARCHAR",)]
        for name in ("capacity-by-repository", "sharing-between-repositories", "capacity-by-registry"):
            assert steady(catalog.query(name)).equals(steady(pure.query(name)))


@pytest.mark.usefixtures("_in_memory")
def test_images_without_any_reference_have_an_index(tmp_path) -> None:
    """Where no object names a repository there is nothing to enumerate."""
    objects = [{**item, "dockerImageReference": ""} for item in generate_images(5, 4)]
    folder = write_store(tmp_path / "store", objects)
    with open_catalog(folder) as catalog, open_catalog(folder, use_index=False) as without:
        assert catalog._index is not None
        for name in A_FEW:
            assert steady(catalog.query(name)).equals(steady(without.query(name)))


def test_all_snapshots_come_from_the_index_only_where_it_has_them_all(tmp_path) -> None:
    """One snapshot: the index knows it. A second one that was not chosen: the store is asked, and shows both."""
    folder = write_store(tmp_path / "store", list(generate_images(20, 5)))
    text = "SELECT snapshot_id, count(*) AS layer_count FROM all_snapshots.layers GROUP BY 1 ORDER BY 1"
    with open_catalog(folder) as catalog, open_catalog(folder, use_index=False) as without:
        assert query_index.answer(catalog._index, text, {}) is not None
        assert catalog.sql(text).fetchall() == without.sql(text).fetchall()
        assert not catalog._schemas.has_rows
    write_store(folder, list(generate_images(25, 5)))
    with open_catalog(folder) as catalog:
        assert len(catalog.sql(text).fetchall()) == 2
        assert catalog.query("growth").to_arrow_table().num_rows == 2


@pytest.mark.usefixtures("_in_memory")
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fleets())
def test_random_fleets_answer_the_same(tmp_path_factory, objects) -> None:
    """Rows over any fleet, an empty one as well, are the same with numbers and with text."""
    folder = write_store(tmp_path_factory.mktemp("fleet") / "store", objects)
    with open_catalog(folder) as catalog, open_catalog(folder, use_index=False) as without:
        for name in A_FEW:
            values = {"min_age_days": 0} if name == "reclaimable" else {}
            fast, slow = (steady(one.query(name, **values)) for one in (catalog, without))
            assert fast.equals(slow), name
