"""What a connection that fails means: exceptions of urllib3 turned into this project's errors."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from urllib3 import exceptions as http

from indexer.errors import CutShortError, IndexerError, SourceError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator


_UNREACHABLE: tuple[tuple[type[Exception], str, str], ...] = (
    (http.ProxyError, "The proxy before {server} can't be used", "Check proxy-url, HTTPS_PROXY and NO_PROXY."),
    (http.NameResolutionError, "The host of {server} can't be resolved", "Check the server's address and the DNS."),
    # A NewConnectionError is a ConnectTimeoutError, too.
    (http.NewConnectionError, "{server} can't be reached ({reason})", "Check the address and the port."),
    (http.ConnectTimeoutError, "{server} does not answer", "Check the address, the port and firewalls between."),
)
"""No server answered: the exception, what happened, what to do."""


def transport_failure(error: Exception, server: str) -> IndexerError:
    """Turn an exception of urllib3 into the error it means."""
    if isinstance(error, http.SSLError):
        return _tls_failure(error, server)
    if isinstance(error, http.ReadTimeoutError):
        if any("handshake" in str(cause) for cause in _chain(error)):
            return _no_handshake(error, server)
        return UnavailableError(f"{server} went silent in its answer.", hint="Raise --read-timeout.", cause="slow")
    for kind, what, hint in _UNREACHABLE:
        if isinstance(error, kind):
            return _unreachable(what.format(server=server, reason=_reason(error)), hint)
    return UnavailableError(f"The connection to {server} broke: {_reason(error)}.", hint="Try again.", cause="broken")


def body_failure(error: Exception, server: str) -> IndexerError:
    """Turn an exception that ends the body of a 200 into the error it means: what came is worth nothing."""
    if isinstance(error, http.ReadTimeoutError):
        return transport_failure(error, server)
    return CutShortError(f"The answer of {server} broke off: {_reason(error)}.", hint="Try again.")


def _unreachable(what: str, hint: str) -> UnavailableError:
    return UnavailableError(f"{what}.", hint=hint, cause="unreachable")


def _tls_failure(error: http.SSLError, server: str) -> IndexerError:
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(
                f"The certificate of {server} is not trusted: {cause.verify_message}.",
                hint="Name its authority with --certificate-authority, or check the host name.",
            )
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text:
        return SourceError(f"{server} does not speak TLS.", hint="Check the port, or write http:// on loopback.")
    if "ALERT" in text.upper():
        return SourceError(
            f"{server} refused the TLS handshake ({_reason(error)}).",
            hint="It does not accept the client certificate; log in again.",
        )
    return _no_handshake(error, server)


def _no_handshake(error: Exception, server: str) -> IndexerError:
    # A server that does not like a client certificate may hang up without a word, too.
    hint = "Check the address and the port, and the client certificate if there is one."
    return _unreachable(f"The TLS handshake with {server} failed ({_reason(error)})", hint)


def _reason(error: Exception) -> str:
    """Name the operating system's reason where there is one: the outer texts of urllib3 repeat addresses and ids."""
    reasons = [item.strerror for item in _chain(error) if isinstance(item, OSError) and item.strerror]
    text = reasons[-1] if reasons else "no more was sent"
    return " ".join(text.split()).rstrip(".")


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inner = [item for item in cause.args if isinstance(item, BaseException)]
        cause = inner[0] if inner else cause.__cause__ or cause.__context__
