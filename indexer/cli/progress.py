"""A progress bar on stderr, and none where stderr is no terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from indexer.ingest import NoProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def terminal_progress(settings: dict[str, Any]) -> Iterator[Progress]:
    """Yield a progress bar with rate and time left, or nothing to see with --no-progress, JSON logs or in a pipe."""
    is_for_machines = settings.get("no_progress") or settings.get("log_format") == "json"
    if is_for_machines or not sys.stderr.isatty():
        yield NoProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("images"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _BarProgress(bar)


class _BarProgress:
    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("images", total=None, rate="")

    def advance(self, read_count: int, total_count: int | None) -> None:
        """Move the bar."""
        speed = self._bar.tasks[0].speed
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._task, completed=read_count, total=total_count, rate=rate)
