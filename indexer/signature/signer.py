"""What a signature packet or a one-pass signature packet says of its signer.

Written after RFC 9580 §5.2 (signatures v3, v4, v6) and §5.4 (one-pass signatures); version 5 is that of LibrePGP,
laid out like version 4. Nothing here is verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from indexer.signature.cursor import Cursor
from indexer.signature.packets import read_new_length
from indexer.signature.states import ReadingState, UnreadableBlobError

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLIC_KEY_ALGORITHMS: Final = MappingProxyType({
    1: "RSA", 3: "RSA", 17: "DSA", 19: "ECDSA", 22: "EdDSA", 27: "Ed25519", 28: "Ed448", 30: "ML-DSA-65+Ed25519",
    31: "ML-DSA-87+Ed448", 32: "SLH-DSA-SHAKE-128s", 33: "SLH-DSA-SHAKE-128f", 34: "SLH-DSA-SHAKE-256s",
})  # fmt: skip
"""Those that sign: RFC 9580 §9.1 and the post-quantum extension; any other is shown as `unknown-<number>`."""

HASH_ALGORITHMS: Final = MappingProxyType({
    1: "MD5", 2: "SHA1", 3: "RIPEMD160", 8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224", 12: "SHA3-256",
    14: "SHA3-512",
})  # fmt: skip
"""Names after RFC 9580 §9.5, without hyphens where GnuPG has none."""

_CREATED, _EXPIRES_AFTER, _ISSUER_KEY_ID, _ISSUER_FINGERPRINT = 2, 3, 16, 33
_KEY_ID_SIZE_BYTES: Final = 8
_DIGEST_START_SIZE_BYTES: Final = 2
_FINGERPRINT_SIZES_BYTES: Final = MappingProxyType({4: 20, 5: 32, 6: 32})


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, how and when, as one packet claims it; None where the packet does not say."""

    key_id: str | None = None
    fingerprint: str | None = None
    public_key_algorithm: str | None = None
    hash_algorithm: str | None = None
    signature_version: int | None = None
    signature_created_at: datetime | None = None
    signature_expires_at: datetime | None = None


def read_signature_packet(body: bytes) -> Signer:
    """Read a signature packet of version 3 to 6; any other or a damaged one raises UnreadableBlobError."""
    cursor = Cursor(body, ReadingState.MALFORMED_SIGNATURE)
    version = cursor.number(1)
    if version == 3:  # noqa: PLR2004 - the version is the number
        return _read_version_3(cursor)
    if version in (4, 5, 6):
        return _read_version_4_to_6(cursor, version)
    raise UnreadableBlobError(ReadingState.MALFORMED_SIGNATURE)


def read_one_pass_packet(body: bytes) -> Signer:
    """Read a one-pass signature packet of version 3 or 6; any other or a damaged one raises UnreadableBlobError."""
    cursor = Cursor(body, ReadingState.MALFORMED_SIGNATURE)
    version, _type, hash_number, key_number = cursor.take(4)
    fingerprint = None
    if version == 3:  # noqa: PLR2004
        key_id = cursor.take(_KEY_ID_SIZE_BYTES).hex().upper()
    elif version == 6:  # noqa: PLR2004
        cursor.take(cursor.number(1))
        fingerprint = cursor.take(32).hex().upper()
        key_id = _key_id_of(fingerprint)
    else:
        raise UnreadableBlobError(ReadingState.MALFORMED_SIGNATURE)
    return Signer(key_id, fingerprint, _key_algorithm(key_number), _hash_algorithm(hash_number))


def _read_version_3(cursor: Cursor) -> Signer:
    hashed_size_bytes = 5
    if cursor.number(1) != hashed_size_bytes:
        raise UnreadableBlobError(ReadingState.MALFORMED_SIGNATURE)
    cursor.take(1)
    signer = Signer(
        signature_version=3,
        signature_created_at=_read_time(cursor.number(4)),
        key_id=cursor.take(_KEY_ID_SIZE_BYTES).hex().upper(),
        public_key_algorithm=_key_algorithm(cursor.number(1)),
        hash_algorithm=_hash_algorithm(cursor.number(1)),
    )
    cursor.take(_DIGEST_START_SIZE_BYTES)
    return signer


def _read_version_4_to_6(cursor: Cursor, version: int) -> Signer:
    _type, key_number, hash_number = cursor.take(3)
    length_width = 4 if version == 6 else 2  # noqa: PLR2004
    hashed = _read_subpackets(cursor.take(cursor.number(length_width)))
    unhashed = _read_subpackets(cursor.take(cursor.number(length_width)))
    cursor.take(_DIGEST_START_SIZE_BYTES)
    key_id, fingerprint = _identify(hashed, unhashed)
    created_at = _read_time(_number(hashed.get(_CREATED)))
    return Signer(
        key_id=key_id,
        fingerprint=fingerprint,
        public_key_algorithm=_key_algorithm(key_number),
        hash_algorithm=_hash_algorithm(hash_number),
        signature_version=version,
        signature_created_at=created_at,
        signature_expires_at=_expiry(created_at, _number(hashed.get(_EXPIRES_AFTER))),
    )


def _read_subpackets(area: bytes) -> dict[int, bytes]:
    """Map subpacket types to contents; of repeated ones the last wins (RFC 9580 §5.2.3.9)."""
    cursor = Cursor(area, ReadingState.MALFORMED_SIGNATURE)
    subpackets: dict[int, bytes] = {}
    while cursor.remaining_count:
        subpacket = cursor.take(read_new_length(cursor, cursor.number(1)))
        if not subpacket:
            raise UnreadableBlobError(ReadingState.MALFORMED_SIGNATURE)
        is_critical_flag = 0x80
        subpackets[subpacket[0] & ~is_critical_flag] = subpacket[1:]
    return subpackets


def _identify(*areas: Mapping[int, bytes]) -> tuple[str | None, str | None]:
    """Return key id and fingerprint from the first area that has one: the hashed area can't be changed unnoticed."""
    key_id = fingerprint = None
    for area in areas:
        found = _fingerprint(area.get(_ISSUER_FINGERPRINT, b""))
        stated = area.get(_ISSUER_KEY_ID, b"")
        stated_key_id = stated.hex().upper() if len(stated) == _KEY_ID_SIZE_BYTES else None
        key_id = key_id or (_key_id_of(found) if found else stated_key_id)
        fingerprint = fingerprint or found
    return key_id, fingerprint


def _fingerprint(subpacket: bytes) -> str | None:
    """Return the fingerprint behind the key version byte of subpacket 33, if its size is right for that version."""
    key_version, fingerprint = subpacket[:1], subpacket[1:]
    is_whole = bool(key_version) and len(fingerprint) == _FINGERPRINT_SIZES_BYTES.get(key_version[0])
    return fingerprint.hex().upper() if is_whole else None


def _key_id_of(fingerprint: str) -> str:
    """Return the key id: the end of a version 4 fingerprint, the start of a later one (RFC 9580 §5.5.4)."""
    key_id_digits, version_4_digits = 16, 40
    return fingerprint[-key_id_digits:] if len(fingerprint) == version_4_digits else fingerprint[:key_id_digits]


def _number(subpacket: bytes | None) -> int | None:
    """Return a subpacket's four-byte number; one of another size states nothing."""
    return int.from_bytes(subpacket, "big") if subpacket and len(subpacket) == 4 else None  # noqa: PLR2004


def _read_time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _expiry(created_at: datetime | None, lifetime_seconds: int | None) -> datetime | None:
    """Return the end of a lifetime; none or zero means that the signature does not expire."""
    return created_at + timedelta(seconds=lifetime_seconds) if created_at and lifetime_seconds else None


def _key_algorithm(number: int) -> str:
    return PUBLIC_KEY_ALGORITHMS.get(number, f"unknown-{number}")


def _hash_algorithm(number: int) -> str:
    return HASH_ALGORITHMS.get(number, f"unknown-{number}")
