"""Publishing into object storage when requests fail: whole or not at all, and nothing is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from image_objects import PageSource, image, page_text, publish

from indexer import object_storage
from indexer.catalog import open_catalog
from indexer.errors import IncompleteError, StoreError
from indexer.ingest import IngestOptions, ingest
from indexer.journal import Journal, remove_leftovers, staging_folder, unfinished
from indexer.places import folder_at
from indexer.store import Store, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from object_store import Asked, FaultyProxy

    from indexer.store import Snapshot

RECEIPT = "_receipt.json"


def _publish(store: str) -> Snapshot:
    """Publish a snapshot of three parts."""
    pages = [page_text([image(number)]) for number in range(3)]
    return ingest(PageSource(*pages), store, IngestOptions("test", part_rows=1))


def _first_time(fault: str, wanted: Callable[[Asked], bool]) -> Callable[[Asked], str | None]:
    """Let each request that is wanted go wrong the first time it is made."""
    seen: set[tuple[str, str]] = set()

    def decide(request: Asked) -> str | None:
        key = (request.method, request.path)
        is_first = key not in seen
        seen.add(key)
        return fault if is_first and wanted(request) else None

    return decide


def test_parts_go_up_first_and_the_receipt_last(s3: FaultyProxy) -> None:
    """The receipt is the last object written, in a request of its own, when all parts stand at their full size."""
    snapshot = _publish(s3.url("order"))
    written = [path.rpartition("/")[2] for path in s3.paths("PUT")]
    assert written[0] == "_writable"
    assert sorted(written[1:-1]) == [part.name for part in snapshot.receipt.parts]
    assert written[-1] == RECEIPT


def test_readers_see_the_snapshot_at_no_moment_before_its_receipt(s3: FaultyProxy) -> None:
    """Whoever looks at any request of the publishing sees what was there before, and never a part of what comes."""
    before = publish(s3.url("looked-at"), image(9))
    straight, looks = s3.straight("looked-at"), []

    def look(_: Asked) -> None:
        looks.append([snapshot.snapshot_id for snapshot in Store(straight).snapshots()])

    s3.fault = look
    snapshot = _publish(s3.url("looked-at"))
    s3.fault = lambda _: None
    assert len(looks) > 8
    assert {tuple(ids) for ids in looks} == {(before.snapshot_id,)}
    assert [found.snapshot_id for found in Store(s3.url("looked-at")).snapshots()] == [
        before.snapshot_id,
        snapshot.snapshot_id,
    ]


def test_a_refused_request_anywhere_leaves_nothing(s3: FaultyProxy) -> None:
    """Each request of a publishing in turn is answered with 403: an error, no snapshot, no object left behind."""
    _publish(s3.url("counted"))
    for number in range(len(s3.asked)):
        name = f"refused-{number}"
        s3.asked.clear()
        s3.fault = lambda _, number=number: "deny" if len(s3.asked) == number + 1 else None
        with pytest.raises((IncompleteError, StoreError)):
            _publish(s3.url(name))
        assert s3.objects(name) == [], number


@pytest.mark.parametrize("fault", ["refuse", "fail", "drop", "lose"])
def test_faults_that_pass_are_survived_in_writing(s3: FaultyProxy, fault: str) -> None:
    """Every object fails the first time it is put, and the snapshot is whole nevertheless."""
    s3.fault = _first_time(fault, lambda request: request.method == "PUT")
    snapshot = _publish(s3.url(f"passing-{fault}"))
    assert len(s3.paths("PUT")) == 2 * 5
    s3.fault = lambda _: None
    assert Store(s3.url(f"passing-{fault}")).snapshots() == [snapshot]
    assert verify(snapshot) == []


@pytest.mark.parametrize("fault", ["refuse", "drop", "cut"])
def test_faults_that_pass_are_survived_in_reading(s3: FaultyProxy, fault: str) -> None:
    """The first request for each receipt and part fails or breaks off, and the rows are right."""
    _publish(s3.url(f"reading-{fault}"))
    s3.fault = _first_time(fault, lambda request: request.method == "GET" and "images-0" in request.path)
    with open_catalog(s3.url(f"reading-{fault}"), use_index=False) as catalog:
        assert catalog.sql("SELECT count(raw_json) FROM stored_images").fetchall() == [(3,)]
    assert len(s3.paths("GET")) > 3


def test_a_receipt_whose_answer_is_lost_counts(s3: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store has it, only the answer got lost: the snapshot is published, and nothing is deleted."""
    monkeypatch.setattr(object_storage, "ATTEMPTS", 1)
    s3.fault = lambda request: "lose" if request.method == "PUT" and RECEIPT in request.path else None
    snapshot = _publish(s3.url("lost"))
    s3.fault = lambda _: None
    assert Store(s3.url("lost")).snapshots() == [snapshot]
    assert verify(snapshot) == []


def test_when_nobody_knows_nothing_is_deleted(s3: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to the receipt is lost and the store goes silent: the error says so, and the snapshot stays whole."""
    monkeypatch.setattr(object_storage, "ATTEMPTS", 1)
    is_silent = False

    def fall_silent(request: Asked) -> str | None:
        nonlocal is_silent
        if request.method == "PUT" and RECEIPT in request.path:
            is_silent = True
            return "lose"
        return "drop" if is_silent else None

    s3.fault = fall_silent
    with pytest.raises(IncompleteError, match="it is not known whether"):
        _publish(s3.url("silent"))
    s3.fault = lambda _: None
    assert [verify(snapshot) for snapshot in Store(s3.url("silent")).snapshots()] == [[]]


def test_a_store_that_refuses_writing_is_told_before_the_work(s3: FaultyProxy) -> None:
    """Credentials that may not write are found before the source is read."""
    s3.fault = lambda request: "deny" if request.method == "PUT" else None
    source = PageSource(page_text([image(1)]))
    with pytest.raises(StoreError, match="Can't write to the store s3://index/read-only"):
        ingest(source, s3.url("read-only"), IngestOptions("test"))
    assert source.report.page_count == 0


def test_unknown_keys_are_told_with_the_next_step(s3: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not know the credentials is no missing store."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError, match="Can't read the store") as caught:
        Store(s3.url("store"))
    assert "credentials" in caught.value.hint
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("what", [RECEIPT, "images-0"])
def test_a_store_that_does_not_answer_is_no_broken_snapshot(s3: FaultyProxy, what: str) -> None:
    """Receipts and parts that can't be fetched say nothing about the snapshot: verifying it fails as a whole."""
    snapshot = _publish(s3.url(f"mute-{what[0]}"))
    s3.fault = lambda request: "deny" if request.method == "GET" and what in request.path else None
    with pytest.raises(StoreError, match="Can't read the store"):
        [verify(found) for found in Store(s3.url(f"mute-{what[0]}")).survey()[0]]
    s3.fault = lambda _: None
    assert verify(snapshot) == []


def test_what_a_killed_upload_left_is_removed(s3: FaultyProxy) -> None:
    """The next export of the cluster deletes parts without a receipt; what has one is published and stays."""
    store = folder_at(s3.url("killed"))
    published = _publish(s3.url("killed"))
    dead = "20240101T000000Z-abcdef"
    for snapshot_id in (dead, published.snapshot_id):
        staging = staging_folder(store, "test", snapshot_id)
        staging.mkdir(parents=True)
        _journal(snapshot_id).write(staging)
    (store / "cluster=test" / f"snapshot={dead}" / "images-00000.parquet").write_bytes(b"x")
    found = unfinished(store, "test", "the same request")
    assert found is not None
    assert found.snapshot_id == dead, "a published snapshot must never be gone on with"
    remove_leftovers(store, "test")
    assert verify(published) == []
    assert {path.split("/")[1] for path in s3.objects("killed")} == {f"snapshot={published.snapshot_id}"}
    assert not staging_folder(store, "test", dead).exists()


def _journal(snapshot_id: str) -> Journal:
    import datetime as dt

    return Journal(
        snapshot_id=snapshot_id,
        request_key="the same request",
        started_at=dt.datetime.now(dt.UTC),
        resume_point=b"",
        parts=[],
        is_ordered=True,
        last_name="",
        skipped_items=[],
    )
