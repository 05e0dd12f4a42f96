"""SIGINT and SIGTERM: the first chance is Python's, which cleans up; an engine that does not let go is left behind.

Python runs its handlers between its own steps, so a signal that comes while the engine computes would wait for the
end of the query. A thread is told of every signal by the interpreter itself and ends the process where the main
thread has not done so in time. Nothing is lost by that: what is half written lies under `_work/` or in a temporary
file, and no reader looks there.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, NoReturn

from indexer.errors import ExitCode

if TYPE_CHECKING:
    from types import FrameType

GRACE_SECONDS = 3.0
"""How long the main thread may clean up before the process is ended."""

_EXIT_CODES: dict[int, ExitCode] = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
_received: list[ExitCode] = []


class TerminatedError(BaseException):
    """SIGTERM, as an exception: what is half done is cleaned up on the way out."""


def watch_signals() -> None:
    """Make SIGTERM an exception and start the thread that ends a process which does not end itself."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, as in the background
        signal.signal(signal.SIGINT, _interrupt)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading,), name="signals", daemon=True).start()


def leave_interrupts_to_shell() -> None:
    """Let Ctrl-C be no more than `KeyboardInterrupt`: a shell stops the statement and goes on."""
    _EXIT_CODES.pop(signal.SIGINT, None)
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def received_exit_code() -> ExitCode | None:
    """Exit code of the first signal that came; None while none did."""
    return _received[0] if _received else None


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    # The engine may turn the exception into one of its own, before the thread has heard of the signal.
    _received.append(ExitCode.INTERRUPTED)
    raise KeyboardInterrupt


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    _received.append(ExitCode.TERMINATED)
    raise TerminatedError


def _wait(reading: int) -> None:
    while not _received:
        _received.extend(_EXIT_CODES[number] for number in os.read(reading, 1) if number in _EXIT_CODES)
    time.sleep(GRACE_SECONDS)
    os._exit(_received[0])
