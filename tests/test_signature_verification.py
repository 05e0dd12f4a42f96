"""What a keyring says of signatures: every outcome, with keys the tests make, beside what GnuPG says."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import openpgp_blobs as pgp
import pytest
from gnupg import gpg, gpg_words
from signing_keys import (
    COMPROMISED,
    DAY,
    ENCRYPT,
    NOW,
    RETIRED,
    SIGNED,
    YEAR,
    MadeKey,
    content,
    sequoia_key,
    sequoia_message,
    version_3_message,
    write_keyring,
)

from indexer.errors import ConfigurationError
from indexer.sample import openpgp
from indexer.signature.keyring import read_keyrings
from indexer.signature.verification import KeyState, Verification, verify_content

if TYPE_CHECKING:
    from pathlib import Path

TEXT = pgp.payload()
KEY, SUBKEY, OTHER = MadeKey(1), MadeKey(2), MadeKey(3)
MESSAGE = KEY.message(TEXT)
UNCOMPRESSED = openpgp.signed_message(TEXT, SIGNED, KEY, is_compressed=False)
BY_SUBKEY = SUBKEY.message(TEXT)


def changed(message: bytes) -> bytes:
    """Return a message whose text names another digest."""
    return message.replace(b"abab", b"cdcd", 1)


class Case(NamedTuple):
    """A certificate, a message and what is to be said of the two; `gpg` is its word, None where the two differ."""

    state: str
    gpg: str | None
    certificate: bytes
    message: bytes


class Impostor(NamedTuple):
    """Signs with one key and says that it was another."""

    named: MadeKey
    signing: MadeKey

    @property
    def fingerprint(self) -> bytes:
        """The fingerprint of the key it names."""
        return self.named.fingerprint

    def sign(self, digest: bytes) -> bytes:
        """Sign with the other."""
        return self.signing.sign(digest)


CASES = {
    "good": Case("good", "GOODSIG", KEY.certificate(), MESSAGE),
    "good-uncompressed": Case(
        "good", "GOODSIG", KEY.certificate(), UNCOMPRESSED
    ),
    "good-partial-lengths": Case(
        "good",
        None,  # gpg does not finish a message whose first chunk is below 512 bytes
        KEY.certificate(),
        pgp.new_packet(4, pgp.one_pass_body(KEY.key_id))
        + pgp.partial_packet(11, pgp.literal_body(TEXT), power=6)
        + openpgp.signature_packet(TEXT, 0, openpgp.created_subpacket(SIGNED), KEY),
    ),
    "good-by-subkey": Case("good", "GOODSIG", KEY.certificate() + KEY.subkey(SUBKEY), BY_SUBKEY),
    "good-with-an-end-to-come": Case(
        "good", "GOODSIG", KEY.certificate(lifetime=3 * YEAR), KEY.message(TEXT, lifetime=2 * YEAR)
    ),
    "text-changed": Case("bad", "BADSIG", KEY.certificate(), changed(MESSAGE)),
    "made-by-another-key-under-its-name": Case(
        "bad", "BADSIG", KEY.certificate(), openpgp.signed_message(TEXT, SIGNED, Impostor(KEY, OTHER))
    ),
    "not-a-signature-over-data": Case(
        "bad",
        None,
        KEY.certificate(),
        pgp.new_packet(11, pgp.literal_body(TEXT))
        + openpgp.signature_packet(TEXT, 0x10, openpgp.created_subpacket(SIGNED), KEY),
    ),
    "unknown-key": Case("unknown-key", "NO_PUBKEY", KEY.certificate(), OTHER.message(TEXT)),
    "unknown-subkey": Case("unknown-key", "NO_PUBKEY", KEY.certificate(), BY_SUBKEY),
    "key-expired-since": Case(
        "key-expired", "EXPKEYSIG", KEY.certificate(lifetime=YEAR + YEAR // 2), MESSAGE
    ),
    "key-expired-before": Case("key-expired", "EXPKEYSIG", KEY.certificate(lifetime=YEAR // 2), MESSAGE),
    "subkey-expired-since": Case(
        "key-expired", "EXPKEYSIG", KEY.certificate() + KEY.subkey(SUBKEY, lifetime=YEAR + DAY), BY_SUBKEY
    ),
    "primary-of-subkey-expired": Case(
        "key-expired", "EXPKEYSIG", KEY.certificate(lifetime=YEAR + DAY) + KEY.subkey(SUBKEY), BY_SUBKEY
    ),
    "key-compromised": Case("key-revoked", "REVKEYSIG", KEY.certificate(revoked=COMPROMISED), MESSAGE),
    "key-retired-since": Case("key-revoked", "REVKEYSIG", KEY.certificate(revoked=RETIRED), MESSAGE),
    "key-retired-before": Case(
        "key-revoked", "REVKEYSIG", KEY.certificate(revoked=RETIRED, revoked_at=SIGNED - DAY), MESSAGE
    ),
    "subkey-compromised": Case(
        "key-revoked", "REVKEYSIG", KEY.certificate() + KEY.subkey(SUBKEY, revoked=COMPROMISED), BY_SUBKEY
    ),
    "subkey-retired-since": Case(
        "key-revoked", "REVKEYSIG", KEY.certificate() + KEY.subkey(SUBKEY, revoked=RETIRED), BY_SUBKEY
    ),
    "primary-of-subkey-compromised": Case(
        "key-revoked", "REVKEYSIG", KEY.certificate(revoked=COMPROMISED) + KEY.subkey(SUBKEY), BY_SUBKEY
    ),
    "changed-under-a-revoked-key": Case(
        "bad", "BADSIG", KEY.certificate(revoked=COMPROMISED), changed(MESSAGE)
    ),
    "signature-expired": Case("signature-expired", "EXPSIG", KEY.certificate(), KEY.message(TEXT, lifetime=DAY)),
    "signed-tomorrow": Case("not-yet-valid", None, KEY.certificate(), KEY.message(TEXT, signed_at=NOW + DAY)),
    "key-not-for-signing": Case("unusable-key", None, KEY.certificate(flags=ENCRYPT), MESSAGE),
    "signed-before-the-key-was-bound": Case("unusable-key", None, KEY.certificate(bound_at=SIGNED + DAY), MESSAGE),
    "of-version-5": Case(
        "unsupported",
        None,
        KEY.certificate(),
        pgp.message(TEXT, pgp.signature_body(pgp.created() + pgp.issuer_fingerprint(KEY.name), version=5)),
    ),
    "with-an-unknown-algorithm": Case(
        "unsupported",
        None,
        KEY.certificate(),
        pgp.message(TEXT, pgp.signature_body(pgp.created() + pgp.issuer_fingerprint(KEY.name), key_algorithm=99)),
    ),
    "two-signatures": Case("unreadable", None, KEY.certificate(), UNCOMPRESSED * 2),
    "no-openpgp": Case("unreadable", None, KEY.certificate(), b"{}"),
    "sigstore": Case("unreadable", None, KEY.certificate(), b"\x00sigstore-json\n{}"),
    "payload-that-is-no-json": Case("good", "GOODSIG", KEY.certificate(), KEY.message(b"any text")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_outcome_has_its_name(tmp_path: Path, name: str) -> None:
    """Each certificate and message ends in the state that names what is wrong, or in `good`."""
    keyring = read_keyrings([write_keyring(tmp_path / "keys", CASES[name].certificate)])
    assert verify_content(content(CASES[name].message), keyring).key_state == CASES[name].state


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.gpg])
def test_gpg_says_the_same(gpg_home: str, name: str) -> None:
    """Where both have a word for it, `gpg --verify` comes to the same outcome."""
    _, word, certificate, message = CASES[name]
    assert word in gpg_words(gpg_home, certificate, message)


def test_every_outcome_is_reached_and_described() -> None:
    """No state is there for nothing; those of weak cryptography are reached below, with keys that gpg makes."""
    reached = {case.state for case in CASES.values()} | {"weak-hash"}
    assert reached == {state.value for state in KeyState}
    assert all(state.description.endswith(".") for state in KeyState)


@pytest.mark.parametrize("suite", ["RSA2k", "P256", "P384", "P521", "Cv25519"])
def test_other_algorithms_verify(tmp_path: Path, suite: str) -> None:
    """Signatures of version 4 by signing subkeys of each common algorithm verify, and not over another text."""
    check_sequoia_key(tmp_path, sequoia_key(suite))


@pytest.mark.parametrize("suite", ["Cv25519", "Cv448", "RSA2k"])
def test_version_6_verifies(tmp_path: Path, suite: str) -> None:
    """Signatures of version 6, which gpg does not know, verify as well."""
    check_sequoia_key(tmp_path, sequoia_key(suite, "RFC9580"))


def check_sequoia_key(folder: Path, key: Any) -> None:
    """Verify a message of a key, and the same with its text changed."""
    certificate = key.extract_certificate()
    keyring = read_keyrings([write_keyring(folder / "keys", bytes(certificate))])
    message = sequoia_message(key, TEXT)
    outcome = verify_content(content(message), keyring)
    assert (outcome.key_state, outcome.verified_digest) == ("good", pgp.DIGEST)
    assert outcome.signer_fingerprint == certificate.fingerprint.upper() != outcome.signing_key_fingerprint
    assert outcome.signer_user_id == str(certificate.user_ids[0])
    assert changed(message) != message
    assert verify_content(content(changed(message)), keyring).key_state == "bad"


@pytest.mark.parametrize(
    ("algorithm", "options", "state"),
    [
        ("rsa2048", ["--digest-algo", "SHA256"], "good"),
        ("nistp256", [], "good"),
        ("dsa2048", ["--digest-algo", "SHA256"], "good"),
        ("rsa2048", ["--digest-algo", "SHA1"], "weak-hash"),
        ("rsa1024", ["--digest-algo", "SHA256"], "unusable-key"),
    ],
)
def test_keys_of_gpg(tmp_path: Path, gpg_home: str, algorithm: str, options: list[str], state: str) -> None:
    """Messages of gpg verify, and those with a weak hash or key are named so, never called bad."""
    user_id = f"{algorithm}@verify.example.com"
    if user_id.encode() not in gpg(gpg_home, "--list-keys"):
        gpg(gpg_home, "--quick-generate-key", user_id, algorithm, "sign")
    message = gpg(gpg_home, "--local-user", user_id, *options, "--sign", given=TEXT)
    keyring = read_keyrings([write_keyring(tmp_path / "keys", gpg(gpg_home, "--export", user_id))])
    assert verify_content(content(message), keyring).key_state == state


def test_signer_is_named_only_where_it_is_proven(tmp_path: Path) -> None:
    """Expired and revoked keys are named as signers, those of bad signatures never; claims come only with `good`."""
    named = {}
    for name, case in CASES.items():
        keyring = read_keyrings([write_keyring(tmp_path / "keys", case.certificate)])
        outcome = verify_content(content(case.message), keyring)
        named[name] = outcome.signer_fingerprint is not None
        assert (outcome.verified_digest is not None) == (case.state == "good" and name != "payload-that-is-no-json")
    proven = {name for name, is_named in named.items() if is_named}
    assert proven == {name for name, case in CASES.items() if case.state in {"good", "key-revoked"}} | {
        "key-expired-since", "subkey-expired-since", "primary-of-subkey-expired",
    }  # fmt: skip


def test_content_is_decoded_as_the_reader_does(tmp_path: Path) -> None:
    """White space in the base64 is ignored, other text is unreadable; neither is an error."""
    keyring = read_keyrings([write_keyring(tmp_path / "keys", KEY.certificate())])
    spaced = "\n ".join(content(MESSAGE)[start : start + 60] for start in range(0, 2000, 60))
    assert verify_content(spaced, keyring).key_state == "good"
    assert [verify_content(text, keyring).key_state for text in ("", "!!", "YQ")] == ["unreadable"] * 3


def test_keyrings_are_armored_or_binary_and_hold_several_keys(tmp_path: Path) -> None:
    """Two armored blocks in one file, as vendors publish them, and binary keys behind each other are all read."""
    armored, binary = tmp_path / "armored", tmp_path / "binary"
    armored.write_text("A comment.\n" + MadeKey(4).armored_public_key() + "\n" + MadeKey(5).armored_public_key())
    write_keyring(binary, KEY.certificate(), OTHER.certificate())
    keyring = read_keyrings([armored, binary])
    assert {key.fingerprint for key in keyring.keys} == {made.name for made in (MadeKey(4), MadeKey(5), KEY, OTHER)}


def test_a_revocation_in_any_file_counts(tmp_path: Path) -> None:
    """The same key in two files is one key: revoked if one of the files says so, with the subkeys of both."""
    old = write_keyring(tmp_path / "old", KEY.certificate() + KEY.subkey(SUBKEY))
    new = write_keyring(tmp_path / "new", KEY.certificate(revoked=COMPROMISED))
    for paths in ([old, new], [new, old]):
        keyring = read_keyrings(paths)
        assert len(keyring.keys) == 2
        assert verify_content(content(BY_SUBKEY), keyring).key_state == "key-revoked"


def test_signature_that_states_only_a_key_id_is_found(tmp_path: Path) -> None:
    """Old signatures state no fingerprint; the key id leads to the key, and the cryptography decides."""
    head = bytes([4, 0, 22, 8]) + (6).to_bytes(2, "big") + openpgp.created_subpacket(SIGNED)
    digest = hashlib.sha256(TEXT + head + b"\x04\xff" + len(head).to_bytes(4, "big")).digest()
    raw, issuer = KEY.sign(digest), openpgp.subpacket(16, KEY.fingerprint[-8:])
    numbers = openpgp.integer(raw[:32]) + openpgp.integer(raw[32:])
    body = head + len(issuer).to_bytes(2, "big") + issuer + digest[:2] + numbers
    message = pgp.new_packet(11, pgp.literal_body(TEXT)) + pgp.new_packet(2, body)
    keyring = read_keyrings([write_keyring(tmp_path / "keys", KEY.certificate())])
    assert verify_content(content(message), keyring).key_state == "good"


def test_version_3_signature_verifies(tmp_path: Path, gpg_home: str) -> None:
    """Vendors' older signatures are of version 3, with a key id and no subpackets; gpg agrees."""
    message = version_3_message(KEY, TEXT)
    keyring = read_keyrings([write_keyring(tmp_path / "keys", KEY.certificate())])
    assert verify_content(content(message), keyring).key_state == "good"
    assert verify_content(content(changed(message)), keyring).key_state == "bad"
    assert "GOODSIG" in gpg_words(gpg_home, KEY.certificate(), message)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (None, "No such file"),
        (b"", "holds no key"),
        (b"no keys here", "no file of OpenPGP keys"),
        (MESSAGE, "no file of OpenPGP keys"),
        (KEY.certificate()[:-9], "no file of OpenPGP keys"),
    ],
)
def test_keyring_that_is_none_is_a_usage_error(tmp_path: Path, written: bytes | None, message: str) -> None:
    """A keyring that is missing, empty, cut or something else is named, with what to do; it never counts as no key."""
    path = tmp_path / "keys"
    if written is not None:
        path.write_bytes(written)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_keyrings([path])
    assert str(path) in caught.value.message
    assert "gpg --export" in caught.value.hint


def test_genuine_blobs_are_unknown_to_a_strange_keyring(shared: Path, tmp_path: Path, gpg_home: str) -> None:
    """Recorded signatures by keys nobody has here are unknown, what is no OpenPGP unreadable, and gpg agrees."""
    keyring = read_keyrings([write_keyring(tmp_path / "keys", KEY.certificate())])
    outcomes = {}
    for path in (shared / "data/genuine/signature-blobs").iterdir():
        outcomes[path.name] = verify_content(content(path.read_bytes()), keyring).key_state
        words = gpg_words(gpg_home, KEY.certificate(), path.read_bytes())
        assert ("NO_PUBKEY" in words, "NODATA" in words) == (
            outcomes[path.name] == "unknown-key",
            outcomes[path.name] == "unreadable",
        )
    assert Counter(outcomes.values()) == {"unknown-key": 9, "unreadable": 2}


def test_reference_vector_is_unknown_to_a_strange_keyring(shared: Path, tmp_path: Path, gpg_home: str) -> None:
    """The signature of the reference vector names a key that the keyring does not hold; gpg says the same."""
    text = (shared / "reference/image-api.md").read_text(encoding="utf-8")
    encoded = re.findall(r'"content": "([A-Za-z0-9+/=]+)"', text)[0]
    keyring = read_keyrings([write_keyring(tmp_path / "keys", KEY.certificate())])
    assert verify_content(encoded, keyring) == Verification("unknown-key")
    assert "NO_PUBKEY" in gpg_words(gpg_home, KEY.certificate(), base64.b64decode(encoded))
