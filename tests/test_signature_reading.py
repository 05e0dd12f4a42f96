"""What is read, without a key, from genuine and from built signatures."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import openpgp_blobs as pgp
import pytest

from indexer.signature import read_blob, read_content

if TYPE_CHECKING:
    from pathlib import Path

CREATED_AT = datetime(2024, 5, 15, 8, tzinfo=UTC)
RELEASE = "ocp-release_"
GENUINE_DIGEST = "sha256:20bf21ed457b390829cdbeec8795a7bea1626991fda603e0d01b4e7f60427e55"
RHEL_BLOB = RELEASE + "e3f12513a4b22a2d7c0e7c9207f52128113758d9d68c7d06b11a0ac7672966f7.signature-1"
CI_BLOB = RELEASE + "edd9824f0404f1a139688017e7001370e2f3fbc088b94da84506653b473fe140.signature-1"

GENUINE = {
    # name: (state, reference, key id, whether a fingerprint is stated, signature version)
    "containers-image_corrupt.signature": ("readable", "testing/manifest", "E932F44B23E8DD43", True, 4),
    "containers-image_image.signature": ("readable", "testing/manifest", "E932F44B23E8DD43", True, 4),
    "containers-image_dir-img-valid_signature-1": ("readable", "testing/manifest:latest", "E932F44B23E8DD43", True, 4),
    "containers-image_dir-img-valid-2_signature-2": (
        "readable", "testing/manifest:latest", "E932F44B23E8DD43", True, 4,
    ),
    "containers-image_subkey.signature": ("readable", "testing/manifest:latest", "D75B3109B3BAAEAF", False, 4),
    "containers-image_unknown-key.signature": ("readable", "testing/manifest", "5F9470E3BC6C3B55", False, 4),
    "containers-image_expired.signature": ("payload-not-json", None, "E932F44B23E8DD43", True, 4),
    "containers-image_dir-img-cosign-valid_signature-1": ("sigstore", None, None, False, None),
    "containers-image_image.manifest.json": ("not-openpgp", None, None, False, None),
    RHEL_BLOB: ("readable", "registry.access.redhat.com/rhel7:7.6", "199E2F91FD431D51", False, 3),
    CI_BLOB: (
        "readable",
        "registry.svc.ci.openshift.org/ocp/release:4.0.0-0.ci-2019-04-19-181452",
        "28B76E05B923888E", False, 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GENUINE)
def test_genuine_blobs_say_what_is_known_of_them(shared: Path, name: str) -> None:
    """Each recorded signature ends in its state and names its reference, key and version."""
    reading = read_blob((shared / "data/genuine/signature-blobs" / name).read_bytes())
    has_fingerprint = reading.fingerprint is not None
    assert GENUINE[name] == (
        reading.state, reading.claimed_reference, reading.key_id, has_fingerprint, reading.signature_version,
    )  # fmt: skip


def test_every_genuine_blob_is_covered(shared: Path) -> None:
    """No recorded blob is left out of the table above."""
    assert {path.name for path in (shared / "data/genuine/signature-blobs").iterdir()} == set(GENUINE)


def test_claimed_digest_of_genuine_blobs_is_that_of_their_image(shared: Path) -> None:
    """The digest claims match the manifests the blobs were made for, partial lengths included."""
    folder = shared / "data/genuine/signature-blobs"
    for name, digest in (
        ("containers-image_image.signature", GENUINE_DIGEST),
        (RHEL_BLOB, "sha256:" + RHEL_BLOB.split("_")[1].split(".")[0]),
        (CI_BLOB, "sha256:" + CI_BLOB.split("_")[1].split(".")[0]),
    ):
        assert read_blob((folder / name).read_bytes()).claimed_digest == digest


def test_expired_genuine_blob_states_its_expiry(shared: Path) -> None:
    """The expiry is the creation time plus the stated lifetime."""
    reading = read_blob((shared / "data/genuine/signature-blobs/containers-image_expired.signature").read_bytes())
    assert reading.signature_created_at == datetime(2025, 6, 23, 21, 0, 58, tzinfo=UTC)
    assert reading.signature_expires_at == datetime(2025, 6, 24, 10, tzinfo=UTC)


def test_reference_vector_is_read_in_full(shared: Path) -> None:
    """The reference vector with a signature yields every field it states."""
    image = json.loads((shared / "reference/vectors/ex_d.json").read_text())
    signature = image["signatures"][0]
    reading = read_content(signature["content"])
    assert reading.state == "readable"
    assert reading.content_size_bytes == len(base64.b64decode(signature["content"]))
    assert reading.claimed_reference == signature["imageIdentity"]
    assert reading.claimed_digest == image["metadata"]["name"]
    assert reading.claimed_creator == "atomic 5.29.0"
    assert reading.claimed_at == reading.signature_created_at == CREATED_AT
    assert reading.key_id == signature["issuedBy"]["commonName"]
    assert reading.fingerprint == "D967333400B550A94FCAFD50D1388EE935F30E18"
    assert (reading.public_key_algorithm, reading.hash_algorithm) == ("EdDSA", "SHA256")
    assert reading.signature_expires_at is None


def test_built_message_is_read_in_full() -> None:
    """A message of new-format packets yields exactly what it was built from."""
    blob = pgp.message()
    reading = read_blob(blob)
    assert reading.state == "readable"
    assert reading.content_size_bytes == len(blob)
    assert (reading.claimed_reference, reading.claimed_digest) == (pgp.REFERENCE, pgp.DIGEST)
    assert (reading.claimed_creator, reading.claimed_at) == ("a test", CREATED_AT)
    assert (reading.key_id, reading.fingerprint) == (pgp.KEY_ID, pgp.FINGERPRINT)
    assert (reading.public_key_algorithm, reading.hash_algorithm) == ("EdDSA", "SHA256")
    assert (reading.signature_version, reading.signature_created_at) == (4, CREATED_AT)


FRAMINGS = {
    "old format": pgp.old_packet(4, pgp.one_pass_body())
    + pgp.old_packet(11, pgp.literal_body(pgp.payload()))
    + pgp.old_packet(2, pgp.signature_body()),
    "partial lengths": pgp.new_packet(4, pgp.one_pass_body())
    + pgp.partial_packet(11, pgp.literal_body(pgp.payload()), power=5)
    + pgp.new_packet(2, pgp.signature_body()),
    "five-byte length": pgp.message(pgp.payload(optional={"note": "x" * 9000})),
    "signature first": pgp.new_packet(2, pgp.signature_body()) + pgp.new_packet(11, pgp.literal_body(pgp.payload())),
    "marker and padding": pgp.new_packet(10, b"PGP") + pgp.new_packet(21, b"\x00" * 9) + pgp.message(),
    "file name": pgp.new_packet(11, pgp.literal_body(pgp.payload(), b"x.bin"))
    + pgp.new_packet(2, pgp.signature_body()),
    "only the text compressed": pgp.new_packet(4, pgp.one_pass_body())
    + pgp.new_packet(8, pgp.compressed_body(pgp.new_packet(11, pgp.literal_body(pgp.payload()))))
    + pgp.new_packet(2, pgp.signature_body()),
    "indeterminate literal": pgp.new_packet(2, pgp.signature_body())
    + pgp.old_packet(11, pgp.literal_body(pgp.payload()), indeterminate=True),
    "bytes behind the compressed stream": pgp.old_packet(
        8, pgp.compressed_body(pgp.message()) + b"behind", indeterminate=True
    ),
} | {
    f"compression {algorithm}": pgp.old_packet(8, pgp.compressed_body(pgp.message(), algorithm), indeterminate=True)
    for algorithm in range(4)
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_framing_makes_no_difference(framing: str) -> None:
    """The same message is read alike in every framing OpenPGP allows."""
    reading = read_blob(FRAMINGS[framing])
    assert (reading.state, reading.claimed_digest, reading.key_id) == ("readable", pgp.DIGEST, pgp.KEY_ID)


def test_compression_is_followed_three_levels_deep() -> None:
    """Three nested compressed packets are read, a fourth is refused by name."""
    blob = pgp.message()
    for _ in range(3):
        blob = pgp.new_packet(8, pgp.compressed_body(blob))
    assert read_blob(blob).state == "readable"
    assert read_blob(pgp.new_packet(8, pgp.compressed_body(blob))).state == "too-complex"


def test_version_3_signature_is_read() -> None:
    """A version 3 signature states key id, time and algorithms, and no fingerprint."""
    reading = read_blob(pgp.message(signature=pgp.signature_body_v3()))
    assert (reading.state, reading.signature_version, reading.key_id) == ("readable", 3, pgp.KEY_ID)
    assert (reading.fingerprint, reading.signature_created_at) == (None, CREATED_AT)
    assert (reading.public_key_algorithm, reading.hash_algorithm) == ("RSA", "SHA1")


@pytest.mark.parametrize("version", [5, 6])
def test_long_fingerprints_give_the_key_id_by_their_start(version: int) -> None:
    """Key ids of version 5 and 6 keys are the first eight bytes of the fingerprint."""
    hashed = pgp.created() + pgp.issuer_fingerprint(pgp.FINGERPRINT_V6, version)
    reading = read_blob(pgp.message(signature=pgp.signature_body(hashed, version=version, key_algorithm=27)))
    assert (reading.state, reading.signature_version) == ("readable", version)
    assert (reading.fingerprint, reading.key_id) == (pgp.FINGERPRINT_V6, pgp.FINGERPRINT_V6[:16])
    assert reading.public_key_algorithm == "Ed25519"


def test_hashed_area_wins_over_unhashed() -> None:
    """An issuer in the area anyone can change does not replace the one that is signed."""
    unhashed = pgp.issuer("FFFFFFFFFFFFFFFF") + pgp.issuer_fingerprint("FF" * 20) + pgp.created(1)
    reading = read_blob(pgp.message(signature=pgp.signature_body(unhashed=unhashed)))
    assert (reading.key_id, reading.fingerprint) == (pgp.KEY_ID, pgp.FINGERPRINT)
    assert reading.signature_created_at == CREATED_AT


def test_issuer_is_taken_from_the_unhashed_area_where_only_that_has_it() -> None:
    """GnuPG puts the issuer's key id into the unhashed area; it is read from there."""
    reading = read_blob(pgp.message(signature=pgp.signature_body(pgp.created(), pgp.issuer())))
    assert (reading.key_id, reading.fingerprint) == (pgp.KEY_ID, None)


@pytest.mark.parametrize("one_pass", [pgp.one_pass_body(pgp.FINGERPRINT_V6[:16]), pgp.one_pass_body_v6()])
def test_one_pass_packet_names_the_key_where_the_signature_is_missing(one_pass: bytes) -> None:
    """A message cut before its signature still names the announced key, in a state that says so."""
    blob = pgp.new_packet(4, one_pass) + pgp.new_packet(11, pgp.literal_body(pgp.payload()))
    reading = read_blob(blob)
    assert (reading.state, reading.key_id) == ("no-signature", pgp.FINGERPRINT_V6[:16])
    assert (reading.signature_version, reading.claimed_digest) == (None, pgp.DIGEST)


def test_subpackets_of_wrong_size_state_nothing() -> None:
    """A fingerprint, key id or time of the wrong size is not taken for one."""
    hashed = pgp.subpacket(33, b"\x04" + bytes(19)) + pgp.subpacket(16, bytes(7)) + pgp.subpacket(2, bytes(3))
    reading = read_blob(pgp.message(signature=pgp.signature_body(hashed)))
    assert (reading.state, reading.key_id, reading.fingerprint) == ("readable", None, None)
    assert reading.signature_created_at is None


def test_expiry_counts_from_creation_and_zero_means_never() -> None:
    """The largest lifetime is a date after 2200; a lifetime of zero is no expiry."""
    for lifetime_seconds, expires_year in ((0, None), (0xFFFFFFFF, 2160)):
        hashed = pgp.created() + pgp.subpacket(0x83, lifetime_seconds.to_bytes(4, "big"))
        expires_at = read_blob(pgp.message(signature=pgp.signature_body(hashed))).signature_expires_at
        assert (expires_at and expires_at.year) == expires_year


def test_unknown_algorithms_are_shown_by_number() -> None:
    """An algorithm without a name keeps its number."""
    reading = read_blob(pgp.message(signature=pgp.signature_body(key_algorithm=99)))
    assert reading.public_key_algorithm == "unknown-99"


def test_whitespace_in_base64_is_tolerated() -> None:
    """Content wrapped into lines is read like content in one line."""
    blob = pgp.message()
    assert read_content(base64.encodebytes(blob).decode()) == read_blob(blob)
