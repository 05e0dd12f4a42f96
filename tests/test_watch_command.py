"""`image-indexer watch` as a user runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import orjson

from indexer.loopback import ImageStore, LoopbackServer
from indexer.sample import generate_images
from indexer.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGES = list(generate_images(60, 7))


def _command(url: str, store: Path, *more: str) -> list[str]:
    options = ["--server", url, "--store", str(store), "--cluster", "live", "--no-progress"]
    return [sys.executable, "-m", "indexer", "watch", *options, *more]


def _receipts(text: bytes) -> Iterator[dict[str, object]]:
    for part in text.split(b"\n}\n"):
        if part.strip():
            yield orjson.loads(part + b"\n}")


def test_a_change_becomes_a_second_snapshot(tmp_path: Path) -> None:
    """The first snapshot is the list, the second has the Image that was added since; both are whole."""
    with ImageStore(IMAGES[:50]) as images, LoopbackServer(images) as server:
        command = _command(server.url, tmp_path, "--max-changes", "1", "--snapshots", "2", "--receipt")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:
            _wait_for(lambda: server.watch_count > 0)
            images.add(IMAGES[55])
            output, errors = watching.communicate(timeout=60)
    assert watching.returncode == 0, errors
    assert [receipt["image_count"] for receipt in _receipts(output)] == [50, 51]
    assert all(snapshot.receipt.is_complete for snapshot in Store(tmp_path).snapshots())


def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    """Told to end, it exits with 143 and leaves whole snapshots only."""
    with (
        ImageStore(IMAGES[:50]) as images,
        LoopbackServer(images) as server,
        subprocess.Popen(_command(server.url, tmp_path), stderr=subprocess.PIPE) as watching,
    ):
        _wait_for(lambda: server.watch_count > 0)
        watching.send_signal(signal.SIGTERM)
        watching.communicate(timeout=60)
    assert watching.returncode == 143
    assert [snapshot.receipt.image_count for snapshot in Store(tmp_path).snapshots()] == [50]


def _wait_for(condition: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)
