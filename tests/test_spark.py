"""Canned queries on a real standalone Spark return the rows, names and types that DuckDB returns."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow.parquet as pq
import pytest
from canned import CASES, query_of
from conftest import COMMAND, PROJECT
from fleets import image
from nights import night, write_night
from signed_fleet import LEVELS, write_fleet_keyring
from spark_cluster import spark_cluster

from indexer import queries
from indexer.catalog import open_catalog
from indexer.cli import reading
from indexer.cli.options import Choice, Engine, OutputOptions
from indexer.errors import EngineError, QueryError
from indexer.output import WRITERS
from indexer.sample import generate_images
from indexer.sample.bundle import odd_images

pytestmark = pytest.mark.slow

pyspark = pytest.importorskip("pyspark", reason="pyspark of the test group is not installed")

PARAMETERS = {name: CASES.get(name, {}) for name in queries.names()}
"""What each query is asked with: of the parameters that golden answers are kept for, the last."""
PARAMETERS |= {query_of(case): given for case, given in CASES.items() if query_of(case) in PARAMETERS}

UNSTEADY = {"snapshot_age_hours"}
"""Columns that differ from one second to the next."""


def odd_texts():
    """Images whose kept texts engines read differently: nested, repeated, cut, followed by more, of other types."""
    configs = [
        '{"architecture":"arm64","history":[{"created":"2024-01-01T00:00:00.123456789Z","created_by":"a \\u00e9"},{}]}',
        '{"architecture":null,"os":7,"history":[null,{"empty_layer":true,"created":"now"}],"rootfs":{"diff_ids":3}}',
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


ALIASES = {"quay.io": "registry.redhat.io"}


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
def keyring(tmp_path_factory):
    """Write the keyring of the signed images."""
    return write_fleet_keyring(tmp_path_factory.mktemp("keys") / "keyring.gpg")


@pytest.fixture(scope="module")
def spark(cluster):
    """Start a session on the cluster, once for all queries."""
    from indexer.spark import session

    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        started = session.start(cluster.master)
        yield started
        session.stop(started)


@pytest.fixture(scope="module")
def on_spark(spark, store, keyring):
    """Open the views on Spark, and say that every statement will be asked."""
    from indexer.spark.catalog import open_spark_catalog

    with open_spark_catalog(store, keyrings=[keyring], aliases=ALIASES, spark=spark) as catalog:
        catalog.prepare([queries.load(name).sql for name in queries.names()])
        yield catalog


@pytest.fixture(scope="module")
def on_duckdb(store, keyring):
    """Open the same views in DuckDB."""
    with open_catalog(store, keyrings=[keyring], aliases=ALIASES) as catalog:
        yield catalog


@pytest.mark.parametrize("name", PARAMETERS)
def test_spark_answers_as_duckdb(on_spark, on_duckdb, name) -> None:
    """Rows in order, names and types of the columns are equal; a query added later is covered as well."""
    query = queries.load(name)
    now = {"as_of": night(30)} if "as_of" in {parameter.name for parameter in query.parameters} else {}
    expected, answer = (catalog.run(query, **PARAMETERS[name] | now) for catalog in (on_duckdb, on_spark))
    assert (answer.columns, answer.types) == (expected.columns, expected.types)
    assert steady(answer) == steady(expected)


def steady(relation):
    """Rows without what differs from one second to the next."""
    kept = [name for name in relation.columns if name not in UNSTEADY]
    return relation.project(", ".join(kept)).to_arrow_table().to_pylist()


def test_every_format_is_the_same(on_spark, on_duckdb) -> None:
    """What is written is equal to the byte in each format: lists, times, fractions, flags and nulls."""
    columns = "i.image_name, i.registry, i.is_managed, i.built_at, [i.kind, i.os] AS kinds, i.layer_count / 3 AS share"
    statement = f"SELECT {columns} FROM images AS i ORDER BY i.image_name, i.cluster"
    expected, answer = (catalog.sql(statement) for catalog in (on_duckdb, on_spark))
    for form in WRITERS:
        assert written(answer, form) == written(expected, form)


def written(relation, form):
    """Bytes of a relation in a format; of Parquet, whose encodings vary, the table."""
    stream = io.BytesIO()
    WRITERS[form](relation, stream)
    return pq.read_table(stream) if form == "parquet" else stream.getvalue()


def test_values_are_bound(on_spark, on_duckdb) -> None:
    """A parameter is a value whatever it holds, in a list as well."""
    for name, given in {
        "lineage": {"image": "' OR ''=' :x $x \\"},
        "architecture-coverage": {"required": ["o'brien/\\", "linux/amd64", ":x", "a,b"]},
    }.items():
        query = queries.load(name)
        assert steady(on_spark.run(query, **given)) == steady(on_duckdb.run(query, **given))


def test_a_chosen_snapshot_of_a_cluster(spark, store) -> None:
    """An older snapshot shows the same on both engines, computed without the columns nobody needs, and cut in time."""
    from indexer.spark.catalog import open_spark_catalog

    older = min(path.name.partition("=")[2] for path in store.glob("cluster=east/snapshot=*"))
    choice = {"snapshot": older, "clusters": ("east",)}
    with open_spark_catalog(store, spark=spark, **choice) as there, open_catalog(store, **choice) as here:
        query = queries.load("layer-sharing")
        assert steady(there.first_rows(query, 5, {})) == steady(here.run(query))[:5]


def test_a_store_without_images_has_typed_answers(spark, empty_store) -> None:
    """No snapshot: no rows, or rows of zeros, in the same types."""
    from indexer.spark.catalog import open_spark_catalog

    with open_spark_catalog(empty_store, spark=spark) as there, open_catalog(empty_store) as here:
        for text in ("SELECT * FROM repositories", queries.load("layer-sharing-histogram").sql):
            assert there.sql(text).types == here.sql(text).types
            assert steady(there.sql(text)) == steady(here.sql(text))


def test_what_spark_refuses_is_an_error_of_ours(on_spark) -> None:
    """A sum beyond 64 bits fails on Spark rather than turning round, with one sentence."""
    with pytest.raises(QueryError, match="overflow") as caught:
        on_spark.sql(f"SELECT sum(v.x) AS x FROM (VALUES ({2**63 - 1}), (1)) AS v (x)")
    assert "\n" not in caught.value.message


class Elsewhere(PurePosixPath):
    """A folder in object storage."""

    def __str__(self) -> str:
        return f"s3:/{super().__str__()}"


@dataclass(frozen=True)
class Published:
    """A snapshot whose parts stand there."""

    part_paths: list[Elsewhere]


def test_a_store_spark_cannot_see_is_an_error_of_ours(spark) -> None:
    """Without the connector of an address the error names the store, and what to install."""
    from indexer.spark.relations import stored_images

    store = Elsewhere("/bucket/store")
    with pytest.raises(EngineError, match="s3://bucket/store") as caught:
        stored_images(spark, store, [Published([store / "images-00000.parquet"])])
    assert "connector" in caught.value.hint


def test_the_documented_notebook_runs(spark, sample_store, monkeypatch, capsys) -> None:
    """What the page says of a notebook without this tool reads the newest complete snapshots."""
    page = (PROJECT / "docs" / "spark.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(sample_store.parent)
    sample_store.with_name("image-index").symlink_to(sample_store)
    exec(code, {"spark": spark})  # noqa: S102
    assert re.search(r"sample\s*\|\s*2016\s*\|", capsys.readouterr().out)


def test_a_condition_picks_images(spark, store, monkeypatch, tmp_path) -> None:
    """`--where` is in DuckDB's SQL on either engine; what it picks is bound as a list."""
    from indexer.spark.catalog import open_spark_catalog

    monkeypatch.setattr(
        reading,
        "open_spark_views",
        lambda choice, *_: open_spark_catalog(choice.store, clusters=("west",), spark=spark),
    )
    given = reading.Given(where="kind = 'image' AND first_seen_at > TIMESTAMP '2020-01-01' AND registry LIKE '%io'")
    for engine in ("duckdb", "spark"):
        output = OutputOptions("json", tmp_path / engine, None)
        reading.run_query("reclaimable", given, Engine(engine), Choice(str(store), "latest", ("west",)), output)
    assert (tmp_path / "spark").read_text() == (tmp_path / "duckdb").read_text()
    assert (tmp_path / "spark").read_text().count('"image"') > 5


def test_the_command_writes_rows_and_nothing_else(cluster, store, environment) -> None:
    """What it writes is what DuckDB's run writes, byte for byte, and Spark's chatter goes nowhere."""
    words = [*COMMAND, "query", "layer-sharing", "--store", str(store), "--cluster", "east", "--format", "csv"]
    words += ["-p", "min_images=2", "--limit", "7", "--registry-alias", "quay.io=registry.redhat.io"]
    on_spark = [*words, "--engine", "spark", "--master", cluster.master]
    expected = subprocess.run(words, capture_output=True, check=True, env=environment)
    ended = subprocess.run(on_spark, capture_output=True, check=False, env=environment | cluster.environment)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == expected.stdout
    assert len(ended.stdout.splitlines()) == 8
