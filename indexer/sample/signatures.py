"""Signature records of Images: importer and client spellings, and the conditions a person's verification leaves."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from indexer.sample import openpgp
from indexer.sample.dice import timestamp

if TYPE_CHECKING:
    from indexer.sample.objects import Object

IMPORTER_TYPE, CLIENT_TYPE = "AtomicImageV1", "atomic"


def record(image_name: str, blob: bytes, kind: str = IMPORTER_TYPE, created_at: str | None = None) -> Object:
    """One entry of `signatures`. Its name hashes the blob when the cluster fetched it, and is random from clients."""
    hashed = hashlib.sha256(blob)
    own_name = hashed.hexdigest() if kind == IMPORTER_TYPE else hashed.hexdigest()[:32]
    return {
        "metadata": {"name": f"{image_name}@{own_name}", "creationTimestamp": created_at},
        "type": kind,
        "content": base64.b64encode(blob).decode(),
    }


def conditions(trusted: str, for_image: str, at: int, reason: str = "manually verified") -> list[Object]:
    """`Trusted` and `ForImage`, which the server only takes together; `at` in epoch seconds."""
    probed = {"lastProbeTime": timestamp(at), "lastTransitionTime": timestamp(at)}
    return [
        {"type": "Trusted", "status": trusted, **probed, "reason": reason, "message": 'verified by user "admin"'},
        {"type": "ForImage", "status": for_image, **probed},
    ]


def verified(entry: Object, at: int, signer: openpgp.Signer) -> Object:
    """`entry` after `oc adm verify-image-signature --save` found it good."""
    issuer = {"commonName": signer.fingerprint[-8:].hex().upper()}
    return entry | {"conditions": conditions("True", "True", at), "issuedBy": issuer}


def sign(image: Object, tag: str, created: int, signer: openpgp.Signer, kind: str = IMPORTER_TYPE) -> Object:
    """Make a record whose signature is for `image` (not changed) under its own repository and `tag`."""
    name = image["metadata"]["name"]
    identity = f"{image['dockerImageReference'].partition('@')[0]}:{tag}"
    blob = openpgp.signed_message(openpgp.payload(identity, name, created), created, signer)
    return record(name, blob, kind, timestamp(created + 5))
