"""The fault matrix: one row a fault, with what the server did, the exit code, what was published and the receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from live import FLEET, IMPATIENT, NAMES, answer, export_from, from_list, list_from

from indexer.loopback import Fault, LoopbackServer, on_list
from indexer.loopback.answers import forbidden, no_such_page, not_acceptable, unauthorized
from indexer.loopback.faults import FAULTS, expire_on_list, expire_token
from indexer.store import Store

if TYPE_CHECKING:
    from pathlib import Path

TABLE = orjson.dumps({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "rows": []})
HTML = b"<!DOCTYPE html><html><title>Log in</title></html>"


@dataclass
class Row:
    """What the server does, and what must follow; a run that ends in 0 has published every Image."""

    did: str
    script: Any
    exit_code: int = 0
    says: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def once(kind: str) -> Any:
    """Spoil the third page once, with a named fault."""
    return on_list({3: FAULTS[kind]})


def changing_moment(asked, store):
    """Answer the third request honestly, but as of another resourceVersion than the token's."""
    if asked.is_list and asked.list_number == 3:
        store.touch()
        asked.query.pop("continue")


def every_token_expired(asked, _store):
    """Answer 410 to everything but a first page."""
    return expire_token(asked) if "continue" in asked.query else None


def same_token(asked, _store):
    """Answer the second and every later page with the first one's own token."""
    if not asked.is_list or asked.list_number == 1:
        return None
    metadata = {"resourceVersion": "10000000", "continue": asked.query["continue"]}
    return answer(200, orjson.dumps({"kind": "ImageList", "metadata": metadata, "items": []}), "application/json")


def wrong_estimate(asked, _store):
    """Announce 999 more objects than the empty page holds, then end the list."""
    document = {"kind": "ImageList", "metadata": {"resourceVersion": "5", "remainingItemCount": 999}, "items": []}
    return answer(200, orjson.dumps(document), "application/json") if asked.is_list else None


def impossible_estimate(asked, _store):
    """Announce less than nothing on an empty first page, then end the list."""
    metadata = {"resourceVersion": "5", "continue": "more", "remainingItemCount": -1}
    if "continue" in asked.query:
        metadata = {"resourceVersion": "5"}
    document = {"kind": "ImageList", "metadata": metadata, "items": []}
    return answer(200, orjson.dumps(document), "application/json") if asked.is_list else None


RETRIED = {"retry_count": 1, "is_complete": True, "is_consistent": True, "expected_count": 230, "warnings": []}
FIRST = {"page_count": 0}
PASSES = ("429", "429 at once", "429 without Retry-After", "500", "502 in HTML", "503", "503 with Retry-After", "504")
BREAKS = ("cut at the start", "cut in the middle", "cut at the end", "reset before the answer", "reset in the body")

MATRIX = [
    Row("nothing wrong", None, report={"retry_count": 0, "page_count": 5, "expected_count": 230, "warnings": []}),
    *(Row(f"{kind} once in mid-list", once(kind), report=RETRIED) for kind in PASSES + BREAKS),
    *(Row(f"{kind} once at the start", on_list({1: FAULTS[kind]}), report=RETRIED) for kind in PASSES + BREAKS),
    Row("silence once", on_list({2: Fault(delay_seconds=0.3)}), report=RETRIED, options={"timeouts": IMPATIENT}),
    Row("empty 200 once", on_list({2: answer(200, b"", "application/json")}), report=RETRIED),
    Row("broken JSON once", on_list({2: answer(200, b'{"kind":"ImageList",<', "application/json")}), report=RETRIED),
    Row("Retry-After without sense", on_list({2: answer(429, b"", Retry_After="999999999")}), report=RETRIED),
    Row("an HTTP date as Retry-After", on_list({2: answer(503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT")})),
    Row("a Retry-After that only looks like a number", on_list({2: answer(429, b"", Retry_After="²")}), report=RETRIED),
    Row("408 of a balancer", on_list({2: answer(408, b"<html>408 Request Time-out</html>")}), report=RETRIED),
    Row("a 500 with broken JSON", on_list({2: answer(500, b'{"kind":"Status","code":"x"', "application/json")})),
    Row("503 from the start", from_list(1, FAULTS["503"]), 3, "not able to answer (503)", FIRST),
    Row("503 from page 2 on", from_list(2, FAULTS["503"]), 5, "broke off after page 1 (50 Images)"),
    Row("504 from page 2 on", from_list(2, FAULTS["504"]), 5, "ran out of time"),
    Row("resets from page 3 on", from_list(3, FAULTS["reset in the body"]), 5, "broke off after page 2"),
    Row("every body cut", from_list(1, FAULTS["cut in the middle"]), 5, "broke off at once"),
    Row("unfinished JSON for ever", from_list(2, answer(200, b'{"kind":"Im')), 5, "not whole JSON"),
    Row("401 from the start", from_list(1, Fault(unauthorized())), 3, "(401)", FIRST),
    Row("401 from page 3 on", from_list(3, Fault(unauthorized())), 5, "(401)", {"page_count": 2}),
    Row("403", from_list(1, Fault(forbidden("nobody", "list"))), 3, "ClusterRole", FIRST),
    Row(
        "403 without credentials", from_list(1, Fault(forbidden("system:anonymous", "list"))), 3, "No credentials were"
    ),
    Row("403 in mid-list", from_list(2, Fault(forbidden("nobody", "list"))), 5, "ClusterRole"),
    Row("404 of the group", from_list(1, Fault(no_such_page())), 3, "not an OpenShift API", FIRST),
    Row("406", from_list(1, Fault(not_acceptable(has_options=False))), 3, "does not answer in JSON", FIRST),
    Row("302 to a login page", from_list(1, answer(302, Location="/login")), 3, "redirects", FIRST),
    Row("418", from_list(1, answer(418, b"short and stout")), 3, "short and stout", FIRST),
    Row("http to https", from_list(1, answer(400, b"Client sent an HTTP request to an HTTPS server.")), 3, "https://"),
    Row("a selector refused", from_list(1, answer(400, b"bad")), 2, "selectors", options={"label_selector": "a=b"}),
    Row("a Table", from_list(1, answer(200, TABLE, "application/json")), 4, "Table", FIRST),
    Row("a login page with 200", from_list(1, answer(200, HTML, "text/html")), 4, "not JSON", FIRST),
    Row("a login page in mid-list", from_list(2, answer(200, HTML, "text/html")), 4, "not JSON"),
    Row("one Image", from_list(1, answer(200, b'{"kind":"Image"}', "application/json")), 4, "not an ImageList"),
    Row("JSON that is no object", from_list(1, answer(200, b"[]", "application/json")), 4, "not JSON"),
    Row("410 → restart", expire_on_list(4), report={"expired_count": 1, "page_count": 3, "is_consistent": True}),
    Row("410 for ever → restart", every_token_expired, 5, "expired", {"expired_count": 3}, {"restart_limit": 2}),
    Row("410 → fail", expire_on_list(3), 5, "expired", {"expired_count": 1}, {"on_expired": "fail"}),
    Row("token not taken back", on_list({3: answer(400, b"continue key is not valid")}), report={"expired_count": 1}),
    Row("another moment unsaid", changing_moment, report={"expired_count": 1, "is_consistent": True}),
    Row("the same token again", same_token, 5, "same continue token"),
]


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.did)
def test_every_fault_ends_as_designed(row: Row, tmp_path: Path) -> None:
    """Either all Images of one moment are published, or the run fails with the designed code and publishes nothing."""
    with LoopbackServer(FLEET, script=row.script) as server:
        outcome = export_from(server, tmp_path, **row.options)
    assert server.failures == []
    assert outcome.exit_code == row.exit_code, outcome.error
    assert row.says in str(outcome.error or "")
    published = [snapshot.receipt for snapshot in Store(tmp_path).snapshots()]
    assert published == ([outcome.report] if row.exit_code == 0 else [])
    assert outcome.names == (NAMES if row.exit_code == 0 else [])
    seen = {name: getattr(outcome.report, name) for name in row.report}
    assert seen == row.report


def test_continue_marks_where_the_list_broke() -> None:
    """With `continue` the rest comes from a later moment: inconsistent, both moments and the key are reported."""
    with LoopbackServer(FLEET, script=on_list({4: lambda store: store.compact()})) as server:
        outcome = list_from(server, on_expired="continue")
    report = outcome.report
    assert (outcome.exit_code, outcome.names, outcome.restarts) == (0, NAMES, [])
    assert report.broken_at == NAMES[149]
    assert (report.is_consistent, report.expired_count, len(report.resource_versions)) == (False, 1, 2)


def test_continue_without_a_token_can_only_restart() -> None:
    """A 410 that offers no token voids what came, whatever the policy."""
    with LoopbackServer(FLEET, script=expire_on_list(3, has_token=False)) as server:
        outcome = list_from(server, on_expired="continue")
    assert (outcome.names, len(outcome.restarts), outcome.report.is_consistent) == (NAMES, 1, True)


def test_a_restart_asks_for_larger_pages() -> None:
    """After a 410 the page size doubles, so that the list gets through before the next compaction."""
    with LoopbackServer(FLEET, script=expire_on_list(3)) as server:
        list_from(server)
        assert [asked.query["limit"] for asked in server.requests if asked.is_list] == ["50"] * 3 + ["100"] * 3


def test_a_timeout_halves_the_page() -> None:
    """After a 504 the same page is asked for in half the size, and no page is larger afterwards."""
    with LoopbackServer(FLEET, script=on_list({2: FAULTS["504"], 4: FAULTS["504"]})) as server:
        list_from(server)
        limits = [asked.query["limit"] for asked in server.requests if asked.is_list]
    assert limits == ["50", "50", "25", "25"] + ["12"] * 13


def test_a_wrong_estimate_is_a_warning() -> None:
    """A remainingItemCount that does not come true is told, and does not fail a list that ended by its own sign."""
    with LoopbackServer((), script=wrong_estimate) as server:
        outcome = list_from(server)
    assert (outcome.exit_code, outcome.report.completeness) == (0, "proven")
    assert "announced 999 Images and 0 came" in outcome.report.warnings[0]


def test_an_impossible_estimate_is_none() -> None:
    """A remainingItemCount below zero says nothing of how many Images to expect."""
    with LoopbackServer((), script=impossible_estimate) as server:
        outcome = list_from(server)
    report = outcome.report
    assert (outcome.exit_code, report.page_count, report.expected_count, report.warnings) == (0, 2, None, [])
