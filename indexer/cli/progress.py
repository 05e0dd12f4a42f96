"""A progress bar on stderr, and none where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from indexer.ingest import NoProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.pages import SourceReport


@contextmanager
def terminal_progress(settings: dict[str, Any]) -> Iterator[Progress]:
    """Yield a progress bar with rate and time left, or nothing to see with --no-progress, JSON logs or in a pipe."""
    is_for_machines = settings.get("no_progress") or settings.get("log_format") == "json"
    if is_for_machines or not sys.stderr.isatty():
        yield NoProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _BarProgress(bar)


class _BarProgress:
    """Counts images; the bar is of bytes where a source knows how many it has, else of the images it expects."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("images", total=None)
        self._started = time.monotonic()

    def advance(self, read_count: int, report: SourceReport) -> None:
        """Move the bar."""
        rate = read_count / max(time.monotonic() - self._started, 0.001)
        of_how_many = f"/{report.expected_count}" if report.expected_count else ""
        said = f"{read_count}{of_how_many} images, {rate:,.0f}/s "
        done, total = read_count, report.expected_count
        if report.total_size_bytes:
            done, total = report.read_size_bytes, report.total_size_bytes
        self._bar.update(self._task, completed=done, total=total, description=said)
