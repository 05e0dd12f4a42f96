"""The next page is fetched while the current one is decoded."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = TypeVar("Item")
_POLL_SECONDS = 0.1


def read_ahead(items: Iterator[Item], depth: int, stop: Callable[[], None]) -> Iterator[Item]:
    """Yield the items of an iterator that runs in a thread of its own, at most `depth` of them waiting.

    With the one in use and the one being fetched, `depth + 2` are in memory. An exception of the iterator is raised
    here, after the items before it. `stop` is called when the consumer leaves early.
    """
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(maxsize=depth)
    gone = Event()
    # A daemon: a process that was told to end must not wait for a server that is silent.
    work = partial(copy_context().run, _run, items, queue, gone)
    Thread(target=work, name="read-ahead", daemon=True).start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # None only comes with an error
    finally:
        gone.set()
        stop()


def _run(items: Iterator[Item], queue: Queue[tuple[Item | None, BaseException | None]], gone: Event) -> None:
    error: BaseException = StopIteration()
    try:
        for item in items:
            if not _put(queue, (item, None), gone):
                return
    except BaseException as raised:  # noqa: BLE001  # raised again in the consumer's thread
        error = raised
    _put(queue, (None, error), gone)


def _put(
    queue: Queue[tuple[Item | None, BaseException | None]],
    entry: tuple[Item | None, BaseException | None],
    gone: Event,
) -> bool:
    while not gone.is_set():
        try:
            queue.put(entry, timeout=_POLL_SECONDS)
        except Full:
            continue
        return True
    return False
