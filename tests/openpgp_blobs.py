"""Builds OpenPGP packets byte by byte, well-formed and broken, for the tests of the signature reader."""

from __future__ import annotations

import bz2
import json
import zlib
from typing import Any

REFERENCE = "registry.example.com/team/tool:1.0"
DIGEST = "sha256:" + "ab" * 32
KEY_ID = "D1388EE935F30E18"
FINGERPRINT = "D967333400B550A94FCAFD50D1388EE935F30E18"
FINGERPRINT_V6 = "6516B095277AA8AB9EA08708B34C4EA9FA073CD8B161CC36A2CFA1D967C0AFDE"
CREATED_SECONDS = 1_715_760_000


def old_packet(tag: int, body: bytes, *, indeterminate: bool = False) -> bytes:
    """Frame a body in the old format, with a four-byte length or none."""
    if indeterminate:
        return bytes([0x83 | tag << 2]) + body
    return bytes([0x82 | tag << 2]) + len(body).to_bytes(4, "big") + body


def new_packet(tag: int, body: bytes) -> bytes:
    """Frame a body in the new format, with the shortest length."""
    return bytes([0xC0 | tag]) + new_length(len(body)) + body


def new_length(size: int) -> bytes:
    """Encode a length of the new format in one, two or five bytes."""
    if size < 192:
        return bytes([size])
    if size < 8384:
        return (size - 192 + (192 << 8)).to_bytes(2, "big")
    return b"\xff" + size.to_bytes(4, "big")


def partial_packet(tag: int, body: bytes, power: int) -> bytes:
    """Frame a body in chunks of 2**power bytes and a last chunk of the rest."""
    framed, chunk_size = bytes([0xC0 | tag]), 1 << power
    while len(body) >= chunk_size:
        framed += bytes([224 + power]) + body[:chunk_size]
        body = body[chunk_size:]
    return framed + new_length(len(body)) + body


def payload(**changes: Any) -> bytes:
    """Return an atomic payload; keywords replace `critical` or `optional`."""
    members = {
        "critical": {
            "type": "atomic container signature",
            "identity": {"docker-reference": REFERENCE},
            "image": {"docker-manifest-digest": DIGEST},
        },
        "optional": {"creator": "a test", "timestamp": CREATED_SECONDS},
    }
    return json.dumps(members | changes).encode()


def literal_body(text: bytes, name: bytes = b"") -> bytes:
    """Return the body of a literal packet."""
    return b"b" + bytes([len(name)]) + name + bytes(4) + text


def subpacket(number: int, content: bytes) -> bytes:
    """Return one signature subpacket."""
    return new_length(len(content) + 1) + bytes([number]) + content


def created(seconds: int = CREATED_SECONDS) -> bytes:
    """Return the subpacket of the creation time."""
    return subpacket(2, seconds.to_bytes(4, "big"))


def issuer(key_id: str = KEY_ID) -> bytes:
    """Return the subpacket of the issuer's key id."""
    return subpacket(16, bytes.fromhex(key_id))


def issuer_fingerprint(fingerprint: str = FINGERPRINT, key_version: int = 4) -> bytes:
    """Return the subpacket of the issuer's fingerprint."""
    return subpacket(33, bytes([key_version]) + bytes.fromhex(fingerprint))


def signature_body(
    hashed: bytes | None = None, unhashed: bytes = b"", version: int = 4, key_algorithm: int = 22
) -> bytes:
    """Return the body of a signature packet of version 4, 5 or 6; the cryptographic part is made up."""
    hashed = created() + issuer_fingerprint() if hashed is None else hashed
    width = 4 if version == 6 else 2
    areas = b"".join(len(area).to_bytes(width, "big") + area for area in (hashed, unhashed))
    salt = b"\x10" + bytes(16) if version == 6 else b""
    return bytes([version, 0, key_algorithm, 8]) + areas + b"\xbe\xef" + salt + b"\x00\x08\xff"


def signature_body_v3() -> bytes:
    """Return the body of a signature packet of version 3."""
    return (
        b"\x03\x05\x00" + CREATED_SECONDS.to_bytes(4, "big") + bytes.fromhex(KEY_ID) + b"\x01\x02\xbe\xef\x00\x08\xff"
    )


def one_pass_body(key_id: str = KEY_ID) -> bytes:
    """Return the body of a one-pass signature packet of version 3."""
    return b"\x03\x00\x08\x16" + bytes.fromhex(key_id) + b"\x01"


def one_pass_body_v6() -> bytes:
    """Return the body of a one-pass signature packet of version 6."""
    return b"\x06\x00\x08\x1b\x10" + bytes(16) + bytes.fromhex(FINGERPRINT_V6) + b"\x01"


def message(text: bytes | None = None, signature: bytes | None = None) -> bytes:
    """Return a whole uncompressed signed message."""
    return (
        new_packet(4, one_pass_body())
        + new_packet(11, literal_body(payload() if text is None else text))
        + new_packet(2, signature_body() if signature is None else signature)
    )


def compressed_body(content: bytes, algorithm: int = 1) -> bytes:
    """Return the body of a compressed packet: 0 stored, 1 raw deflate, 2 zlib, 3 bzip2."""
    if algorithm == 1:
        compressor = zlib.compressobj(wbits=-15)
        return b"\x01" + compressor.compress(content) + compressor.flush()
    compress = {0: bytes, 2: zlib.compress, 3: bz2.compress}[algorithm]
    return bytes([algorithm]) + compress(content)
