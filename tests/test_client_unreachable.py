"""Servers that are not there, or are something else: exit 3 within ten seconds, each with its own sentence."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager

import pytest
from certificates import Authority
from live import list_from, read, request

from indexer.client.retry import RetryPolicy
from indexer.cluster import connect_server
from indexer.errors import ConfigurationError
from indexer.loopback import LoopbackServer
from indexer.sources.api import ApiSource


@contextmanager
def listening(answer):
    """Listen on loopback; `answer` gets each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_connections = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                open_connections.append(connection)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in open_connections:
                connection.close()


def closed_port():
    """Find a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def check(server, says):
    """List with the patience of a real run: exit 3, the sentence, and within ten seconds."""
    started = time.monotonic()
    outcome = read(ApiSource(connect_server(server), request(retries=RetryPolicy())))
    assert outcome.exit_code == 3
    assert says in str(outcome.error)
    assert outcome.error.hint
    assert time.monotonic() - started < 10


def test_refused_connection():
    """Nobody listens: the operating system's word, at once."""
    check(f"http://127.0.0.1:{closed_port()}", "Connection refused")


def test_unresolvable_host():
    """A host name that does not exist is named."""
    check("https://api.cluster.invalid:6443", "can't be resolved")


def test_https_to_a_server_without_tls():
    """A port that speaks plain http is told apart from a broken handshake."""
    with LoopbackServer() as server:
        check(server.url.replace("http://", "https://"), "does not speak TLS")


def test_http_to_a_server_with_tls(tmp_path):
    """Plain http to a TLS port fails without a traceback."""
    with LoopbackServer(tls=Authority(tmp_path).server_context()) as server:
        check(server.url.replace("https://", "http://"), "broke")


def test_handshake_without_an_answer():
    """A server that takes the connection and says nothing does not hold up the run."""
    with listening(lambda _: None) as address:
        check(f"https://{address}", "TLS handshake")


def test_connection_closed_at_once():
    """A server that hangs up on every request is given up soon."""
    with listening(lambda connection: connection.close()) as address:
        check(f"http://{address}", "broke")


def test_untrusted_certificate(tmp_path):
    """A certificate the system does not trust ends the run before any token is sent."""
    with LoopbackServer(tls=Authority(tmp_path).server_context()) as server:
        check(server.url, "is not trusted")
        assert not server.requests


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_authority_that_is_none(tmp_path, content):
    """A certificate authority that can't be read is a configuration error."""
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"can't be used.*ca\.crt|ca\.crt can't be used"):
        connect_server("https://127.0.0.1:1", certificate_authority=path)


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(monkeypatch):
    """As in Go, HTTP_PROXY never stands between a client and its own machine."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with LoopbackServer() as server:
        assert list_from(server).exit_code == 0


def test_a_proxy_that_is_not_there(monkeypatch):
    """A proxy that can't be reached is named as such."""
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{closed_port()}")
    check("https://api.cluster.invalid:6443", "proxy")
