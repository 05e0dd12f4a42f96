"""The store folder as it is, read without this tool, and stores of older versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pad
import pyarrow.parquet as pq
import pytest
from image_objects import image, name_of, publish

from indexer import queries
from indexer.arrow_schema import part_schema
from indexer.catalog import open_catalog
from indexer.receipt import RECEIPT_NAME
from indexer.schema import SCHEMA_VERSION
from indexer.store import Store, part_hash, verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.catalog import Catalog
    from indexer.store import Snapshot

FIXTURES = Path(__file__).parent / "fixtures"
Keys = list[tuple[str, str, str]]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store of two clusters and three snapshots, with staged parts that no reader may see."""
    publish(tmp_path, image(1), image(2), cluster="east")
    publish(tmp_path, image(2), image(3), cluster="east")
    publish(tmp_path, image(1), cluster="west")
    staged = tmp_path / "_work" / "cluster=east" / "snapshot=x"
    staged.mkdir(parents=True)
    pq.write_table(part_schema().empty_table(), staged / "images-00000.parquet")
    (staged / "images-00001.parquet").write_bytes(b"half a part")
    return tmp_path


def _expected(store: Path) -> Keys:
    found = Store(store).snapshots()
    names = [pq.ParquetFile(path).read().to_pylist() for snapshot in found for path in snapshot.part_paths]
    pairs = zip(found, names, strict=True)
    return sorted((one.cluster, one.snapshot_id, row["metadata"]["name"]) for one, rows in pairs for row in rows)


def test_pyarrow_reads_the_folder(store: Path) -> None:
    """A dataset over the folder has every row with cluster and snapshot, and skips names that begin with `_`."""
    table = pad.dataset(store, format="parquet", partitioning="hive").to_table()
    rows = table.select(["cluster", "snapshot", "metadata"]).to_pylist()
    assert sorted((row["cluster"], row["snapshot"], row["metadata"]["name"]) for row in rows) == _expected(store)
    assert set(part_schema().names) | {"cluster", "snapshot"} == set(table.column_names)


def test_polars_reads_the_folder(store: Path) -> None:
    """Polars needs a glob, and then has the same rows."""
    frame = pl.read_parquet(store / "cluster=*" / "snapshot=*" / "*.parquet", hive_partitioning=True)
    keys = frame.select("cluster", "snapshot", pl.col("metadata").struct.field("name")).rows()
    assert sorted(keys) == _expected(store)


def test_duckdb_reads_the_folder(store: Path) -> None:
    """DuckDB without any of our views has the same rows."""
    parts = str(store / "cluster=*" / "snapshot=*" / "*.parquet")
    statement = "SELECT cluster, snapshot, metadata.name FROM read_parquet($parts, hive_partitioning = true)"
    with duckdb.connect() as connection:
        assert sorted(connection.execute(statement, {"parts": parts}).fetchall()) == _expected(store)


@pytest.mark.parametrize("above", ["plain", "env=prod", "cluster=other/snapshot=1", "a[b]c", "st*r", "it's", "sp ace"])
def test_views_show_the_same_wherever_the_store_lies(tmp_path: Path, above: str) -> None:
    """Folders above the store may look like partitions or patterns: cluster and snapshot stay the store's own."""
    snapshot = publish(tmp_path / above, image(1), image(1), cluster="east")
    with open_catalog(tmp_path / above) as catalog:
        relation = catalog.sql("SELECT cluster, snapshot_id, image_name FROM images")
        assert relation.fetchall() == [("east", snapshot.snapshot_id, name_of(1))]
        columns = catalog.sql("FROM stored_images").columns
    assert columns == ["cluster", "snapshot_id", *part_schema().names]


# --- older versions -----------------------------------------------------------------------------------------------


def _fixture_objects() -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = json.loads((FIXTURES / "store-v1-objects.json").read_text(encoding="utf-8"))
    return objects


@pytest.fixture(scope="module")
def old_catalog() -> Iterator[Catalog]:
    """Open the views over the committed snapshot of version 1."""
    with open_catalog(FIXTURES / "store-v1") as catalog:
        yield catalog


def test_the_committed_store_of_version_1_is_as_it_was_written() -> None:
    """The fixture is the only witness of what version 1 wrote: nobody may write it again."""
    (snapshot,) = Store(FIXTURES / "store-v1").latest()
    assert snapshot.receipt.schema_version == 1
    assert verify(snapshot) == []


def test_version_1_is_read_for_ever(old_catalog: Catalog) -> None:
    """Every object of the old snapshot comes back whole, and its columns still say what they said."""
    raw = old_catalog.sql("SELECT raw_json FROM images ORDER BY image_name").fetchall()
    signed = old_catalog.sql("SELECT is_signed, count(*) FROM images GROUP BY ALL ORDER BY ALL").fetchall()
    layers = old_catalog.sql("SELECT sum(len(docker_image_layers))::BIGINT FROM stored_images").fetchall()
    read = old_catalog.sql("SELECT count(*) FROM image_signatures WHERE key_id IS NOT NULL").fetchall()
    objects = _fixture_objects()
    assert [json.loads(text) for (text,) in raw] == sorted(objects, key=lambda item: item["metadata"]["name"])
    signature_counts = [len(item.get("signatures") or []) for item in objects]
    assert signed == [(False, signature_counts.count(0)), (True, len(objects) - signature_counts.count(0))]
    assert layers == [(sum(len(item.get("dockerImageLayers") or []) for item in objects),)]
    assert read == [(sum(signature_counts),)]


@pytest.mark.parametrize("name", queries.names())
def test_canned_queries_run_on_version_1(old_catalog: Catalog, name: str) -> None:
    """What an older version stored answers every query that has a default for its parameters."""
    query = queries.load(name)
    if any(parameter.default is None and not parameter.is_optional for parameter in query.parameters):
        pytest.skip("it needs a parameter")
    old_catalog.run(query).to_arrow_table()


def _make_older(snapshot: Snapshot, dropped: Sequence[str]) -> None:
    """Turn a snapshot into one of a version that did not know these columns."""
    path = snapshot.part_paths[0]
    pq.write_table(pq.ParquetFile(path).read().drop_columns(list(dropped)), path)
    receipt = json.loads((snapshot.folder / RECEIPT_NAME).read_bytes()) | {"schema_version": SCHEMA_VERSION - 1}
    receipt["parts"][0] |= {"sha256": part_hash(path), "size_bytes": path.stat().st_size}
    (snapshot.folder / RECEIPT_NAME).write_text(json.dumps(receipt), encoding="utf-8")


DROPPED = ["signature_readings", "docker_image_config", "docker_image_manifests"]


@pytest.mark.parametrize("others", [[], ["west"]], ids=["alone", "beside a new one"])
def test_columns_an_older_version_did_not_know_are_null(tmp_path: Path, others: list[str]) -> None:
    """An old part is read with typed nulls where columns are missing, alone or beside newer parts."""
    older = publish(tmp_path, image(1, dockerImageConfig="{}", signatures=[{"content": "AA=="}]), cluster="east")
    for cluster in others:
        publish(tmp_path, image(2, dockerImageConfig="{}"), cluster=cluster)
    _make_older(older, DROPPED)
    with open_catalog(tmp_path) as catalog:
        table = catalog.sql("FROM stored_images ORDER BY cluster").to_arrow_table()
        assert catalog.sql("SELECT count(*) FROM image_signatures").fetchall() == [(1,)]
        catalog.query("capacity-summary").to_arrow_table()
    rows = table.to_pylist()
    assert [rows[0][name] for name in DROPPED] == [None, None, None]
    assert [row["docker_image_config"] for row in rows[1:]] == ["{}"] * len(others)
    assert {name: table.schema.field(name).type for name in DROPPED} == _types(tmp_path / "new", DROPPED)


def _types(store: Path, names: list[str]) -> dict[str, pa.DataType]:
    """Types the engine gives these columns where every part is new."""
    publish(store, image(1))
    with open_catalog(store) as catalog:
        schema = catalog.sql("FROM stored_images").to_arrow_table().schema
    return {name: schema.field(name).type for name in names}
