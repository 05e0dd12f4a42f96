"""Who may list: bearer tokens and client certificates, as the front server checks them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexer.loopback import answers

if TYPE_CHECKING:
    import socket

    from indexer.loopback.answers import Answer
    from indexer.loopback.requests import Request

ANONYMOUS = "system:anonymous"


@dataclass
class Access:
    """Tokens and the users they stand for, and who may read images; change it while the server runs at will.

    A client certificate that the TLS context verified is the user of its common name.
    """

    tokens: dict[str, str] = field(default_factory=dict)
    readers: set[str] = field(default_factory=set)

    def refusal(self, request: Request, connection: socket.socket) -> Answer | None:
        """Give the 401 or 403 this request deserves, None if it may pass. No credentials at all is 403, not 401."""
        scheme, _, token = request.header("authorization").partition(" ")
        user = certificate_user(connection) or ANONYMOUS
        if scheme:
            if scheme.lower() != "bearer" or token.strip() not in self.tokens:
                return answers.unauthorized()
            user = self.tokens[token.strip()]
        if user in self.readers or request.path == "/version":
            return None
        return answers.forbidden(user, "watch" if request.is_watch else "list")


def certificate_user(connection: socket.socket) -> str:
    """Give the common name of a verified client certificate, empty without one."""
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    certificate = connection.getpeercert() or {}
    for names in certificate.get("subject", ()):
        for key, value in names:  # type: ignore[str-unpack]
            if key == "commonName":
                return str(value)
    return ""
