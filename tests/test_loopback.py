"""The loopback server's honest answers: pages, exact snapshots, selectors, forms, watches, access."""

from __future__ import annotations

import json
import threading
from contextlib import suppress

import pytest
import urllib3
from loopback_client import IMAGES, get, names, page, walk, watch

from indexer.loopback import Access, ImageStore, LoopbackServer, items_of_pages, on_list
from indexer.sample import generate_images, list_pages

FLEET = list(generate_images(730, 11))
SORTED = sorted(image["metadata"]["name"] for image in FLEET)


@pytest.fixture
def server():
    """Run a server over a small fleet that nothing disturbs."""
    with LoopbackServer(FLEET) as running:
        yield running
    assert running.failures == []


def named(image, name):
    """Rename an object."""
    return image | {"metadata": image["metadata"] | {"name": name}}


def test_pages_give_every_object_once_and_unchanged(server):
    """A walk over all pages gives the objects that went in, sorted by name, at one resource version."""
    pages = walk(server)
    assert names(*pages) == SORTED
    by_name = {image["metadata"]["name"]: image for image in FLEET}
    assert all(item == by_name[item["metadata"]["name"]] for document in pages for item in document["items"])
    assert len({document["metadata"]["resourceVersion"] for document in pages}) == 1


def test_remaining_count_counts_down_and_ends(server):
    """Returned and remaining add up on every page; the last page has neither token nor count."""
    pages, returned = walk(server, limit=200), 0
    for document in pages[:-1]:
        returned += len(document["items"])
        assert document["metadata"]["remainingItemCount"] == len(FLEET) - returned
    assert list(pages[-1]["metadata"]) == ["resourceVersion"]


@pytest.mark.parametrize("query", ["", "limit=0", "limit=-1", "resourceVersion=0&limit=5"])
def test_no_limit_is_everything(server, query):
    """Without a limit, or where the server takes no notice of it, one body holds all."""
    assert names(page(server, query)) == SORTED


def test_token_without_limit_gives_the_rest(server):
    """A token alone gives all that follows in one body."""
    first = page(server, "limit=30")
    rest = page(server, f"continue={first['metadata']['continue']}")
    assert names(first, rest) == SORTED


def test_served_pages_can_be_served_again():
    """The committed form and the served form are the same."""
    images = sorted(FLEET, key=lambda image: image["metadata"]["name"])
    with LoopbackServer(items_of_pages(list_pages(images, 5, 100))) as running:
        assert names(*walk(running)) == SORTED


def test_large_bodies_are_chunked_and_zipped_on_request(server):
    """Large lists have no length; gzip comes only for large bodies and only if accepted."""
    large = get(server, IMAGES, headers={"Accept-Encoding": "gzip"})
    assert large.headers["Content-Encoding"] == "gzip"
    assert "Content-Length" not in large.headers
    small = get(server, f"{IMAGES}?fieldSelector=metadata.name%3Dnone", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers
    assert small.headers["Content-Length"] == str(len(small.data))


def test_zipped_body_is_the_plain_body(server):
    """What comes compressed is what comes plain."""
    zipped = get(server, headers={"Accept-Encoding": "gzip"})
    assert json.loads(zipped.data) == page(server)


def test_people_get_indented_json(server):
    """A program for people gets the same document, indented."""
    indented = get(server, f"{IMAGES}?limit=3", headers={"User-Agent": "curl/8.0"}).data
    assert indented.startswith(b'{\n  "kind": "ImageList"')
    assert json.loads(indented) == page(server, "limit=3")


def test_list_is_exact_while_objects_come_and_go():
    """Deletions, additions and changes between pages do not show; the next list shows them all."""
    added = named(FLEET[0], "sha256:" + "f" * 64)

    def change(store):
        for name in SORTED[::7]:
            store.delete(name)
        store.add(added)
        store.add(FLEET[5] | {"dockerImageReference": "changed"})

    with LoopbackServer(FLEET, script=on_list({2: change, 5: lambda store: store.delete(SORTED[1])})) as running:
        first = walk(running)
        assert names(*first) == SORTED
        assert "changed" not in [item["dockerImageReference"] for document in first for item in document["items"]]
        expected = sorted({*SORTED, added["metadata"]["name"]} - {*SORTED[::7], SORTED[1]})
        second = walk(running)
        assert names(*second) == expected
        assert second[0]["metadata"]["remainingItemCount"] == len(expected) - 100
        old = first[0]["metadata"]["resourceVersion"]
        assert names(page(running, f"resourceVersion={old}&resourceVersionMatch=Exact")) == SORTED
        assert len(running.store) == len(expected)


def test_deleted_object_can_return():
    """A name that was deleted and added again is there, with its new resource version, and its past stays."""
    with ImageStore(FLEET[:3]) as store:
        name, first = FLEET[0]["metadata"]["name"], store.resource_version
        gone = store.delete(name)
        back = store.add(FLEET[0])
        assert [len(list(store.items_at(version))) for version in (first, gone, back)] == [3, 2, 3]
        assert json.loads(store.find(name))["metadata"]["resourceVersion"] == str(back)


def test_compacted_token_gets_410_with_a_way_on(server):
    """After compaction the token is refused with a new one; the rest comes from the present, at another version."""
    first = page(server, "limit=100")
    server.store.delete(SORTED[50])
    server.store.delete(SORTED[150])
    server.store.compact()
    refused = get(server, f"{IMAGES}?limit=100&continue={first['metadata']['continue']}")
    assert (refused.status, refused.json()["reason"]) == (410, "Expired")
    rest = page(server, f"continue={refused.json()['metadata']['continue']}")
    assert rest["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert names(first, rest) == [name for name in SORTED if name != SORTED[150]]
    exact = get(server, f"{IMAGES}?resourceVersion={first['metadata']['resourceVersion']}&resourceVersionMatch=Exact")
    assert (exact.status, exact.json()["metadata"]) == (410, {})


def test_compaction_by_clock_spares_the_last_interval(server):
    """What the clock compacts is older than one interval, never younger."""
    server.store.compact_by_clock(0.2)
    token = page(server, "limit=10")["metadata"]["continue"]
    assert get(server, f"{IMAGES}?limit=10&continue={token}").status == 200
    threading.Event().wait(0.5)
    assert get(server, f"{IMAGES}?limit=10&continue={token}").status == 410


def test_selectors_hide_the_remaining_count():
    """Labels and names select; with a selector no count is given, and a last page may be empty."""
    labelled = [image | {"metadata": image["metadata"] | {"labels": {"team": "a"}}} for image in FLEET[:9]]
    with LoopbackServer([*labelled, *FLEET[9:]]) as running:
        found = page(running, "labelSelector=team%3Da&limit=4")
        assert len(found["items"]) == 4
        assert list(found["metadata"]) == ["resourceVersion", "continue"]
        assert len(page(running, "labelSelector=team%3Da")["items"]) == 9
        assert len(page(running, "labelSelector=!team")["items"]) == len(FLEET) - 9
        assert names(page(running, f"fieldSelector=metadata.name%3D{SORTED[3]}")) == [SORTED[3]]
        assert get(running, f"{IMAGES}?fieldSelector=spec.x%3D1").status == 400


def test_forms_of_a_list(server):
    """Metadata only and tables page like lists; one object by name comes with its kind."""
    partial = page(
        server, "limit=2", headers={"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
    )
    assert [list(item) for item in partial["items"]] == [["kind", "apiVersion", "metadata"]] * 2
    table = page(server, "limit=2", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"})
    assert [row["cells"][0] for row in table["rows"]] == SORTED[:2]
    one = get(server, f"{IMAGES}/{SORTED[0]}").json()
    assert list(one)[:2] == ["kind", "apiVersion"]
    assert one["metadata"]["name"] == SORTED[0]


def test_watch_tells_changes_in_order(server):
    """Additions, changes and deletions after a version come as events with kind, then a bookmark at the end."""
    version = server.store.resource_version
    server.store.add(named(FLEET[0], "sha256:new"))
    server.store.add(named(FLEET[0], "sha256:new") | {"dockerImageReference": "changed"})
    server.store.delete(SORTED[0])
    events = watch(server, f"resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=0.2")
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    assert [event["object"]["metadata"]["resourceVersion"] for event in events] == [
        str(version + step) for step in (1, 2, 3, 3)
    ]
    assert all(event["object"]["kind"] == "Image" for event in events)
    assert "name" not in events[-1]["object"]["metadata"]


def test_watch_sees_changes_while_it_waits(server):
    """A change made while the watch is open arrives before its end; other resources' writes move the bookmark."""
    version = server.store.resource_version
    changes = threading.Timer(0.1, lambda: (server.store.delete(SORTED[4]), server.store.touch()))
    changes.start()
    events = watch(server, f"resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=0.4")
    changes.join()
    assert [event["type"] for event in events] == ["DELETED", "BOOKMARK"]
    assert events[-1]["object"]["metadata"]["resourceVersion"] == str(version + 2)


def test_watch_bookmarks_come_by_the_clock():
    """Bookmarks come in every interval, and none unless asked for."""
    with LoopbackServer(FLEET[:5], bookmark_seconds=0.1) as running:
        query = f"resourceVersion={running.store.resource_version}&timeoutSeconds=0.35"
        assert len(watch(running, query + "&allowWatchBookmarks=1")) >= 3
        assert watch(running, query) == []


@pytest.mark.parametrize("query", ["timeoutSeconds=0.1", "resourceVersion=0&timeoutSeconds=0.1"])
def test_watch_from_nowhere_starts_with_everything(server, query):
    """Without a version every object comes as ADDED first, without an end mark."""
    events = watch(server, query)
    assert sorted(event["object"]["metadata"]["name"] for event in events) == SORTED
    assert {event["type"] for event in events} == {"ADDED"}


def test_streaming_list_ends_with_its_bookmark(server):
    """Initial events end with an annotated bookmark."""
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=0.1"
    events = watch(server, query)
    end = events[len(FLEET)]
    assert end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_watch_from_too_long_ago_and_from_the_future(server):
    """Too old is one ERROR event in a 200; the future is silence until the time-out."""
    version = server.store.resource_version
    server.store.compact()
    events = watch(server, f"resourceVersion={version}&timeoutSeconds=5")
    assert [(event["type"], event["object"]["code"]) for event in events] == [("ERROR", 410)]
    assert watch(server, "resourceVersion=99999999&allowWatchBookmarks=1&timeoutSeconds=0.1") == []


def test_rolled_server_ends_watches_cleanly(server):
    """Stopping watches ends the body properly, long before its time-out."""
    stop = threading.Timer(0.1, server.stop_watches)
    stop.start()
    assert watch(server, f"resourceVersion={server.store.resource_version}&timeoutSeconds=30") == []
    stop.join()


def test_access_by_token():
    """No credentials: 403; a wrong token: 401; a user without the right: 403; tokens can expire while it runs."""
    access = Access(tokens={"good": "reader", "weak": "nobody"}, readers={"reader"})
    with LoopbackServer(FLEET[:3], access=access) as running:

        def status(token):
            return get(running, headers={"Authorization": f"Bearer {token}"} if token else {}).status

        assert [status(token) for token in ("", "wrong", "weak", "good")] == [403, 401, 403, 200]
        access.tokens = {"newer": "reader"}
        assert [status(token) for token in ("good", "newer")] == [401, 200]


def test_requests_are_kept(server):
    """Tests can see what a client asked, lists counted apart."""
    get(server, "/version")
    walk(server, limit=300)
    assert [request.list_number for request in server.requests] == [0, 1, 2, 3]
    assert server.requests[1].query == {"limit": "300"}


def test_closing_cuts_what_is_under_way():
    """A server that stops does not wait for an open watch."""
    with LoopbackServer(FLEET[:3]) as running:
        query = f"{IMAGES}?watch=1&resourceVersion={running.store.resource_version}&timeoutSeconds=60"

        def ask():
            with suppress(urllib3.exceptions.HTTPError):
                get(running, query)

        client = threading.Thread(target=ask)
        client.start()
        while not running.watch_count:
            threading.Event().wait(0.01)
    client.join(5)
    assert not client.is_alive()
