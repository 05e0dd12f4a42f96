"""A progress bar on stderr, and none where stderr is no terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from indexer.ingest import NoProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from indexer.pages import SourceReport


@contextmanager
def terminal_progress(settings: dict[str, Any]) -> Iterator[Progress]:
    """Yield a progress bar with rate and time left, or nothing to see with --no-progress, JSON logs or in a pipe."""
    with terminal_bars(settings) as bar_of:
        yield bar_of("")


@contextmanager
def terminal_bars(settings: dict[str, Any]) -> Iterator[Callable[[str], Progress]]:
    """Yield what makes a bar for each cluster, by its name; see `terminal_progress`."""
    is_for_machines = settings.get("no_progress") or settings.get("log_format") == "json"
    if is_for_machines or not sys.stderr.isatty():
        yield lambda _: NoProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield lambda name: _BarProgress(bar, name)


class _BarProgress:
    """Counts images; the bar is of bytes where a source knows how many it has, else of the images it expects."""

    def __init__(self, bar: Any, name: str) -> None:
        self._bar = bar
        self._name = f"{name}: " if name else ""
        self._task = bar.add_task(f"{self._name}images", total=None)
        self._started = time.monotonic()

    def advance(self, read_count: int, report: SourceReport) -> None:
        """Move the bar."""
        rate = read_count / max(time.monotonic() - self._started, 0.001)
        of_how_many = f"/{report.expected_count}" if report.expected_count else ""
        said = f"{self._name}{read_count}{of_how_many} images, {rate:,.0f}/s "
        done, total = read_count, report.expected_count
        if report.total_size_bytes:
            done, total = report.read_size_bytes, report.total_size_bytes
        self._bar.update(self._task, completed=done, total=total, description=said)
