"""What servers do to a live export, a row each: what must be published, and what the receipt must say."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY

import orjson
from live import answer, from_list

from indexer.loopback import Churn, Fault, combine, expire_on_list, on_list
from indexer.loopback.answers import forbidden, no_such_page, not_acceptable, unauthorized
from indexer.loopback.faults import FAULTS, every, expire_token
from indexer.sample import generate_images

FLEET = sorted(generate_images(120, 5), key=lambda image: image["metadata"]["name"])
PAGE = 30
NOTHING, COMPLETE, INCONSISTENT, PARTIAL = "nothing", "complete, consistent", "complete, inconsistent", "partial"


@dataclass(frozen=True)
class Row:
    """One fault. `receipt` names the fields that differ from an undisturbed run's; `says` stands on stderr.

    `login` gets a `Scene` and gives arguments and environment variables; `tls` are options of the server's
    certificate, None for plain http. `sent` are headers of the last list request;
    `renews` names the file that gets a new token before page 3.
    """

    did: str
    script: Any = None
    exit_code: int = 0
    published: str = ""
    says: str = ""
    receipt: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    login: Any = None
    tls: dict[str, Any] | None = None
    sent: dict[str, str] = field(default_factory=dict)
    renews: str = ""

    @property
    def outcome(self):
        """What is published: by the exit code, unless the row says otherwise."""
        return self.published or (NOTHING if self.exit_code else COMPLETE)


def mid_list(kind):
    """Spoil the third page once."""
    return on_list({3: FAULTS[kind]})


def list_of(names, resource_version, **metadata):
    """Answer with a page of the fleet's objects."""
    images = [image for image in FLEET if image["metadata"]["name"] in names]
    document = {"kind": "ImageList", "metadata": {"resourceVersion": resource_version, **metadata}, "items": images}
    return answer(200, orjson.dumps(document), "application/json")


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
    return list_of((), "10000000", **{"continue": asked.query["continue"]})


def short_pages(asked, _store):
    """Answer with fewer objects than asked for, and once with none at all, but with a token."""
    if not asked.is_list:
        return None
    if asked.list_number == 2:
        return list_of((), "10000000", **{"continue": asked.query["continue"] + "=="})
    asked.query["limit"] = "7"
    return None


def wrong_estimate(asked, _store):
    """Announce a hundred objects more than there are on the first page."""
    if asked.list_number != 1:
        return None
    asked.query["limit"] = "0"
    names = {image["metadata"]["name"] for image in FLEET}
    return list_of(names, "10000000", remainingItemCount=100)


def compact(store):
    """Forget every moment but the present."""
    store.compact()


def changing_fleet():
    """Let objects come, change and go before each page."""
    return Churn(7, 6.0, list(generate_images(40, 77)))


def bad_item(asked, _store):
    """Put an object without a name between others."""
    if not asked.is_list:
        return None
    document = {"kind": "ImageList", "metadata": {"resourceVersion": "10000000"}, "items": [{"metadata": {}}]}
    return answer(200, orjson.dumps(document), "application/json")


def closed_port():
    """Find a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


PASSES = ("429", "429 at once", "429 without Retry-After", "500", "502 in HTML", "503", "503 with Retry-After", "504")
BREAKS = ("cut at the start", "cut in the middle", "cut at the end", "reset before the answer", "reset in the body")
IMPATIENT = ("--retry-budget", "1.5")
RETRIED = {"retry_count": 1}
CHANGING = {"expected_count": ANY, "image_count": ANY}
RESTARTED = {"expired_count": 1}
WENT_ON = {"expired_count": 1, "is_consistent": False, "moments": 2}
TABLE = b'{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"rows":[]}'
HTML = b"<!DOCTYPE html><html><title>Log in</title></html>"
JSON = "application/json"

LIST_ROWS = (
    Row("nothing wrong"),
    Row("objects come, change and go between pages", changing_fleet(), receipt=CHANGING),
    Row("short pages, and an empty one with a token", short_pages, receipt={"page_count": 19}),
    Row(
        "the first page announces 100 objects too many",
        wrong_estimate,
        receipt={"page_count": 1, "expected_count": 220, "warnings": "announced 220 Images and 120 came"},
    ),
    Row("the same continue token again and again", same_token, 5, says="same continue token"),
    Row("the list takes longer than --timeout", every(Fault(delay_seconds=0.3)), 5, says="longer than it may",
        arguments=("--timeout", "0.5")),
    Row("an object without a name", bad_item, 4, says="item 1"),
    Row("an object without a name", bad_item, published=PARTIAL, says="Skipped page 1, item 1",
        receipt={"page_count": 1, "expected_count": 1, "image_count": 0}, arguments=("--on-bad-item", "skip")),
)  # fmt: skip

EXPIRED_ROWS = (
    Row("410 in mid-list", on_list({4: compact}), receipt=RESTARTED | {"page_count": 2}),
    Row("410 in mid-list, objects changing all the time", combine(changing_fleet(), on_list({3: compact})),
        receipt=RESTARTED | CHANGING | {"page_count": 3}),
    Row("410 without a token", expire_on_list(3, has_token=False), receipt=RESTARTED | {"page_count": 2}),
    Row("410 at every second page, until one page holds all", every_token_expired,
        receipt={"expired_count": 2, "page_count": 1}),
    Row("410 at every second page", every_token_expired, 5, says="expired", arguments=("--limit", "5")),
    Row("410 in mid-list", expire_on_list(3), 5, says="expired", arguments=("--on-expired", "fail")),
    Row("410 in mid-list", on_list({4: compact}), published=INCONSISTENT, receipt=WENT_ON | {"broken_after": 3},
        arguments=("--on-expired", "continue")),
    Row("410 twice, objects changing all the time",
        combine(changing_fleet(), on_list({3: compact, 5: compact})), published=INCONSISTENT,
        receipt=WENT_ON | CHANGING | {"expired_count": 2, "moments": 3, "broken_after": 2},
        arguments=("--on-expired", "continue")),
    Row("410 without a token", expire_on_list(3, has_token=False), receipt=RESTARTED | {"page_count": 2},
        arguments=("--on-expired", "continue")),
    Row("400: the token is not taken back", on_list({3: answer(400, b"continue key is not valid")}),
        receipt=RESTARTED | {"page_count": 2}),
    Row("a page of another resourceVersion, unannounced", changing_moment, receipt=RESTARTED | {"page_count": 2}),
)  # fmt: skip

RETRY_ROWS = (
    *(Row(f"{kind}, once in mid-list", mid_list(kind), receipt=RETRIED) for kind in PASSES[:-1] + BREAKS),
    *(Row(f"{kind}, once at the start", on_list({1: FAULTS[kind]}), receipt=RETRIED) for kind in PASSES[:-1] + BREAKS),
    Row("504, once in mid-list", mid_list("504"), receipt=RETRIED | {"page_count": 6}),
    Row("silence, once", on_list({2: Fault(delay_seconds=1.0)}), receipt=RETRIED, arguments=("--read-timeout", "0.4")),
    Row("silence, twice", on_list({2: Fault(delay_seconds=1.0), 3: Fault(delay_seconds=1.0)}),
        receipt={"retry_count": 2, "page_count": 7}, arguments=("--read-timeout", "0.4")),
    Row("a slow body", on_list({2: Fault(bytes_per_second=400_000)}), arguments=("--read-timeout", "0.4")),
    Row("200 with an empty body, once", on_list({2: answer(200, b"", JSON)}), receipt=RETRIED),
    Row("200 with broken JSON, once", on_list({2: answer(200, b'{"kind":"ImageList",<', JSON)}), receipt=RETRIED),
    Row("500 with broken JSON, once", on_list({2: answer(500, b'{"kind":"Status","code":"x"', JSON)}),
        receipt=RETRIED),
    Row("429 with Retry-After of 30 years, once", on_list({2: answer(429, b"", Retry_After="999999999")}),
        receipt=RETRIED, arguments=IMPATIENT),
    Row("503 with a date in Retry-After, once",
        on_list({2: answer(503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT")}), receipt=RETRIED),
    Row("503 from the start, for ever", every(FAULTS["503"]), 3, says="not able to answer (503)", arguments=IMPATIENT),
    Row("503 from page 2 on, for ever", from_list(2, FAULTS["503"]), 5, says="after page 1 (30 Images)",
        arguments=IMPATIENT),
    Row("429 from page 2 on, for ever", from_list(2, FAULTS["429 at once"]), 5, says="(429)", arguments=IMPATIENT),
    Row("504 from page 2 on, for ever", from_list(2, FAULTS["504"]), 5, says="ran out of time", arguments=IMPATIENT),
    Row("resets from page 3 on, for ever", from_list(3, FAULTS["reset in the body"]), 5, says="after page 2",
        arguments=IMPATIENT),
    Row("every body cut", from_list(1, FAULTS["cut in the middle"]), 5, says="broke off at once", arguments=IMPATIENT),
    Row("200 with cut JSON from page 2 on, for ever", from_list(2, answer(200, b'{"kind":"Im')), 5,
        says="not whole JSON", arguments=IMPATIENT),
)  # fmt: skip

REFUSAL_ROWS = (
    Row("401 from the start", from_list(1, Fault(unauthorized())), 3, says="(401)"),
    Row("401 from page 3 on", from_list(3, Fault(unauthorized())), 5, says="(401)"),
    Row("403", from_list(1, Fault(forbidden("nobody", "list"))), 3, says="ClusterRole"),
    Row("403 without credentials", from_list(1, Fault(forbidden("system:anonymous", "list"))), 3,
        says="No credentials were sent"),
    Row("403 from page 2 on", from_list(2, Fault(forbidden("nobody", "list"))), 5, says="ClusterRole"),
    Row("404 of the group: plain Kubernetes", from_list(1, Fault(no_such_page())), 3, says="not an OpenShift API"),
    Row("406", from_list(1, Fault(not_acceptable(has_options=False))), 3, says="does not answer in JSON"),
    Row("302 to a login page", from_list(1, answer(302, Location="/login")), 3, says="redirects"),
    Row("418", from_list(1, answer(418, b"short and stout")), 3, says="short and stout"),
    Row("400: http spoken to https", from_list(1, answer(400, b"Client sent an HTTP request to an HTTPS server.")), 3,
        says="https://"),
    Row("400: a selector it does not take", from_list(1, answer(400, b"bad")), 2, says="selectors",
        arguments=("--selector", "a=b")),
    Row("410: a resourceVersion from long ago", on_list({1: compact}), 3, says="List without resourceVersion",
        arguments=("--resource-version", "10000000", "--resource-version-match", "Exact")),
    Row("504: a resourceVersion not reached yet", None, 2, says="has not reached that resourceVersion",
        arguments=("--resource-version", "99000000")),
    Row("a Table", from_list(1, answer(200, TABLE, JSON)), 4, says="Table"),
    Row("a login page with 200", from_list(1, answer(200, HTML, "text/html")), 4, says="not JSON"),
    Row("a login page from page 2 on", from_list(2, answer(200, HTML, "text/html")), 4, says="not JSON"),
    Row("one Image", from_list(1, answer(200, b'{"kind":"Image"}', JSON)), 4, says="not an ImageList"),
    Row("JSON that is no object", from_list(1, answer(200, b"[]", JSON)), 4, says="not JSON"),
    Row("nobody listens", None, 3, says="Connection refused",
        login=lambda _: (("--server", f"http://127.0.0.1:{closed_port()}"), {})),
    Row("the host's name is unknown", None, 3, says="can't be resolved",
        login=lambda _: (("--server", "https://api.cluster.invalid:6443"), {})),
)  # fmt: skip
