"""The same page again: which failures pass by themselves, how long to wait, and when to give up."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

import stamina

from indexer.client.answers import capped
from indexer.errors import CutShortError, IndexerError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stamina import Attempt

logger = logging.getLogger(__name__)
# Each retry is told here, with its reason; stamina's own line would repeat it without.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds to wait between attempts, and how much patience a run has.

    `budget_seconds` is for the whole run; before anything has come the patience is shorter, so that a wrong address
    is known at once. A page that fails for another reason than overload is given `attempts` in a row.
    """

    wait_initial_seconds: float = 0.5
    wait_max_seconds: float = 30
    wait_jitter_seconds: float = 0.5
    retry_after_max_seconds: float = 60
    budget_seconds: float = 300
    first_answer_seconds: float = 45
    first_connection_seconds: float = 2
    attempts: int = 8

    @classmethod
    def within(cls, budget_seconds: float) -> RetryPolicy:
        """Give a policy whose patience, also with the first answer, is no longer than this."""
        usual = cls()
        first = min(usual.first_answer_seconds, budget_seconds)
        return replace(usual, budget_seconds=budget_seconds, first_answer_seconds=first)


class Retries:
    """The retries of one run: counts them, and decides by the type of each failure."""

    def __init__(self, policy: RetryPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self.policy = policy
        self.count = 0
        self.has_answered = False
        self.stop = Event()
        self._clock = clock
        self._spent_seconds = 0.0
        self._failing_since: float | None = None
        self._failures = 0

    def attempts(self, what: str, on_failure: Callable[[IndexerError], None]) -> list[Attempt]:
        """Iterate over attempts, waiting in between; `on_failure` sees each failure that is tried again."""

        def hook(error: Exception) -> bool | float:
            wait = self._decide(error)
            if wait is not False and isinstance(error, IndexerError):
                self.count += 1
                logger.warning("%s: %s Trying again.", what, error.message)
                on_failure(error)
            return wait

        policy = self.policy
        return stamina.retry_context(  # type: ignore[return-value]  # an iterator of attempts
            on=hook,
            attempts=None,
            timeout=None,
            wait_initial=policy.wait_initial_seconds,
            wait_max=policy.wait_max_seconds,
            wait_jitter=policy.wait_jitter_seconds,
        )

    def succeeded(self) -> None:
        """Note that a page came: its failures are charged to the budget, and the next page starts afresh."""
        if self._failing_since is not None:
            self._spent_seconds += self._clock() - self._failing_since
        self._failing_since = None
        self._failures = 0
        self.has_answered = True

    def recovered(self) -> None:
        """Note that a watch, which has no end, is well again: each outage gets the whole budget."""
        self.succeeded()
        self._spent_seconds = 0.0

    def _decide(self, error: Exception) -> bool | float:
        if self.stop.is_set() or not isinstance(error, UnavailableError | CutShortError):
            return False
        now = self._clock()
        self._failing_since = now if self._failing_since is None else self._failing_since
        self._failures += 1
        left_seconds = self._patience(error) - (now - self._failing_since + self._spent_seconds)
        return self._wait(error, left_seconds) if left_seconds > 0 else False

    def _patience(self, error: UnavailableError | CutShortError) -> float:
        cause = error.cause if isinstance(error, UnavailableError) else "cut"
        if cause != "overload" and self._failures >= self.policy.attempts:
            return 0
        if self.has_answered:
            return self.policy.budget_seconds
        return self._first_patience(cause)

    def _first_patience(self, cause: str) -> float:
        if cause == "unreachable":
            return 0
        return self.policy.first_connection_seconds if cause == "broken" else self.policy.first_answer_seconds

    def _wait(self, error: UnavailableError | CutShortError, left_seconds: float) -> bool | float:
        asked = error.retry_after_seconds if isinstance(error, UnavailableError) else None
        if asked is None:
            return True
        # Clients that were all told the same second must not all come back in it.
        jitter = random.uniform(0, self.policy.wait_jitter_seconds)  # noqa: S311
        least, most = self.policy.wait_initial_seconds, self.policy.retry_after_max_seconds
        return min(max(capped(asked, most), least) + jitter, left_seconds)
