"""What a server tells of itself once the list is in: nice to know, and never a reason to fail."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import msgspec

from indexer.client.transfer import Deadline, fetch
from indexer.cluster import Timeouts
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from indexer.cluster import Connection

logger = logging.getLogger(__name__)

_TIMEOUTS = Timeouts(connect_seconds=2, read_seconds=2, total_seconds=5)
Document = TypeVar("Document")
ISSUER = "issuer:"
"""How an identity begins that stays as long as the cluster does."""


class _Version(msgspec.Struct, rename="camel"):
    git_version: str | None = None


class _OAuthServer(msgspec.Struct):
    issuer: str | None = None


def server_version(connection: Connection) -> str | None:
    """Ask for the version of the server."""
    document = _ask(connection, "/version", _Version)
    return document.git_version if document else None


def cluster_identity(connection: Connection) -> str | None:
    """Tell which cluster this is, whatever it is called here; None where nothing does.

    `issuer:` and the address of the cluster's own OAuth server, which OpenShift shows to everybody who can log in
    (RFC 8414; `oc login` asks the same), as it stays when names, addresses and certificates change. Else `server:` and
    a hash over the address and its certificate authority: equal for one cluster, but not the same for ever.
    """
    document = _ask(connection, "/.well-known/oauth-authorization-server", _OAuthServer)
    if document and document.issuer:
        return f"{ISSUER}{document.issuer}"
    fingerprint = connection.fingerprint()
    return f"server:{fingerprint}" if fingerprint else None


def _ask(connection: Connection, path: str, kind: type[Document]) -> Document | None:
    try:
        body = fetch(connection, path, {}, _TIMEOUTS, Deadline.after(_TIMEOUTS.total_seconds))
        return msgspec.json.decode(body, type=kind)
    except (IndexerError, msgspec.DecodeError) as error:
        logger.debug("%s is not known: %s", path, error)
        return None
