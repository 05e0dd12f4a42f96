"""The difference of two snapshots is the difference of what each shows alone, exactly, on random fleets."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from fleets import answers, digest, image
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nights import night, write_night
from random_fleets import fleets
from twin import Twin

from indexer.catalog import open_catalog

EXAMPLES = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
PAIRS = st.lists(st.tuples(fleets(), fleets()), min_size=4, max_size=8)
"""Two nights of several clusters: opening the views takes longer than answering for ten small fleets."""


@contextmanager
def two_nights(pairs):
    """Open the views over a cluster a pair, with the twins and ids of both nights."""
    with tempfile.TemporaryDirectory() as folder:
        nights = {}
        for number, pair in enumerate(pairs):
            cluster = f"fleet-{number}"
            receipts = [write_night(Path(folder), objects, cluster, night(day)) for day, objects in enumerate(pair)]
            nights[cluster] = [(Twin(objects), receipt) for objects, receipt in zip(pair, receipts, strict=True)]
        with open_catalog(folder) as catalog:
            yield catalog, nights


def physical(twin):
    """Physical bytes of a cluster."""
    return twin.bytes_of(twin.held(twin.images))


def places_of(twin, layer):
    """Repositories that hold a layer."""
    return {twin.place(name) for name in twin.holders[layer]}


def twin_bytes(before, after):
    """Add up added and removed bytes by repository, or under `shared`, with plain dictionaries."""
    rows = {}
    for layer in before.sizes.keys() | after.sizes.keys():
        holder = after if layer in after.sizes else before
        places = places_of(holder, layer)
        place = "shared" if len(places) > 1 else places.pop()
        delta = after.sizes.get(layer, 0) - before.sizes.get(layer, 0)
        added, removed = rows.get(place, (0, 0))
        rows[place] = (added + max(delta, 0), removed + max(-delta, 0))
    return {place: both for place, both in rows.items() if any(both)}


def row_bytes(found):
    """Put added and removed bytes of rows under their repository, or under `shared`."""
    places = {
        "shared" if row["is_shared"] else (row["registry"], row["repository"]) if row["repository"] else None: (
            row["added_bytes"],
            row["removed_bytes"],
        )
        for row in found
    }
    return {place: both for place, both in places.items() if any(both)}


@EXAMPLES
@given(PAIRS)
def test_added_less_removed_bytes_are_the_difference_of_the_summaries(pairs) -> None:
    """Physical(B) - physical(A) = added - removed, exactly, and each layer is in the row of whoever holds it."""
    with two_nights(pairs) as (catalog, nights):
        found = answers(catalog, "snapshot-diff")
        growth = {row["snapshot_id"]: row for row in answers(catalog, "growth")}
    for cluster, ((before, first), (after, second)) in nights.items():
        mine = [row for row in found if row["cluster"] == cluster]
        added, removed = (sum(row[name] for row in mine) for name in ("added_bytes", "removed_bytes"))
        assert added - removed == sum(row["physical_delta_bytes"] for row in mine)
        assert added - removed == physical(after) - physical(before)
        assert growth[first.snapshot_id]["physical_bytes"] == physical(before)
        assert growth[second.snapshot_id]["physical_delta_bytes"] == added - removed
        logical = after.logical(after.images) - before.logical(before.images)
        assert growth[second.snapshot_id]["logical_delta_bytes"] == logical
        assert sum(row["logical_delta_bytes"] for row in mine) == logical
        assert row_bytes(mine) == twin_bytes(before, after)


@EXAMPLES
@given(PAIRS)
def test_the_difference_back_is_the_same_with_the_sign_turned(pairs) -> None:
    """What was added one way is removed the other way, image by image and byte by byte."""
    with two_nights(pairs[:1]) as (catalog, nights):
        ((_, first), (_, second)) = nights["fleet-0"]
        there = answers(catalog, "snapshot-diff", before=first.snapshot_id, after=second.snapshot_id)
        back = answers(catalog, "snapshot-diff", before=second.snapshot_id, after=first.snapshot_id)
    for one, other in (("added_bytes", "removed_bytes"), ("added_image_count", "removed_image_count")):
        assert sum(row[one] for row in there) == sum(row[other] for row in back)
    assert sum(row["changed_image_count"] for row in there) == sum(row["changed_image_count"] for row in back)


@EXAMPLES
@given(PAIRS)
def test_images_that_came_went_or_changed_are_all_of_them(pairs) -> None:
    """Added and removed images are the differences of the sets of names; changed are those whose objects differ."""
    with two_nights(pairs) as (catalog, nights):
        found = answers(catalog, "snapshot-diff-images")
        counted = answers(catalog, "snapshot-diff")
    for cluster, ((before, _), (after, _)) in nights.items():
        mine = [row for row in found if row["cluster"] == cluster]
        named = {change: {row["image_name"] for row in mine if row["change"] == change} for change in CHANGES}
        assert named["added"] == after.objects.keys() - before.objects.keys()
        assert named["removed"] == before.objects.keys() - after.objects.keys()
        both = before.objects.keys() & after.objects.keys()
        assert named["changed"] <= {name for name in both if before.objects[name] != after.objects[name]}
        assert named["changed"] >= {name for name in both if told_apart(before.objects[name], after.objects[name])}
        for change, names in named.items():
            assert len(names) == sum(row[f"{change}_image_count"] for row in counted if row["cluster"] == cluster)


CHANGES = ("added", "removed", "changed")


def told_apart(one, other):
    """Whether two objects differ in something the diff names."""
    keys = ("dockerImageReference", "dockerImageLayers", "dockerImageManifests")
    annotations = [item["metadata"].get("annotations") for item in (one, other)]
    return any(one.get(key) != other.get(key) for key in keys) or annotations[0] != annotations[1]


APP, BASE = image("app", ("base", 100), ("app", 50)), image("base", ("base", 100), repository="quay.io/team/base")
SIGNED = {**APP, "metadata": {**APP["metadata"], "uid": "2", "resourceVersion": "9"}}


@pytest.fixture
def changed(tmp_path):
    """Write two nights: an image was imported again, one came and one went; then a partial and a mixed snapshot."""
    before = write_night(tmp_path, [APP, BASE, image("old", ("old", 7))], taken_at=night(0))
    partial = write_night(tmp_path, [APP], taken_at=night(1), is_complete=False, completeness="partial")
    mixed = write_night(tmp_path, [APP], taken_at=night(2), is_consistent=False)
    after = write_night(tmp_path, [SIGNED, BASE, image("new", ("base", 100), ("new", 30))], taken_at=night(3))
    with open_catalog(tmp_path) as catalog:
        yield catalog, [each.snapshot_id for each in (before, partial, mixed, after)]


def test_a_change_says_what_differs(changed) -> None:
    """An image that was imported again has another uid and version; others are not mentioned."""
    catalog, _ = changed
    found = {row["image_name"]: row for row in answers(catalog, "snapshot-diff-images")}
    assert {name: row["change"] for name, row in found.items()} == {
        digest("app"): "changed",
        digest("new"): "added",
        digest("old"): "removed",
    }
    assert found[digest("app")]["changed_fields"] == "uid, resource_version"


def test_the_newest_is_set_against_the_one_before_it_that_can_be_compared(changed) -> None:
    """Partial snapshots and those of no moment are passed over; rows are by repository."""
    catalog, ids = changed
    (row,) = answers(catalog, "snapshot-diff")
    assert (row["before_snapshot_id"], row["after_snapshot_id"]) == (ids[0], ids[3])
    assert (row["repository"], row["added_bytes"], row["removed_bytes"]) == ("team/app", 30, 7)
    assert (row["added_image_count"], row["removed_image_count"], row["changed_image_count"]) == (1, 1, 1)


@pytest.mark.parametrize("query", ["snapshot-diff", "snapshot-diff-images"])
def test_what_cannot_be_compared_is_named(changed, query) -> None:
    """Asked for by name, a partial, a mixed or an unknown snapshot gets a row that says so, and no figures."""
    catalog, (before, partial, mixed, _) = changed
    word = "state" if query == "snapshot-diff" else "change"
    for bad, state in ((partial, "partial"), (mixed, "inconsistent"), ("2020", "unknown")):
        (row,) = answers(catalog, query, before=before, after=bad)
        assert (row["after_snapshot_id"], row[word]) == (bad, state)
        assert row.get("added_bytes") is None


def test_two_clusters_can_be_compared_when_both_are_named(tmp_path) -> None:
    """The same query says what staging lacks of production."""
    one = write_night(tmp_path, [APP], "production")
    other = write_night(tmp_path, [APP, BASE, image("more", ("more", 5))], "staging")
    with open_catalog(tmp_path) as catalog:
        assert answers(catalog, "snapshot-diff") == []
        found = answers(catalog, "snapshot-diff", before=one.snapshot_id, after=other.snapshot_id)
    assert sum(row["physical_delta_bytes"] for row in found) == 5
    assert {row["cluster"] for row in found} == {"staging"}
