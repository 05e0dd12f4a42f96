"""Canned queries over several clusters: each has the rows it gets alone, and sums are sums over clusters."""

from __future__ import annotations

import pytest
from canned import EVERY, parameters_of
from fleets import rows, write_store

from indexer import queries
from indexer.catalog import open_catalog
from indexer.report import ReportOptions, render_report
from indexer.sample import generate_images

CLUSTERS = {"east": (60, 1), "north": (45, 1), "west": (40, 2)}
"""Images and seed of each; two of them share most of their images."""

FLEET_QUERIES = {"fleet-layers", "layers-between-clusters"}
"""What compares clusters has no answer of one cluster alone."""

SUMS = ["capacity-summary", "images-by-age", "layer-sharing-histogram"]
"""What has no column for the cluster is a sum over the chosen ones."""

BY_CLUSTER = [
    (kind, name) for kind, name in EVERY if name not in FLEET_QUERIES and "cluster" in queries.load(name, kind).columns
]
OF_THE_FLEET = {"also_elsewhere_bytes"}
"""Columns that compare clusters, in queries that otherwise do not."""

UNSTEADY = {"snapshot_age_hours", "age_hours"}


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory):
    """Open the views over all clusters and over each alone, computed once."""
    folder = tmp_path_factory.mktemp("clusters")
    store = folder / "store"
    for cluster, (count, seed) in CLUSTERS.items():
        write_store(store, list(generate_images(count, seed)), cluster)
    wanted = {"": (), **{cluster: (cluster,) for cluster in CLUSTERS}}
    opened = {
        name: open_catalog(store, clusters=only, tables_in=folder / f"views-{name}.duckdb")
        for name, only in wanted.items()
    }
    yield opened
    for catalog in opened.values():
        catalog.close()


def rows_of(catalog, kind, name):
    """Rows of a query, in an order of their own, without what differs from one second to the next."""
    table = catalog.run(queries.load(name, kind), **parameters_of(name)).to_arrow_table()
    return table.select([column for column in table.column_names if column not in UNSTEADY]).to_pylist()


@pytest.mark.parametrize(("kind", "name"), BY_CLUSTER, ids=[name for _, name in BY_CLUSTER])
def test_rows_of_a_cluster_do_not_depend_on_the_others(catalogs, kind, name) -> None:
    """The rows over all clusters are those of each cluster alone, together."""
    together = rows_of(catalogs[""], kind, name)
    alone = [row for cluster in CLUSTERS for row in rows_of(catalogs[cluster], kind, name)]
    assert texts(together) == texts(alone)


def texts(found):
    """Rows as text, in order, without what compares clusters."""
    return sorted(repr({key: value for key, value in row.items() if key not in OF_THE_FLEET}) for row in found)


@pytest.mark.parametrize("name", SUMS)
def test_what_has_no_cluster_is_a_sum_over_clusters(catalogs, name) -> None:
    """Bytes and counts over all clusters are the sums of each cluster's."""
    assert sums(rows_of(catalogs[""], "query", name)) == sums(
        row for cluster in CLUSTERS for row in rows_of(catalogs[cluster], "query", name)
    )


def sums(found):
    """Sum the amounts of rows by their class, if they have one; the lowest count of a class is its name."""
    totals = {}
    for row in found:
        label = row.get("images_per_layer") or row.get("age_class") or ""
        for column, value in row.items():
            if column.endswith(("_bytes", "_count")) and column != "min_image_count":
                totals[label, column] = totals.get((label, column), 0) + (value or 0)
    return totals


def test_layers_of_the_fleet_add_up_to_the_summary(catalogs) -> None:
    """What all registries hold is the summary's, and copies are what one registry for all would spare."""
    fleet = rows_of(catalogs[""], "query", "fleet-layers")
    (summary,) = rows_of(catalogs[""], "query", "capacity-summary")
    assert sum(row["physical_bytes"] for row in fleet) == summary["physical_bytes"]
    assert sum(row["foreign_bytes"] for row in fleet) == summary["foreign_bytes"]
    (distinct,) = rows(
        catalogs[""],
        "SELECT sum(size), count(*) FROM (SELECT max(size_bytes) AS size FROM layers GROUP BY layer_digest)",
    )
    assert (sum(row["distinct_bytes"] for row in fleet), sum(row["layer_count"] for row in fleet)) == distinct
    assert all(row["repeated_bytes"] == row["physical_bytes"] - row["distinct_bytes"] for row in fleet)
    clusters = rows_of(catalogs[""], "query", "capacity-by-cluster")
    assert sum(row["physical_bytes"] for row in clusters) == summary["physical_bytes"]
    elsewhere = sum(row["physical_bytes"] for row in fleet if row["clusters_per_layer"] > 1)
    assert sum(row["also_elsewhere_bytes"] for row in clusters) == elsewhere > 0


def test_pairs_of_clusters_share_what_both_hold(catalogs) -> None:
    """Each pair has the bytes of the layers in both, and a share of the smaller cluster."""
    sizes = {
        cluster: dict(rows(catalogs[cluster], "SELECT layer_digest, size_bytes FROM layers")) for cluster in CLUSTERS
    }
    for row in rows_of(catalogs[""], "query", "layers-between-clusters"):
        one, other = sizes[row["cluster"]], sizes[row["other_cluster"]]
        both = one.keys() & other.keys()
        assert row["cluster"] < row["other_cluster"]
        assert row["shared_layer_count"] == len(both)
        assert row["shared_bytes"] == sum(min(one[name], other[name]) for name in both)
        smaller = min(sum(one.values()), sum(other.values()))
        assert row["shared_share"] == pytest.approx(row["shared_bytes"] / smaller, abs=1e-4)


def test_the_report_of_a_fleet_compares_clusters(catalogs) -> None:
    """The section on clusters stands in the report of several, and not in that of one."""
    pytest.importorskip("altair")
    fleet, one = (render_report(catalogs[name], ReportOptions()) for name in ("", "east"))
    assert 'id="fleet"' in fleet
    assert "layers-between-clusters" in fleet
    assert 'id="fleet"' not in one


def test_every_query_is_judged_here() -> None:
    """A query either has rows of one cluster each, or is a sum, or compares clusters."""
    judged = {name for _, name in BY_CLUSTER} | FLEET_QUERIES | set(SUMS)
    assert judged == {name for _, name in EVERY}
