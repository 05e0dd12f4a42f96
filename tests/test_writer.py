"""Publishing: a snapshot is whole or not there, whatever goes wrong, and its receipt tells the truth."""

from __future__ import annotations

import datetime as dt
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_objects import PageSource, image, name_of, page_text, publish

from indexer import files, parts, publishing, writer
from indexer.arrow_schema import VERSION_KEY
from indexer.decode import decode_page
from indexer.duplicates import Candidate, losers
from indexer.errors import DecodeError, IncompleteError, IndexerError, StoreError
from indexer.ingest import IngestOptions, ingest
from indexer.pages import read_page
from indexer.store import Store, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _visible(store: Path) -> list[str]:
    """Everything in the store that is not under `_work`."""
    return sorted(str(path.relative_to(store)) for path in store.rglob("*") if "_work" not in path.parts)


def _rows(store: Path) -> list[dict[str, Any]]:
    (snapshot,) = Store(store).latest()
    return [row for path in snapshot.part_paths for row in pq.ParquetFile(path).read().to_pylist()]


def test_a_published_snapshot_is_whole_and_leaves_no_staging(tmp_path: Path) -> None:
    """Parts and receipt stand together, agree with each other, and nothing stays under `_work`."""
    snapshot = publish(tmp_path, image(1), image(2))
    assert verify(snapshot) == []
    assert sorted(path.name for path in snapshot.folder.iterdir()) == ["_receipt.json", "images-00000.parquet"]
    assert [path for path in (tmp_path / "_work").rglob("*") if path.is_file()] == []
    assert pq.read_schema(snapshot.part_paths[0]).metadata[VERSION_KEY] == b"1"


def test_the_receipt_tells_what_was_read(tmp_path: Path) -> None:
    """Counts, times, completeness and parts are those of the run."""
    source = PageSource(page_text([image(1), image(2)]), page_text([image(2), image(3)]), is_consistent=False)
    receipt = ingest(source, tmp_path, IngestOptions("test")).receipt
    assert (receipt.read_count, receipt.image_count, receipt.duplicate_count, receipt.page_count) == (4, 3, 1, 2)
    assert (receipt.is_complete, receipt.is_consistent, receipt.completeness) == (True, False, "proven")
    assert (receipt.cluster, receipt.source, receipt.schema_version) == ("test", "pages of a test", 1)
    assert receipt.started_at <= receipt.finished_at
    assert receipt.snapshot_id.startswith(f"{receipt.started_at:%Y%m%dT%H%M%SZ}-")
    assert sum(part.row_count for part in receipt.parts) == 3


@pytest.mark.parametrize(
    ("shown", "wanted", "is_complete", "completeness"),
    [
        ("proven", None, True, "proven"),
        ("unproven", None, True, "unproven"),
        ("partial", None, False, "partial"),
        ("proven", False, False, "partial"),
        ("partial", True, True, "unproven"),
    ],
)
def test_completeness(tmp_path: Path, shown: str, wanted: bool | None, is_complete: bool, completeness: str) -> None:
    """What the source shows decides unless the user overrules it, and that is never called proven."""
    source = PageSource(page_text([image(1)]), completeness=shown)
    receipt = ingest(source, tmp_path, IngestOptions("test", is_complete=wanted)).receipt
    assert (receipt.is_complete, receipt.completeness) == (is_complete, completeness)


def test_skipped_items_make_a_snapshot_partial(tmp_path: Path) -> None:
    """What was left out on request is in the receipt, and the snapshot does not pass for the whole."""
    source = PageSource(page_text([image(1), {"metadata": {}}]))
    receipt = ingest(source, tmp_path, IngestOptions("test", skip_bad_items=True)).receipt
    assert (receipt.is_complete, receipt.image_count) == (False, 1)
    assert [(item.origin, item.number) for item in receipt.skipped_items] == [("page 1", 2)]


def test_a_cluster_without_images_is_a_valid_snapshot(tmp_path: Path) -> None:
    """Nothing to store is something to know: the snapshot is complete, latest and readable."""
    snapshot = publish(tmp_path)
    assert Store(tmp_path).latest() == [snapshot]
    assert verify(snapshot) == []
    assert _rows(tmp_path) == []


def _break_the_source(_: pytest.MonkeyPatch) -> PageSource:
    return PageSource(page_text([image(1)]), page_text([image(2, dockerImageReference=5)]))


def _refuse(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> PageSource:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, name, fail)
    return PageSource(page_text([image(1)]))


FAILURES: dict[str, Callable[[pytest.MonkeyPatch], PageSource]] = {
    "a later page": _break_the_source,
    "writing a part": lambda patch: _refuse(patch, parts.pq, "write_table"),
    "making a part durable": lambda patch: _refuse(patch, parts, "sync_file"),
    "writing the receipt": lambda patch: _refuse(patch, publishing, "write_durably"),
    "making the receipt durable": lambda patch: _refuse(patch, files, "sync_file"),
    "the rename": lambda patch: _refuse(patch, Path, "rename"),
}


@pytest.mark.parametrize("step", FAILURES)
def test_nothing_is_visible_when_a_run_fails_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Before the rename nothing shows, and the store reads as it did before the run."""
    before = publish(tmp_path, image(9))
    visible = _visible(tmp_path)
    source = FAILURES[step](monkeypatch)
    with pytest.raises(IncompleteError if step != "a later page" else DecodeError):
        ingest(source, tmp_path, IngestOptions("test"))
    monkeypatch.undo()
    assert _visible(tmp_path) == visible
    assert Store(tmp_path).snapshots() == [before]


def test_readers_see_nothing_of_a_snapshot_that_is_being_written(tmp_path: Path) -> None:
    """While parts are staged, the store reads as before; after the rename the snapshot is there at once."""
    with writer.SnapshotWriter(tmp_path, "test", "20240101T000000Z-abcdef", part_rows=1) as snapshot_writer:
        for number in (1, 2):  # a part is on disk at the latest when the next one is full
            snapshot_writer.write(decode_page(read_page(page_text([image(number)]), "page 1")))
        assert list((tmp_path / "_work").rglob("*.parquet"))
        assert Store(tmp_path).snapshots() == []
    assert _visible(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 KiB; skip where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or not (mount and unmount):
        pytest.skip("mounting a small file system needs root")
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this environment does not let root mount a file system")
    yield folder
    subprocess.run([unmount, str(folder)], check=True)


def test_a_full_disk_is_told_and_leaves_nothing(small_disk: Path) -> None:
    """On a real file system that fills the import ends with exit code 5, the store empty and fit for the next run."""
    noise = [{"Config": {"Labels": {"noise": os.urandom(2000).hex()}}} for _ in range(500)]
    items = [image(number, dockerImageMetadata=metadata) for number, metadata in enumerate(noise)]
    with pytest.raises(IncompleteError, match="is full; nothing was published") as caught:
        publish(small_disk, *items)
    assert caught.value.exit_code == 5
    assert _visible(small_disk) == []
    publish(small_disk, image(1))


def test_a_file_size_limit_counts_as_a_full_disk(tmp_path: Path) -> None:
    """A quota on file size ends a run as a full disk does; the limit is set in a process of its own."""
    labels = {"Config": {"Labels": {"noise": os.urandom(200_000).hex()}}}
    (tmp_path / "page.json").write_bytes(page_text([image(1, dockerImageMetadata=labels)]))
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); from indexer.cli import main; main()"
    arguments = ["import", str(tmp_path / "page.json"), "--store", str(tmp_path / "store"), "--cluster", "test"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 50_000
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False, text=True)
    assert ended.returncode == 5, ended.stderr
    assert _visible(tmp_path / "store") == []


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_an_unwritable_store_is_told_before_anything_is_read(tmp_path: Path, place: str) -> None:
    """Where no folder can be made the run ends with exit code 2 and names the store."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match="Can't write to the store") as caught:
        publish(tmp_path / place, image(1))
    assert caught.value.exit_code == 2


def test_parts_are_closed_at_a_number_of_rows_and_keep_the_order(tmp_path: Path) -> None:
    """A long list becomes several parts; together they hold every row in the order it came."""
    source = PageSource(*(page_text([image(number), image(number + 1)]) for number in range(1, 9, 2)))
    batches = [decode_page(page) for page in source.pages()]
    with writer.SnapshotWriter(tmp_path, "test", "20240101T000000Z-abcdef", part_rows=3) as snapshot_writer:
        for batch in batches:
            snapshot_writer.write(batch)
        parts, duplicate_count = snapshot_writer.finish_parts()
        assert ([part.row_count for part in parts], duplicate_count) == ([4, 4], 0)
        tables = [pq.ParquetFile(snapshot_writer.staging / part.name).read(["metadata.name"]) for part in parts]
    names = [row["metadata"]["name"] for table in tables for row in table.to_pylist()]
    assert names == [name_of(number) for number in range(1, 9)]


# --- the same Image several times ---------------------------------------------------------------------------------


def _copy(uid: str | None, version: str | None, created: str | None, mark: str) -> dict[str, Any]:
    metadata = {"uid": uid, "resourceVersion": version, "creationTimestamp": created}
    return image(1, metadata=metadata, dockerImageReference=mark)


EARLY, LATE = "2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z"
SAME_NAME = {
    "same uid: the highest version": [_copy("a", "100", EARLY, "wins"), _copy("a", "99", EARLY, "loses")],
    "same uid, same version: the later input": [_copy("a", "5", EARLY, "loses"), _copy("a", "5", EARLY, "wins")],
    "same uid, no number: below any number": [_copy("a", "5", EARLY, "wins"), _copy("a", "zzz", EARLY, "loses")],
    "other uid: the newest creation": [_copy("b", "1", LATE, "wins"), _copy("a", "9", EARLY, "loses")],
    "other uid, same creation: the later input": [_copy("a", "9", EARLY, "loses"), _copy("b", "1", EARLY, "wins")],
    "other uid, no creation: oldest": [_copy("a", "9", EARLY, "wins"), _copy("b", "99", None, "loses")],
    "more digits than Python reads": [_copy("a", "9" * 5000, EARLY, "wins"), _copy("a", "8" * 5000, EARLY, "loses")],
}


@pytest.mark.parametrize("copies", SAME_NAME.values(), ids=SAME_NAME.keys())
def test_one_of_several_objects_of_a_name_is_kept(tmp_path: Path, copies: list[dict[str, Any]]) -> None:
    """The rule of the design decides which, the others are counted, and neighbours stay."""
    snapshot = publish(tmp_path, image(2), *copies, image(0))
    assert snapshot.receipt.duplicate_count == 1
    kept = {row["metadata"]["name"]: row["docker_image_reference"] for row in _rows(tmp_path)}
    assert kept == {name_of(2): None, name_of(1): "wins", name_of(0): None}
    assert verify(snapshot) == []


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_repeated_names_are_found_in_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """However many names are held at once, and whatever they end in, each object that came twice gives way once."""
    monkeypatch.setattr("indexer.writer._NAMES_AT_ONCE", at_once)
    names = ["sha256:" + digit * 64 for digit in "fedcba9876543210"] + ["hand-made", "sha256:zz", "Ä"]
    twice = names[::3]
    objects = [image(metadata={"name": name, "uid": "u", "resourceVersion": "1"}) for name in [*names, *twice]]
    snapshot = publish(tmp_path, *objects)
    assert snapshot.receipt.duplicate_count == len(twice)
    assert sorted(row["metadata"]["name"] for row in _rows(tmp_path)) == sorted(names)


_CANDIDATES = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from([None, "u", "v"]),
        st.sampled_from([None, "", "7", "10", "x"]),
        st.sampled_from([None, dt.datetime.fromisoformat(EARLY), dt.datetime.fromisoformat(LATE)]),
    ),
    max_size=8,
)


@given(_CANDIDATES)
def test_exactly_one_of_each_name_survives(objects: list[tuple[Any, ...]]) -> None:
    """Of every name one object stays, and it yields to none of the others by the rule."""
    candidates = [Candidate(name, place, *rest) for place, (name, *rest) in enumerate(objects)]
    lost = losers(candidates)
    assert lost == sorted(set(lost))
    kept = [candidate for candidate in candidates if candidate.position not in lost]
    assert sorted(candidate.name for candidate in kept) == sorted({name for name, *_ in objects})
    for winner in kept:
        others = [other for other in candidates if other.name == winner.name]
        assert all(_number(winner) >= _number(other) for other in others if other.uid == winner.uid)


def _number(candidate: Candidate) -> int:
    text = candidate.resource_version or ""
    return int(text) if text.isdigit() else -1


@given(_CANDIDATES)
def test_running_the_rule_again_changes_nothing(objects: list[tuple[Any, ...]]) -> None:
    """What is kept has no duplicates."""
    candidates = [Candidate(name, place, *rest) for place, (name, *rest) in enumerate(objects)]
    lost = set(losers(candidates))
    assert losers(candidate for candidate in candidates if candidate.position not in lost) == []


def test_every_error_of_a_run_is_ours(tmp_path: Path) -> None:
    """A source that breaks in the middle gives its own error, and the store stays as it was."""
    with pytest.raises(IndexerError):
        ingest(PageSource(page_text([image(1)]), b"{"), tmp_path, IngestOptions("test"))
    assert _visible(tmp_path) == []
