"""The levels of evidence, each in a column of its own: from objects with real signatures to the views."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from fleets import digest, rows, write_store
from signed_fleet import LEVELS, SUBKEY, Level
from signing_keys import MadeKey

import indexer
from indexer.catalog import open_catalog
from indexer.sample.signing import SigningKey

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.catalog import Catalog


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
def test_without_a_keyring_keys_say_nothing(unverified: Catalog, word: str) -> None:
    """Claims are the same without a keyring, and what only keys can say is null: neither true nor false."""
    [found] = levels_of(unverified, word)
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


def test_all_snapshots_are_verified_when_a_statement_names_them(
    signed_fleet: tuple[Path, Path], tmp_path: Path
) -> None:
    """Signatures of older snapshots have their outcomes too, and each distinct content is verified once."""
    both = write_store(tmp_path, [LEVELS["rsa"][0]])
    write_store(tmp_path, [LEVELS["ed25519"][0]])
    with open_catalog(both, keyrings=[signed_fleet[1]]) as catalog:
        counted = "SELECT count(*) FILTER (WHERE is_verified), count(*) FROM "
        assert rows(catalog, counted + "image_signatures") == [(1, 1)]
        assert rows(catalog, "SELECT count(*) FROM signature_verifications") == [(1,)]
        assert rows(catalog, counted + "all_snapshots.image_signatures") == [(2, 2)]
        assert rows(catalog, "SELECT count(*) FROM signature_verifications") == [(2,)]


def test_open_store_takes_keyrings(signed_fleet: tuple[Path, Path]) -> None:
    """The Python door verifies as the command does, and says which keys it used."""
    store, keyring = signed_fleet
    with indexer.open_store(store, keyrings=[str(keyring)]) as catalog:
        assert rows(catalog, "SELECT count(*) FROM images WHERE is_validly_signed")[0][0] == 10
        found = rows(catalog, "SELECT user_id FROM keyring_keys WHERE fingerprint = $it", it=SUBKEY.name)
        assert found == [("Key 1 <key1@example.com>",)]


def test_command_verifies_with_several_keyrings(signed_fleet: tuple[Path, Path], tmp_path: Path) -> None:
    """`--keyring` may be repeated and takes armored keys."""
    paths = [tmp_path / "first.asc", tmp_path / "second.asc"]
    for path, seed in zip(paths, (1, 5), strict=True):
        made = MadeKey(seed)
        path.write_text(SigningKey(seed, made._created, made._user_id.decode()).armored_public_key())
    command = [
        sys.executable,
        "-c",
        "from indexer.cli import main; main()",
        "query",
        "signers",
        "--store",
        str(signed_fleet[0]),
    ]
    options = [part for path in paths for part in ("--keyring", str(path))]
    result = subprocess.run([*command, *options, "--format", "csv"], capture_output=True, text=True, check=True)
    assert "Key 1 <key1@example.com>" in result.stdout
    assert "Key 5 <key5@example.com>" in result.stdout


def test_openpgp_library_is_loaded_only_with_a_keyring(signed_fleet: tuple[Path, Path]) -> None:
    """A query without a keyring never imports the cryptography."""
    store, keyring = signed_fleet
    program = (
        "import sys, indexer\n"
        "with indexer.open_store(sys.argv[1], keyrings=sys.argv[2:]) as catalog:\n"
        "    catalog.query('signature-coverage').to_arrow_table()\n"
        "print('pysequoia' in sys.modules)"
    )
    for keyrings, is_loaded in (([], "False\n"), ([str(keyring)], "True\n")):
        command = [sys.executable, "-c", program, str(store), *keyrings]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == is_loaded
