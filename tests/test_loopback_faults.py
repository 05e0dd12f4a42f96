"""The loopback server spoils answers as told: by request number, at random by seed, over TLS, in mid-body."""

from __future__ import annotations

import json
import time

import pytest
import urllib3
from certificates import Authority
from loopback_client import IMAGES, get, names, page, watch

from indexer.loopback import (
    Access,
    Churn,
    Fault,
    LoopbackServer,
    RandomFaults,
    combine,
    expire_on_list,
    on_list,
    reject_until_token_changes,
)
from indexer.loopback.answers import too_many_requests
from indexer.loopback.faults import FAULTS
from indexer.sample import generate_images

FLEET = list(generate_images(400, 21))
SORTED = sorted(image["metadata"]["name"] for image in FLEET)
BROKEN = (urllib3.exceptions.ProtocolError, urllib3.exceptions.IncompleteRead, ConnectionError)


def test_fault_hits_the_list_it_is_for():
    """The n-th list is spoilt, other requests are not counted, and the next list is honest."""
    with LoopbackServer(FLEET, script=on_list({2: Fault(too_many_requests(7))})) as running:
        get(running, "/version")
        assert get(running, f"{IMAGES}?limit=1").status == 200
        refused = get(running, f"{IMAGES}?limit=1")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "7")
        assert b"Too many requests" in refused.data
        assert get(running, f"{IMAGES}?limit=1").status == 200
        assert running.failures == []


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("fault", [Fault(cut_share=0.5), Fault(cut_share=0.999), Fault(cut_share=0.3, is_reset=True)])
def test_cut_bodies_are_noticed(fault, encoding):
    """A body that is cut, plain or compressed, is a broken connection to the client, never a shorter list."""
    with LoopbackServer(FLEET, script=on_list({1: fault})) as running:
        with pytest.raises(BROKEN):
            get(running, headers={"Accept-Encoding": encoding})
        assert names(page(running)) == SORTED
        assert running.failures == []


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_cut_small_bodies_are_noticed(share):
    """A body with a length that is cut is noticed as well."""
    with LoopbackServer(FLEET, script=on_list({1: Fault(cut_share=share)})) as running, pytest.raises(BROKEN):
        get(running, f"{IMAGES}?fieldSelector=metadata.name%3Dnone")


def test_reset_before_the_answer():
    """A reset connection gives no answer at all."""
    with LoopbackServer(FLEET, script=on_list({1: Fault(is_reset=True)})) as running:
        with pytest.raises(BROKEN):
            get(running)
        assert running.failures == []


def test_late_and_slow_answers_are_whole():
    """A delay and a slow body cost time and change nothing."""
    slow = Fault(delay_seconds=0.1, bytes_per_second=200_000)
    with LoopbackServer(FLEET[:20], script=on_list({1: slow})) as running:
        started = time.monotonic()
        document = page(running)
        assert time.monotonic() - started > 0.3
        assert len(document["items"]) == 20


def test_closing_does_not_wait_for_a_late_answer():
    """A server that stops cuts an answer that is being held back."""
    with LoopbackServer(FLEET[:2], script=on_list({1: Fault(delay_seconds=30)})) as running:
        with pytest.raises(urllib3.exceptions.HTTPError):
            get(running, timeout=0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("has_token", [True, False])
def test_scripted_410(has_token):
    """A 410 can be ordered for one list, with a token to go on or without."""
    with LoopbackServer(FLEET, script=expire_on_list(2, has_token=has_token)) as running:
        first = page(running, "limit=100")
        refused = get(running, f"{IMAGES}?limit=100&continue={first['metadata']['continue']}")
        assert (refused.status, "continue" in refused.json()["metadata"]) == (410, has_token)
        if has_token:
            assert names(first, page(running, f"continue={refused.json()['metadata']['continue']}")) == SORTED


def test_token_expires_in_mid_list():
    """From the n-th list on a token is refused until another one comes."""
    access = Access({"old": "reader", "new": "reader"}, {"reader"})
    script = reject_until_token_changes(from_list=2)
    with LoopbackServer(FLEET, script=script, access=access) as running:
        statuses = [
            get(running, headers={"Authorization": f"Bearer {token}"}).status for token in ("old", "old", "old", "new")
        ]
        assert statuses == [200, 401, 401, 200]


def test_watch_can_end_early():
    """A watch can be made to end after some events, cleanly, before its time-out."""
    script = lambda request, _store: Fault(end_after_events=2) if request.is_watch else None  # noqa: E731 - a script is a function
    with LoopbackServer(FLEET, script=script) as running:
        assert len(watch(running, "timeoutSeconds=30")) == 2


@pytest.mark.parametrize("kind", FAULTS)
def test_every_random_fault_passes(kind):
    """Each kind of fault leaves the server able to answer honestly, and a patient client gets the whole list."""
    with LoopbackServer(FLEET, script=RandomFaults(5, 0.4, [kind])) as running:
        assert names(*_patient_walk(running)) == SORTED
        assert running.failures == []


def test_random_faults_depend_on_the_seed_only():
    """Equal seeds spoil equal requests, other seeds others."""

    def spoilt(seed):
        faults = RandomFaults(seed, 0.5, ["500"])
        with LoopbackServer(FLEET[:2], script=faults) as running:
            return [get(running, f"{IMAGES}?limit=1").status for _ in range(20)]

    assert spoilt(1) == spoilt(1) != spoilt(2)
    assert set(spoilt(1)) == {200, 500}


@pytest.mark.parametrize("seed", range(5))
def test_lists_stay_exact_under_churn_and_faults(seed):
    """While objects come and go and answers fail, a walk at one version gives just what the store had then."""
    newcomers = list(generate_images(50, 99))
    script = combine(Churn(seed, 2.5, newcomers), RandomFaults(seed, 0.2))
    with LoopbackServer(FLEET, script=script) as running:
        pages = _patient_walk(running)
        versions = {document["metadata"]["resourceVersion"] for document in pages}
        assert len(versions) == 1
        truth = [json.loads(item) for item in running.store.items_at(int(versions.pop()))]
        assert [item for document in pages for item in document["items"]] == truth
        assert running.store.resource_version > running.store.first_resource_version
        assert running.failures == []


def test_random_expiry_ends_old_tokens():
    """`expire` among the random faults makes tokens too old."""
    with LoopbackServer(FLEET, script=RandomFaults(1, 1.0, ["expire"])) as running:
        token = page(running, "limit=10")["metadata"]["continue"]
        assert get(running, f"{IMAGES}?limit=10&continue={token}").status == 410


def _patient_walk(running):
    """Read a whole list, asking again for a page as long as it fails."""
    pages, token = [], ""
    while not pages or token:
        try:
            answer = get(running, f"{IMAGES}?limit=40" + (f"&continue={token}" if token else ""))
        except BROKEN:
            continue
        if answer.status == 200:
            pages.append(answer.json())
            token = pages[-1]["metadata"].get("continue", "")
    return pages


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Make a certificate authority for the module."""
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def secure(authority):
    """Run an https server that knows one token and one client certificate."""
    access = Access({"good": "reader"}, {"reader", "reader-certificate"})
    with LoopbackServer(FLEET[:5], access=access, tls=authority.server_context()) as running:
        yield running
    assert running.failures == []


def test_https_with_a_token(secure, authority):
    """A client that knows the authority gets in with its token."""
    answer = get(secure, headers={"Authorization": "Bearer good"}, ca_certs=str(authority.path))
    assert answer.status == 200


@pytest.mark.parametrize(("name", "status"), [("reader-certificate", 200), ("stranger", 403)])
def test_https_with_a_client_certificate(secure, authority, name, status):
    """The common name of a client certificate is the user."""
    certificate, key = authority.issue(name)
    answer = get(secure, ca_certs=str(authority.path), cert_file=str(certificate), key_file=str(key))
    assert answer.status == status


def test_https_from_an_unknown_authority(secure, tmp_path):
    """A client that knows another authority refuses the server, and the server lives on."""
    other = Authority(tmp_path, "somebody else")
    with pytest.raises(urllib3.exceptions.SSLError):
        get(secure, ca_certs=str(other.path))


def test_https_with_a_strange_or_expired_certificate(secure, authority, tmp_path):
    """Certificates of another authority and expired ones do not get in."""
    strange = Authority(tmp_path, "somebody else").issue("reader-certificate")
    expired = authority.issue("expired", is_expired=True)
    for certificate, key in (strange, expired):
        with pytest.raises((urllib3.exceptions.SSLError, *BROKEN)):
            get(secure, ca_certs=str(authority.path), cert_file=str(certificate), key_file=str(key))
