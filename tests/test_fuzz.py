"""A short run of the fuzzer: mutated inputs raise nothing but the errors of the tree. tests/fuzz/run.py runs long."""

from __future__ import annotations

import random

import pytest
from fuzz.mutate import mutated
from fuzz.seeds import seeds
from fuzz.strategies import mutated_seeds
from fuzz.targets import TARGETS, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("name", list(TARGETS))
def test_seeds_are_taken(name):
    """Before any mutation each target takes its inputs, so that mutations begin at what is right."""
    assert all(run(name, seed) for seed in seeds(name))


@pytest.mark.parametrize("name", list(TARGETS))
def test_mutated_inputs_raise_nothing_else(name):
    """A few hundred mutations, the same each time."""
    chance = random.Random(7)
    known = seeds(name)
    for _ in range(150):
        run(name, mutated(chance.choice(known), known, chance))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(TARGETS)).flatmap(lambda name: st.tuples(st.just(name), mutated_seeds(name))))
def test_mutations_chosen_by_hypothesis_raise_nothing_else(case):
    """Others each time, and shrunk when one is a finding."""
    run(*case)
