"""How a list is asked for, resumed, read ahead and given up."""

from __future__ import annotations

import gzip
import os
import threading
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live import FLEET, NAMES, from_list, list_from, read, request

from indexer.client.answers import Answer, Status, _Details
from indexer.client.position import read_position
from indexer.client.read_ahead import read_ahead
from indexer.client.request import ListRequest, PageSize
from indexer.client.retry import Retries, RetryPolicy
from indexer.cluster import Timeouts, connect_server
from indexer.errors import ConfigurationError, UnavailableError
from indexer.loopback import Churn, Fault, LoopbackServer, RandomFaults, on_list
from indexer.loopback.faults import FAULTS, expire_on_list
from indexer.sample import generate_images
from indexer.sources.api import ApiSource


def source_of(server, **options):
    """Make a source over a loopback server."""
    return ApiSource(connect_server(server.url), request(**options))


@pytest.mark.parametrize("limit", [1, 7, 50, 230, 500])
def test_any_page_size_gives_all(limit):
    """The page size changes nothing about what comes."""
    with LoopbackServer(FLEET[:60]) as server:
        outcome = list_from(server, limit=limit)
    assert outcome.names == sorted(image["metadata"]["name"] for image in FLEET[:60])


def test_empty_cluster_is_a_list_too():
    """A cluster without Images is read to its end."""
    with LoopbackServer() as server:
        outcome = list_from(server)
    assert (outcome.exit_code, outcome.names, outcome.report.expected_count) == (0, [], 0)


def test_the_request_is_as_the_api_wants_it():
    """Every page repeats the selectors; only the first names a resourceVersion; the agent and gzip are our own."""
    with LoopbackServer(FLEET) as server:
        options = {"label_selector": "!never", "resource_version": "10000000", "resource_version_match": "Exact"}
        outcome = list_from(server, limit=100, **options)
        first, second, *_ = (asked for asked in server.requests if asked.is_list)
    assert outcome.names == NAMES
    assert first.query == {
        "limit": "100",
        "labelSelector": "!never",
        "resourceVersion": "10000000",
        "resourceVersionMatch": "Exact",
    }
    assert set(second.query) == {"limit", "labelSelector", "continue"}
    assert first.header("user-agent").startswith("image-indexer/")
    assert (first.header("accept"), first.header("accept-encoding")) == ("application/json", "gzip")


def test_a_selector_makes_the_result_partial():
    """With a selector the server announces no count, and the result is not the whole resource."""
    with LoopbackServer(FLEET) as server:
        outcome = list_from(server, field_selector=f"metadata.name={NAMES[3]}")
    assert (outcome.names, outcome.report.completeness) == ([NAMES[3]], "partial")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"field_selector": "spec.x=1"}, 2),
        ({"resource_version": "99999999", "resource_version_match": "NotOlderThan"}, 2),
        ({"resource_version": "9999", "resource_version_match": "Exact"}, 3),
    ],
)
def test_refused_options_are_told(options, code):
    """Selectors and moments that the server refuses end at once, with its own words."""
    with LoopbackServer(FLEET) as server:
        server.store.compact()
        outcome = list_from(server, **options)
    assert outcome.exit_code == code, outcome.error
    assert outcome.names == []


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 0},
        {"resource_version_match": "Exact"},
        {"resource_version": "0", "resource_version_match": "Exact"},
    ],
)
def test_combinations_the_api_refuses_are_refused_before(options):
    """Options that can't work are a configuration error without any request."""
    with pytest.raises(ConfigurationError):
        ListRequest(**options)


def test_changes_between_pages_do_not_show():
    """Objects that come and go while the list is read are not in it: it shows one moment."""
    newcomers = list(generate_images(40, 99))
    with LoopbackServer(FLEET, script=Churn(3, 8, newcomers)) as server:
        first = server.store.resource_version
        outcome = list_from(server, limit=20)
        # The churn strikes before the first answer, too: compare with what the store held at that moment.
        moment = int(outcome.report.resource_versions[0])
        truth = [orjson.loads(item)["metadata"]["name"] for item in server.store.items_at(moment)]
        assert server.store.resource_version > moment >= first
    assert outcome.names == truth


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_resumed_list_goes_on_where_it_was(most):
    """From the point of any page a new source reads the rest, and reports the whole."""
    with LoopbackServer(FLEET) as server:
        before = read(source_of(server), most)
        source = source_of(server)
        source.resume(before.points[-1])
        rest = read(source)
        undisturbed = list_from(server)
    assert before.names + rest.names == NAMES
    assert rest.report == undisturbed.report
    assert source.request_key == source_of(server).request_key != source_of(server, label_selector="a").request_key


def test_a_resumed_list_that_had_ended_yields_nothing():
    """From the point of the last page nothing follows."""
    with LoopbackServer(FLEET) as server:
        point = list_from(server).points[-1]
        source = source_of(server)
        source.resume(point)
        assert read(source).names == []
    assert read_position(point).is_at_end


def test_a_resumed_list_whose_token_died_starts_again():
    """A token that expired between two runs voids the first run's pages before anything else is yielded."""
    with LoopbackServer(FLEET) as server:
        before = read(source_of(server), 2)
        server.store.compact()
        source = source_of(server)
        source.resume(before.points[-1])
        after = read(source)
    assert (after.names, len(after.restarts), after.report.is_consistent) == (NAMES, 1, True)


def test_a_resumed_list_may_go_on_inconsistently():
    """With `continue` a resumed list goes on after the key where it broke."""
    with LoopbackServer(FLEET) as server:
        before = read(source_of(server), 2)
        server.store.compact()
        source = source_of(server, on_expired="continue")
        source.resume(before.points[-1])
        after = read(source)
    assert before.names + after.names == NAMES
    assert (after.report.is_consistent, after.report.broken_at) == (False, NAMES[99])


def test_a_broken_point_is_a_configuration_error():
    """What is no resume point is refused by name."""
    with pytest.raises(ConfigurationError, match="--no-resume"):
        read_position(b'{"page_count":"x"}')


def test_the_whole_list_has_a_deadline():
    """A list that takes longer than it may ends in exit 5."""
    with LoopbackServer(FLEET, script=from_list(2, Fault(bytes_per_second=20_000))) as server:
        outcome = list_from(server, timeouts=Timeouts(total_seconds=0.3))
    assert outcome.exit_code == 5
    assert "longer than it may" in str(outcome.error)


def test_the_next_page_is_fetched_meanwhile_but_not_many():
    """While a page is in use the following ones are fetched, up to a fixed number."""
    with LoopbackServer(FLEET) as server:
        pages = source_of(server, limit=10).pages()
        next(pages)
        time.sleep(0.3)
        fetched = sum(asked.is_list for asked in server.requests)
        pages.close()
    assert fetched == 3


def test_a_consumer_that_leaves_ends_the_reading():
    """When the consumer stops, the thread that reads ahead stops soon, even in the middle of a back-off."""
    patient = RetryPolicy(wait_initial_seconds=0.05, wait_max_seconds=0.05, wait_jitter_seconds=0)
    with LoopbackServer(FLEET, script=from_list(2, FAULTS["503"])) as server:
        pages = source_of(server, retries=patient).pages()
        next(pages)
        pages.close()
        deadline = time.monotonic() + 5
        while any(thread.name == "read-ahead" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.02)


@given(st.lists(st.integers()), st.integers(1, 5), st.integers(0, 20))
@settings(max_examples=50, deadline=None)
def test_reading_ahead_changes_nothing(items, depth, failing_at):
    """Reading ahead yields the same items in the same order, then the same exception."""

    def source():
        for position, item in enumerate(items):
            if position == failing_at:
                raise KeyError(position)
            yield item

    seen, failure = [], None
    try:
        seen.extend(read_ahead(source(), depth, lambda: None))
    except KeyError as error:
        failure = error
    assert seen == items[:failing_at] if failure else seen == items
    assert (failure is not None) == (failing_at < len(items))


def test_page_sizes_never_leave_their_bounds():
    """Halving stops at one object; doubling stops at what a time-out has shown to be too much."""
    size = PageSize(500)
    for expected in (1000, 2000, 2000):
        size.double()
        assert size.current == expected
    for _ in range(20):
        size.halve()
    assert size.current == 1
    size.double()
    assert size.current == 1


def test_patience_is_a_budget_for_the_run():
    """Time spent on failing pages adds up over the run; a page that comes does not give it back."""
    seconds = [0.0]
    retries = Retries(RetryPolicy(budget_seconds=10), clock=lambda: seconds[0])
    retries.succeeded()
    error = UnavailableError("busy", cause="overload")
    for page in range(3):
        assert retries._decide(error) is True, page
        seconds[0] += 4
        retries.succeeded()
    assert retries._decide(error) is False


def test_a_server_that_says_retry_at_once_is_not_hammered():
    """A Retry-After of nothing still waits, one of hours is capped."""
    retries = Retries(RetryPolicy(wait_jitter_seconds=0))
    retries.succeeded()
    for asked, wait in ((0, 0.5), (3, 3), (1e9, 60), (float("nan"), 60)):
        assert retries._decide(UnavailableError("busy", cause="overload", retry_after_seconds=asked)) == wait


WAITS = {
    "120": 120,
    " 7 ": 7,
    "Fri, 31 Dec 1999 23:59:59 GMT": 59,
    "Friday, 31-Dec-99 23:59:59 GMT": 59,
    "Fri, 31 Dec 1999 23:00:00 GMT": 0,
    "soon": 3,
    "-5": 3,
    "²": 3,
    "Fri, 31 Dec 99999999999999999999 23:59:59 GMT": 3,
}


@pytest.mark.parametrize("stated", WAITS)
def test_retry_after_is_seconds_or_a_date(stated):
    """Both forms of RFC 9110 count, a date by the server's own clock; anything else leaves the word to the Status."""
    status = Status(details=_Details(retry_after_seconds=3))
    headers = {"Retry-After": stated, "Date": "Fri, 31 Dec 1999 23:59:00 GMT"}
    answer = Answer(429, headers, status, "https://api.example.com", is_continued=False, has_options=False)
    assert answer.retry_after_seconds == WAITS[stated]


def test_broken_compression_is_tried_again():
    """A gzip body that ends early or is damaged is a broken answer, not a short list."""
    body = gzip.compress(orjson.dumps({"kind": "ImageList", "items": []}))
    with LoopbackServer(FLEET) as server:
        for broken in (body[:30], body[:-1] + b"?"):
            headers = (("Content-Encoding", "gzip"),)
            server.script = on_list({1: Fault(FAULTS["500"].answer._replace(status=200, body=broken, headers=headers))})
            server._counts = [0, 0]
            outcome = list_from(server)
            assert (outcome.names, outcome.report.retry_count) == (NAMES, 1)


class Witness:
    """A script that spoils and changes at random, and remembers what each list from the start would show."""

    def __init__(self, seed):
        self.faults = RandomFaults(seed, 0.35, (*FAULTS, "expire"))
        self.churn = Churn(seed, 1.5, list(generate_images(30, seed + 1000)))
        self.truths = {}

    def __call__(self, asked, store):
        """Change, note the truth, spoil."""
        self.churn(asked, store)
        fault = self.faults(asked, store)
        if asked.is_list and "continue" not in asked.query:
            moment = store.resource_version
            self.truths[str(moment)] = [name for name, _ in store.names_at(moment)]
        return fault


def check_truth(outcome, truths):
    """Check that a run shows one moment exactly, or an inconsistent one up to the key where it broke."""
    report = outcome.report
    truth = truths[report.resource_versions[0]]
    if report.is_consistent:
        assert outcome.names == truth
        return
    first = [name for name in truth if name <= report.broken_at]
    assert outcome.names[: len(first)] == first
    assert len(report.resource_versions) == 1 + report.expired_count
    assert outcome.names == sorted(set(outcome.names))


def check_run(seed):
    """Run one list under random faults; gives its exit code."""
    witness = Witness(seed)
    with LoopbackServer(FLEET[:150], script=witness) as server:
        outcome = list_from(server, limit=20, on_expired=("restart", "continue", "fail")[seed % 3])
    assert server.failures == []
    if outcome.exit_code == 0:
        check_truth(outcome, witness.truths)
    return outcome.exit_code


def test_random_faults_give_the_truth_of_one_moment_or_nothing():
    """Under random faults and changes a run ends in exactly one moment's Images, or in a designed failure.

    IMAGE_INDEXER_RUNS in the environment asks for more runs than the few of every day.
    """
    codes = [check_run(seed) for seed in range(int(os.environ.get("IMAGE_INDEXER_RUNS", "60")))]
    assert set(codes) <= {0, 3, 5}
    assert codes.count(0) > len(codes) / 2


def test_a_restart_forgets_the_old_moment():
    """After a restart only the new moment is reported, and the counts are of the new list."""
    with LoopbackServer(FLEET, script=expire_on_list(3)) as server:
        server.store.touch()
        report = list_from(server).report
    assert (report.expired_count, len(report.resource_versions), report.page_count) == (1, 1, 3)
