"""A throw-away OpenPGP key derived from the sample's seed. The only part of the sample that needs `cryptography`."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from indexer.sample.openpgp import created_subpacket, packet, signature_packet, subpacket

_PUBLIC_KEY, _USER_ID, _EDDSA = 6, 13, 22
_ED25519_CURVE = bytes.fromhex("2b06010401da470f01")
_POSITIVE_CERTIFICATION = 0x13
_KEY_FLAGS, _CERTIFY_AND_SIGN = 27, b"\x03"
_CRC24_START, _CRC24_POLYNOMIAL, _CRC24_OVERFLOW = 0xB704CE, 0x1864CFB, 0x1000000


class SigningKey:
    """An Ed25519 key; `created` (epoch seconds) is part of its fingerprint."""

    def __init__(self, seed: int, created: int, user_id: str = "Sample signer <sign@example.com>") -> None:
        secret = hashlib.sha256(f"image-indexer sample signing key {seed}".encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self._created = created
        self._user_id = user_id.encode()
        self._body = self._public_key_body()
        self.fingerprint = hashlib.sha1(self._hashed_body(), usedforsecurity=False).digest()

    def sign(self, digest: bytes) -> bytes:
        """Make the Ed25519 signature over a SHA-256 digest."""
        return self._key.sign(digest)

    @property
    def key_id(self) -> str:
        """The last 8 bytes of the fingerprint, as `gpg` prints them."""
        return self.fingerprint[-8:].hex().upper()

    def armored_public_key(self) -> str:
        """Give the public key with its self-signed user id, in ASCII armour."""
        certified = self._hashed_body() + b"\xb4" + len(self._user_id).to_bytes(4) + self._user_id
        hashed = created_subpacket(self._created) + subpacket(_KEY_FLAGS, _CERTIFY_AND_SIGN)
        certification = signature_packet(certified, _POSITIVE_CERTIFICATION, hashed, self)
        return _armored(packet(_PUBLIC_KEY, self._body) + packet(_USER_ID, self._user_id) + certification)

    def _public_key_body(self) -> bytes:
        point = b"\x40" + self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        curve = bytes([len(_ED25519_CURVE)]) + _ED25519_CURVE
        bit_count = (len(point) * 8 - 1).to_bytes(2)
        return b"\x04" + self._created.to_bytes(4) + bytes([_EDDSA]) + curve + bit_count + point

    def _hashed_body(self) -> bytes:
        return b"\x99" + len(self._body).to_bytes(2) + self._body


def _armored(binary: bytes) -> str:
    text = base64.b64encode(binary).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    checksum = "=" + base64.b64encode(_crc24(binary).to_bytes(3)).decode()
    begin, end = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
    return "\n".join([begin, "", *lines, checksum, end, ""])


def _crc24(binary: bytes) -> int:
    """Compute the checksum of ASCII armour (RFC 4880, 6.1)."""
    crc = _CRC24_START
    for octet in binary:
        crc ^= octet << 16
        for _ in range(8):
            crc <<= 1
            if crc & _CRC24_OVERFLOW:
                crc ^= _CRC24_POLYNOMIAL
    return crc
