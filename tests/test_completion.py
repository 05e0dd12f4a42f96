"""TAB in a shell: click's protocol, answered by the command itself."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'image-indexer'; from indexer.cli import main; main()"]


def offered(line: str, store: str = "absent") -> list[str]:
    """Words offered for the last word of a line, as bash asks for them."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    environment = os.environ | {
        "_IMAGE_INDEXER_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "IMAGE_INDEXER_STORE": store,
    }
    result = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert result.stderr == ""
    return [word.partition(",")[2] for word in result.stdout.split()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("image-indexer re", ["report"]),
        ("image-indexer snapshots ve", ["verify"]),
        ("image-indexer query layer-sharing-", ["layer-sharing-histogram"]),
        ("image-indexer query architecture-coverage -p ", ["required="]),
        ("image-indexer query nonsense -p ", []),
        ("image-indexer schema signature_c", ["signature_claims", "signature_conditions"]),
        ("image-indexer query --format nd", ["ndjson"]),
        ("image-indexer query --snapshot ", ["latest"]),
    ],
)
def test_words_that_files_know(line, words) -> None:
    """Commands, queries, their parameters, views and formats need no store; an absent store is silent."""
    assert sorted(offered(line)) == words


def test_words_that_the_store_knows(sample_catalog) -> None:
    """Snapshots and clusters are those of the store."""
    store = str(sample_catalog.store.folder)
    (snapshot,) = sample_catalog.snapshots
    assert offered("image-indexer report --snapshot ", store) == ["latest", snapshot.snapshot_id]
    assert offered("image-indexer snapshots show 2", store) == [snapshot.snapshot_id]
    assert offered("image-indexer query --cluster ", store) == ["sample"]
