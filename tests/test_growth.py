"""Series of snapshots: growth counts what can be compared, a forecast is least squares or none, staleness is seen."""

from __future__ import annotations

import datetime as dt
import math
import statistics

import pytest
from fleets import answers, image, rows
from nights import night, write_night

from indexer.catalog import open_catalog

DAILY = [100, 130, 90, 160, 200, 180, 240, 230, 260, 300, 280, 330, 320, 360]
T_12 = 2.178813
"""Student's t for 95 %, two-sided, with 12 degrees of freedom, from a printed table."""


def write_days(store, sizes, cluster="fleet"):
    """Write a night a size: one image with one layer of it."""
    return [
        write_night(store, [image("app", ("layer", size))], cluster, night(number)) for number, size in enumerate(sizes)
    ]


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Open the views over a growing cluster, a young one, one that stands still and one seen twice a day."""
    store = tmp_path_factory.mktemp("series")
    write_days(store, DAILY, "growing")
    write_days(store, DAILY[:6], "young")
    write_days(store, [50] * 14, "still")
    write_days(store, DAILY, "twice")
    for number in range(len(DAILY)):
        early = night(number) - dt.timedelta(hours=1)
        write_night(store, [image("app", ("layer", 9999))], "twice", early)
    with open_catalog(store) as catalog:
        yield catalog


def test_growth_is_the_difference_to_the_snapshot_before(tmp_path) -> None:
    """Partial and inconsistent snapshots have a row with the reason and no figures, and are passed over."""
    write_days(tmp_path, [100, 130])
    write_night(tmp_path, [], taken_at=night(2), is_complete=False, completeness="partial")
    write_night(tmp_path, [], taken_at=night(3), is_consistent=False)
    write_night(tmp_path, [], taken_at=night(4))
    with open_catalog(tmp_path) as catalog:
        found = answers(catalog, "growth")
    columns = ("state", "physical_bytes", "physical_delta_bytes", "image_delta_count", "days_since_previous")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("compared", 100, None, None, None),
        ("compared", 130, 30, 0, 1),
        ("partial", None, None, None, None),
        ("inconsistent", None, None, None, None),
        ("compared", 0, -130, -1, 3),
    ]


@pytest.mark.parametrize("cluster", ["growing", "twice"])
def test_a_forecast_is_the_line_of_least_squares_with_its_interval(series, cluster) -> None:
    """Slope, value and interval are those of the textbook; of several snapshots a day the last one counts."""
    horizon = 10
    found = {row["cluster"]: row for row in answers(series, "growth-forecast", horizon_days=horizon)}[cluster]
    days = range(len(DAILY))
    slope, intercept = statistics.linear_regression(days, DAILY)
    residual = sum((y - intercept - slope * x) ** 2 for x, y in zip(days, DAILY, strict=True))
    mean = statistics.fmean(days)
    spread = sum((x - mean) ** 2 for x in days)
    deviation = math.sqrt(residual / (len(DAILY) - 2))
    target = len(DAILY) - 1 + horizon
    margin = T_12 * deviation * math.sqrt(1 + 1 / len(DAILY) + (target - mean) ** 2 / spread)
    assert (found["state"], found["day_count"]) == ("forecast", len(DAILY))
    assert found["forecast_day"] == (night(target)).date()
    assert found["daily_delta_bytes"] == round(slope)
    assert found["daily_delta_low_bytes"] == round(slope - T_12 * deviation / math.sqrt(spread))
    assert found["forecast_bytes"] == round(intercept + slope * target)
    assert found["forecast_low_bytes"] == pytest.approx(intercept + slope * target - margin, abs=1)
    assert found["forecast_high_bytes"] == pytest.approx(intercept + slope * target + margin, abs=1)
    assert found["r_squared"] == pytest.approx(statistics.correlation(days, DAILY) ** 2, abs=1e-4)
    assert found["is_beyond_span"] is False


def test_too_few_days_give_no_forecast(series) -> None:
    """A young cluster and one that stands still have a state and no figures; the floor can't be lowered below 7."""
    found = {row["cluster"]: row for row in answers(series, "growth-forecast", min_days=1)}
    assert (found["young"]["state"], found["young"]["day_count"]) == ("too few days", 6)
    assert found["still"]["state"] == "no change"
    assert found["still"]["last_physical_bytes"] == 50
    for cluster in ("young", "still"):
        assert all(found[cluster][name] is None for name in ("forecast_bytes", "daily_delta_bytes", "forecast_day"))


def test_a_line_further_ahead_than_the_past_is_marked(series) -> None:
    """A forecast for a year from two weeks says that it is one."""
    found = answers(series, "growth-forecast", horizon_days=365)
    assert {row["is_beyond_span"] for row in found if row["state"] == "forecast"} == {True}


def test_all_snapshots_keep_to_the_chosen_clusters(series) -> None:
    """With clusters named, series over all snapshots are of these alone."""
    with open_catalog(series.store.folder, clusters=("young",)) as catalog:
        assert {row["cluster"] for row in answers(catalog, "growth")} == {"young"}
        assert rows(catalog, "SELECT count(*) FROM all_snapshots.snapshots") == [(6,)]


@pytest.fixture(scope="module")
def freshness(tmp_path_factory):
    """Ask about clusters that are fresh, stale, only partial, renamed, and two that took one name."""
    store = tmp_path_factory.mktemp("freshness")
    objects = [image("app", ("layer", 1))]
    write_night(store, objects, "fresh", night(9))
    write_night(store, objects, "stale", night(5))
    write_night(store, objects, "stale", night(9), is_complete=False, completeness="partial")
    write_night(store, objects, "partial", night(9), is_complete=False, completeness="partial")
    write_night(store, objects, "old-name", night(1), cluster_identity="issuer:one")
    write_night(store, objects, "new-name", night(9), cluster_identity="issuer:one")
    write_night(store, objects, "clash", night(8), cluster_identity="issuer:two")
    write_night(store, objects, "clash", night(9), cluster_identity="issuer:three")
    with open_catalog(store) as catalog:
        found = answers(catalog, "snapshot-freshness", max_age_hours=36, as_of=night(9) + dt.timedelta(hours=7))
    return {row["cluster"]: row for row in found}


def test_a_cluster_without_a_complete_snapshot_tonight_is_stale(freshness) -> None:
    """Age goes by the newest complete snapshot; a partial one of tonight does not make a cluster fresh."""
    stale = {cluster: row["is_stale"] for cluster, row in freshness.items()}
    assert stale == {cluster: cluster in {"stale", "partial", "old-name"} for cluster in freshness}
    assert freshness["stale"]["age_hours"] == 4 * 24 + 7
    assert freshness["stale"]["last_tried_at"] == night(9)
    assert (freshness["partial"]["snapshot_id"], freshness["partial"]["age_hours"]) == (None, None)


def test_a_renamed_cluster_is_told_by_its_identity(freshness) -> None:
    """The old name says under which name the cluster goes on."""
    assert {cluster: row["continued_as"] for cluster, row in freshness.items() if row["continued_as"]} == {
        "old-name": "new-name"
    }


def test_two_clusters_of_one_name_are_told_by_their_identities(freshness) -> None:
    """A name that two identities used has a count of two, and the last identity."""
    assert (freshness["clash"]["identity_count"], freshness["clash"]["cluster_identity"]) == (2, "issuer:three")
    assert freshness["fresh"]["identity_count"] == 0
