"""Every failure the tool can name, as one tree, and the exit code each ends in.

    IndexerError
    ├── ConfigurationError     2   usage, options, files or stores that are not there
    │   ├── StoreError             missing or unwritable store
    │   ├── UnknownQueryError           with the nearest name
    │   ├── BadParameterError
    │   └── EngineError                 Spark is not installed, does not start or can't be reached
    ├── QueryError             1   the engine refused or failed a query; a check found something
    ├── SourceError            3   the server can't be reached or refuses
    │   ├── UnauthorizedError          401: the credentials are unknown or expired
    │   ├── ForbiddenError             403: known, but not allowed to list Images
    │   ├── ExpiredError               410: the moment the list shows is no longer kept
    │   └── UnavailableError           passes by itself; the only one that is tried again
    ├── DataError              4   bytes that are not what they should be
    │   ├── DecodeError            names page, item and field
    │   │   ├── LimitError             unpacks to more than a limit allows; never skipped
    │   │   └── CutShortError          JSON that ends before it is whole
    │   └── SnapshotError          a published snapshot is broken
    ├── IncompleteError        5   the list did not reach its end, or the disk filled
    └── FleetError             the highest of its clusters' codes

Each error says what happened and where (`message`) and what to do next (`hint`). Only the command line turns
them into exit codes, in one place.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

UnavailableCause = Literal["overload", "failing", "slow", "broken", "unreachable"]


class ExitCode(IntEnum):
    """Process exit codes (a contract with batch jobs)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOURCE = 3
    DATA = 4
    INCOMPLETE = 5
    INTERRUPTED = 130
    TERMINATED = 143


class IndexerError(Exception):
    """Root of the tree: `message` says what happened and where, `hint` what to do next (may be empty)."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigurationError(IndexerError):
    """Usage or configuration: wrong options, a file or a store that is not there."""

    exit_code = ExitCode.USAGE


class StoreError(ConfigurationError):
    """The store is missing, can't be written, or holds nothing that was asked for."""


class UnknownQueryError(ConfigurationError):
    """No canned query has this name; the hint names the nearest one."""


class BadParameterError(ConfigurationError):
    """A query parameter is unknown, missing or of the wrong type."""


class EngineError(ConfigurationError):
    """Spark is not installed, does not start, can't be reached, or can't see the store."""


class QueryError(IndexerError):
    """The engine refused or failed a statement."""

    exit_code = ExitCode.FAILED


class SourceError(IndexerError):
    """The source can't be reached or refuses to answer."""

    exit_code = ExitCode.SOURCE


class UnauthorizedError(SourceError):
    """401: the server does not accept the credentials, or no longer."""


class ForbiddenError(SourceError):
    """403: the server knows who asks and says no."""


class ExpiredError(SourceError):
    """410: the moment a list or watch shows was compacted away.

    `continue_token` goes on with the rest as it is now; None where the server offers nothing.
    """

    def __init__(self, message: str, *, hint: str = "", continue_token: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.continue_token = continue_token


class UnavailableError(SourceError):
    """A failure that usually passes.

    `cause` is `overload` (429, 503: the server says so itself), `failing` (500, 502), `slow` (504 or silence: a smaller
    request may get through), `broken` (the connection broke) or `unreachable` (no server answered).
    `retry_after_seconds` is what the server asks for.
    """

    def __init__(
        self, message: str, *, hint: str = "", cause: UnavailableCause, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause
        self.retry_after_seconds = retry_after_seconds


class DataError(IndexerError):
    """Bytes that are not what they should be."""

    exit_code = ExitCode.DATA


class DecodeError(DataError):
    """Input that can't be decoded; the message names the page, the item and the field."""


class CutShortError(DecodeError):
    """JSON that ends before it is whole, as a connection that broke leaves it."""


class LimitError(DecodeError):
    """Input would cost more than a limit allows; the hint names the option that raises it."""


class SnapshotError(DataError):
    """A published snapshot is broken: parts missing or changed, or written by a newer version."""


class IncompleteError(IndexerError):
    """A list could not be read to its end, or the disk filled: nothing was published."""

    exit_code = ExitCode.INCOMPLETE


class FleetError(IndexerError):
    """Some clusters of a fleet could not be exported; the others were. `exit_code` is the highest of theirs."""

    def __init__(self, message: str, *, hint: str = "", exit_code: ExitCode) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code
