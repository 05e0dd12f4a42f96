"""Totals of a snapshot are added up once, found only for what they are of, and never needed."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
import time
from pathlib import Path

import pytest
from fleets import image
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nights import night, spoil_rows, write_night
from random_fleets import fleets

from indexer import index_tables, kept_totals, query_index
from indexer.catalog import open_catalog
from indexer.kept_totals import SUFFIX, totals_path
from indexer.store import Store

TOTALS = "SELECT * FROM all_snapshots.snapshot_totals ORDER BY cluster, snapshot_id"
ASKED = ("growth", "growth-forecast")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keep totals of however few images, in a folder of this test."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
    return tmp_path / "cache"


@pytest.fixture
def store(tmp_path):
    """Write nights of two clusters that grow, the last one partial."""
    folder = tmp_path / "store"
    for cluster, factor in (("east", 1), ("west", 7)):
        for number in range(4):
            objects = [image(f"image {n}", ("base", 100), (f"layer {n}", factor * n)) for n in range(2 * number)]
            said = {} if number < 3 else {"is_complete": False, "completeness": "partial"}
            write_night(folder, objects, cluster, night(number), **said)
    return folder


def asked(folder, **options):
    """Open the views and return what the queries over many nights answer."""
    with open_catalog(folder, **options) as catalog:
        return [catalog.query(name).fetchall() for name in ASKED]


def rows_of_the_view(folder, **options):
    """Open the views and return the totals of every snapshot."""
    with open_catalog(folder, **options) as catalog:
        return catalog.sql(TOTALS).fetchall()


def kept(folder):
    """Return the names of the files of totals."""
    return sorted(path.name for path in folder.glob(f"*{SUFFIX}"))


def remove_parts(folder):
    """Delete the parts of all snapshots that the views do not show."""
    shown = {snapshot.folder for snapshot in Store(folder).latest()}
    for path in folder.glob("cluster=*/*/*.parquet"):
        if path.parent not in shown:
            path.unlink()


def test_totals_are_added_up_once(store, cache) -> None:
    """A file a snapshot; with the parts of older nights gone, the same answers come from the files."""
    pure = asked(store, use_index=False)
    assert not cache.exists()
    assert asked(store) == pure
    assert kept(cache) == sorted(totals_path(snapshot).name for snapshot in Store(store).snapshots())
    assert all(path.stat().st_mode & 0o077 == 0 for path in cache.iterdir())
    remove_parts(store)
    assert asked(store) == pure
    assert asked(store, clusters=("west",)) == [[row for row in rows if row[0] == "west"] for rows in pure]


def test_a_new_night_is_added_up_alone(store, cache) -> None:
    """With one snapshot more, one more is kept; those before it are not read again."""
    asked(store)
    remove_parts(store)
    write_night(store, [image("new", ("new", 5))], "east", night(5))
    count = len(kept(cache))
    assert ("east", 1, 1, 5, 5) in [(row[0], *row[4:8]) for row in asked(store)[0]]
    assert len(kept(cache)) == count + 1


@pytest.mark.usefixtures("cache")
def test_totals_of_what_the_index_has_come_from_it(store) -> None:
    """The rows of a snapshot that is shown are not read from the store again."""
    pure = asked(store, use_index=False)
    with open_catalog(store):
        pass
    for snapshot in Store(store).latest():
        for path in snapshot.part_paths:
            spoil_rows(path)
    assert asked(store) == pure


DAMAGED = {
    "empty": lambda text: text[:0],
    "cut": lambda text: text[: len(text) // 2],
    "no text": lambda text: b"\xff" + text,
    "of another snapshot": lambda text: text.replace(json.loads(text)["name"].encode(), b"0" * 64),
    "a column less": lambda text: json.dumps(
        {"name": json.loads(text)["name"], "figures": {"image_count": 1}}
    ).encode(),
    "a figure that is none": lambda text: text.replace(b'"image_count":', b'"image_count":"many","x":'),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_file_is_written_again(store, cache, damage) -> None:
    """What can't be read, or is of another snapshot, counts as missing."""
    pure = asked(store)
    before = {path.name: path.read_bytes() for path in cache.glob(f"*{SUFFIX}")}
    for path in cache.glob(f"*{SUFFIX}"):
        path.write_bytes(damage(path.read_bytes()))
    assert asked(store) == pure
    assert {path.name: path.read_bytes() for path in cache.glob(f"*{SUFFIX}")} == before


@pytest.mark.usefixtures("cache")
def test_stale_totals_are_not_found(store, monkeypatch) -> None:
    """Another SQL of the views or another receipt means another file."""
    first, *others = Store(store).snapshots()
    path = totals_path(first)
    assert path not in {totals_path(other) for other in others}
    receipt = first.folder / "_receipt.json"
    receipt.write_bytes(receipt.read_bytes().replace(first.receipt.parts[0].sha256.encode(), b"0" * 64))
    assert totals_path(Store(store).snapshots()[0]) != path
    monkeypatch.setattr(index_tables.queries, "macros_sql", lambda: "-- other macros")
    kept_totals._sources_hash.cache_clear()
    assert totals_path(first) != path
    monkeypatch.undo()
    kept_totals._sources_hash.cache_clear()


def test_several_at_once_keep_the_same(store, cache) -> None:
    """Catalogs that race get the same answers, and leave whole files and no others."""
    pure = asked(store, use_index=False)
    found = []
    threads = [threading.Thread(target=lambda: found.append(asked(store))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [pure] * 3
    assert kept(cache) == sorted(totals_path(snapshot).name for snapshot in Store(store).snapshots())
    remove_parts(store)
    assert asked(store) == pure


def test_threads_of_one_catalog_share_the_totals(store, cache) -> None:
    """Statements of several threads that ask first get the same rows."""
    pure = rows_of_the_view(store, use_index=False)
    found = []
    with open_catalog(store) as catalog:
        threads = [threading.Thread(target=lambda: found.append(catalog.sql(TOTALS).fetchall())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [pure] * 4


def test_small_snapshots_are_added_up_each_time(store, cache, monkeypatch) -> None:
    """Only large ones have files; both kinds stand in one answer, and where all are small nothing is written."""
    pure = asked(store, use_index=False)
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 3)
    assert asked(store) == pure
    assert rows_of_the_view(store) == rows_of_the_view(store, use_index=False)
    large = [snapshot for snapshot in Store(store).snapshots() if snapshot.receipt.image_count >= 3]
    assert 0 < len(large) < len(pure[0])
    assert kept(cache) == sorted(totals_path(snapshot).name for snapshot in large)


@pytest.mark.usefixtures("cache")
def test_nights_are_added_up_a_few_at_a_time(store, monkeypatch) -> None:
    """However many there are, no more images are before the engine than a share has, or a single snapshot."""
    pure = asked(store, use_index=False)
    snapshots = Store(store).snapshots()
    monkeypatch.setattr(kept_totals, "SHARE_IMAGE_COUNT", 6)
    shares = list(kept_totals._shares(snapshots))
    assert [each for share in shares for each in share] == snapshots
    assert all(len(share) == 1 or sum(each.receipt.image_count for each in share) <= 6 for share in shares)
    assert 1 < len(shares) < len(snapshots)
    assert asked(store) == pure


def test_a_cache_that_cannot_be_written_costs_only_time(store, tmp_path, cache, monkeypatch, caplog) -> None:
    """A file in place of the folder: a warning in the log, and the same answers."""
    pure = asked(store, use_index=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert asked(store) == pure
    assert "can't be kept" in caplog.text


def test_what_nobody_asked_for_in_months_goes(store, cache) -> None:
    """Files of snapshots and versions that are gone do not pile up; one that was asked for today stays."""
    asked(store)
    names = kept(cache)
    long_ago = time.time() - 200 * 86_400
    (cache / f"{'0' * 64}{SUFFIX}").write_bytes(b"{}")
    for path in cache.glob(f"*{SUFFIX}"):
        os.utime(path, (long_ago, long_ago))
    write_night(store, [image("new", ("new", 5))], "east", night(5))
    asked(store)
    assert {*names} < {*kept(cache)}
    assert len(kept(cache)) == len(names) + 1


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(fleets(), min_size=2, max_size=3))
def test_totals_of_random_fleets_are_those_of_the_views(nights) -> None:
    """Kept, read again, or added up each time: the same rows, whatever the images hold."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_INDEXER_CACHE", str(Path(folder) / "cache"))
        patch.setattr(query_index, "FROM_IMAGE_COUNT", 0)
        for day, objects in enumerate(nights):
            write_night(Path(folder) / "store", objects, "fleet", night(day))
        first, again, pure = (asked(Path(folder) / "store", use_index=kept) for kept in (True, True, False))
        assert first == again == pure
