"""Exports under random faults, changes and compactions, each compared with what the server had: run for a long series.

python tests/robustness/faults.py --exports 1000 --seed 1
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from live import QUICK
from truth import assert_true, snapshots

from indexer.client.request import ListRequest
from indexer.cluster import Timeouts, connect_server
from indexer.errors import IndexerError
from indexer.ingest import IngestOptions, export
from indexer.loopback import Churn, LoopbackServer, RandomFaults, combine
from indexer.loopback.faults import FAULTS
from indexer.sample import generate_images
from indexer.sources.api import ApiSource

FLEET = list(generate_images(240, 31))
NEWCOMERS = list(generate_images(60, 32))
POLICIES = ("restart", "continue", "fail")
OPTIONS = IngestOptions("lab", part_rows=40)
PATIENCE = Timeouts(connect_seconds=2, read_seconds=2)


def check(folder, seed):
    """Export once under faults; gives the outcome in a few words. Fails unless it is the truth or nothing."""
    draw = random.Random(seed)
    kinds = (*FAULTS, *("expire",) * draw.randint(0, 4))
    script = combine(
        Churn(seed, draw.uniform(0, 4), NEWCOMERS[: draw.randint(0, 60)]),
        RandomFaults(seed, draw.uniform(0, 0.6), kinds),
    )
    request = ListRequest(
        limit=draw.choice((10, 20, 50)), on_expired=draw.choice(POLICIES), timeouts=PATIENCE, retries=QUICK
    )
    fleet = FLEET[: draw.randint(1, len(FLEET))]
    with LoopbackServer(fleet, script=script) as server:
        outcome = _export(server, request, folder)
        _judge(server, folder, outcome)
        if outcome.startswith("failed"):
            server.script = None
            follow_up = _export(server, request, folder)
            _judge(server, folder, follow_up)
            outcome += f", and then {follow_up.partition(':')[0]}"
    assert server.failures == []
    return outcome


def _export(server, request, folder):
    """Export; gives the kind of outcome, and for a failure its exit code and what it says first."""
    try:
        snapshot = export(ApiSource(connect_server(server.url), request), folder, OPTIONS)
    except IndexerError as error:
        return f"failed with exit code {int(error.exit_code)}"
    receipt = snapshot.receipt
    moments = f"{len(receipt.resource_versions)} moments"
    return "complete, consistent" if receipt.is_consistent else f"complete, inconsistent: {moments}"


def _judge(server, folder, outcome):
    found = snapshots(folder)
    assert bool(found) == outcome.startswith("complete"), outcome
    for snapshot in found:
        assert snapshot.receipt.is_complete
        assert_true(snapshot, server.store)


def run(folder, export_count, seed, tell=lambda _: None):
    """Run a series; gives the counts by outcome."""
    counts = Counter()
    for number in range(export_count):
        store = folder / "store"
        try:
            counts[check(store, seed + number)] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed + number}: {error}") from error
        shutil.rmtree(store, ignore_errors=True)
        if number % 100 == 99:
            tell(f"{number + 1} of {export_count}: {dict(counts)}")
    return counts


def main():
    """Run a long series and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exports", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    print(f"seeds {options.seed} to {options.seed + options.exports - 1}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), options.exports, options.seed, lambda text: print(text, flush=True))
    for outcome, count in sorted(counts.items()):
        print(f"{count:6} {outcome}")


if __name__ == "__main__":
    import logging

    logging.getLogger("indexer").setLevel(logging.ERROR)
    main()
