"""Which cluster a server is stands in the receipt, whatever it is called, and asking never spoils an export."""

from __future__ import annotations

import base64
import time

import orjson
import pytest
from commands import export
from live import FLEET, answer, export_from, list_from

from indexer.cluster import Connection, connect_server
from indexer.loopback import Fault, LoopbackServer
from indexer.receipt import read_receipt
from indexer.store import Store

ISSUER = "https://oauth-openshift.apps.prod.example.com"
WELL_KNOWN = "/.well-known/oauth-authorization-server"


def telling(fault):
    """Answer the question for the OAuth server with this."""
    return lambda asked, _: fault if asked.path == WELL_KNOWN else None


def document(body):
    """Answer with a document."""
    return answer(200, orjson.dumps(body), "application/json")


def test_the_oauth_server_of_a_cluster_is_its_identity(tmp_path) -> None:
    """The receipt and the relation of snapshots say what the server told, whatever the cluster is called."""
    with LoopbackServer(FLEET[:3], script=telling(document({"issuer": ISSUER, "token_endpoint": "x"}))) as server:
        outcome = export_from(server, tmp_path)
    assert outcome.report.cluster_identity == f"issuer:{ISSUER}"
    (snapshot,) = Store(tmp_path).snapshots()
    assert snapshot.receipt.cluster_identity == f"issuer:{ISSUER}"


@pytest.mark.parametrize(
    "fault",
    [
        document({"issuer": None}),
        document([]),
        answer(200, b"<html>"),
        answer(403),
        answer(401),
        answer(503, retry_after="60"),
        Fault(delay_seconds=0.2),
    ],
    ids=["no issuer", "a list", "a page", "forbidden", "unauthorized", "unavailable", "slow"],
)
def test_a_server_that_does_not_tell_is_exported_all_the_same(fault) -> None:
    """Whatever comes instead, the list is whole, the identity is unknown, and nothing is asked twice."""
    with LoopbackServer(FLEET[:3], script=telling(fault)) as server:
        started = time.monotonic()
        outcome = list_from(server)
        asked = sum(request.path == WELL_KNOWN for request in server.requests)
    assert (outcome.exit_code, len(outcome.names), outcome.report.cluster_identity) == (0, 3, None)
    assert (asked, time.monotonic() - started < 3) == (1, True)


def test_older_receipts_have_no_identity(tmp_path) -> None:
    """A receipt written before there was one is read."""
    with LoopbackServer(FLEET[:3]) as server:
        export_from(server, tmp_path)
    (snapshot,) = Store(tmp_path).snapshots()
    fields = orjson.loads(snapshot.receipt.to_json())
    del fields["cluster_identity"]
    assert read_receipt(orjson.dumps(fields), "receipt").cluster_identity is None


AUTHORITY = b"-----BEGIN CERTIFICATE-----\nnot looked into\n-----END CERTIFICATE-----\n"


def fingerprint(server, **cluster):
    """Return the fingerprint of a connection without opening one."""
    connection = object.__new__(Connection)
    connection.server, connection._cluster = server, cluster
    return connection.fingerprint()


def test_a_fingerprint_tells_addresses_and_authorities_apart(tmp_path) -> None:
    """In every pod the address is the same, so the authority counts; as a file or as data it is the same."""
    path = tmp_path / "ca.crt"
    path.write_bytes(AUTHORITY)
    data = base64.b64encode(AUTHORITY).decode()
    service = "https://172.30.0.1:443"
    assert fingerprint(service, **{"certificate-authority": str(path)}) == fingerprint(
        service, **{"certificate-authority-data": data}
    )
    several = {
        fingerprint(service, **{"certificate-authority-data": data}),
        fingerprint(service, **{"certificate-authority-data": "b3RoZXI="}),
        fingerprint("https://api.example.com:6443", **{"certificate-authority-data": data}),
        fingerprint("https://api.example.com:6443"),
    }
    assert len(several) == 4
    assert None not in several


def test_loopback_without_an_authority_and_a_lost_file_tell_nothing(tmp_path) -> None:
    """A forwarded port may be any cluster; a file that is gone by the end of the list spoils nothing."""
    with LoopbackServer() as server:
        assert connect_server(server.url).fingerprint() is None
    assert fingerprint("https://api.example.com", **{"certificate-authority": str(tmp_path / "gone")}) is None


def test_another_cluster_of_the_same_name_is_warned_of(tmp_path) -> None:
    """Two OAuth servers under one name are two clusters: the second export says so, the first does not."""
    said = []
    for issuer in ("https://one", "https://two"):
        with LoopbackServer(FLEET[:3], script=telling(document({"issuer": issuer}))) as server:
            said.append(export(server, tmp_path / "store", output=tmp_path))
    assert [each.exit_code for each in said] == [0, 0]
    assert ["another cluster under the name lab" in each.stderr for each in said] == [False, True]
