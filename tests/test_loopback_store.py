"""The loopback server's store against a model that simply keeps a copy of everything for every resource version."""

from __future__ import annotations

import json
import threading
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.loopback import ImageStore
from indexer.loopback.store import Expired

NAMES = ["a", "b", "c", "d", "e"]
STEPS = st.lists(st.tuples(st.sampled_from(["add", "delete", "touch"]), st.sampled_from(NAMES), st.integers(0, 9)))


def image(name, number, version="1"):
    """Make an object that differs by a number."""
    return {"metadata": {"name": name, "resourceVersion": version}, "number": number}


def apply(store, model, step):
    """Do one step to the store and to the model of the present."""
    kind, name, number = step
    if kind == "add":
        version = store.add(image(name, number))
        model[name] = image(name, number, str(version))
    elif kind == "delete" and name in model:
        store.delete(name)
        del model[name]
    else:
        store.touch()


@settings(deadline=None)
@given(st.sets(st.sampled_from(NAMES)), STEPS)
def test_every_past_version_stays_readable(first, steps):
    """After any steps, each version gives the objects it had, their count, and the changes since."""
    with ImageStore([image(name, 0) for name in sorted(first, reverse=True)]) as store:
        model = {name: image(name, 0) for name in first}
        past = {store.resource_version: dict(model)}
        for step in steps:
            apply(store, model, step)
            past[store.resource_version] = dict(model)
        for version, expected in past.items():
            found = [json.loads(item) for item in store.items_at(version)]
            assert found == [expected[name] for name in sorted(expected)]
            assert store.count_at(version) == len(expected)
            assert store.count_at(version, "c") == sum(name >= "c" for name in expected)


@settings(deadline=None)
@given(STEPS)
def test_changes_replay_to_the_present(steps):
    """The watch history, applied to the first version, gives the present."""
    with ImageStore([image(name, 0) for name in NAMES]) as store:
        model = {name: image(name, 0) for name in NAMES}
        replayed = dict(model)
        for step in steps:
            apply(store, model, step)
        for change in store.changes_after(store.first_resource_version):
            item = json.loads(store.read(change.place))
            assert item["metadata"]["resourceVersion"] == str(change.resource_version)
            if change.kind == "DELETED":
                del replayed[item["metadata"]["name"]]
            else:
                assert (change.kind == "MODIFIED") == (item["metadata"]["name"] in replayed)
                replayed[item["metadata"]["name"]] = item
        assert replayed == model


def test_compaction_forgets_the_past_and_keeps_the_present():
    """A compacted version can't be read or watched from; the present can."""
    with ImageStore([image(name, 0) for name in NAMES]) as store:
        old = store.resource_version
        store.delete("b")
        store.compact()
        with pytest.raises(Expired):
            list(store.items_at(old))
        with pytest.raises(Expired):
            store.changes_after(old)
        assert len(list(store.items_at(store.resource_version))) == len(store) == 4


def test_lists_are_exact_while_another_thread_writes():
    """A list read twice at the version it started with is the same, however busy a writer is."""
    with ImageStore([image(f"n{number:03}", 0) for number in range(200)]) as store:
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                number += 1
                store.add(image(f"n{number % 250:03}", number))
                with suppress(KeyError):
                    store.delete(f"n{number * 7 % 250:03}")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(40):
                version = store.resource_version
                assert list(store.items_at(version)) == list(store.items_at(version))
                assert store.count_at(version) == len(list(store.items_at(version)))
        finally:
            stop.set()
            writer.join()


def test_unknown_name_can_not_be_deleted():
    """Deleting what is not there is an error, also after a deletion."""
    with ImageStore([image("a", 0)]) as store:
        store.delete("a")
        with pytest.raises(KeyError):
            store.delete("a")
