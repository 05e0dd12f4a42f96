"""Queries about signatures over images with real signatures of every kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from fleets import answers, digest, image, views_over
from signed_fleet import LEVELS, STRANGER, SUBKEY, VENDOR, record, text

from indexer import queries
from indexer.signature.verification import KeyState

if TYPE_CHECKING:
    from indexer.catalog import Catalog

Object = dict[str, Any]


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
def test_levels_of_keys_need_a_keyring(unverified: Catalog, level: str) -> None:
    """Without a keyring these levels are refused: an empty or a full list would both be a lie."""
    with pytest.raises(duckdb.Error, match="need --keyring"):
        missing(unverified, level)


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


def test_page_on_signatures_names_every_word() -> None:
    """The page explains every outcome of keys, every level and every limit of absence that queries use."""
    page = (Path(__file__).parents[1] / "docs/signatures.md").read_text(encoding="utf-8")
    query = queries.load("unsigned-images")
    levels = set(re.findall(r"WHEN '([a-z-]+)' THEN", query.sql))
    limits = set(re.findall(r"(?:THEN|ELSE) '([a-z-]+)'", query.sql)) - levels
    assert len(levels) == 9
    assert len(limits) == 7
    words = levels | limits | {state.value for state in KeyState} | {"valid", "wrong-digest", "wrong-identity"}
    assert {word for word in words if f"`{word}`" not in page} == set()
