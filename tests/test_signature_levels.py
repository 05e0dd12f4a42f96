"""The levels of evidence, each in a column of its own: from objects with real signatures to views and queries."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pytest
from fleets import answers, digest, image, index, rows, signature, views_over, write_store
from signing_keys import COMPROMISED, DAY, YEAR, MadeKey, content, sequoia_key, sequoia_message, write_keyring

import indexer
from indexer.catalog import open_catalog
from indexer.sample import openpgp
from indexer.sample.signing import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.catalog import Catalog

APP = "quay.io/team/app"
VENDOR, SUBKEY, EXPIRED, REVOKED, STRANGER = (MadeKey(number) for number in range(1, 6))
RSA, ECDSA, VERSION_6 = sequoia_key("RSA2k"), sequoia_key("P256"), sequoia_key("Cv25519", "RFC9580")
TRUSTED = [{"type": kind, "status": "True"} for kind in ("Trusted", "ForImage")]

Object = dict[str, Any]


def text(word: str, reference: str = APP + ":1.0") -> bytes:
    """Return the payload for the image of a word."""
    return openpgp.payload(reference, digest(word), 1_715_760_000)


def record(word: str, blob: bytes, number: int = 0, **more: Any) -> Object:
    """Return a signature as it is recorded on the image of a word."""
    return signature(word) | {"metadata": {"name": f"{digest(word)}@{number:064}"}, "content": content(blob)} | more


def signed(word: str, *blobs: bytes, **more: Any) -> Object:
    """Return an image of a word with signatures; `conditions` are those of the first."""
    conditions = more.pop("conditions", None)
    records = [record(word, blob, number) for number, blob in enumerate(blobs)]
    if conditions:
        records[0]["conditions"] = conditions
    return image(word, ("layer of " + word, 10), signatures=records, **more)


class Level(NamedTuple):
    """What the views say of the first signature of an image, level by level."""

    is_readable: bool
    is_for_this_image: bool | None
    is_identity_matching: bool | None
    is_verified: bool
    is_trusted: bool
    key_state: str
    verification_state: str


LEVELS: dict[str, tuple[Object, Level]] = {
    # Object, then readable, for this image, of its repository, verified, trusted, what the key says, all together
    "rsa": (signed("rsa", sequoia_message(RSA, text("rsa"))), Level(True, True, True, True, False, "good", "valid")),
    "ecdsa": (
        signed("ecdsa", sequoia_message(ECDSA, text("ecdsa"))), Level(True, True, True, True, False, "good", "valid"),
    ),
    "ed25519": (
        signed("ed25519", VENDOR.message(text("ed25519"))), Level(True, True, True, True, False, "good", "valid"),
    ),
    "version 6": (
        signed("version 6", sequoia_message(VERSION_6, text("version 6"))),
        Level(True, True, True, True, False, "good", "valid"),
    ),
    "subkey": (signed("subkey", SUBKEY.message(text("subkey"))), Level(True, True, True, True, False, "good", "valid")),
    "trusted": (
        signed("trusted", VENDOR.message(text("trusted")), conditions=TRUSTED),
        Level(True, True, True, True, True, "good", "valid"),
    ),
    "other tag": (
        signed("other tag", VENDOR.message(text("other tag", APP + ":2.7"))),
        Level(True, True, True, True, False, "good", "valid"),
    ),
    "hub": (
        signed("hub", VENDOR.message(text("hub", "busybox:1")), repository="index.docker.io/library/busybox"),
        Level(True, True, True, True, False, "good", "valid"),
    ),
    "key expired": (
        signed("key expired", EXPIRED.message(text("key expired"))),
        Level(True, True, True, False, False, "key-expired", "key-expired"),
    ),
    "key revoked": (
        signed("key revoked", REVOKED.message(text("key revoked"))),
        Level(True, True, True, False, False, "key-revoked", "key-revoked"),
    ),
    "signature expired": (
        signed("signature expired", VENDOR.message(text("signature expired"), lifetime=DAY)),
        Level(True, True, True, False, False, "signature-expired", "signature-expired"),
    ),
    "unknown key": (
        signed("unknown key", STRANGER.message(text("unknown key"))),
        Level(True, True, True, False, False, "unknown-key", "unknown-key"),
    ),
    "bad but trusted": (
        signed("bad but trusted", VENDOR.message(text("bad but trusted")).replace(b"1.0", b"1.1"), conditions=TRUSTED),
        Level(True, True, True, False, True, "bad", "bad"),
    ),
    "wrong digest": (
        signed("wrong digest", VENDOR.message(text("rsa"))),
        Level(True, False, True, True, False, "good", "wrong-digest"),
    ),
    "wrong reference": (
        signed("wrong reference", VENDOR.message(text("wrong reference", "quay.io/somebody/else:1.0"))),
        Level(True, True, False, True, False, "good", "wrong-identity"),
    ),
    "wrong registry": (
        signed("wrong registry", VENDOR.message(text("wrong registry", "docker.io/team/app:1.0"))),
        Level(True, True, False, True, False, "good", "wrong-identity"),
    ),
    "no reference": (
        signed("no reference", VENDOR.message(text("no reference")), repository=None),
        Level(True, True, None, True, False, "good", "wrong-identity"),
    ),
    "signed but no payload": (
        signed("signed but no payload", VENDOR.message(b"any text")),
        Level(False, None, None, True, False, "good", "unreadable"),
    ),
    "no openpgp": (
        signed("no openpgp", b"{}"), Level(False, None, None, False, False, "unreadable", "unreadable"),
    ),
}  # fmt: skip

OTHERS = [
    signed("two signatures", STRANGER.message(text("two signatures")), VENDOR.message(text("two signatures"))),
    # Digest and repository fit in two different signatures: none of the two is valid.
    signed("two halves", VENDOR.message(text("rsa")), VENDOR.message(text("two halves", "quay.io/somebody/else:1"))),
    index("list", ("child", "linux/amd64"), signatures=[record("list", VENDOR.message(text("list")))]),
    image("child", ("layer of child", 10)),
    index("plain list", ("rsa", "linux/amd64")),
    image("plain", ("layer of plain", 10), annotations={"openshift.io/image.managed": "true"}),
]


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a keyring of everybody but the stranger."""
    return write_keyring(
        tmp_path_factory.mktemp("keys") / "keyring.gpg",
        VENDOR.certificate() + VENDOR.subkey(SUBKEY),
        EXPIRED.certificate(lifetime=YEAR + DAY),
        REVOKED.certificate(revoked=COMPROMISED),
        *(bytes(key.extract_certificate()) for key in (RSA, ECDSA, VERSION_6)),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish a snapshot of all objects."""
    return write_store(tmp_path_factory.mktemp("store"), [made for made, _ in LEVELS.values()] + OTHERS)


@pytest.fixture(scope="module")
def verified(store: Path, keyring: Path) -> Iterator[Catalog]:
    """Open the views with the keyring."""
    with open_catalog(store, keyrings=[keyring]) as catalog:
        yield catalog


def levels_of(catalog: Catalog, word: str) -> list[tuple[Any, ...]]:
    """Return the levels of each signature of an image."""
    return rows(
        catalog,
        f"SELECT {', '.join(Level._fields)} FROM image_signatures WHERE image_name = $name ORDER BY position",
        name=digest(word),
    )


@pytest.mark.parametrize("word", LEVELS)
def test_each_level_has_its_column(verified: Catalog, word: str) -> None:
    """Record, payload, digest, repository, key and conditions are told apart for every kind of signature."""
    assert levels_of(verified, word) == [tuple(LEVELS[word][1])]


@pytest.mark.parametrize("word", LEVELS)
def test_without_a_keyring_keys_say_nothing(store: Path, word: str) -> None:
    """Claims are the same without a keyring, and what only keys can say is null: neither true nor false."""
    with open_catalog(store) as catalog:
        [found] = levels_of(catalog, word)
    expected = LEVELS[word][1]._replace(is_verified=None, key_state=None, verification_state=None)
    assert found == tuple(expected)


def image_levels(catalog: Catalog, word: str) -> tuple[Any, ...]:
    """Return what the images view says of an image."""
    [found] = rows(
        catalog,
        "SELECT is_signed, is_verified, is_validly_signed, is_signed_via_index, is_validly_signed_via_index "
        "FROM images WHERE image_name = $name",
        name=digest(word),
    )
    return found


def test_one_valid_signature_of_several_is_enough(verified: Catalog) -> None:
    """An image with a strange and a valid signature is validly signed, and each signature keeps its own outcome."""
    assert [level[-1] for level in levels_of(verified, "two signatures")] == ["unknown-key", "valid"]
    assert image_levels(verified, "two signatures")[:3] == (True, True, True)


def test_halves_of_evidence_are_not_added_up(verified: Catalog) -> None:
    """One signature for another digest and one for another repository make no valid one, though each level is met."""
    assert [level[-1] for level in levels_of(verified, "two halves")] == ["wrong-digest", "wrong-identity"]
    assert image_levels(verified, "two halves")[:3] == (True, True, False)
    columns = "has_signature_for_it AND has_matching_identity"
    assert rows(verified, f"SELECT {columns} FROM images WHERE image_name = $name", name=digest("two halves")) == [
        (True,)
    ]


def test_signed_index_and_unsigned_child_stay_two_things(verified: Catalog) -> None:
    """A child of a signed index is unsigned and signed via its index; an index of a signed child is unsigned."""
    assert image_levels(verified, "list") == (True, True, True, False, False)
    assert image_levels(verified, "child") == (False, False, False, True, True)
    assert image_levels(verified, "plain list") == (False, False, False, False, False)


def missing(catalog: Catalog, level: str) -> set[str]:
    """Words of the images that lack evidence at a level."""
    words = {
        digest(word): word for word in (*LEVELS, "two signatures", "two halves", "list", "child", "plain list", "plain")
    }
    return {words[row["image_name"]] for row in answers(catalog, "unsigned-images", level=level)}


def test_unsigned_images_at_each_level(verified: Catalog) -> None:
    """Each level of `unsigned-images` lists exactly the images that lack that evidence."""
    unsigned = {"child", "plain list", "plain"}
    keyless = {word for word, (_, level) in LEVELS.items() if not level.is_verified}
    invalid = {word for word, (_, level) in LEVELS.items() if level.verification_state != "valid"} | {"two halves"}
    unreadable = {"signed but no payload", "no openpgp"}
    mislabelled = {"wrong reference", "wrong registry", "no reference"}
    every = {*LEVELS, "two signatures", "two halves", "list", *unsigned}
    assert missing(verified, "record") == unsigned
    assert missing(verified, "effective") == unsigned - {"child"}
    assert missing(verified, "readable") == unsigned | unreadable
    assert missing(verified, "for-image") == unsigned | unreadable | {"wrong digest"}
    assert missing(verified, "identity") == unsigned | unreadable | mislabelled
    assert missing(verified, "trusted") == every - {"trusted", "bad but trusted"}
    assert missing(verified, "verified") == unsigned | keyless
    assert missing(verified, "valid") == unsigned | invalid
    assert missing(verified, "valid-effective") == (unsigned | invalid) - {"child"}


@pytest.mark.parametrize("level", ["verified", "valid", "valid-effective"])
def test_levels_of_keys_need_a_keyring(store: Path, level: str) -> None:
    """Without a keyring these levels are refused: an empty or a full list would both be a lie."""
    with open_catalog(store) as catalog, pytest.raises(duckdb.Error, match="need --keyring"):
        missing(catalog, level)


def test_absence_names_its_limits(verified: Catalog) -> None:
    """What an absence may come from stands beside it, by name."""
    limits = {row["image_name"]: row["absence_limits"] for row in answers(verified, "unsigned-images")}
    assert limits == {
        digest("child"): "index-signed, store-unknown",
        digest("plain list"): "child-signed, store-unknown",
        digest("plain"): "pushed, index-unknown",
    }
    stricter = {row["image_name"]: row["absence_limits"] for row in answers(verified, "unsigned-images", level="valid")}
    assert stricter[digest("unknown key")] == "recorded, store-unknown, index-unknown"


def cosign(word: str, about: str, repository: str) -> Object:
    """Return a cosign signature that was imported by its tag."""
    made = image(
        word, repository=repository, config=None, dockerImageReference=f"{repository}:sha256-{digest(about)[7:]}.sig"
    )
    layer = {"name": digest("l" + word), "size": 9, "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json"}
    return made | {"dockerImageLayers": [layer]}


def test_sigstore_artifacts_are_counted_and_count_as_a_limit() -> None:
    """Cosign signatures among the Images are counted with what they are about, and named beside the absence."""
    repository = "quay.io/team/cosigned"
    with views_over(
        image("cosigned", ("a", 1), repository=repository),
        cosign("about it", "cosigned", repository),
        cosign("about nothing here", "elsewhere", repository),
    ) as catalog:
        found = {row["artifact_type"]: row for row in answers(catalog, "sigstore-artifacts")}
        [absence] = answers(catalog, "unsigned-images")
    counted = found["cosign-signature"]
    assert (counted["artifact_count"], counted["subject_count"], counted["present_subject_count"]) == (2, 2, 1)
    assert found["sigstore-bundle"]["artifact_count"] == 0
    assert "does not prove" in found["sigstore-bundle"]["limitation"]
    assert absence["absence_limits"].endswith("sigstore-seen")


def test_mismatches_are_named(verified: Catalog) -> None:
    """Signatures for another digest or repository, and conditions no key bears out, are listed with what differs."""
    found = {(row["image_name"], row["position"]): row for row in answers(verified, "signature-mismatches")}
    assert {key: row["mismatch"] for key, row in found.items()} == {
        (digest("wrong digest"), 0): "digest",
        (digest("wrong reference"), 0): "repository",
        (digest("wrong registry"), 0): "repository",
        (digest("two halves"), 0): "digest",
        (digest("two halves"), 1): "repository",
        (digest("bad but trusted"), 0): "condition",
    }
    assert found[digest("wrong digest"), 0]["is_claimed_image_present"]
    assert found[digest("wrong reference"), 0]["signer_user_id"] is not None


def test_issuer_that_is_not_the_key_is_a_mismatch() -> None:
    """An issuer written beside a signature of another key shows without a keyring; a name in its place does not."""
    blob = VENDOR.message(text("issued"))
    records = [
        record("issued", blob, number, issuedBy={"commonName": name})
        for number, name in enumerate((STRANGER.key_id, VENDOR.key_id.lower(), "Vendor, Inc."))
    ]
    with views_over(image("issued", ("a", 1), signatures=records)) as catalog:
        found = answers(catalog, "signature-mismatches")
    assert [(row["position"], row["mismatch"]) for row in found] == [(0, "issuer")]


def test_signers_are_counted_by_key(verified: Catalog) -> None:
    """Every key named has a row; names and proofs come from the keyring."""
    found = {row["fingerprint"]: row for row in answers(verified, "signers")}
    vendor, stranger = found[VENDOR.name], found[STRANGER.name]
    assert (vendor["user_id"], vendor["unverified_states"]) == ("Key 1 <key1@example.com>", "bad, signature-expired")
    assert vendor["signature_count"] - vendor["verified_count"] == 2
    assert vendor["mismatch_count"] == 5
    assert (stranger["user_id"], stranger["verified_count"], stranger["unverified_states"]) == (None, 0, "unknown-key")
    assert found[SUBKEY.name]["user_id"] == "Key 1 <key1@example.com>"
    assert found[None]["signature_count"] == 1


def test_coverage_by_registry_adds_up_repositories(verified: Catalog) -> None:
    """Rows by registry are sums of the rows by repository, at every level."""
    by_repository = answers(verified, "signature-coverage")
    for row in answers(verified, "signature-coverage", by="registry"):
        parts = [part for part in by_repository if part["registry"] == row["registry"]]
        for column in (name for name in row if name.endswith("_count")):
            assert row[column] == sum(part[column] for part in parts), column
        assert row["repository"] is None


def test_all_snapshots_are_verified_when_a_statement_names_them(store: Path, keyring: Path, tmp_path: Path) -> None:
    """Signatures of older snapshots have their outcomes too, and each distinct content is verified once."""
    both = write_store(tmp_path, [LEVELS["rsa"][0]])
    write_store(tmp_path, [LEVELS["ed25519"][0]])
    with open_catalog(both, keyrings=[keyring]) as catalog:
        counted = "SELECT count(*) FILTER (WHERE is_verified), count(*) FROM "
        assert rows(catalog, counted + "image_signatures") == [(1, 1)]
        assert rows(catalog, "SELECT count(*) FROM signature_verifications") == [(1,)]
        assert rows(catalog, counted + "all_snapshots.image_signatures") == [(2, 2)]
        assert rows(catalog, "SELECT count(*) FROM signature_verifications") == [(2,)]


def test_open_store_takes_keyrings(store: Path, keyring: Path) -> None:
    """The Python door verifies as the command does, and says which keys it used."""
    with indexer.open_store(store, keyrings=[str(keyring)]) as catalog:
        assert rows(catalog, "SELECT count(*) FROM images WHERE is_validly_signed")[0][0] == 10
        found = rows(catalog, "SELECT user_id FROM keyring_keys WHERE fingerprint = $it", it=SUBKEY.name)
        assert found == [("Key 1 <key1@example.com>",)]


def test_command_verifies_with_several_keyrings(store: Path, tmp_path: Path) -> None:
    """`--keyring` may be repeated and takes armored keys."""
    paths = [tmp_path / "first.asc", tmp_path / "second.asc"]
    for path, seed in zip(paths, (1, 5), strict=True):
        made = MadeKey(seed)
        path.write_text(SigningKey(seed, made._created, made._user_id.decode()).armored_public_key())
    command = [sys.executable, "-c", "from indexer.cli import main; main()", "query", "signers", "--store", str(store)]
    options = [part for path in paths for part in ("--keyring", str(path))]
    result = subprocess.run([*command, *options, "--format", "csv"], capture_output=True, text=True, check=True)
    assert "Key 1 <key1@example.com>" in result.stdout
    assert "Key 5 <key5@example.com>" in result.stdout


def test_openpgp_library_is_loaded_only_with_a_keyring(store: Path, keyring: Path) -> None:
    """A query without a keyring never imports the cryptography."""
    program = (
        "import sys, indexer\n"
        "with indexer.open_store(sys.argv[1], keyrings=sys.argv[2:]) as catalog:\n"
        "    catalog.query('signature-coverage').to_arrow_table()\n"
        "print('pysequoia' in sys.modules)"
    )
    for keyrings, is_loaded in (([], "False\n"), ([str(keyring)], "True\n")):
        command = [sys.executable, "-c", program, str(store), *keyrings]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == is_loaded
