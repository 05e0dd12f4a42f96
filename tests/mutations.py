"""Damage done to signature blobs, and what must hold of every damaged one."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

import openpgp_blobs as pgp
from signing_keys import SIGNED, MadeKey, sequoia_key, sequoia_message, version_3_message

from indexer.sample import openpgp
from indexer.signature import ReadingState, read_blob
from indexer.signature.keyring import read_keyrings
from indexer.signature.reading import read_signed_text
from indexer.signature.verification import KeyState, Verification, verify_content

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from indexer.signature import SignatureReading
    from indexer.signature.keyring import Keyring

TEXT = pgp.payload()
PRIMARY, SUBKEY = MadeKey(1), MadeKey(2)
READING_STATES = {state.value for state in ReadingState}
KEY_STATES = {state.value for state in KeyState}
TELLING_BYTES = (0, 1, 2, 3, 4, 6, 0x7F, 0x80, 0xA3, 0xC2, 0xC4, 0xC8, 0xCB, 0xE0, 0xFE, 0xFF)
"""Versions, tags and lengths: bytes that change what the rest of a packet means."""


class Target(NamedTuple):
    """Sound blobs of different make, and the keyring that finds all of them good."""

    blobs: tuple[bytes, ...]
    keyring: Keyring


def make_target(folder: Path) -> Target:
    """Sign one text with keys of several algorithms and versions; the messages differ in their packets."""
    keys = [sequoia_key("RSA2k"), sequoia_key("P256"), sequoia_key("Cv25519", "RFC9580")]
    path = folder / "keys.gpg"
    certificates = [PRIMARY.certificate() + PRIMARY.subkey(SUBKEY)]
    path.write_bytes(b"".join(certificates + [bytes(key.extract_certificate()) for key in keys]))
    partial = (
        pgp.new_packet(4, pgp.one_pass_body(PRIMARY.key_id))
        + pgp.partial_packet(11, pgp.literal_body(TEXT, b"name"), power=6)
        + openpgp.signature_packet(TEXT, 0, openpgp.created_subpacket(SIGNED), PRIMARY)
    )
    blobs = [
        PRIMARY.message(TEXT),
        version_3_message(PRIMARY, TEXT),
        openpgp.signed_message(TEXT, SIGNED, SUBKEY, is_compressed=False),
        partial,
        pgp.old_packet(8, pgp.compressed_body(partial, algorithm=2), indeterminate=True),
        pgp.new_packet(8, pgp.compressed_body(partial, algorithm=3)),
        *(sequoia_message(key, TEXT) for key in keys),
    ]
    return Target(tuple(blobs), read_keyrings([path]))


def mutate(dice: random.Random, blobs: tuple[bytes, ...]) -> bytes:
    """Damage one blob in one to four ways."""
    blob = bytearray(dice.choice(blobs))
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        dice.choice(_DAMAGES)(dice, blob, blobs)
    return bytes(blob)


def check(blob: bytes, target: Target) -> tuple[SignatureReading, Verification]:
    """Read and verify a blob: both end in a named state, and nothing is good but the text that was signed."""
    reading = read_blob(blob)
    verification = verify_content(base64.b64encode(blob).decode(), target.keyring)
    assert reading.state in READING_STATES
    assert verification.key_state in KEY_STATES
    if verification.key_state == KeyState.GOOD:
        signed = read_signed_text(blob)
        assert signed is not None
        assert signed.text == TEXT
        assert (verification.verified_digest, reading.claimed_digest) == (pgp.DIGEST, pgp.DIGEST)
    return reading, verification


def _place(dice: random.Random, blob: bytearray) -> int:
    return dice.randrange(len(blob) + 1)


def _flip(dice: random.Random, blob: bytearray, _: tuple[bytes, ...]) -> None:
    if blob:
        blob[dice.randrange(len(blob))] ^= 1 << dice.randrange(8)


def _set(dice: random.Random, blob: bytearray, _: tuple[bytes, ...]) -> None:
    if blob:
        # The first bytes frame everything behind them, so they are hit more often than their share.
        blob[dice.randrange(dice.choice((len(blob), min(len(blob), 24))))] = dice.choice(TELLING_BYTES)


def _insert(dice: random.Random, blob: bytearray, _: tuple[bytes, ...]) -> None:
    place = _place(dice, blob)
    blob[place:place] = dice.randbytes(dice.choice((1, 2, 5, 64)))


def _delete(dice: random.Random, blob: bytearray, _: tuple[bytes, ...]) -> None:
    place = _place(dice, blob)
    del blob[place : place + dice.choice((1, 2, 5, 64))]


def _cut(dice: random.Random, blob: bytearray, _: tuple[bytes, ...]) -> None:
    del blob[_place(dice, blob) :]


def _repeat(dice: random.Random, blob: bytearray, _: tuple[bytes, ...]) -> None:
    start = _place(dice, blob)
    piece = bytes(blob[start : start + dice.choice((1, 16, 256))])
    place = _place(dice, blob)
    blob[place:place] = piece * dice.choice((1, 2, 40))


def _splice(dice: random.Random, blob: bytearray, blobs: tuple[bytes, ...]) -> None:
    other = dice.choice(blobs)
    place = _place(dice, blob)
    blob[place:] = other[dice.randrange(len(other)) :] if dice.random() < 0.5 else other[place:]


def _wrap(_: random.Random, blob: bytearray, __: tuple[bytes, ...]) -> None:
    blob[:] = pgp.new_packet(8, pgp.compressed_body(bytes(blob)))


_DAMAGES: tuple[Callable[[random.Random, bytearray, tuple[bytes, ...]], None], ...] = (
    _flip, _set, _insert, _delete, _cut, _repeat, _splice, _wrap,
)  # fmt: skip
