"""Read and verify many damaged signatures: no error escapes, none takes long, memory stays, none is good that is not.

    python tests/fuzz/fuzz_signatures.py --count 200000 --seed 1

Writes what the blobs ended in, the slowest of them, and the memory of the process. Ends with 1, and the blob in hex, at
the first that breaks a rule; the same seed makes the same damage to the blobs of one run's keys.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from mutations import Target, check, make_target, mutate

MAX_SECONDS = 2.0
MAX_GROWTH_MIB = 64


@dataclass
class Account:
    """What a run ended in."""

    readings: Counter[str] = field(default_factory=Counter)
    verifications: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0


def memory_mib() -> int:
    """Return the largest memory the process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def check_one(blob: bytes, target: Target, account: Account) -> None:
    """Check one blob and enter it; raises AssertionError for one that takes too long."""
    started_at = time.process_time()
    reading, verification = check(blob, target)
    seconds = time.process_time() - started_at
    account.readings[reading.state] += 1
    account.verifications[verification.key_state] += 1
    account.slowest_seconds = max(account.slowest_seconds, seconds)
    assert seconds < MAX_SECONDS, f"took {seconds:.1f} s"


def run(count: int, seed: int) -> bool:
    """Check that many blobs; returns whether all kept the rules."""
    dice, account = random.Random(seed), Account()
    with tempfile.TemporaryDirectory() as folder:
        target = make_target(Path(folder))
    for blob in target.blobs:
        assert check(blob, target)[1].key_state == "good"
    start_mib, started_at = memory_mib(), time.perf_counter()
    for number in range(count):
        blob = mutate(dice, target.blobs)
        try:
            check_one(blob, target, account)
        except BaseException:  # a panic of the library underneath is no Exception
            traceback.print_exc()
            print(f"blob {number}: {blob.hex()}")
            return False
    report(account, count, time.perf_counter() - started_at)
    growth_mib = memory_mib() - start_mib
    print(f"memory grew by {growth_mib} MiB to {memory_mib()} MiB")
    return growth_mib <= MAX_GROWTH_MIB


def report(account: Account, count: int, seconds: float) -> None:
    """Write the account."""
    print(
        f"{count} blobs in {seconds:.0f} s, the slowest took {account.slowest_seconds * 1000:.1f} ms of processor time"
    )
    for title, states in (("readings", account.readings), ("verifications", account.verifications)):
        print(f"{title}: " + ", ".join(f"{state} {number}" for state, number in states.most_common()))


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return 0 if run(options.count, options.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
