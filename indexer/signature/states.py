"""The one table of what a reading can end in."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from indexer.errors import DataError


class DescribedState(StrEnum):
    """A named state, which is its own text; `description` says it in a sentence."""

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        """Make the member a plain string that carries its description."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class ReadingState(DescribedState):
    """How far the reading of one `content` came; `description` says it in a sentence.

    Only `READABLE` means "a well-formed atomic signature". None of them says that a signature is genuine.
    """

    READABLE = "readable", "One OpenPGP signed message with one signature over an atomic payload."
    EMPTY = "empty", "There is no content."
    NOT_BASE64 = "not-base64", "The content is not base64."
    TOO_LARGE = "too-large", "The blob, what it expands to or the text inside is larger than is read."
    TOO_COMPLEX = "too-complex", "More packets, partial lengths or nested compression than is followed."
    ARMORED = "armored", "OpenPGP in ASCII armour; an atomic signature is binary."
    SIGSTORE = "sigstore", "A sigstore signature as containers/image stores it; no OpenPGP."
    NOT_OPENPGP = "not-openpgp", "A byte that should start an OpenPGP packet does not."
    TRUNCATED = "truncated", "A length or a compressed stream runs past the end of the blob."
    BAD_COMPRESSION = "bad-compression", "The compressed data is damaged, or its algorithm is unknown."
    ENCRYPTED = "encrypted", "The OpenPGP message is encrypted."
    UNEXPECTED_PACKET = "unexpected-packet", "A packet that has no place in a signed message, such as a key."
    NO_LITERAL = "no-literal", "No signed text inside: a detached signature, or nothing."
    SEVERAL_LITERALS = "several-literals", "More than one text inside: which of them is signed is not defined."
    NO_SIGNATURE = "no-signature", "A text that no signature packet follows or precedes."
    SEVERAL_SIGNATURES = "several-signatures", "More than one signature; an atomic signature has exactly one."
    MALFORMED_SIGNATURE = "malformed-signature", "The signature packet is damaged, or of an unknown version."
    PAYLOAD_NOT_JSON = "payload-not-json", "The signed text is not one JSON object in UTF-8."
    PAYLOAD_NOT_ATOMIC = "payload-not-atomic", "The signed JSON is not what containers-signature(5) prescribes."


class UnreadableBlobError(DataError):
    """A blob that can't be read on; `state` names why. Never leaves this package: it ends as a state in a row."""

    def __init__(self, state: ReadingState) -> None:
        super().__init__(f"The signature could not be read ({state}): {state.description}")
        self.state = state
