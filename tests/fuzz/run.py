"""The long run: python tests/fuzz/run.py TARGET COUNT [--engine mutate|hypothesis|atheris] [--seed N].

Prints how many inputs were tried, how many were taken, the slowest one and the peak of memory. Stops at the first
finding and writes its input to standard error, in hex. `atheris` is coverage-guided; it is no dependency of the
project.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]


class Tally:
    """What has been tried."""

    def __init__(self, name: str) -> None:
        self.name, self.count, self.taken_count, self.slowest_seconds = name, 0, 0, 0.0
        self.started = time.monotonic()

    def run(self, data: bytes) -> None:
        """Try one input; show it if it is a finding."""
        from fuzz.targets import run

        before = time.monotonic()
        self.count += 1
        try:
            self.taken_count += run(self.name, data)
        except BaseException:
            sys.stderr.write(f"FOUND by {self.name}: {data.hex()}\n")
            raise
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - before)

    def __str__(self) -> str:
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        spent = time.monotonic() - self.started
        return (
            f"{self.name}: {self.count} inputs, {self.taken_count} taken, slowest {self.slowest_seconds:.2f} s, "
            f"peak {peak_mib} MiB, {spent:.0f} s"
        )


def by_mutation(tally: Tally, count: int, seed: int) -> None:
    """Mutate seeds at random."""
    from fuzz.mutate import mutated
    from fuzz.seeds import seeds

    chance = random.Random(seed)
    known = seeds(tally.name)
    for _ in range(count):
        tally.run(mutated(chance.choice(known), known, chance))


def by_hypothesis(tally: Tally, count: int, _seed: int) -> None:
    """Let hypothesis choose the mutations, and shrink what it finds."""
    from fuzz.strategies import mutated_seeds
    from hypothesis import HealthCheck, given, settings

    relaxed = settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    relaxed(given(mutated_seeds(tally.name))(tally.run))()


def by_coverage(tally: Tally, count: int, seed: int) -> None:
    """Let atheris look for inputs that reach new code."""
    import atheris

    with atheris.instrument_imports(include=["indexer"]):
        import fuzz.targets  # noqa: F401
    from fuzz.mutate import mutated
    from fuzz.seeds import seeds

    known = seeds(tally.name)
    corpus = Path(tempfile.mkdtemp())
    for number, known_input in enumerate(known):
        (corpus / str(number)).write_bytes(known_input)

    def mutate(data: bytes, max_size: int, choice: int) -> bytes:
        return mutated(bytes(data) or known[choice % len(known)], known, random.Random(choice))[:max_size]

    def try_one(data: bytes) -> None:
        tally.run(data)
        if tally.count >= count:
            sys.stdout.write(f"{tally}\n")
            sys.stdout.flush()
            shutil.rmtree(corpus)
            os._exit(0)

    options = [
        sys.argv[0],
        f"-seed={seed}",
        "-max_len=65536",
        "-verbosity=0",
        "-rss_limit_mb=3000",
        "-timeout=30",
        str(corpus),
    ]
    atheris.Setup(options, try_one, custom_mutator=mutate)
    atheris.Fuzz()


ENGINES = {"mutate": by_mutation, "hypothesis": by_hypothesis, "atheris": by_coverage}


def main() -> None:
    """Run one target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=("decode", "json", "yaml", "archive", "signature"))
    parser.add_argument("count", type=int)
    parser.add_argument("--engine", choices=tuple(ENGINES), default="mutate")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tally = Tally(arguments.target)
    ENGINES[arguments.engine](tally, arguments.count, arguments.seed)
    sys.stdout.write(f"{tally}\n")


if __name__ == "__main__":
    main()
