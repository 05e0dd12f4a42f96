"""Canned queries on a real standalone Spark return the rows, names and types that DuckDB returns."""

from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import dataclass
from itertools import count

import pytest
from canned import CASES, EVERY, query_of
from fleets import digest, image
from nights import night, write_night
from signed_fleet import LEVELS, write_fleet_keyring
from spark_cluster import spark_cluster

from indexer import queries
from indexer.catalog import open_catalog
from indexer.errors import QueryError
from indexer.output import WRITERS
from indexer.sample import generate_images
from indexer.sample.bundle import odd_images

pytestmark = pytest.mark.slow

pyspark = pytest.importorskip("pyspark", reason="pyspark of the test group is not installed")

KINDS = {name: kind for kind, name in EVERY}
NAMES = sorted({*KINDS, *CASES})
UNSTEADY = {"snapshot_age_hours"}
"""Columns that differ from one second to the next."""

EXTREME = 2**62
"""Bytes of one layer; two of them are more than 64 bits hold."""


def odd_texts():
    """Images whose kept texts engines read differently: nested, repeated, cut, followed by more, of other types."""
    configs = [
        '{"architecture":"arm64","history":[{"created":"2024-01-01T00:00:00.123456789Z","created_by":"a \\u00e9"},{}]}',
        '{"architecture":null,"os":7,"history":[null,{"empty_layer":true,"created":"no time"}],"rootfs":{"diff_ids":3}}',
        '{"architecture":"arm64"} {}',
        '{"architecture":"arm64"}, {"os":"linux"}',
        '{"architecture":"arm64"',
        '["architecture"]',
        '"architecture"',
        '{"history":{"created_by":"no list"},"rootfs":{"diff_ids":["a","b"]}}',
        "",
        " ",
    ]
    for number, config in enumerate(configs):
        yield image(f"odd text {number}", ("layer a", 5), ("layer b", 7), dockerImageConfig=config)


def odd_references():
    """Images whose references and sizes sit at the edges of what patterns and sums take."""
    references = [
        "quay.io/a/b:1.0\n",
        "localhost/a",
        "docker-pullable://nginx",
        "UPPER.io:5000/a:b@sha256:0",
        " x ",
        "a//b",
    ]
    for number, reference in enumerate(references):
        yield image(f"odd reference {number}", (f"layer {number}", number)) | {"dockerImageReference": reference}
    yield image("negative", ("negative layer", -5))
    yield image("equal share", ("one", 1), ("two", 2), ("three", 5))
    yield image("no layers")


def write_traps(store) -> None:
    """Publish two nights of one cluster and one of another, full of what is odd."""
    odd = [*odd_images(3), *odd_texts(), *odd_references(), *(made for made, _ in LEVELS.values())]
    ordinary = list(generate_images(90, 7, signed=0.33, kept_texts=0.3))
    write_night(store, [*odd[5:], *ordinary[:60]], "east", night(0))
    write_night(store, [*odd, *ordinary[10:]], "east", night(1), cluster_identity="issuer:east")
    write_night(store, [*ordinary[50:], *generate_images(20, 8)], "west", night(1), is_consistent=False)


@dataclass(frozen=True)
class Cluster:
    """A cluster under way: the address of its master and what drivers are told."""

    master: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Run a standalone Spark; skip where there is no Java."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Java is not installed")
    with spark_cluster(tmp_path_factory.mktemp("spark")) as (master, environment):
        yield Cluster(master, environment)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Write a store in a folder whose name holds what Spark might take for a pattern, with files no receipt names."""
    folder = tmp_path_factory.mktemp("store") / "a [b] {c}=%20"
    write_traps(folder)
    snapshot = next(folder.glob("cluster=east/snapshot=*"))
    shutil.copy(snapshot / "images-00000.parquet", snapshot / "images-99999.parquet")
    unpublished = snapshot.with_name("snapshot=20990101T000000Z-aaaaaa")
    unpublished.mkdir()
    shutil.copy(snapshot / "images-00000.parquet", unpublished)
    return folder


@pytest.fixture(scope="module")
def on_spark(cluster, store):
    """Open the views on Spark, once for all queries."""
    from indexer.spark.catalog import open_spark_catalog

    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        with open_spark_catalog(store, aliases={"quay.io": "registry.redhat.io"}, master=cluster.master) as catalog:
            catalog.prepare([queries.load(name, kind).sql for kind, name in EVERY])
            yield catalog


@pytest.fixture(scope="module")
def on_duckdb(store):
    """Open the same views in DuckDB."""
    with open_catalog(store, aliases={"quay.io": "registry.redhat.io"}) as catalog:
        yield catalog


@pytest.mark.parametrize("case", NAMES)
def test_spark_answers_as_duckdb(on_spark, on_duckdb, case) -> None:
    """Rows in order, names and types of the columns are equal; a query added later is covered as well."""
    query = queries.load(query_of(case), KINDS[query_of(case)])
    parameters = CASES.get(case, {}) | ({"as_of": night(30)} if "as_of" in {p.name for p in query.parameters} else {})
    expected, answer = (catalog.run(query, **parameters) for catalog in (on_duckdb, on_spark))
    assert (answer.columns, answer.types) == (expected.columns, expected.types)
    assert steady(answer) == steady(expected)


def steady(relation):
    """Rows without what differs from one second to the next."""
    kept = [name for name in relation.columns if name not in UNSTEADY]
    return relation.project(", ".join(kept)).to_arrow_table().to_pylist()
