"""Keys made for tests: certificates with any dates, purposes, subkeys and revocations, and what they sign."""

from __future__ import annotations

import base64
import hashlib
import time
import warnings
from typing import TYPE_CHECKING, Any

import openpgp_blobs as pgp

from indexer.sample import openpgp
from indexer.sample.signing import SigningKey

if TYPE_CHECKING:
    from pathlib import Path

YEAR = 365 * 24 * 3600
DAY = 24 * 3600
NOW = int(time.time())
CREATED = NOW - 2 * YEAR
SIGNED = NOW - YEAR

_PUBLIC_KEY, _USER_ID, _PUBLIC_SUBKEY = 6, 13, 14
_POSITIVE, _BINDING, _BACK, _KEY_REVOCATION, _SUBKEY_REVOCATION = 0x13, 0x18, 0x19, 0x20, 0x28
_KEY_EXPIRES, _KEY_FLAGS, _REVOCATION_REASON, _EMBEDDED = 9, 27, 29, 32
CERTIFY_AND_SIGN, SIGN, ENCRYPT = b"\x03", b"\x02", b"\x0c"
COMPROMISED, RETIRED = b"\x02", b"\x03"


class MadeKey(SigningKey):
    """An Ed25519 key of version 4 whose certificate is written as a test wants it; times in epoch seconds."""

    def __init__(self, seed: int, created: int = CREATED) -> None:
        super().__init__(seed, created, user_id=f"Key {seed} <key{seed}@example.com>")

    @property
    def name(self) -> str:
        """The fingerprint as the project writes it."""
        return self.fingerprint.hex().upper()

    def certificate(
        self,
        *,
        lifetime: int = 0,
        bound_at: int = CREATED,
        flags: bytes = CERTIFY_AND_SIGN,
        revoked: bytes | None = None,
        revoked_at: int = NOW - DAY,
    ) -> bytes:
        """Write the primary key with its user id, and in front of that a revocation for a reason."""
        written = openpgp.packet(_PUBLIC_KEY, self._body)
        if revoked is not None:
            reason = openpgp.created_subpacket(revoked_at) + openpgp.subpacket(_REVOCATION_REASON, revoked)
            written += openpgp.signature_packet(self._hashed_body(), _KEY_REVOCATION, reason, self)
        hashed = openpgp.created_subpacket(bound_at) + openpgp.subpacket(_KEY_FLAGS, flags) + _lifetime(lifetime)
        certified = self._hashed_body() + b"\xb4" + len(self._user_id).to_bytes(4, "big") + self._user_id
        written += openpgp.packet(_USER_ID, self._user_id)
        return written + openpgp.signature_packet(certified, _POSITIVE, hashed, self)

    def subkey(self, subkey: MadeKey, *, lifetime: int = 0, revoked: bytes | None = None) -> bytes:
        """Write a signing subkey, to stand behind the certificate of this key."""
        both = self._hashed_body() + subkey._hashed_body()
        back = openpgp.signature_packet(both, _BACK, openpgp.created_subpacket(CREATED), subkey)
        hashed = openpgp.created_subpacket(CREATED) + openpgp.subpacket(_KEY_FLAGS, SIGN) + _lifetime(lifetime)
        hashed += openpgp.subpacket(_EMBEDDED, back[2:])
        written = openpgp.packet(_PUBLIC_SUBKEY, subkey._body)
        written += openpgp.signature_packet(both, _BINDING, hashed, self)
        if revoked is not None:
            reason = openpgp.created_subpacket(NOW - DAY) + openpgp.subpacket(_REVOCATION_REASON, revoked)
            written += openpgp.signature_packet(both, _SUBKEY_REVOCATION, reason, self)
        return written

    def message(self, text: bytes, *, signed_at: int = SIGNED, lifetime: int = 0) -> bytes:
        """Sign a text as `gpg --sign` does."""
        return openpgp.signed_message(text, signed_at, self, expires_after=lifetime)


def version_3_message(key: MadeKey, text: bytes, signed_at: int = SIGNED) -> bytes:
    """Sign a text with a packet of version 3, as vendors' older tools do: a key id, and no subpackets."""
    hashed = b"\x00" + signed_at.to_bytes(4, "big")
    digest = hashlib.sha256(text + hashed).digest()
    raw, algorithms = key.sign(digest), bytes([22, 8])
    body = b"\x03\x05" + hashed + key.fingerprint[-8:] + algorithms + digest[:2]
    body += openpgp.integer(raw[:32]) + openpgp.integer(raw[32:])
    one_pass = pgp.new_packet(4, pgp.one_pass_body(key.key_id))
    return one_pass + pgp.new_packet(11, pgp.literal_body(text)) + pgp.new_packet(2, body)


def _lifetime(seconds: int) -> bytes:
    return openpgp.subpacket(_KEY_EXPIRES, seconds.to_bytes(4, "big")) if seconds else b""


def sequoia_key(suite: str, profile: str = "RFC4880") -> Any:
    """Make a certificate with a signing subkey by Sequoia; `secrets.signer()` of it signs."""
    import pysequoia

    user_id = f"{suite} {profile} <made@example.com>"
    return pysequoia.Tsk.generate(
        user_id, cipher_suite=getattr(pysequoia.CipherSuite, suite), profile=getattr(pysequoia.Profile, profile)
    )


def sequoia_message(key: Any, text: bytes) -> bytes:
    """Sign a text inline, in binary."""
    import pysequoia

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return bytes(pysequoia.sign(key.signer(), text, armor=False))


def write_keyring(path: Path, *certificates: bytes) -> Path:
    """Write certificates, one behind the other, as `gpg --export` does."""
    path.write_bytes(b"".join(certificates))
    return path


def content(blob: bytes) -> str:
    """Return a blob as it stands in an object."""
    return base64.b64encode(blob).decode()
