"""The tables beneath the views as plain data: receipts, keys and what keys say of signatures."""

from __future__ import annotations

from indexer.view_columns import Column, View, flag, moment, number, text, view

SNAPSHOTS = view(
    "snapshots",
    "snapshot",
    "Receipts of the snapshots behind the views.",
    moment("taken_at", "When reading the source began."),
    flag("is_complete", "Whether the whole resource was read."),
    flag("is_consistent", "Whether all of it is of one moment."),
    text("completeness", "How completeness is known: `proven`, `unproven` or `partial`."),
    number("image_count", "Image objects in the snapshot."),
    number("duplicate_count", "Objects that gave way to another of the same name."),
    number("skipped_count", "Items left out because they could not be read."),
    number("stored_bytes", "Bytes of the snapshot's Parquet parts."),
    text("source", "Where the objects came from."),
    text("server_version", "Version the server told."),
    text("resource_version", "Resource versions of the list."),
    text("tool_version", "Version of image-indexer that wrote it."),
    Column("schema_version", "INTEGER", "Version of the Parquet columns."),
    text("cluster_identity", "What the server tells of which cluster it is, whatever the name; null where it did not."),
)

REGISTRY_ALIASES = View(
    "registry_aliases",
    "name of a registry",
    "Registry names that mean another one, as configured: only the owner of a cluster knows them, so none by default.",
    (
        text("alias", "Registry host as references spell it, lower-case."),
        text("registry", "Registry host it stands for."),
    ),
)

KEYRING_KEYS = View(
    "keyring_keys",
    "key or subkey",
    "Public keys of the keyrings that were given; empty without one.",
    (
        text("fingerprint", "Fingerprint of the key, upper-case hex."),
        text("key_id", "Key id, 16 upper-case hex digits."),
        text("certificate_fingerprint", "Fingerprint of the certificate (primary key) it belongs to."),
        text("user_id", "User id of the certificate that is not revoked; null where there is none."),
        moment("bound_at", "When the certificate first vouched for the key."),
        moment("expires_at", "When the key expires; null when it does not."),
        flag("is_revoked", "Whether the key or its certificate is revoked."),
        flag("is_signing", "Whether the key is meant for signing."),
        text("refusal", "Why the certificate is not accepted at all; null where it is."),
    ),
)

SIGNATURE_VERIFICATIONS = View(
    "signature_verifications",
    "distinct content of a signature",
    "What the keys of the keyring say of each distinct content; empty without a keyring.",
    (
        text("content_digest", "SHA-256 of the content as it stands in the object, lower-case hex."),
        text(
            "key_state", "`good`, `bad`, `unknown-key`, `key-expired`, `key-revoked`, `signature-expired` and others."
        ),
        text("signer_fingerprint", "Certificate whose key made it; null unless that is proven."),
        text("signing_key_fingerprint", "Key or subkey of that certificate."),
        text("signer_user_id", "User id of that certificate."),
        text("verified_reference", "Reference in the verified payload; null unless `good`."),
        text("verified_digest", "Digest in the verified payload; null unless `good`."),
    ),
)

TABLES: tuple[View, ...] = (SNAPSHOTS, REGISTRY_ALIASES, KEYRING_KEYS, SIGNATURE_VERIFICATIONS)
"""Every table; the views are read from these and from the stored images."""
