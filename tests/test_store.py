"""Reading a store: what counts as a snapshot, which one is latest, and what a damaged one is told apart by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from image_objects import image, publish

from indexer.errors import ConfigurationError, SnapshotError, StoreError
from indexer.receipt import RECEIPT_NAME
from indexer.store import Store, check_cluster_name, verify

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.store import Snapshot


def _edit_receipt(snapshot: Snapshot, **changes: Any) -> None:
    path = snapshot.folder / RECEIPT_NAME
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


def test_latest_is_the_newest_complete_snapshot_of_each_cluster(tmp_path: Path) -> None:
    """A partial snapshot never becomes latest, however new, and clusters do not hide each other."""
    publish(tmp_path, image(1), cluster="east")
    newer = publish(tmp_path, image(1), image(2), cluster="east")
    publish(tmp_path, image(3), cluster="east", completeness="partial")
    west = publish(tmp_path, cluster="west")
    assert Store(tmp_path).latest() == [newer, west]
    assert Store(tmp_path).latest(("west",)) == [west]


def test_an_inconsistent_snapshot_may_be_latest(tmp_path: Path) -> None:
    """Complete but not of one moment: it is shown, and its receipt says so."""
    snapshot = publish(tmp_path, image(1), is_consistent=False)
    (latest,) = Store(tmp_path).latest()
    assert latest == snapshot
    assert (latest.receipt.is_complete, latest.receipt.is_consistent) == (True, False)


def test_a_snapshot_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    """An id or a unique beginning names any snapshot, a partial one too; anything else says what is wrong."""
    partial = publish(tmp_path, image(1), cluster="east", completeness="partial")
    publish(tmp_path, image(1), cluster="west")
    store = Store(tmp_path)
    assert store.choose(partial.snapshot_id) == [partial]
    assert store.choose(partial.snapshot_id[:-1], ("east",)) == [partial]
    with pytest.raises(StoreError, match="2 snapshots begin with '2'"):
        store.choose("2")
    with pytest.raises(StoreError, match="No snapshot begins with 'nope'"):
        store.choose("nope")
    with pytest.raises(StoreError, match="has no cluster 'north'"):
        store.choose("latest", ("north",))


def test_folders_without_a_receipt_and_names_with_an_underscore_are_no_snapshots(tmp_path: Path) -> None:
    """Only a receipt makes a snapshot; what lies under `_work` is never looked at."""
    snapshot = publish(tmp_path, image(1))
    (tmp_path / "cluster=test" / "snapshot=20000101T000000Z-000000").mkdir()
    staged = tmp_path / "_work" / "cluster=test" / "snapshot=20000101T000000Z-000001"
    staged.mkdir(parents=True)
    (staged / RECEIPT_NAME).write_text("{}", encoding="utf-8")
    assert Store(tmp_path).snapshots() == [snapshot]


@pytest.mark.parametrize("what", ["nothing there", "a file"])
def test_a_missing_store_is_an_error_with_the_next_step(tmp_path: Path, what: str) -> None:
    """A folder that is not there, or a file in its place, is never an empty store."""
    path = tmp_path / "store"
    if what == "a file":
        path.write_text("x", encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        Store(path)
    assert "--store" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}', '{"schema_version": "1"}', "\xff"])
def test_a_broken_receipt_is_named(tmp_path: Path, text: str) -> None:
    """A receipt that can't be read stops the reader, who is told where it stands."""
    snapshot = publish(tmp_path, image(1))
    (snapshot.folder / RECEIPT_NAME).write_text(text, encoding="latin-1")
    with pytest.raises(SnapshotError, match=f"cluster=test/snapshot={snapshot.snapshot_id}/_receipt.json is broken"):
        Store(tmp_path).snapshots()


def test_a_newer_schema_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """A snapshot of a newer version is not read by guessing, even if the rest of its receipt is unknown."""
    snapshot = publish(tmp_path, image(1))
    (snapshot.folder / RECEIPT_NAME).write_text('{"schema_version": 2, "new": true}', encoding="utf-8")
    with pytest.raises(SnapshotError, match="has schema version 2; this version reads up to 1") as caught:
        Store(tmp_path).latest()
    assert caught.value.hint == "Upgrade image-indexer."


def test_a_moved_snapshot_is_refused(tmp_path: Path) -> None:
    """A receipt counts only in its own folder: a copied folder would show its images twice."""
    snapshot = publish(tmp_path, image(1))
    snapshot.folder.rename(snapshot.folder.with_name("snapshot=20000101T000000Z-000000"))
    with pytest.raises(SnapshotError, match="is the receipt of cluster=test"):
        Store(tmp_path).snapshots()


def test_a_broken_receipt_stops_only_those_who_ask_for_it(tmp_path: Path) -> None:
    """Another cluster, and a snapshot named by its id, are read in spite of it; the survey tells of it."""
    broken = publish(tmp_path, image(1), cluster="east")
    good = publish(tmp_path, image(1), cluster="west")
    (broken.folder / RECEIPT_NAME).write_text("{", encoding="utf-8")
    store = Store(tmp_path)
    assert store.latest(("west",)) == store.choose(good.snapshot_id) == [good]
    found, errors = store.survey()
    assert (found, len(errors)) == ([good], 1)


def test_verify_finds_a_changed_byte_of_the_same_size(tmp_path: Path) -> None:
    """One flipped byte is found by its hash."""
    snapshot = publish(tmp_path, image(1))
    assert verify(snapshot) == []
    path = snapshot.part_paths[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert verify(snapshot) == ["images-00000.parquet has changed: its sha256 is not the receipt's."]


def test_verify_finds_missing_and_extra_files_and_wrong_counts(tmp_path: Path) -> None:
    """Files and counts must be those of the receipt."""
    snapshot = publish(tmp_path, image(1))
    _edit_receipt(snapshot, image_count=7)
    (snapshot.folder / "images-00001.parquet").write_bytes(b"x")
    (snapshot,) = Store(tmp_path).snapshots()
    assert verify(snapshot) == [
        "images-00001.parquet is not in the receipt.",
        "The receipt counts 7 images, its parts 1.",
    ]
    snapshot.part_paths[0].unlink()
    assert "images-00000.parquet is missing." in verify(snapshot)


def test_verify_counts_the_rows_again(tmp_path: Path) -> None:
    """A receipt that counts other rows than its part holds is found even if the hash is right."""
    snapshot = publish(tmp_path, image(1))
    part = json.loads((snapshot.folder / RECEIPT_NAME).read_bytes())["parts"][0]
    _edit_receipt(snapshot, image_count=2, parts=[part | {"row_count": 2}])
    (snapshot,) = Store(tmp_path).snapshots()
    assert verify(snapshot) == ["images-00000.parquet has 1 rows, not 2."]


@pytest.mark.parametrize("name", ["prod", "prod-1", "a.b-c", "x"])
def test_cluster_names(name: str) -> None:
    """Names that can stand in a folder are taken as they are."""
    assert check_cluster_name(name) == name


@pytest.mark.parametrize("name", ["", "Prod", "1a", "-a", "a/b", "a b", "..", "a\n", "é", "a=b", "_work"])
def test_names_that_are_no_cluster_names(name: str) -> None:
    """Anything else is refused, above all what would leave the store."""
    with pytest.raises(ConfigurationError, match="is no cluster name"):
        check_cluster_name(name)
