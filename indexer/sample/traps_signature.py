"""Signed images: good records, conditions in several states, and signatures that must not convince."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.sample import objects, openpgp, signatures
from indexer.sample.craft import Craft, name_of
from indexer.sample.dice import timestamp
from indexer.sample.objects import Object, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "registry.example.com/oddities/signed"
_DAY = 86_400


def spellings(craft: Craft) -> Iterator[Object]:
    """T16: as the importer and as a client record them, uncompressed, and two on one image."""
    yield craft.signed(craft.image(REPOSITORY))
    yield craft.signed(craft.image(REPOSITORY), kind=signatures.CLIENT_TYPE)
    image = craft.image(REPOSITORY)
    yield image | {"signatures": [_record(craft, image, is_compressed=False)]}
    image = craft.image(REPOSITORY)
    both = [_record(craft, image, tag="1.0"), _record(craft, image, tag="latest", kind=signatures.CLIENT_TYPE)]
    yield image | {"signatures": both}


def condition_states(craft: Craft) -> Iterator[Object]:
    """T16: Trusted and ForImage true, false, unknown and mixed; older and newer ones of one type."""
    at = craft.now + _DAY
    for trusted, for_image in (("True", "True"), ("False", "True"), ("True", "False"), ("Unknown", "Unknown")):
        yield _with_conditions(craft, signatures.conditions(trusted, for_image, at))
    older, newer = signatures.conditions("True", "True", at), signatures.conditions("False", "False", at + _DAY)
    yield _with_conditions(craft, older + newer)
    older, newer = signatures.conditions("False", "True", at), signatures.conditions("True", "True", at + _DAY)
    yield _with_conditions(craft, newer + older)
    undated: list[Object] = [
        {"type": "Trusted", "status": "True"},
        {"type": "ForImage", "status": "True", "lastProbeTime": None},
    ]
    yield _with_conditions(craft, undated)


def third_party(craft: Craft) -> Iterator[Object]:
    """Fill the fields that only other people's controllers fill."""
    image = craft.image(REPOSITORY)
    entry = signatures.verified(_record(craft, image), craft.now + _DAY, craft.signer)
    key_id = craft.signer.fingerprint[-8:].hex()
    claims = {
        "imageIdentity": f"{REPOSITORY}:1.0",
        "signedClaims": {"docker-manifest-digest": name_of(image), "creator": "atomic 5.29.0"},
        "created": timestamp(craft.now),
        "issuedTo": {"organization": "Example Inc.", "commonName": "sign@example.com", "publicKeyID": f"0x{key_id}"},
    }
    yield image | {"signatures": [entry | claims]}


def mismatches(craft: Craft) -> Iterator[Object]:
    """Sign for another digest, for another repository, and until a time that has passed."""
    other, image = craft.image(REPOSITORY), craft.image(REPOSITORY)
    yield other
    yield image | {"signatures": [_record(craft, image, digest=name_of(other))]}
    image = craft.image(REPOSITORY)
    yield image | {"signatures": [_record(craft, image, identity="registry.example.com/somebody/else:1.0")]}
    image = craft.image(REPOSITORY)
    yield image | {"signatures": [_record(craft, image, expires_after=60)]}


def broken(craft: Craft) -> Iterator[Object]:
    """Blobs that do not verify or do not parse: changed text, cut off, noise, nothing, a sigstore payload, no JSON."""
    image = craft.image(REPOSITORY)
    good = _blob(craft, image, is_compressed=False)
    changed = good.replace(b"oddities/signed", b"oddities/changed"[:15])
    noise = craft.dice.bytes(180)
    sigstore = openpgp.payload(f"{REPOSITORY}:1.0", name_of(image), craft.now).replace(b"atomic", b"cosign")
    prose = openpgp.signed_message(b"This is no payload.\n", craft.now, craft.signer)
    for blob in (changed, good[: len(good) // 2], noise, b"", sigstore, prose):
        image = craft.image(REPOSITORY)
        yield image | {"signatures": [signatures.record(name_of(image), blob, created_at=timestamp(craft.now))]}


def signed_index(craft: Craft) -> Iterator[Object]:
    """T17: a signed index whose children are not, and an unsigned one with one signed child."""
    children = [craft.image(REPOSITORY), craft.image(REPOSITORY, architecture="arm64")]
    platforms = [Platform("amd64"), Platform("arm64", variant="v8")]
    yield from children
    yield craft.signed(
        craft.index(
            REPOSITORY, [(name_of(child), platform) for child, platform in zip(children, platforms, strict=True)]
        )
    )
    signed_child = craft.signed(craft.image(REPOSITORY))
    yield signed_child
    yield craft.index(REPOSITORY, [(name_of(signed_child), platforms[0])], objects.DOCKER_LIST)


def _blob(craft: Craft, image: Object, **odd: Any) -> bytes:
    """Make a signed payload; `odd` may change the claimed tag, identity and digest and how the message is packed."""
    identity = odd.pop("identity", f"{REPOSITORY}:{odd.pop('tag', '1.0')}")
    body = openpgp.payload(identity, odd.pop("digest", name_of(image)), craft.now)
    return openpgp.signed_message(body, craft.now, craft.signer, **odd)


def _record(craft: Craft, image: Object, kind: str = signatures.IMPORTER_TYPE, **odd: Any) -> Object:
    return signatures.record(name_of(image), _blob(craft, image, **odd), kind, timestamp(craft.now + 5))


def _with_conditions(craft: Craft, conditions: list[Object]) -> Object:
    image = craft.image(REPOSITORY)
    issuer = {"commonName": craft.signer.fingerprint[-8:].hex().upper()}
    return image | {"signatures": [_record(craft, image) | {"conditions": conditions, "issuedBy": issuer}]}


TRAPS = (spellings, condition_states, third_party, mismatches, broken, signed_index)
