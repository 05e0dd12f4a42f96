"""The loopback server answers what real servers were recorded to answer: status, headers that matter, body keys."""

from __future__ import annotations

import pytest
from loopback_client import get
from recorded_answers import HEADERS_THAT_MATTER, event_shapes, read_recorded, shape

from indexer.loopback import Access, Fault, ImageStore, LoopbackServer, answers
from indexer.sample import generate_images

FIRST_VERSION = 4_596
ACCESS = {"reader": "reader-lab", "nobody": "nobody-lab", "admin": "admin-lab"}

LISTS = (
    "b-list-limit5-page1",
    "b-list-limit5-page2",
    "b-list-last-page",
    "b-list-fieldselector",
    "b-continue-nolimit",
    "b-limit0",
    "b-400-limit-negative",
    "b-rvm-exact",
    "b-rvm-exact-nolimit",
    "b-rvm-notolder",
    "b-rvm-rv-unset-match",
    "b-rvm-rv0",
    "b-rvm-rv0-limit",
    "b-http11",
    "b-http11-compact",
    "b-gzip-limit500",
    "b-gzip-small",
    "b-useragent-mozilla",
    "b-partialmeta",
    "b-table",
)
REFUSALS = (
    "401",
    "403",
    "b-401",
    "b-403",
    "b-403-anonymous",
    "b-400-limit-nan",
    "b-400-continue-with-rv",
    "b-404-group",
    "b-404-object",
    "b-accept-unknown",
    "b-head",
    "b-rvm-exact-rv0",
    "b-rvm-match-bad",
    "b-rvm-match-without-rv",
    "b-rvm-rv-garbage",
    "b-table-noversion",
    "b-watch-rv-garbage",
    "b-watchlist-nomatch",
)
# The words of Go's JSON parser, and numbers of the recorded cluster, are not ours.
REFUSALS_IN_OTHER_WORDS = (
    "400",
    "b-400-continue-garbage",
    "b-400-continue-badjson",
    "b-rvm-future",
    "b-rvm-exact-future",
)
EXPIRED = ("410", "b-410-exact", "b-410-exact-rv2")
DOWN = {
    "429": answers.too_many_requests(),
    "b-429-apf-0": answers.too_many_requests(),
    "b-503-aggregated-down-0": answers.unreachable(),
    "b-timeout-1ms": answers.timed_out(),
}


@pytest.fixture(scope="module")
def server():
    """Run a server with the recorded resource versions within reach."""
    store = ImageStore(generate_images(1_400, 3), FIRST_VERSION)
    for _ in range(400):
        store.touch()
    with store, LoopbackServer(store, access=Access(ACCESS, {"reader-lab", "admin-lab"})) as running:
        yield running
    assert running.failures == []


@pytest.fixture
def compare(shared):
    """Give a function that asks a server as recorded and compares everything but the body."""

    def compared(server, name):
        recorded = read_recorded(shared / "samples" / "apiserver", name)
        answer = get(server, recorded.target, method=recorded.method, headers=recorded.headers)
        assert answer.status == recorded.status
        assert {k.lower(): v for k, v in answer.headers.items() if k.lower() in HEADERS_THAT_MATTER} == (
            recorded.answer_headers
        )
        assert sorted({*answer.headers.getlist("cache-control")}) == recorded.cache_control
        return answer.data, recorded.body

    return compared


@pytest.mark.parametrize("name", LISTS)
def test_lists(server, compare, name):
    """Lists have the recorded status, headers, key order and kinds, with the same keys in their metadata."""
    answered, recorded = compare(server, name)
    if recorded:
        assert shape(answered) == shape(recorded)


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(server, compare, name):
    """Refusals are the recorded ones, word for word."""
    answered, recorded = compare(server, name)
    if name not in {"b-head", "b-accept-unknown"}:
        assert shape(answered) == shape(recorded)


@pytest.mark.parametrize("name", REFUSALS_IN_OTHER_WORDS)
def test_refusals_in_other_words(server, compare, name):
    """Refusals with the recorded reason and keys whose message depends on the parser or the cluster."""
    answered, recorded = compare(server, name)
    assert shape(answered) | {"message": ""} == shape(recorded) | {"message": ""}


@pytest.mark.parametrize("name", EXPIRED)
def test_expired(compare, name):
    """410 comes with a token for a token and without one for an exact list, in the recorded words."""
    with ImageStore(generate_images(50, 3), 4_900) as store, LoopbackServer(store) as running:
        store.compact()
        answered, recorded = compare(running, name)
        assert shape(answered) == shape(recorded)


@pytest.mark.parametrize("name", DOWN)
def test_faults_in_front_of_the_image_server(compare, name):
    """Scripted 429, 503 and 504 look like the recorded ones."""
    with LoopbackServer(script=lambda *_: Fault(DOWN[name])) as running:
        answered, recorded = compare(running, name)
        if name != "b-503-aggregated-down-0":  # its text names a port
            assert shape(answered) == shape(recorded)


def test_unknown_resource_of_a_known_group(server):
    """A resource that the group lacks is a Status, an unknown group plain text."""
    answer = get(server, "/apis/image.openshift.io/v1/nosuch", headers={"Authorization": "Bearer reader"})
    assert (answer.status, answer.json()["reason"], answer.json()["details"]) == (404, "NotFound", {})


@pytest.mark.parametrize("name", ["b-watch-bookmarks", "b-watch-nobookmarks", "b-watch-partialmeta", "b-watch-too-old"])
def test_watches(shared, name):
    """Events and bookmarks have the recorded kinds and keys, and are never compressed."""
    recorded = read_recorded(shared / "samples" / "apiserver", name)
    images = list(generate_images(30, 4))
    version = 100 if name == "b-watch-too-old" else 4_722
    with ImageStore(images, version) as store, LoopbackServer(store) as running:
        changed = images[0]["metadata"]["name"]
        store.add(images[0] | {"dockerImageReference": "changed"})
        store.delete(changed)
        store.add(images[0])
        if name == "b-watch-too-old":
            store.compact()
        target = recorded.target.partition("timeoutSeconds")[0] + "timeoutSeconds=0.1"
        answer = get(running, target, headers={**recorded.headers, "accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    answered, expected = event_shapes(answer.data), event_shapes(recorded.body)
    assert answered
    # What the recording shows is among what happened here, and the other way round.
    kinds = {kind for kind, _ in answered} & {kind for kind, _ in expected}
    assert {event for event in answered if event[0] in kinds} == {event for event in expected if event[0] in kinds}
