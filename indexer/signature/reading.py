"""From `content` to a reading: claims of the payload and of the signature packet, and how far reading came."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime  # msgspec reads the types of its fields
from typing import Final, NamedTuple

import msgspec

from indexer.signature.cursor import Cursor
from indexer.signature.packets import Tag, read_packets
from indexer.signature.payload import Claims, read_payload
from indexer.signature.signer import Signer, read_one_pass_packet, read_signature_packet
from indexer.signature.states import ReadingState, UnreadableBlobError

MAX_BLOB_SIZE_BYTES: Final = 1 << 18
"""Largest blob that is read; etcd refuses a whole object above 1.5 MiB, real blobs are about 1 KiB."""

SIGSTORE_PREFIX: Final = b"\x00sigstore-json\n"
"""How containers/image marks a sigstore signature in a signature store."""

_ENCRYPTION_TAGS: Final = frozenset({1, 3, 9, 18, 20})
_IGNORED_TAGS: Final = frozenset({Tag.MARKER, Tag.PADDING})


class SignatureReading(msgspec.Struct, frozen=True, gc=False):
    """What one `signatures[].content` says of itself, read without a key.

    Everything here is a claim of whoever wrote the blob: nothing is authenticated, not even when `state` is
    `readable`. `state` is a `ReadingState`; what could be read before a failure is kept. Of several signatures the
    first is shown; without any, what a one-pass packet announced. Times are UTC, the size is that of the decoded
    blob, key ids are 16 and fingerprints 40 or 64 upper-case hex digits. None means "not said".
    """

    state: str
    content_size_bytes: int | None = None
    claimed_reference: str | None = None
    claimed_digest: str | None = None
    claimed_creator: str | None = None
    claimed_at: datetime | None = None
    key_id: str | None = None
    fingerprint: str | None = None
    public_key_algorithm: str | None = None
    hash_algorithm: str | None = None
    signature_version: int | None = None
    signature_created_at: datetime | None = None
    signature_expires_at: datetime | None = None


class SignedText(NamedTuple):
    """The one text of a message and the body of its one signature packet, with what that packet says."""

    text: bytes
    signature_body: bytes
    signer: Signer


@dataclass(slots=True)
class _Message:
    """The packets of one blob by what they are for, and what stopped the reading of them, if something did."""

    announced_signers: list[Signer] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    signers: list[Signer] = field(default_factory=list)
    signature_bodies: list[bytes] = field(default_factory=list)
    failure: ReadingState | None = None


def read_content(content_base64: str | None) -> SignatureReading:
    """Read a base64 `content` without a key; the result holds unauthenticated claims. Never raises."""
    if content_base64 is None:
        return SignatureReading(ReadingState.EMPTY.value)
    blob = decode_content(content_base64)
    return SignatureReading(ReadingState.NOT_BASE64.value) if blob is None else read_blob(blob)


def decode_content(content_base64: str) -> bytes | None:
    """Decode a base64 `content`, white space ignored; None where it is no base64."""
    try:
        compact = content_base64.encode("ascii").translate(None, b" \t\r\n\v\f")
        return base64.b64decode(compact, validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None


def read_signed_text(blob: bytes) -> SignedText | None:
    """Return text and signature of a blob that is one text under one signature and nothing else; never raises.

    Whoever verifies gets exactly what the reading shows, so no second parser can see another text in the same bytes.
    """
    if _recognise(blob) is not None:
        return None
    message = _read_message(blob)
    if message.failure or _judge(message):
        return None
    return SignedText(message.texts[0], message.signature_bodies[0], message.signers[0])


def read_blob(blob: bytes) -> SignatureReading:
    """Read a binary signature without a key; the result holds unauthenticated claims. Never raises."""
    state = _recognise(blob)
    if state is not None:
        return SignatureReading(state.value, len(blob))
    message = _read_message(blob)
    signer = next(iter(message.signers + message.announced_signers), Signer())
    # Of several texts none is read: nothing says which of them a signature covers.
    claims = read_payload(message.texts[0]) if len(message.texts) == 1 else Claims(ReadingState.NO_LITERAL)
    return SignatureReading(
        state=(message.failure or _judge(message) or claims.state).value,
        content_size_bytes=len(blob),
        claimed_reference=claims.claimed_reference,
        claimed_digest=claims.claimed_digest,
        claimed_creator=claims.claimed_creator,
        claimed_at=claims.claimed_at,
        key_id=signer.key_id,
        fingerprint=signer.fingerprint,
        public_key_algorithm=signer.public_key_algorithm,
        hash_algorithm=signer.hash_algorithm,
        signature_version=signer.signature_version,
        signature_created_at=signer.signature_created_at,
        signature_expires_at=signer.signature_expires_at,
    )


def _recognise(blob: bytes) -> ReadingState | None:
    """Name what is no binary OpenPGP at first sight; None for the rest."""
    if not blob:
        return ReadingState.EMPTY
    if len(blob) > MAX_BLOB_SIZE_BYTES:
        return ReadingState.TOO_LARGE
    if blob.startswith(SIGSTORE_PREFIX):
        return ReadingState.SIGSTORE
    return ReadingState.ARMORED if blob.lstrip().startswith(b"-----BEGIN PGP") else None


def _read_message(blob: bytes) -> _Message:
    message = _Message()
    try:
        for tag, body in read_packets(blob):
            _sort_packet(message, tag, body)
    except UnreadableBlobError as error:
        message.failure = error.state
    return message


def _sort_packet(message: _Message, tag: int, body: bytes) -> None:
    if tag == Tag.ONE_PASS_SIGNATURE:
        message.announced_signers.append(read_one_pass_packet(body))
    elif tag == Tag.LITERAL:
        message.texts.append(_read_literal_packet(body))
    elif tag == Tag.SIGNATURE:
        message.signers.append(read_signature_packet(body))
        message.signature_bodies.append(body)
    elif tag in _ENCRYPTION_TAGS:
        raise UnreadableBlobError(ReadingState.ENCRYPTED)
    elif tag not in _IGNORED_TAGS:
        raise UnreadableBlobError(ReadingState.UNEXPECTED_PACKET)


def _read_literal_packet(body: bytes) -> bytes:
    """Return the text; format, file name and date before it are not covered by the signature."""
    cursor = Cursor(body, ReadingState.TRUNCATED)
    cursor.take(1)
    cursor.take(cursor.number(1))
    cursor.take(4)
    return cursor.rest()


def _judge(message: _Message) -> ReadingState | None:
    """Name what keeps the packets from being one text under one signature."""
    if not message.texts:
        return ReadingState.NO_LITERAL
    if len(message.texts) > 1:
        return ReadingState.SEVERAL_LITERALS
    if not message.signers:
        return ReadingState.NO_SIGNATURE
    return ReadingState.SEVERAL_SIGNATURES if len(message.signers) > 1 else None
