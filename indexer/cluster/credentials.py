"""Who asks: sources of credentials that yield something, or fail before the first request.

A configured source that has nothing to give is an error, never an anonymous request. No `repr` shows a secret.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TOKEN_FILE_SECONDS = 60
"""How long a token file is trusted: the kubelet rotates service account tokens in place (client-go does the same)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a source of credentials yields at one moment.

    `user` holds the TLS part in kubeconfig form (`client-certificate-data`, `client-key-data` and the file variants).
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Credentials(Protocol):
    """A source of credentials."""

    def current(self) -> Identity:
        """Yield the identity to use now, renewed where it is due. Raises `ConfigurationError` when there is none."""

    def reload(self) -> Identity:
        """Yield a new identity after the server refused the last one."""


@dataclass(frozen=True, slots=True)
class FixedCredentials:
    """An identity that does not change: nobody, a token, a client certificate, a name and a password."""

    identity: Identity = field(default_factory=Identity)

    def current(self) -> Identity:
        """Yield the identity."""
        return self.identity

    def reload(self) -> Identity:
        """Yield the same identity: there is no other."""
        return self.identity


def bearer(token: str, origin: str, user: Mapping[str, str] | None = None) -> Identity:
    """Make an identity of a bearer token; `origin` says where it is from. Raises `ConfigurationError` if unusable."""
    token = token.strip()
    if not token:
        raise ConfigurationError(f"{origin} holds no token.", hint="Log in again, or name another file.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"{origin} holds something that is not one token.", hint="It must be one line of text."
        )
    return Identity({"Authorization": f"Bearer {token}"}, user or {}, (token,))


class TokenFile:
    """A bearer token in a file, read again every minute and after a refusal."""

    def __init__(
        self, path: Path, user: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._user = user
        self._clock = clock
        self._identity = self._read()

    def current(self) -> Identity:
        """Yield the token; while the file is being replaced, the one known before."""
        if self._clock() - self._read_at >= TOKEN_FILE_SECONDS:
            # A file that is being replaced may be gone or empty for a moment; a real loss ends in a 401.
            with suppress(ConfigurationError):
                self._identity = self._read()
        return self._identity

    def reload(self) -> Identity:
        """Read the file now."""
        self._identity = self._read()
        return self._identity

    def _read(self) -> Identity:
        self._read_at = self._clock()
        return bearer(read_text(self._path, "token file"), f"The token file {self._path}", self._user)


def read_text(path: Path, what: str) -> str:
    """Read a file named by an option or a kubeconfig. Raises `ConfigurationError` that names it."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"The {what} {path} is not text.") from error
    except OSError as error:
        raise ConfigurationError(
            f"The {what} {path} can't be read: {error.strerror}.", hint="Check the path."
        ) from error
