"""Damaged signatures, some of each kind; tests/fuzz/fuzz_signatures.py does the same with hundreds of thousands."""

from __future__ import annotations

import random

import pytest
from mutations import Target, check, make_target, mutate


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """Make the sound blobs and their keyring."""
    return make_target(tmp_path_factory.mktemp("target"))


def test_sound_blobs_are_good(target: Target) -> None:
    """What is damaged below verifies before it is."""
    assert {check(blob, target)[1].key_state for blob in target.blobs} == {"good"}


@pytest.mark.parametrize("seed", range(4))
def test_damaged_blobs_end_in_a_state(target: Target, seed: int) -> None:
    """Damage of any kind ends in a named state of reading and verification, and never makes another text good."""
    dice = random.Random(seed)
    outcomes = {check(mutate(dice, target.blobs), target)[1].key_state for _ in range(500)}
    assert {"bad", "unreadable", "unknown-key"} <= outcomes


@pytest.mark.parametrize("place", [1, 2], ids=["version-3", "version-4"])
def test_every_single_byte_matters_or_is_not_signed(target: Target, place: int) -> None:
    """Of an uncompressed message each byte is changed in turn: it verifies no more, or still over the same text."""
    blob = target.blobs[place]
    outcomes = [
        check(blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :], target)[1].key_state for at in range(len(blob))
    ]
    assert outcomes.count("good") < len(blob) // 10
