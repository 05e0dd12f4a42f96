"""Stores in object storage: the same protocol and the same answers as in a folder, over a real server on loopback."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import commands
import duckdb
import pytest
from fleets import rows
from image_objects import image, publish
from msgspec.structs import replace
from object_store import FaultyProxy, variables

from indexer import index_tables, queries, query_index, retention
from indexer.catalog import open_catalog
from indexer.errors import ConfigurationError, QueryError, SnapshotError, StoreError
from indexer.retention import expire
from indexer.store import Store, verify
from indexer.view_schema import VIEWS
from indexer.watch import base_items

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.catalog import Catalog

SAMPLE = "sample"


@pytest.fixture(scope="module")
def sample_in_s3(s3_port: int, sample_store: Path) -> str:
    """Copy the store of the sample as it is; return its name in the bucket."""
    target = FaultyProxy(s3_port).straight(SAMPLE)
    for path in sample_store.glob("cluster=*/*/*"):
        folder = target / path.parent.parent.name / path.parent.name
        (folder / path.name).upload(path)
    return SAMPLE


@pytest.fixture
def remote(s3: FaultyProxy, sample_in_s3: str) -> Iterator[Catalog]:
    """Open the views of the sample in object storage, without an index."""
    with open_catalog(s3.url(sample_in_s3), use_index=False) as catalog:
        s3.asked.clear()
        yield catalog


def test_rows_and_types_are_those_of_a_folder(remote: Catalog, sample_catalog: Catalog) -> None:
    """Every column of the parts arrives the same: nested types, maps and times, and no row more or less."""
    types = "SELECT column_name, column_type FROM (DESCRIBE FROM stored_images)"
    assert rows(remote, types) == rows(sample_catalog, types)
    everything = "SELECT * FROM stored_images ORDER BY cluster, metadata.name"
    assert remote.sql(everything).to_arrow_table().equals(sample_catalog.sql(everything).to_arrow_table())


def test_every_canned_query_answers_as_from_a_folder(
    s3: FaultyProxy, sample_in_s3: str, sample_catalog: Catalog
) -> None:
    """The index that is built from object storage gives the same rows for every query."""
    with open_catalog(s3.url(sample_in_s3)) as catalog:
        for name in queries.names():
            if name != "completeness":  # it says how old the snapshot is
                ours, theirs = (opened.query(name).to_arrow_table() for opened in (catalog, sample_catalog))
                assert sorted(map(str, ours.to_pylist())) == sorted(map(str, theirs.to_pylist())), name
        for name in index_tables.kept_names():
            assert query_index.answer(catalog._index, f"SELECT count(*) FROM {name}", {}) is not None, name


def test_only_the_columns_of_a_statement_are_fetched(s3: FaultyProxy, remote: Catalog) -> None:
    """A statement on one field of a structure costs a fraction of the parts, and none of their raw JSON."""
    size_bytes = sum(part.size_bytes for snapshot in remote.snapshots for part in snapshot.receipt.parts)
    remote.sql("SELECT count(DISTINCT metadata.name) FROM stored_images").fetchall()
    assert 0 < s3.sent_bytes < size_bytes / 5
    assert all("images-" in path for path in s3.paths("GET"))


def test_statistics_and_snapshots_rule_parts_out(s3: FaultyProxy) -> None:
    """Conditions on the cluster cost no request for parts of others; those on names none beyond the footer."""
    for cluster in ("east", "west"):
        publish(s3.url("pruned"), *(image(number, raw="x" * 500) for number in range(200)), cluster=cluster)
    with open_catalog(s3.url("pruned"), use_index=False) as catalog:
        catalog.sql("SELECT count(*) FROM stored_images").fetchall()
        s3.asked.clear()
        assert rows(catalog, "SELECT count(raw_json) FROM stored_images WHERE cluster = 'east'") == [(200,)]
        assert s3.paths("GET")
        assert not [path for path in s3.paths("GET") if "west" in path]
        s3.asked.clear()
        assert rows(catalog, "SELECT raw_json FROM stored_images WHERE metadata.name = 'zebra'") == []
        assert s3.paths("GET") == []


def test_a_second_opening_fetches_no_part(s3: FaultyProxy, sample_in_s3: str) -> None:
    """The index is kept on this machine: later queries ask the store for receipts and sizes only."""
    for _ in range(2):
        s3.asked.clear()
        with open_catalog(s3.url(sample_in_s3)) as catalog:
            assert catalog.query("capacity-summary").fetchall()
    assert not [path for path in s3.paths("GET") if "images-" in path]


def test_the_latest_snapshot_of_a_long_history_is_found_by_few_requests(s3: FaultyProxy) -> None:
    """One listing of clusters, one of each cluster's snapshots, and the newest receipts; no part is looked at."""
    made = publish(s3.url("one"), image(1)).receipt
    folder = s3.straight("long")
    for number in range(40):
        receipt = replace(made, snapshot_id=f"20240101T0000{number:02}Z-abcdef", is_complete=number < 35)
        (folder / "cluster=test" / f"snapshot={receipt.snapshot_id}" / "_receipt.json").write_bytes(receipt.to_json())
    s3.asked.clear()
    (latest,) = Store(s3.url("long")).latest()
    assert latest.snapshot_id == "20240101T000034Z-abcdef"
    listings = [path for path in s3.paths("GET") if "delimiter" in path]
    assert len(listings) == 3
    assert len(s3.paths("GET")) - len(listings) == 8


def test_every_snapshot_is_in_reach(s3: FaultyProxy) -> None:
    """`all_snapshots` comes after the lock of the engine, and shows all; the views only the newest."""
    store = s3.url("history")
    publish(store, image(1))
    publish(store, image(1), image(2))
    with open_catalog(store) as catalog:
        assert rows(catalog, "SELECT count(*) FROM all_snapshots.images") == [(3,)]
        assert rows(catalog, "SELECT count(*) FROM images") == [(2,)]


def test_totals_of_a_night_are_fetched_once(s3: FaultyProxy) -> None:
    """The second time growth asks for receipts and the parts of no snapshot; a comparison opens the two it compares."""
    store = s3.url("nights")
    made = [publish(store, *map(image, range(1, count))) for count in (2, 3, 4)]
    with open_catalog(store) as catalog:
        grown = catalog.query("growth").fetchall()
    assert [row[4] for row in grown] == [1, 2, 3]
    s3.asked.clear()
    with open_catalog(store) as catalog:
        assert catalog.query("growth").fetchall() == grown
        assert not [path for path in s3.paths("GET") if ".parquet" in path]
        assert len(catalog.query("snapshot-diff-images").fetchall()) == 1
    fetched = [path for path in s3.paths("GET") if ".parquet" in path]
    assert fetched
    assert not [path for path in fetched if made[0].snapshot_id in path]


def test_the_engine_reads_nothing_but_the_store(s3: FaultyProxy, remote: Catalog, tmp_path: Path) -> None:
    """A statement of the user's reaches neither files of this machine nor writes any."""
    (tmp_path / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(QueryError):
        remote.sql(f"FROM read_csv('{tmp_path / 'secret.csv'}')").fetchall()
    with pytest.raises(QueryError, match="refused"):
        remote.sql(f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'")


def test_a_file_built_from_object_storage_stands_for_itself(
    s3: FaultyProxy, sample_in_s3: str, sample_catalog: Catalog, tmp_path: Path
) -> None:
    """`build` copies the answers: the file needs neither the store nor this tool."""
    path = tmp_path / "views.duckdb"
    with open_catalog(s3.url(sample_in_s3), tables_in=path) as catalog:
        catalog.leave_store()
    with duckdb.connect(str(path), read_only=True) as connection:
        for view in VIEWS:
            (count,) = connection.execute(f"SELECT count(*) FROM {view.name}").fetchall()[0]
            assert [(count,)] == rows(sample_catalog, f"SELECT count(*) FROM {view.name}"), view.name


def test_signatures_are_verified_in_object_storage(
    s3: FaultyProxy, signed_fleet: tuple[Path, Path], verified: Catalog
) -> None:
    """With keyrings the contents of signatures come from the store, and the levels are those of a folder."""
    store, keyring = signed_fleet
    target = s3.straight("signed")
    for path in store.glob("cluster=*/*/*"):
        (target / path.parent.parent.name / path.parent.name / path.name).upload(path)
    levels = "SELECT image_name, is_verified FROM image_signatures ORDER BY ALL"
    with open_catalog(s3.url("signed"), keyrings=[keyring]) as catalog:
        assert rows(catalog, levels) == rows(verified, levels)


def test_a_watch_goes_on_from_a_snapshot_in_object_storage(
    s3: FaultyProxy, sample_in_s3: str, sample_store: Path
) -> None:
    """The objects of a base snapshot are the same from either place."""
    (ours,), (theirs,) = Store(s3.url(sample_in_s3)).latest(), Store(sample_store).latest()
    assert list(base_items(ours)) == list(base_items(theirs))


def test_verify_finds_changed_missing_and_extra_objects(s3: FaultyProxy) -> None:
    """What a folder is checked for is checked in object storage, too; a missing part also stops readers."""
    snapshot = publish(s3.url("spoilt"), image(1))
    folder = s3.straight("spoilt") / snapshot.folder.parent.name / snapshot.folder.name
    content = bytearray((folder / "images-00000.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "images-00000.parquet").write_bytes(bytes(content))
    (folder / "images-00009.parquet").write_bytes(b"x")
    assert verify(snapshot) == [
        "images-00000.parquet has changed: its sha256 is not the receipt's.",
        "images-00009.parquet is not in the receipt.",
    ]
    (folder / "images-00000.parquet").unlink()
    assert "images-00000.parquet is missing." in verify(snapshot)
    with pytest.raises(SnapshotError, match="missing or cut"):
        open_catalog(s3.url("spoilt"))


def test_parts_without_a_receipt_and_an_empty_receipt_are_no_snapshot(s3: FaultyProxy) -> None:
    """Neither an upload under way nor an object that is only just opened, as Azure shows it, is seen by readers."""
    published = publish(s3.url("partly"), image(1))
    folder = s3.straight("partly") / "cluster=test"
    (folder / "snapshot=30000101T000000Z-000000" / "images-00000.parquet").write_bytes(b"x")
    (folder / "snapshot=30000101T000001Z-000000" / "_receipt.json").write_bytes(b"")
    store = Store(s3.url("partly"))
    assert store.snapshots() == store.latest() == [published]
    with pytest.raises(StoreError, match="No snapshot begins with"):
        store.choose("3000")


def test_the_command_line_takes_an_address(s3: FaultyProxy, tmp_path: Path) -> None:
    """Import, list, verify, query and report work on an address as on a folder; a missing store is named."""
    (tmp_path / "images.json").write_text('{"kind": "ImageList", "items": [{"metadata": {"name": "a"}}]}')
    more = {"output": tmp_path, "environment": variables(s3.port) | {"IMAGE_INDEXER_STORE": s3.url("by-command")}}
    assert commands.run("import", tmp_path / "images.json", "--cluster", "lab", **more).exit_code == 0
    assert "lab" in commands.run("snapshots", "list", "--format", "csv", **more).stdout
    assert commands.run("snapshots", "show", **more).receipt["image_count"] == 1
    assert commands.run("snapshots", "verify", **more).stdout.endswith(": whole\n")
    assert '"image_count":1' in commands.run("query", "capacity-summary", "--format", "json", **more).stdout
    (tmp_path / "images.json").write_text('{"kind": "ImageList", "items": [{"metadata": {"name": "b"}}]}')
    assert commands.run("import", tmp_path / "images.json", "--cluster", "lab", **more).exit_code == 0
    difference = commands.run("snapshots", "diff", "--images", "--format", "csv", **more).stdout
    changes = {tuple(line.split(",")[3:5]) for line in difference.splitlines()[1:]}
    assert changes == {("removed", "a"), ("added", "b")}
    assert "false" in commands.run("snapshots", "expire", "--keep-daily", 1, "--format", "csv", **more).stdout
    assert len(commands.run("snapshots", "list", "--format", "csv", **more).stdout.splitlines()) == 2
    assert commands.run("report", "-o", tmp_path / "report.html", **more).exit_code == 0
    missing = commands.run("query", "capacity-summary", "--store", s3.url("nowhere"), **more)
    assert missing.exit_code == 2
    assert f"There is no store at {s3.url('nowhere')}." in missing.stderr


def test_expired_snapshots_go_and_living_uploads_stay(s3: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts go first, so that no reader meets half a snapshot; parts without a receipt go once they are old."""
    first, last = (publish(s3.url("expiring"), image(number)) for number in range(2))
    upload = s3.straight("expiring") / "cluster=test" / "snapshot=20240101T000000Z-abcdef"
    (upload / "images-00000.parquet").write_bytes(b"x")
    store, looks = Store(s3.url("expiring")), []
    straight = Store(s3.straight("expiring"))
    s3.fault = lambda _: looks.append([len(verify(snapshot)) for snapshot in straight.snapshots()])
    expire(store, [first])
    s3.fault = lambda _: None
    assert {problem for look in looks for problem in look} == {0}
    assert store.snapshots() == [last]
    assert upload.is_dir()
    monkeypatch.setattr(retention, "_UPLOAD_TIME", dt.timedelta(seconds=-60))
    expire(store, [])
    assert not upload.is_dir()
    assert verify(last) == []


@pytest.mark.parametrize(
    "address",
    [
        "ftp://bucket/store",
        "s3://",
        "s3:///store",
        "s3://bucket/a//b",
        "s3://bucket/../b",
        "s3://key:secret@bucket/store",
        "s3://bucket/store?endpoint_override=example.com",
        "az://container/store",
        "abfss://container:key@account.dfs.core.windows.net/store",
    ],
)
def test_addresses_that_are_refused(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no address, or holds a secret, is refused at once, without repeating the secret and without a folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        Store(address)
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigurationError):
        publish(address, image(1))
    assert list(tmp_path.iterdir()) == []
