"""Atomic container signatures as OpenPGP messages: compressed data around one-pass, literal and signature packets.

Packets follow RFC 4880 as GnuPG writes them for an Ed25519 key (version 4, algorithm 22). The signing itself is a
parameter, so a fleet of any size gets readable signatures without a cryptography library.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import orjson

_ONE_PASS, _SIGNATURE, _COMPRESSED, _LITERAL = 4, 2, 8, 11
_EDDSA, _SHA256, _BINARY_DOCUMENT = 22, 8, 0
_CREATED_AT, _EXPIRES_AFTER, _ISSUER_KEY_ID, _ISSUER_FINGERPRINT = 2, 3, 16, 33
_ONE_OCTET_LENGTH, _FOUR_OCTET_LENGTH = 255, 2


class Signer(Protocol):
    """Something that signs a SHA-256 digest (32 bytes) with an Ed25519 key (64 bytes of signature)."""

    @property
    def fingerprint(self) -> bytes:
        """The version 4 fingerprint of the key, 20 bytes."""

    def sign(self, digest: bytes) -> bytes:
        """Make the signature over `digest`: R and S, 32 bytes each."""


class ShapeSigner:
    """Signs with nothing: the packets have the right shape and read well, but no key verifies them."""

    fingerprint = hashlib.sha256(b"image-indexer sample: no key").digest()[:20]

    def sign(self, digest: bytes) -> bytes:
        """Make bytes of the right length that depend on `digest`."""
        return hashlib.sha512(digest).digest()


def packet(tag: int, body: bytes) -> bytes:
    """Write a packet with an old-format header, as GnuPG prefers."""
    if len(body) <= _ONE_OCTET_LENGTH:
        return bytes([0x80 | tag << 2, len(body)]) + body
    return bytes([0x80 | tag << 2 | _FOUR_OCTET_LENGTH]) + len(body).to_bytes(4) + body


def integer(octets: bytes) -> bytes:
    """Write a multiprecision integer: its length in bits, then its octets without leading zeros."""
    stripped = octets.lstrip(b"\0")
    return int.from_bytes(stripped).bit_length().to_bytes(2) + stripped


def subpacket(kind: int, body: bytes) -> bytes:
    """Write a signature subpacket of at most 190 bytes."""
    return bytes([len(body) + 1, kind]) + body


def signature_packet(signed: bytes, kind: int, hashed: bytes, signer: Signer) -> bytes:
    """Write a version 4 signature over `signed`; `hashed` are subpackets to protect beside the issuer's fingerprint."""
    hashed = subpacket(_ISSUER_FINGERPRINT, b"\x04" + signer.fingerprint) + hashed
    head = bytes([4, kind, _EDDSA, _SHA256]) + len(hashed).to_bytes(2) + hashed
    digest = hashlib.sha256(signed + head + b"\x04\xff" + len(head).to_bytes(4)).digest()
    raw = signer.sign(digest)
    issuer = subpacket(_ISSUER_KEY_ID, signer.fingerprint[-8:])
    unhashed = len(issuer).to_bytes(2) + issuer
    return packet(_SIGNATURE, head + unhashed + digest[:2] + integer(raw[:32]) + integer(raw[32:]))


def created_subpacket(epoch_seconds: int) -> bytes:
    """When a signature was made."""
    return subpacket(_CREATED_AT, epoch_seconds.to_bytes(4))


def signed_message(
    body: bytes, created: int, signer: Signer, *, expires_after: int = 0, is_compressed: bool = True
) -> bytes:
    """`body` with its signature inside, as `gpg --sign` writes it; times in epoch seconds and seconds."""
    one_pass = bytes([3, _BINARY_DOCUMENT, _SHA256, _EDDSA]) + signer.fingerprint[-8:] + b"\x01"
    literal = b"b\x00" + created.to_bytes(4) + body
    hashed = created_subpacket(created)
    if expires_after:
        hashed += subpacket(_EXPIRES_AFTER, expires_after.to_bytes(4))
    signature = signature_packet(body, _BINARY_DOCUMENT, hashed, signer)
    packets = packet(_ONE_PASS, one_pass) + packet(_LITERAL, literal) + signature
    return _compressed(packets) if is_compressed else packets


def _compressed(packets: bytes) -> bytes:
    """Deflated in one stored block, because what zlib makes of it differs between zlib's versions."""
    length = len(packets).to_bytes(2, "little")
    complement = (len(packets) ^ 0xFFFF).to_bytes(2, "little")
    block = b"\x01" + length + complement + packets
    return bytes([0x80 | _COMPRESSED << 2 | 3, 1]) + block


def payload(reference: str, digest: str, created: int, creator: str = "containers/image v5.32.2") -> bytes:
    """Write what an atomic signature says: this digest belongs to this reference (containers-signature(5))."""
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": "atomic container signature",
    }
    return orjson.dumps({"critical": critical, "optional": {"creator": creator, "timestamp": created}})
