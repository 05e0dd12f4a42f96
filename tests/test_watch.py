"""A watch publishes what a new list would show, whatever the server does in between."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import orjson
import pytest
from live import FLEET, QUICK, answer, request
from logins import kubeconfig

from indexer.client.watching import Watch, is_newer
from indexer.cluster import connect_configured, connect_server
from indexer.errors import ConfigurationError, DecodeError, ExpiredError, IncompleteError, SourceError
from indexer.ingest import IngestOptions
from indexer.loopback import Access, Churn, Fault, ImageStore, LoopbackServer
from indexer.loopback.answers import unauthorized
from indexer.loopback.faults import FAULTS
from indexer.sample import generate_images
from indexer.store import Store
from indexer.watch import WatchOptions, base_items, watch

NEWCOMERS = list(generate_images(20, 77))


def options(**more):
    """Publish after each change."""
    return WatchOptions(IngestOptions("lab"), **{"every_seconds": 0.5, "change_count": 1, "request": request()} | more)


def objects(snapshot):
    """Give all objects of a snapshot by name, as parsed JSON without what only a watch says."""
    items = {name: orjson.loads(item) for name, item in base_items(snapshot)}
    return {name: {key: item[key] for key in item if key not in {"kind", "apiVersion"}} for name, item in items.items()}


def truth(store, snapshot):
    """Give what a store held at the moment of a snapshot."""
    moment = int(snapshot.receipt.resource_versions[0])
    return {item["metadata"]["name"]: item for item in map(orjson.loads, store.items_at(moment))}


def on_watch(faults):
    """Spoil the n-th watch request."""
    seen = []

    def script(asked, store):
        if not asked.is_watch:
            return None
        seen.append(asked)
        fault = faults.get(len(seen))
        return fault(store) if callable(fault) else fault

    return script


@pytest.fixture
def server():
    """Run a server whose watches send bookmarks often."""
    with LoopbackServer(FLEET[:60], bookmark_seconds=0.2) as running:
        yield running
    assert running.failures == []


def test_changes_become_whole_snapshots(server, tmp_path):
    """Added, changed and deleted Images are in the next snapshot, complete and consistent at a later moment."""
    snapshots = watch(connect_server(server.url), tmp_path, options(change_count=3))
    first = next(snapshots)
    server.store.add(NEWCOMERS[0])
    changed = FLEET[5] | {"metadata": FLEET[5]["metadata"] | {"labels": {"lab": "x"}}}
    server.store.add(changed)
    server.store.delete(FLEET[7]["metadata"]["name"])
    second = next(snapshots)
    snapshots.close()
    assert objects(first) == truth(server.store, first)
    assert objects(second) == truth(server.store, second)
    assert NEWCOMERS[0]["metadata"]["name"] in objects(second)
    assert FLEET[7]["metadata"]["name"] not in objects(second)
    assert second.receipt.resource_versions == [str(server.store.resource_version)]
    assert (second.receipt.is_complete, second.receipt.is_consistent) == (True, True)
    assert second.receipt.source == first.receipt.source == server.url


def test_nothing_new_publishes_nothing(server, tmp_path):
    """Intervals without a change publish nothing, and bookmarks move on without becoming Images."""
    snapshots = watch(connect_server(server.url), tmp_path, options(every_seconds=0.3, change_count=100))
    next(snapshots)

    def add_later():
        time.sleep(1)
        server.store.touch()
        server.store.add(NEWCOMERS[1])

    thread = threading.Thread(target=add_later)
    thread.start()
    second = next(snapshots)
    thread.join()
    snapshots.close()
    assert objects(second) == truth(server.store, second)
    assert len(Store(tmp_path).snapshots()) == 2


def test_a_watch_starts_from_the_newest_snapshot(server, tmp_path):
    """After a restart nothing is listed again: what changed meanwhile follows from the last snapshot's moment."""
    snapshots = watch(connect_server(server.url), tmp_path, options())
    next(snapshots)
    snapshots.close()
    lists = sum(asked.is_list for asked in server.requests)
    server.store.add(NEWCOMERS[2])
    snapshots = watch(connect_server(server.url), tmp_path, options())
    second = next(snapshots)
    snapshots.close()
    assert sum(asked.is_list for asked in server.requests) == lists
    assert objects(second) == truth(server.store, second)


def test_another_server_s_snapshot_is_no_start(server, tmp_path):
    """A snapshot of another server is not followed: everything is listed."""
    with LoopbackServer(FLEET[:10]) as other:
        snapshots = watch(connect_server(other.url), tmp_path, options())
        next(snapshots)
        snapshots.close()
    snapshots = watch(connect_server(server.url), tmp_path, options())
    assert len(objects(next(snapshots))) == 60
    snapshots.close()


@pytest.mark.parametrize("kind", ["429", "500", "503", "reset before the answer", "cut at the start"])
def test_a_broken_watch_connects_again(server, tmp_path, kind):
    """Refusals and broken connections that pass are tried again from the same position, without a new list."""
    server.script = on_watch({1: FAULTS[kind], 3: FAULTS[kind]})
    snapshots = watch(connect_server(server.url), tmp_path, options())
    next(snapshots)
    lists = sum(asked.is_list for asked in server.requests)
    for newcomer in NEWCOMERS[3:6]:
        server.store.add(newcomer)
        assert objects(snapshot := next(snapshots)) == truth(server.store, snapshot)
    snapshots.close()
    assert sum(asked.is_list for asked in server.requests) == lists


def test_a_watch_that_ends_early_goes_on(server, tmp_path):
    """A server that ends its watches after an event or at its own time is asked again."""
    server.script = on_watch(dict.fromkeys(range(1, 9), Fault(end_after_events=1)))
    snapshots = watch(connect_server(server.url), tmp_path, options(change_count=2))
    next(snapshots)
    for newcomer in NEWCOMERS[6:10]:
        server.store.add(newcomer)
    for _ in range(2):
        assert objects(snapshot := next(snapshots)) == truth(server.store, snapshot)
    snapshots.close()


@pytest.mark.parametrize("form", ["an event", "an answer"])
def test_an_expired_watch_lists_again(server, tmp_path, form):
    """A position that was compacted away, told by an ERROR event or by 410, leads to a new list."""
    snapshots = watch(connect_server(server.url), tmp_path, options())
    next(snapshots)
    snapshots.close()
    gone = FLEET[9]["metadata"]["name"]
    server.store.delete(gone)
    if form == "an event":
        server.store.compact()
    else:
        server.script = on_watch({1: answer(410, b'{"kind":"Status","code":410,"reason":"Expired"}')})
    snapshots = watch(connect_server(server.url), tmp_path, options())
    second = next(snapshots)
    snapshots.close()
    assert gone not in objects(second)
    assert objects(second) == truth(server.store, second)


def test_a_server_that_never_lets_itself_be_followed_is_an_error(server, tmp_path):
    """When every watch of a fresh list is too old, the run ends instead of listing for ever."""
    server.script = on_watch(dict.fromkeys(range(1, 99), answer(410)))
    with pytest.raises(IncompleteError, match="can't be followed"):
        list(watch(connect_server(server.url), tmp_path, options()))


def test_a_restored_server_is_noticed(server, tmp_path):
    """A server that is behind the position, as after a restore, would be silent: its list tells, and counts."""
    snapshots = watch(connect_server(server.url), tmp_path, options())
    for newcomer in NEWCOMERS[:3]:
        next(snapshots)
        server.store.add(newcomer)
    next(snapshots)
    snapshots.close()
    server.store.close()
    server.store = ImageStore(FLEET[:20])
    snapshots = watch(connect_server(server.url), tmp_path, options())
    assert len(objects(next(snapshots))) == 20
    snapshots.close()


def test_one_watch_a_cluster(server, tmp_path):
    """A second watch or export of the cluster refuses while the first one runs, and may run afterwards."""
    first = watch(connect_server(server.url), tmp_path, options())
    next(first)
    with pytest.raises(ConfigurationError, match="Another run"):
        next(watch(connect_server(server.url), tmp_path, options()))
    first.close()
    server.store.add(NEWCOMERS[11])
    second = watch(connect_server(server.url), tmp_path, options())
    assert next(second).receipt.image_count == 61
    second.close()


def test_a_refused_watch_is_refused(server):
    """403 ends a watch at once."""
    server.access = Access()
    with pytest.raises(SourceError, match="ClusterRole"):
        list(Watch(connect_server(server.url), "1", policy=QUICK).changes(1))


def test_credentials_are_loaded_again(server, tmp_path):
    """A 401 loads the credentials again, as in a list."""
    server.script = on_watch({1: Fault(unauthorized())})
    connection = connect_configured(kubeconfig=kubeconfig(tmp_path / "config", server.url, {"token": "t"}))
    server.store.add(NEWCOMERS[12])
    changes = list(Watch(connection, str(server.store.first_resource_version), policy=QUICK).changes(0.2))
    assert [change.kind for change in changes] == ["ADDED"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}', ExpiredError),
        (b'{"type":"ERROR","object":{"kind":"Status","code":403,"message":"no"}}', SourceError),
        (b'{"type":7,"object":{}}', DecodeError),
        (b'{"type":"ADDED"}', DecodeError),
    ],
)
def test_events_that_end_a_watch(server, line, error):
    """ERROR events and events that are none end a watch with the error they mean."""
    server.script = on_watch(dict.fromkeys(range(1, 99), answer(200, line + b"\n")))
    with pytest.raises(error):
        list(Watch(connect_server(server.url), "1", policy=QUICK).changes(0.2))


def test_unknown_and_old_events_are_dropped(server):
    """Unknown types, nameless bookmarks and what is not newer than the position are no changes."""
    events = [
        ("BOOKMARK", {"metadata": {"resourceVersion": "20"}}),
        ("ADDED", {"metadata": {"name": "sha256:old", "resourceVersion": "19"}}),
        ("NEW", {"metadata": {"name": "sha256:x", "resourceVersion": "21"}}),
        ("MODIFIED", {"metadata": {"name": "sha256:y", "resourceVersion": "22"}}),
    ]
    body = b"\n\n".join(orjson.dumps({"type": kind, "object": item}) for kind, item in events)
    server.script = on_watch({1: answer(200, body)})
    stream = Watch(connect_server(server.url), "10", policy=QUICK)
    changes = stream.changes(5)
    assert (next(changes).name, stream.position) == ("sha256:y", "22")
    changes.close()


def test_versions_are_compared_as_numbers():
    """9 is before 10; what is no number can only differ."""
    assert is_newer("10", "9")
    assert not is_newer("9", "10")
    assert is_newer("b", "a")
    assert not is_newer("a", "a")


def test_a_watch_under_random_changes_ends_in_the_truth(server, tmp_path):
    """However many changes come while snapshots are written, each snapshot shows exactly its moment."""
    churn = Churn(5, 1, NEWCOMERS)
    snapshots = watch(connect_server(server.url), tmp_path, options(change_count=4))
    next(snapshots)
    for _ in range(6):
        for _ in range(4):
            churn._change(server.store)
        assert objects(snapshot := next(snapshots)) == truth(server.store, snapshot)
    snapshots.close()


TERMINABLE = """
import signal, sys

def terminate(*_):
    sys.exit(143)

signal.signal(signal.SIGTERM, terminate)
from indexer.cluster import connect_server
from indexer.ingest import IngestOptions
from indexer.watch import WatchOptions, watch

for snapshot in watch(connect_server(sys.argv[1]), sys.argv[2], WatchOptions(IngestOptions("lab"))):
    print("published", flush=True)
"""


def test_a_watch_that_is_told_to_end_leaves_cleanly(server, tmp_path):
    """SIGTERM ends a silent watch at once: nothing is half published, and another may follow the cluster."""
    arguments = [sys.executable, "-c", TERMINABLE, server.url, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "published\n"
        started = time.monotonic()
        process.terminate()
        assert process.wait(20) == 143
    assert time.monotonic() - started < 5
    assert [path.name for path in (tmp_path / "_work").iterdir() if path.is_dir()] == []
    server.store.add(NEWCOMERS[13])
    snapshots = watch(connect_server(server.url), tmp_path, options())
    assert next(snapshots).receipt.image_count == 61
    snapshots.close()
