"""What expires and what stays: never the last complete snapshot of a cluster, and nothing is ever half gone."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import threading
from pathlib import Path

import pytest
from fleets import image
from hypothesis import given
from hypothesis import strategies as st
from nights import night, write_night

from indexer import retention
from indexer.errors import ConfigurationError, StoreError
from indexer.places import WORK_FOLDER
from indexer.receipt import RECEIPT_NAME, Receipt
from indexer.retention import KeepPolicy, expire, judge
from indexer.store import Snapshot, Store

OBJECTS = [image("app", ("layer", 1))]


def snapshot(taken_at, cluster="fleet", *, is_complete=True, is_consistent=True):
    """Make a snapshot that has only a receipt."""
    completeness = "proven" if is_complete else "partial"
    receipt = Receipt(
        tool_version="1",
        cluster=cluster,
        snapshot_id=f"{taken_at:%Y%m%dT%H%M%SZ}-000000",
        source="a test",
        is_complete=is_complete,
        is_consistent=is_consistent,
        completeness=completeness,
        read_count=0,
        image_count=0,
        started_at=taken_at,
        finished_at=taken_at,
        parts=[],
    )
    return Snapshot(Path("nowhere"), receipt)


def kept(snapshots, **policy):
    """Reasons by month and day for what is kept."""
    verdicts = judge(snapshots, KeepPolicy(**policy))
    return {f"{each.snapshot.receipt.started_at:%m-%d}": ", ".join(each.reasons) for each in verdicts if each.is_kept}


def test_the_last_one_of_each_period_is_kept() -> None:
    """Days, ISO weeks and months each keep their last snapshot; one may be kept for several reasons."""
    days = [snapshot(night(number)) for number in range(40)]
    assert kept(days, daily=2, weekly=3, monthly=2) == {
        "03-29": "weekly",
        "03-31": "monthly",
        "04-05": "weekly",
        "04-08": "daily",
        "04-09": "latest, daily, weekly, monthly",
    }


def test_periods_without_a_snapshot_are_not_counted() -> None:
    """A cluster that was off for a year keeps as many days as one that was not."""
    assert kept([snapshot(night(0)), snapshot(night(1)), snapshot(night(365))], daily=2) == {
        "03-02": "daily",
        "03-01": "latest, daily",
    }


def test_one_of_one_moment_is_preferred_and_partial_ones_go_once_a_complete_one_follows() -> None:
    """Of a day the last consistent snapshot stays; a partial one is all there is until the next complete one."""
    early, mixed = night(0), night(0) + dt.timedelta(hours=3)
    found = [
        snapshot(early),
        snapshot(mixed, is_consistent=False),
        snapshot(night(1), is_complete=False),
        snapshot(night(2), is_consistent=False),
        snapshot(night(3), is_complete=False),
    ]
    verdicts = judge(found, KeepPolicy(daily=5))
    assert [each.reasons for each in verdicts] == [
        ("daily",),
        (),
        (),
        ("latest", "daily"),
        ("no complete one since",),
    ]


def test_a_policy_that_keeps_nothing_is_refused() -> None:
    """Without a number to keep, everything but the newest would go: nobody means that."""
    with pytest.raises(ConfigurationError, match="Nothing says what to keep"):
        KeepPolicy()


numbers = st.integers(0, 5)
snapshots = st.lists(
    st.builds(
        lambda hours, cluster, is_complete, is_consistent: snapshot(
            night(0) + dt.timedelta(hours=hours), cluster, is_complete=is_complete, is_consistent=is_consistent
        ),
        st.integers(0, 3000),
        st.sampled_from(["east", "west"]),
        st.booleans(),
        st.booleans(),
    ),
    unique_by=lambda each: (each.cluster, each.snapshot_id),
    max_size=30,
)


@given(snapshots, numbers, numbers, numbers)
def test_the_newest_complete_one_always_stays(found, daily, weekly, monthly) -> None:
    """Whatever the policy, each cluster keeps its newest complete snapshot, and no more than periods ask for."""
    policy = KeepPolicy(daily, weekly, monthly + 1)
    verdicts = judge(found, policy)
    assert sorted(each.snapshot.snapshot_id for each in verdicts) == sorted(each.snapshot_id for each in found)
    for cluster in ("east", "west"):
        mine = [each for each in verdicts if each.snapshot.cluster == cluster]
        complete = [each for each in mine if each.snapshot.receipt.is_complete]
        if complete:
            newest = max(complete, key=lambda each: (each.snapshot.receipt.started_at, each.snapshot.snapshot_id))
            assert newest.is_kept
        assert sum(each.is_kept for each in complete) <= 1 + daily + weekly + monthly + 1


@given(snapshots, numbers, numbers)
def test_expiring_twice_expires_nothing_more(found, daily, weekly) -> None:
    """What is kept is kept again by the same policy, for the same reasons."""
    policy = KeepPolicy(daily, weekly, 1)
    first = [each for each in judge(found, policy) if each.is_kept]
    assert judge([each.snapshot for each in first], policy) == first


@pytest.fixture
def store(tmp_path):
    """Return a store of five nights and a staged export that has not ended."""
    for number in range(5):
        write_night(tmp_path, OBJECTS, taken_at=night(number))
    staged = tmp_path / WORK_FOLDER / "fleet.20260301T000000Z-abcdef"
    staged.mkdir(parents=True)
    (staged / "images-00000.parquet").write_bytes(b"staged")
    return Store(tmp_path)


def test_expired_snapshots_are_gone_and_nothing_else(store) -> None:
    """The folders are deleted, the rest is readable, and an unfinished export keeps what it staged."""
    first, *_, last = store.snapshots()
    expire(store, store.snapshots()[:4])
    assert store.snapshots() == [last]
    assert not first.folder.exists()
    assert [path.name for path in (store.folder / WORK_FOLDER).iterdir() if path.is_dir()] == [
        "fleet.20260301T000000Z-abcdef"
    ]


def test_killed_at_any_point_each_snapshot_is_whole_or_gone(store, monkeypatch) -> None:
    """A run that dies while deleting has hidden the snapshot already; the next run clears up."""

    def die(folder, **_):
        next(folder.iterdir()).unlink()
        raise KeyboardInterrupt

    expired = store.snapshots()[:3]
    monkeypatch.setattr(retention.shutil, "rmtree", die)
    with pytest.raises(KeyboardInterrupt):
        expire(store, expired)
    monkeypatch.undo()
    left = store.snapshots()
    assert len(left) == 4
    for each in left:
        each.check_parts()
    expire(store, [])
    assert not list((store.folder / WORK_FOLDER).glob("*.expired"))


def test_what_another_run_has_taken_is_no_error(store) -> None:
    """Two runs at once delete each snapshot once."""
    first = store.snapshots()[0]
    shutil.rmtree(first.folder)
    expire(store, [first])
    assert len(store.snapshots()) == 4


def test_what_cannot_be_deleted_is_said(store, monkeypatch) -> None:
    """Space that was not freed is an error, not silence."""
    monkeypatch.setattr(retention.shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(StoreError, match="Can't delete all of"):
        expire(store, store.snapshots()[:1])


def test_readers_never_meet_half_a_snapshot(store) -> None:
    """While snapshots expire, a reader that lists them over and over sees whole ones only, and no error."""
    faults, done = [], threading.Event()
    for number in range(5, 45):
        write_night(store.folder, OBJECTS, taken_at=night(number))

    def look():
        while not done.is_set():
            try:
                Store(store.folder).snapshots()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
                faults.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for each in store.snapshots()[:-1]:
            expire(store, [each])
    finally:
        done.set()
        reader.join()
    assert faults == []


def test_the_command_says_what_goes_before_it_goes(run, store) -> None:
    """A dry run prints the same rows and deletes nothing; the real one frees what it named."""
    arguments = ("snapshots", "expire", "--store", store.folder, "--keep-daily", 2, "--format", "json")
    trial = run(*arguments, "--dry-run")
    assert (trial.returncode, len(store.snapshots())) == (0, 5)
    assert b"3 of 5 snapshots would expire" in trial.stderr
    done = run(*arguments)
    assert done.stdout == trial.stdout
    assert [row["is_kept"] for row in json.loads(done.stdout)] == [False, False, False, True, True]
    assert [each.snapshot_id for each in store.snapshots()] == [
        row["snapshot_id"] for row in json.loads(done.stdout) if row["is_kept"]
    ]
    assert run("snapshots", "expire", "--store", store.folder).returncode == 2


def test_snapshots_with_a_broken_receipt_are_left_alone(run, store) -> None:
    """What can't be read can't be judged: it stays, and the exit code says so."""
    first = store.snapshots()[0]
    (first.folder / RECEIPT_NAME).write_bytes(b"{")
    done = run("snapshots", "expire", "--store", store.folder, "--keep-daily", 1)
    assert done.returncode == 4
    assert first.folder.is_dir()
    assert len(Store(store.folder).survey()[0]) == 1


def test_snapshots_can_be_compared_by_command(run, store) -> None:
    """Two ids, or their beginnings, give the difference; what can't be compared is refused with a word."""
    mixed = write_night(store.folder, [], taken_at=night(7), is_consistent=False)
    last = write_night(store.folder, [], taken_at=night(8))
    shown = run("snapshots", "diff", "20260303", last.snapshot_id, "--store", store.folder, "--format", "json")
    (row,) = json.loads(shown.stdout)
    assert (row["removed_image_count"], row["physical_delta_bytes"]) == (1, -1)
    images = run("snapshots", "diff", "--images", "--store", store.folder, "--format", "json")
    assert [each["change"] for each in json.loads(images.stdout)] == ["removed"]
    same = run("snapshots", "diff", "20260302", "20260303", "--store", store.folder, "--format", "json")
    assert (json.loads(same.stdout), b"no difference" in same.stderr) == ([], True)
    refused = run("snapshots", "diff", "20260303", mixed.snapshot_id, "--store", store.folder)
    assert (refused.returncode, b"not of one moment" in refused.stderr) == (2, True)
