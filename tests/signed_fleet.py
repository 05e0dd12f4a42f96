"""Images with real signatures of every kind, and what the levels of evidence say of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fleets import digest, image, index, signature
from signing_keys import COMPROMISED, DAY, YEAR, MadeKey, content, sequoia_key, sequoia_message, write_keyring

from indexer.sample import openpgp

if TYPE_CHECKING:
    from pathlib import Path

APP = "quay.io/team/app"
VENDOR, SUBKEY, EXPIRED, REVOKED, STRANGER = (MadeKey(number) for number in range(1, 6))
RSA, ECDSA, VERSION_6 = sequoia_key("RSA2k"), sequoia_key("P256"), sequoia_key("Cv25519", "RFC9580")
TRUSTED = [{"type": kind, "status": "True"} for kind in ("Trusted", "ForImage")]

Object = dict[str, Any]


def text(word: str, reference: str = APP + ":1.0") -> bytes:
    """Return the payload for the image of a word."""
    return openpgp.payload(reference, digest(word), 1_715_760_000)


def record(word: str, blob: bytes, number: int = 0, **more: Any) -> Object:
    """Return a signature as it is recorded on the image of a word."""
    return signature(word) | {"metadata": {"name": f"{digest(word)}@{number:064}"}, "content": content(blob)} | more


def signed(word: str, *blobs: bytes, **more: Any) -> Object:
    """Return an image of a word with signatures; `conditions` are those of the first."""
    conditions = more.pop("conditions", None)
    records = [record(word, blob, number) for number, blob in enumerate(blobs)]
    if conditions:
        records[0]["conditions"] = conditions
    return image(word, ("layer of " + word, 10), signatures=records, **more)


class Level(NamedTuple):
    """What the views say of the first signature of an image, level by level."""

    is_readable: bool
    is_for_this_image: bool | None
    is_identity_matching: bool | None
    is_verified: bool
    is_trusted: bool
    key_state: str
    verification_state: str


LEVELS: dict[str, tuple[Object, Level]] = {
    # Object, then readable, for this image, of its repository, verified, trusted, what the key says, all together
    "rsa": (signed("rsa", sequoia_message(RSA, text("rsa"))), Level(True, True, True, True, False, "good", "valid")),
    "ecdsa": (
        signed("ecdsa", sequoia_message(ECDSA, text("ecdsa"))), Level(True, True, True, True, False, "good", "valid"),
    ),
    "ed25519": (
        signed("ed25519", VENDOR.message(text("ed25519"))), Level(True, True, True, True, False, "good", "valid"),
    ),
    "version 6": (
        signed("version 6", sequoia_message(VERSION_6, text("version 6"))),
        Level(True, True, True, True, False, "good", "valid"),
    ),
    "subkey": (signed("subkey", SUBKEY.message(text("subkey"))), Level(True, True, True, True, False, "good", "valid")),
    "trusted": (
        signed("trusted", VENDOR.message(text("trusted")), conditions=TRUSTED),
        Level(True, True, True, True, True, "good", "valid"),
    ),
    "other tag": (
        signed("other tag", VENDOR.message(text("other tag", APP + ":2.7"))),
        Level(True, True, True, True, False, "good", "valid"),
    ),
    "hub": (
        signed("hub", VENDOR.message(text("hub", "busybox:1")), repository="index.docker.io/library/busybox"),
        Level(True, True, True, True, False, "good", "valid"),
    ),
    "key expired": (
        signed("key expired", EXPIRED.message(text("key expired"))),
        Level(True, True, True, False, False, "key-expired", "key-expired"),
    ),
    "key revoked": (
        signed("key revoked", REVOKED.message(text("key revoked"))),
        Level(True, True, True, False, False, "key-revoked", "key-revoked"),
    ),
    "signature expired": (
        signed("signature expired", VENDOR.message(text("signature expired"), lifetime=DAY)),
        Level(True, True, True, False, False, "signature-expired", "signature-expired"),
    ),
    "unknown key": (
        signed("unknown key", STRANGER.message(text("unknown key"))),
        Level(True, True, True, False, False, "unknown-key", "unknown-key"),
    ),
    "bad but trusted": (
        signed("bad but trusted", VENDOR.message(text("bad but trusted")).replace(b"1.0", b"1.1"), conditions=TRUSTED),
        Level(True, True, True, False, True, "bad", "bad"),
    ),
    "wrong digest": (
        signed("wrong digest", VENDOR.message(text("rsa"))),
        Level(True, False, True, True, False, "good", "wrong-digest"),
    ),
    "wrong reference": (
        signed("wrong reference", VENDOR.message(text("wrong reference", "quay.io/somebody/else:1.0"))),
        Level(True, True, False, True, False, "good", "wrong-identity"),
    ),
    "wrong registry": (
        signed("wrong registry", VENDOR.message(text("wrong registry", "docker.io/team/app:1.0"))),
        Level(True, True, False, True, False, "good", "wrong-identity"),
    ),
    "no reference": (
        signed("no reference", VENDOR.message(text("no reference")), repository=None),
        Level(True, True, None, True, False, "good", "wrong-identity"),
    ),
    "signed but no payload": (
        signed("signed but no payload", VENDOR.message(b"any text")),
        Level(False, None, None, True, False, "good", "unreadable"),
    ),
    "no openpgp": (
        signed("no openpgp", b"{}"), Level(False, None, None, False, False, "unreadable", "unreadable"),
    ),
}  # fmt: skip

OTHERS = [
    signed("two signatures", STRANGER.message(text("two signatures")), VENDOR.message(text("two signatures"))),
    # Digest and repository fit in two different signatures: none of the two is valid.
    signed("two halves", VENDOR.message(text("rsa")), VENDOR.message(text("two halves", "quay.io/somebody/else:1"))),
    index("list", ("child", "linux/amd64"), signatures=[record("list", VENDOR.message(text("list")))]),
    image("child", ("layer of child", 10)),
    index("plain list", ("rsa", "linux/amd64")),
    image("plain", ("layer of plain", 10), annotations={"openshift.io/image.managed": "true"}),
]


def write_fleet_keyring(path: Path) -> Path:
    """Write a keyring of everybody but the stranger."""
    return write_keyring(
        path,
        VENDOR.certificate() + VENDOR.subkey(SUBKEY),
        EXPIRED.certificate(lifetime=YEAR + DAY),
        REVOKED.certificate(revoked=COMPROMISED),
        *(bytes(key.extract_certificate()) for key in (RSA, ECDSA, VERSION_6)),
    )
