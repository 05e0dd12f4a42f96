"""The views of signatures as plain data; `view_schema` lists them among the others."""

from __future__ import annotations

from indexer import view_columns as shared
from indexer.view_columns import Column, flag, moment, number, text, view

SIGNATURE_CONDITIONS = view(
    "signature_conditions",
    "signature × condition",
    "Conditions of signatures: what somebody with update rights wrote.",
    shared.IMAGE_NAME,
    shared.SIGNATURE_NAME,
    Column("signature_position", "INTEGER", "Position of the signature in its list, from 0."),
    shared.POSITION,
    text("type", "In practice `Trusted` or `ForImage`."),
    text("status", "`True`, `False` or `Unknown`."),
    text("reason", "Short reason."),
    text("message", "Message for people."),
    flag("is_newest", "Whether it is the newest of its type on the signature."),
    moment("last_probe_at", "When the condition was last checked."),
    moment("last_transition_at", "When the status last changed."),
)

IMAGE_SIGNATURES = view(
    "image_signatures",
    "image × signature",
    "Signatures recorded on each Image: what they claim and, with a keyring, what its keys say of them.",
    shared.IMAGE_NAME,
    shared.POSITION,
    shared.SIGNATURE_NAME,
    text("type", "`AtomicImageV1` or `atomic`; both hold the same format."),
    number("content_size_bytes", "Bytes of the decoded content."),
    moment("created_at", "Signing time, where a third party filled it."),
    text("image_identity", "Identity of the image, where a third party filled it."),
    text("issued_by_common_name", "Issuer; after a manual verification the signer's key id."),
    text("issued_by_organization", "Organization of the issuer."),
    text("issued_to_common_name", "Subject of the signing key."),
    text("issued_to_organization", "Organization of the subject."),
    text("issued_to_public_key_id", "Key id of the subject."),
    moment("recorded_at", "When the signature was recorded on the Image."),
    text("reading_state", "`readable`, or why the content could not be read."),
    text("claimed_reference", "Reference the payload claims."),
    text("claimed_digest", "Manifest digest the payload claims."),
    text("claimed_creator", "Program the payload names as its creator."),
    moment("claimed_at", "Time the payload states."),
    text("key_id", "Id of the signing key, 16 upper-case hex digits."),
    text("fingerprint", "Fingerprint of the signing key."),
    text("public_key_algorithm", "Algorithm of the signing key."),
    moment("signature_created_at", "When the packet says the signature was made."),
    moment("signature_expires_at", "When the packet says the signature expires."),
    flag("is_readable", "Whether the content is one OpenPGP signature over an atomic payload."),
    flag("is_for_this_image", "Whether the claimed digest is the name of the Image; null when unreadable."),
    flag("is_identity_matching", "Whether the claimed repository is that of the Image; null when either is missing."),
    flag("is_trusted", "Whether its newest Trusted and ForImage conditions are True: a claim, not proof."),
    text("key_state", "What the keyring says, digest and reference aside: `good`, `bad`, …; null without a keyring."),
    flag("is_verified", "Whether a key of the keyring made it and is valid today (`good`); null without a keyring."),
    text(
        "verification_state",
        "`valid`, or the first thing in its way: a `key_state`, then `unreadable` payload, `wrong-digest`, "
        "`wrong-identity`; null without a keyring.",
    ),
    text(
        "signer_fingerprint", "Certificate of the keyring whose key made it: proof, even if expired or revoked since."
    ),
    text("signing_key_fingerprint", "Key or subkey of that certificate."),
    text("signer_user_id", "User id of that certificate."),
)

SIGNATURE_CLAIMS = view(
    "signature_claims",
    "signature × claim",
    "Signed claims, where a third party filled them.",
    shared.IMAGE_NAME,
    shared.SIGNATURE_NAME,
    shared.KEY,
    shared.VALUE,
)
