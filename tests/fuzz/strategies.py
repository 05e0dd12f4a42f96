"""Mutated seeds as a strategy, so that what is found shrinks."""

from __future__ import annotations

from functools import partial

from fuzz.mutate import mutated
from fuzz.seeds import seeds
from hypothesis import strategies as st


def mutated_seeds(name: str) -> st.SearchStrategy[bytes]:
    """Make inputs of a target after a few mutations."""
    known = seeds(name)
    return st.builds(partial(mutated, others=known), st.sampled_from(known), chance=st.randoms(use_true_random=False))
