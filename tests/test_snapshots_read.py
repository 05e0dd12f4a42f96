"""A query that says which snapshots it reads opens no other, and answers as if it had all of them before it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from fleets import answers, image, rows, write_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nights import night, spoil_rows, write_night
from random_fleets import fleets
from signed_fleet import write_fleet_keyring

from indexer import queries, query_index
from indexer.catalog import ALL_SNAPSHOTS, open_catalog
from indexer.errors import ConfigurationError, SnapshotError
from indexer.queries import parse
from indexer.spark.translation import read

NARROW = [name for name in queries.names() if queries.load(name).reads]
BASE = image("base", ("base", 100), repository="quay.io/team/base")


def objects_of(number):
    """Return the images of a night: one stays, one changes its layers, one comes with every night."""
    return [
        BASE,
        image("app", ("base", 100), (f"app {number}", 50)),
        *(image(f"new {n}", ("n", n)) for n in range(number)),
    ]


@pytest.fixture
def store(tmp_path):
    """Write three nights of two clusters, then a partial one; return the folder and the ids by cluster."""
    folder, ids = tmp_path / "store", {}
    for cluster in ("east", "west"):
        nights = [write_night(folder, objects_of(number), cluster, night(number)) for number in range(3)]
        nights.append(
            write_night(folder, [BASE], cluster, night(3), is_complete=False, completeness="partial"),
        )
        ids[cluster] = [receipt.snapshot_id for receipt in nights]
    return folder, ids


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Have an index of however few images, in a folder of this test."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)


def parts_of(folder, snapshot_id):
    """Return the parts of a snapshot."""
    return sorted(folder.glob(f"cluster=*/snapshot={snapshot_id}/*.parquet"))


def test_comparisons_say_what_they_read() -> None:
    """Both comparisons of two snapshots are among the queries that do."""
    assert {"snapshot-diff", "snapshot-diff-images"} <= {*NARROW}


@pytest.mark.parametrize("name", NARROW)
def test_other_snapshots_are_not_opened(store, name) -> None:
    """With the first night lost the last two are compared as before; a comparison that reads it says it is broken."""
    folder, ids = store
    with open_catalog(folder) as catalog:
        before = answers(catalog, name)
    assert {row["before_snapshot_id"] for row in before} == {of_cluster[1] for of_cluster in ids.values()}
    for path in (path for of_cluster in ids.values() for path in parts_of(folder, of_cluster[0])):
        path.unlink()
    with open_catalog(folder) as catalog:
        assert answers(catalog, name) == before
        with pytest.raises(SnapshotError, match="missing or cut"):
            answers(catalog, name, before=ids["east"][0])
        named = answers(catalog, name, before=ids["east"][1], after=ids["east"][2])
        assert named == [row for row in before if row["cluster"] == "east"]


@pytest.mark.parametrize("name", NARROW)
def test_a_single_snapshot_is_not_read(tmp_path, name) -> None:
    """Nothing to compare it with: no row, whatever its part holds."""
    folder = write_store(tmp_path / "store", objects_of(2))
    for path in folder.glob("cluster=*/*/*.parquet"):
        spoil_rows(path)
    with open_catalog(folder) as catalog:
        assert answers(catalog, name) == []
        with pytest.raises(SnapshotError, match="can't read a part"):
            catalog.sql("SELECT image_name FROM images").fetchall()


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("way", ["index", "no index", "keyring", "cluster"])
@pytest.mark.usefixtures("cache")
def test_answers_are_those_of_reading_everything(store, tmp_path, name, way) -> None:
    """By default and with ids, also of two clusters, of partial and unknown snapshots, however the views are opened."""
    folder, ids = store
    east, west = ids["east"], ids["west"]
    pairs = [(None, None), (east[0], None), (None, east[1]), (east[2], east[0]), (east[1], east[1])]
    pairs += [(east[0], west[2]), (east[0], east[3]), (east[0], "unknown")]
    keyrings = [write_fleet_keyring(tmp_path / "keys")] if way == "keyring" else []
    clusters = ("east",) if way == "cluster" else ()
    everything = replace(queries.load(name), reads=None)
    with open_catalog(folder, clusters=clusters, keyrings=keyrings, use_index=way != "no index") as catalog:
        for before, after in pairs:
            named = {"before": before, "after": after}
            narrow, wide = catalog.query(name, **named), catalog.run(everything, **named)
            assert narrow.to_arrow_table().equals(wide.to_arrow_table()), named


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(fleets(), fleets(), fleets()), min_size=2, max_size=3))
def test_answers_over_random_fleets_are_those_of_reading_everything(clusters) -> None:
    """Whatever came, went and changed in some clusters."""
    with tempfile.TemporaryDirectory() as folder:
        for number, nights in enumerate(clusters):
            for day, objects in enumerate(nights):
                write_night(Path(folder), objects, f"fleet-{number}", night(day))
        with open_catalog(folder) as catalog:
            for name in NARROW:
                narrow, wide = catalog.query(name), catalog.run(replace(queries.load(name), reads=None))
                assert narrow.to_arrow_table().equals(wide.to_arrow_table()), name


@pytest.mark.parametrize("name", NARROW)
def test_rows_come_from_all_snapshots_alone(name) -> None:
    """A narrow schema stands in for `all_snapshots`; what a query named beside it would not be there."""
    assert {relation.schema for _, relation in read(queries.load(name).sql).reads} == {ALL_SNAPSHOTS}


def test_what_is_said_of_snapshots_alone_opens_none(store) -> None:
    """Freshness is in the receipts: it is told even of nights that are lost."""
    folder, ids = store
    for path in parts_of(folder, ids["east"][0]):
        path.unlink()
    with open_catalog(folder) as catalog:
        assert {row["cluster"]: row["snapshot_count"] for row in answers(catalog, "snapshot-freshness")} == {
            "east": 4,
            "west": 4,
        }
        with pytest.raises(SnapshotError, match="missing or cut"):
            rows(catalog, "SELECT count(*) FROM all_snapshots.images")


OWN = """-- /// query
-- title = "Images of the first night"
-- description = "Counts them."
-- value = "A test."
-- reads = "{expression}"
-- [columns]
-- image_count = "Images."
-- verified_count = "Verified ones among them."
-- ///
WITH first_night AS (
    SELECT
        s.cluster AS read_cluster,
        s.snapshot_id AS read_snapshot_id
    FROM all_snapshots.snapshot_series AS s
    WHERE s.previous_snapshot_id IS NULL AND s.state = 'compared'
)

SELECT
    count(*) AS image_count,
    count(*) FILTER (WHERE i.is_verified IS NOT NULL) AS verified_count
FROM all_snapshots.images AS i
INNER JOIN first_night AS f ON f.read_snapshot_id = i.snapshot_id
"""


def test_signatures_of_what_is_read_are_verified(store, tmp_path) -> None:
    """With a keyring the views of a narrow schema tell of signatures as those of any other."""
    keyring = write_fleet_keyring(tmp_path / "keys")
    query = parse("own", OWN.format(expression="first_night"))
    for keyrings, verified_count in (((), 0), ((keyring,), 2)):
        with open_catalog(store[0], clusters=("east",), keyrings=keyrings) as catalog:
            assert catalog.run(query).fetchall() == [(2, verified_count)]


def test_an_expression_that_is_not_there_is_told() -> None:
    """A `reads` that names no common table expression is an error in the file."""
    with pytest.raises(ConfigurationError, match="second_night"):
        parse("own", OWN.format(expression="second_night"))
