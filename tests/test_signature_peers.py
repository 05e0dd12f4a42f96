"""The reader against two independent OpenPGP programs: GnuPG and Sequoia."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import openpgp_blobs as pgp
import pytest
from gnupg import gpg

from indexer.signature import SignatureReading, read_blob

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = {"RSA": 1, "DSA": 17, "ECDSA": 19, "EdDSA": 22}
HASH_NUMBERS = {"SHA1": 2, "SHA256": 8, "SHA384": 9, "SHA512": 10}


def assert_gpg_agrees(home: str, blob: bytes, reading: SignatureReading) -> None:
    """Compare key, version, time, algorithms and fingerprint with what gpg lists."""
    listing = gpg(home, "--list-packets", given=blob).decode()
    algorithm, key_id, version, created = re.findall(
        r":signature packet: algo (\d+), keyid (\w+)\s+version (\d), created (\d+)", listing
    )[0]
    digest = re.findall(r"digest algo (\d+), begin", listing)[0]
    fingerprint = re.findall(r"issuer fpr v4 (\w+)", listing)
    assert reading.key_id == key_id
    assert reading.signature_version == int(version)
    assert reading.signature_created_at is not None
    assert int(reading.signature_created_at.timestamp()) == int(created)
    assert NUMBERS[str(reading.public_key_algorithm)] == int(algorithm)
    assert HASH_NUMBERS[str(reading.hash_algorithm)] == int(digest)
    assert ([reading.fingerprint] if reading.fingerprint else []) == fingerprint


def test_gpg_lists_the_same_of_genuine_blobs(shared: Path, gpg_home: str) -> None:
    """For every recorded OpenPGP blob gpg lists the same key, version, time, algorithms and fingerprint."""
    compared_count = 0
    for path in sorted((shared / "data/genuine/signature-blobs").iterdir()):
        reading = read_blob(path.read_bytes())
        # One recorded blob has its text in partial lengths, and there gpg's listing ends before the signature.
        if reading.signature_version is not None and path.read_bytes()[0] != 0xC4:
            assert_gpg_agrees(gpg_home, path.read_bytes(), reading)
            compared_count += 1
    assert compared_count == 8


@pytest.mark.parametrize("algorithm", ["rsa2048", "ed25519", "nistp256", "dsa2048"])
@pytest.mark.parametrize("compression", ["none", "zip", "zlib", "bzip2"])
def test_gpg_signed_payload_is_read(gpg_home: str, algorithm: str, compression: str) -> None:
    """A payload signed by gpg, with each kind of key and compression, is read as gpg lists it."""
    user_id = f"{algorithm}@example.com"
    if user_id.encode() not in gpg(gpg_home, "--list-keys"):
        gpg(gpg_home, "--quick-generate-key", user_id, algorithm, "sign")
    blob = gpg(
        gpg_home, "--local-user", user_id, "--compress-algo", compression, "--default-sig-expire", "1d", "--sign",
        given=pgp.payload(),
    )  # fmt: skip
    reading = read_blob(blob)
    assert (reading.state, reading.claimed_digest) == ("readable", pgp.DIGEST)
    assert_gpg_agrees(gpg_home, blob, reading)
    assert reading.signature_created_at is not None
    assert reading.signature_expires_at is not None
    lifetime = reading.signature_expires_at - reading.signature_created_at
    assert lifetime.days == 1


@pytest.mark.parametrize(("profile", "version", "algorithm"), [("RFC4880", 4, "EdDSA"), ("RFC9580", 6, "Ed25519")])
def test_sequoia_signed_payload_is_read(profile: str, version: int, algorithm: str) -> None:
    """A payload signed by Sequoia with an old and with a version 6 key names the signing key Sequoia names."""
    sequoia = pytest.importorskip("pysequoia")
    packets = pytest.importorskip("pysequoia.packet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        certificate = sequoia.Cert.generate("test@example.com", profile=getattr(sequoia.Profile, profile))
        blob = bytes(sequoia.sign(certificate.secrets.signer(), pgp.payload(), armor=False))
    reading = read_blob(blob)
    signature = next(packet for packet in packets.PacketPile.from_bytes(blob) if packet.tag == packets.Tag.Signature)
    assert (reading.state, reading.claimed_digest) == ("readable", pgp.DIGEST)
    assert (reading.signature_version, reading.public_key_algorithm) == (version, algorithm)
    assert reading.fingerprint == signature.issuer_fingerprint.upper()
    assert reading.key_id == (reading.fingerprint[:16] if version == 6 else reading.fingerprint[-16:])
