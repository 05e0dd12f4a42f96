"""A connection: one server, one pool, one identity at a time."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from indexer.cluster.address import check_server, cluster_name, host_of, is_loopback
from indexer.cluster.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    import urllib3

    from indexer.cluster.credentials import Credentials, Identity


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for a whole list (None: no limit)."""

    connect_seconds: float = 4
    read_seconds: float = 60
    total_seconds: float | None = None


class Connection:
    """An API server and who asks it. `cluster` is in kubeconfig form; `extra_headers` carry impersonation.

    `name` is the context's, if there is one; `warnings` are sentences that belong into the receipt.
    """

    def __init__(
        self,
        cluster: Mapping[str, Any],
        credentials: Credentials,
        *,
        name: str | None = None,
        extra_headers: tuple[tuple[str, str], ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.server = check_server(str(cluster["server"]))
        self.name = name
        self.warnings = warnings
        self._cluster = cluster
        self._credentials = credentials
        self._extra_headers = extra_headers
        self._identity = credentials.current()
        self._secrets = set(self._identity.secrets)
        self._pool = open_pool(cluster, self._identity.user)

    @property
    def cluster_name(self) -> str:
        """A name for the cluster in a store: the context's where it is fit for one, else the server's host."""
        return cluster_name(self.name, self.server)

    def fingerprint(self) -> str | None:
        """Hash of the server's address and its certificate authority; None where neither tells two servers apart."""
        try:
            authority = self._authority()
        except OSError:
            return None
        if not authority and is_loopback(host_of(self.server)):
            return None
        return hashlib.sha256(f"{self.server}\n{authority}".encode()).hexdigest()[:32]

    def _authority(self) -> str:
        path = self._cluster.get("certificate-authority")
        data = self._cluster.get("certificate-authority-data") or (b64encode(Path(path).read_bytes()) if path else b"")
        return data.decode() if isinstance(data, bytes) else str(data)

    def get(
        self, path: str, query: Mapping[str, str], *, timeouts: Timeouts, accept: str = "application/json"
    ) -> urllib3.BaseHTTPResponse:
        """Send one GET and return the answer with its body still to be read. Raises what urllib3 raises.

        Nothing is retried and no redirection is followed here.
        """
        import urllib3

        self._use(self._credentials.current())
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        timeout = urllib3.Timeout(connect=timeouts.connect_seconds, read=timeouts.read_seconds)
        headers = self._headers(accept)
        return self._pool.request(
            "GET", url, headers=headers, timeout=timeout, retries=False, redirect=False, preload_content=False
        )

    def reload_credentials(self) -> None:
        """Ask the source of credentials for new ones. Raises `ConfigurationError` when it has none."""
        self._use(self._credentials.reload())

    def redact(self, text: str) -> str:
        """Take every credential this connection has used out of a text."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.clear()

    def _use(self, identity: Identity) -> None:
        if identity.user != self._identity.user:
            self._pool.clear()
            self._pool = open_pool(self._cluster, identity.user)
        self._identity = identity
        self._secrets.update(identity.secrets)

    def _headers(self, accept: str) -> urllib3.HTTPHeaderDict:
        import urllib3

        headers = urllib3.HTTPHeaderDict(self._identity.headers)
        headers["Accept"] = accept
        # Agents the server takes for a person at a terminal get indented JSON, a quarter bigger.
        headers["User-Agent"] = f"image-indexer/{version('image-indexer')}"
        if not self._cluster.get("disable-compression"):
            headers["Accept-Encoding"] = "gzip"
        for key, value in self._extra_headers:
            headers.add(key, value)
        return headers
