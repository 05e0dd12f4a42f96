"""Addresses of API servers: what is accepted, and what is not."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from indexer.errors import ConfigurationError

_CLUSTER_NAME = re.compile(r"[a-z][a-z0-9.-]*")
_HINT = "Give it as https://HOST:PORT, for example https://api.example.com:6443."


def check_server(server: str) -> str:
    """Return the address without a trailing slash.

    Plain http is for loopback only: elsewhere it would show the token to the network. Raises `ConfigurationError`.
    """
    parts = _split(server)
    if parts.username or parts.password:
        raise ConfigurationError("The server's address holds a name or password.", hint="Use --token-file instead.")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"{server!r} is not the address of a server.", hint=_HINT)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(f"{server} is plain http, which only loopback may use.", hint="Use https.")
    return server.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def host_of(server: str) -> str:
    """Host name or address of a server, without port."""
    return urlsplit(server).hostname or ""


def cluster_name(context: str | None, server: str) -> str:
    """Name a cluster as a store wants it: `[a-z][a-z0-9.-]*`, from the context if that fits, else from the server.

    A path belongs to the name: behind one host it tells clusters apart (Rancher's /k8s/clusters/ID).
    """
    if context and _CLUSTER_NAME.fullmatch(context):
        return context
    place = re.sub(r"[^a-z0-9.-]+", "-", (host_of(server) + urlsplit(server).path).lower()).strip("-.")
    return place if _CLUSTER_NAME.fullmatch(place) else f"cluster-{place}".rstrip("-")


def _split(server: str) -> SplitResult:
    try:
        parts = urlsplit(server.strip())
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(
            "The server's address can't be read: its host or port is wrong.", hint=_HINT
        ) from error
    return parts
