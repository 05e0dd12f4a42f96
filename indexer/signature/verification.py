"""Whether a key of a keyring made a signature: the outcome has a name, and nothing but `good` is a proof.

Of each blob the text and the signature packet that `reading` found are verified, taken out of the blob: what was
verified is what was read. Words for outcomes follow those of `gpg --verify` where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pysequoia import Sig, verify
from pysequoia.packet import SignatureType

from indexer.signature.keyring import without_revocations
from indexer.signature.packets import Tag
from indexer.signature.payload import read_payload
from indexer.signature.reading import decode_content, read_signed_text
from indexer.signature.states import DescribedState, ReadingState

if TYPE_CHECKING:
    from pysequoia import Cert, Decrypted

    from indexer.signature.keyring import Key, Keyring
    from indexer.signature.reading import SignedText

WEAK_HASHES: Final = frozenset({"MD5", "SHA1", "RIPEMD160"})
"""Hashes that Sequoia's policy refuses for signatures over data."""


LIBREPGP_VERSION: Final = 5
"""Version of signatures that Sequoia does not know."""


class KeyState(DescribedState):
    """What a keyring says of one signature; `description` says it in a sentence."""

    GOOD = "good", "A key of the keyring made it over this text; it was valid then and is now."
    BAD = "bad", "The key it names did not make it over this text: one of the two was changed, or it is forged."
    UNKNOWN_KEY = "unknown-key", "The keyring does not hold the key it names, or it names none."
    KEY_EXPIRED = "key-expired", "The key it names has expired, before or after it signed."
    KEY_REVOKED = "key-revoked", "The key that made it is revoked, before or after it signed."
    SIGNATURE_EXPIRED = "signature-expired", "It states an end that has passed; whether it was good is not checked."
    NOT_YET_VALID = "not-yet-valid", "It states that it was made in the future."
    WEAK_HASH = "weak-hash", "It is made over a hash that is not safe (MD5, SHA1, RIPEMD160), and so not checked."
    UNSUPPORTED = "unsupported", "It is of a version, or made with an algorithm, that is not known here: not checked."
    UNUSABLE_KEY = "unusable-key", "The key it names is weak, not for signing, or was not valid yet: not checked."
    UNREADABLE = "unreadable", "It is not one OpenPGP signature over one text; the state of the reading says why."


@dataclass(frozen=True, slots=True)
class Verification:
    """Outcome for one `signatures[].content` under one keyring.

    The signer is given only where the cryptography holds (`good`, and expired or revoked keys that signed while they
    could); the verified claims only for `good`. Fingerprints are upper-case hex: of the certificate (what `gpg` lists
    first) and of the key or subkey that signed.
    """

    key_state: str
    signer_fingerprint: str | None = None
    signing_key_fingerprint: str | None = None
    signer_user_id: str | None = None
    verified_reference: str | None = None
    verified_digest: str | None = None


def verify_content(content_base64: str, keyring: Keyring) -> Verification:
    """Verify a base64 `content` with the keys of a keyring; never raises."""
    blob = decode_content(content_base64)
    signed = read_signed_text(blob) if blob is not None else None
    return _verify_signed_text(signed, keyring) if signed else Verification(KeyState.UNREADABLE.value)


def _verify_signed_text(signed: SignedText, keyring: Keyring) -> Verification:
    keys = keyring.find(signed.signer)
    if not keys:
        return Verification(KeyState.UNKNOWN_KEY.value)
    for key in keys:
        if _is_made_by(key.certificate.cert, key, signed):
            return _verified(signed, key)
    return _refused(signed, keys[0])


def _verified(signed: SignedText, key: Key) -> Verification:
    state = _state_today(key)
    claims = read_payload(signed.text)
    is_proof = state is KeyState.GOOD and claims.state is ReadingState.READABLE
    return Verification(
        state.value,
        key.certificate.fingerprint,
        key.fingerprint,
        key.certificate.user_id,
        claims.claimed_reference if is_proof else None,
        claims.claimed_digest if is_proof else None,
    )


def _state_today(key: Key) -> KeyState:
    """Judge a key whose signature holds: Sequoia asks whether it was valid when it signed, GnuPG whether it is now."""
    if key.is_revoked:
        return KeyState.KEY_REVOKED
    return KeyState.KEY_EXPIRED if key.expires_at and key.expires_at <= datetime.now(UTC) else KeyState.GOOD


def _refused(signed: SignedText, key: Key) -> Verification:
    """Name why Sequoia refuses a signature; its binding says only that it does."""
    state = _fault_of_signature(signed) or _fault_of_key(signed, key)
    if state is not None:
        return Verification(state.value)
    if key.is_revoked and _is_made_by(without_revocations(key.certificate.cert), key, signed):
        return _verified(signed, key)
    return Verification(KeyState.BAD.value)


def _fault_of_signature(signed: SignedText) -> KeyState | None:
    now, signer = datetime.now(UTC), signed.signer
    if signer.hash_algorithm in WEAK_HASHES:
        return KeyState.WEAK_HASH
    if signer.signature_version == LIBREPGP_VERSION or _is_unknown(signer.hash_algorithm, signer.public_key_algorithm):
        return KeyState.UNSUPPORTED
    if signer.signature_expires_at and signer.signature_expires_at <= now:
        return KeyState.SIGNATURE_EXPIRED
    return KeyState.NOT_YET_VALID if signer.signature_created_at and signer.signature_created_at > now else None


def _fault_of_key(signed: SignedText, key: Key) -> KeyState | None:
    signed_at = signed.signer.signature_created_at
    if key.certificate.refusal or key.is_too_small or not key.is_signing:
        return KeyState.UNUSABLE_KEY
    if signed_at is None or key.bound_at is None or signed_at < key.bound_at:
        return KeyState.UNUSABLE_KEY
    return KeyState.KEY_EXPIRED if key.expires_at and key.expires_at <= signed_at else None


def _is_unknown(*algorithms: str | None) -> bool:
    return any(algorithm is None or algorithm.startswith("unknown-") for algorithm in algorithms)


def _is_made_by(cert: Cert, key: Key, signed: SignedText) -> bool:
    try:
        signature = Sig.from_bytes(_framed(Tag.SIGNATURE, signed.signature_body))
        # Other types of signature cover keys or nothing, with hashes that a text could imitate.
        if signature.signature_type not in (SignatureType.Binary, SignatureType.Text):
            return False
        result = _verify(cert, signed, signature)
    except RuntimeError:
        return False
    return any(valid.signing_key.upper() == key.fingerprint for valid in result.valid_sigs)


def _verify(cert: Cert, signed: SignedText, signature: Sig) -> Decrypted:
    # Sequoia refuses detached signatures of version 3, yet takes them inline, and vendors' signatures are of version 3.
    if signature.version == 3:  # noqa: PLR2004 - the version is the number
        return verify(bytes=_version_3_message(signed), store=lambda _: [cert])
    return verify(bytes=signed.text, store=lambda _: [cert], signature=signature)


def _version_3_message(signed: SignedText) -> bytes:
    """Write the text and its signature as a new message (RFC 9580 §5.2.2, §5.4, §5.9)."""
    body = signed.signature_body
    signature_type, key_id, key_algorithm, hash_algorithm = body[2:3], body[7:15], body[15:16], body[16:17]
    one_pass = b"\x03" + signature_type + hash_algorithm + key_algorithm + key_id + b"\x01"
    literal = b"b" + bytes(5) + signed.text
    return _framed(Tag.ONE_PASS_SIGNATURE, one_pass) + _framed(Tag.LITERAL, literal) + _framed(Tag.SIGNATURE, body)


def _framed(tag: Tag, body: bytes) -> bytes:
    """Put a body into a packet, in the new format with a length of four bytes."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body
