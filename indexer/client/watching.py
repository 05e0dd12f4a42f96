"""A watch of Images: changes in order from a resourceVersion on, over as many connections as it takes.

Delivery is at least once; a change that is not newer than the position is dropped. Bookmarks move the position and
are no objects. Rules: the API concepts of Kubernetes (efficient detection of changes), and recorded answers.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import msgspec

from indexer.client.authorized import authorized
from indexer.client.faults import body_failure
from indexer.client.retry import Retries, RetryPolicy
from indexer.client.transfer import IMAGES_PATH, Deadline, fetch, open_answer
from indexer.cluster import Timeouts
from indexer.errors import CutShortError, DecodeError, ExpiredError, IndexerError, SourceError, UnavailableError
from indexer.pages import read_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import urllib3

    from indexer.cluster import Connection

logger = logging.getLogger(__name__)

CONNECTION_SECONDS = 300
"""How long one connection is asked for; servers choose 30 to 60 minutes where nobody asks."""

_GRACE_SECONDS = 15
_SHORTEST_SECONDS = 1.0
_CHUNK_BYTES = 1 << 16
_KINDS = frozenset({"ADDED", "MODIFIED", "DELETED"})
_EXPIRED, _FIRST_PASSING = 410, 429


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one Image; `item` is the object as JSON, of a deleted one its last state."""

    kind: Literal["ADDED", "MODIFIED", "DELETED"]
    name: str
    resource_version: str
    item: bytes


class _Metadata(msgspec.Struct, rename="camel"):
    name: str | None = None
    resource_version: str | None = None


class _Object(msgspec.Struct):
    """What matters of an Image, a bookmark or a Status."""

    metadata: _Metadata | None = None
    message: str | None = None
    code: int = 0


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Watch:
    """Follows the changes after `position`, a resourceVersion, which moves with them.

    `has_heard` says whether the server has followed from there at all.
    """

    def __init__(
        self,
        connection: Connection,
        position: str,
        timeouts: Timeouts | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.position = position
        self._connection = connection
        self._timeouts = timeouts or Timeouts()
        self._retries = Retries(policy or RetryPolicy())
        self.has_heard = False

    @property
    def retry_count(self) -> int:
        """How often a connection had to be made again after a failure."""
        return self._retries.count

    def changes(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> Iterator[Change]:
        """Yield changes for so many seconds, connecting again whenever the server ends or a connection breaks.

        Raises `ExpiredError` when the position is too old to go on from: only a new list helps. Raises `SourceError`
        when the server refuses or stays away.
        """
        end = clock() + seconds
        while (left := end - clock()) > 0:
            started = clock()
            yield from self._connected(min(left, CONNECTION_SECONDS))
            # A server that ends at once, again and again, must not be asked as fast as it answers.
            time.sleep(max(0.0, min(_SHORTEST_SECONDS - (clock() - started), end - clock())))

    def _connected(self, seconds: float) -> Iterator[Change]:
        """Follow one connection to its end; another takes its place only where it fails."""
        for attempt in self._retries.attempts("watch", lambda _: None):
            with attempt:
                yield from self._stream(seconds)

    def _stream(self, seconds: float) -> Iterator[Change]:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.position,
            "timeoutSeconds": str(math.ceil(seconds)),
        }
        timeouts = replace(self._timeouts, read_seconds=seconds + _GRACE_SECONDS)
        answer = authorized(self._connection, lambda: open_answer(self._connection, IMAGES_PATH, query, timeouts))
        is_silent = True
        with answer:
            for line in _lines(answer, self._connection.server):
                change = self._read(line)
                is_silent = False
                self.has_heard = True
                self._retries.recovered()
                if change:
                    yield change
        if is_silent:
            self._check_position()
        self._retries.recovered()

    def _read(self, line: bytes) -> Change | None:
        event, seen = _parse(line)
        if event.type == "ERROR":
            raise _error(seen, self._connection.redact(seen.message or ""))
        version = seen.metadata.resource_version if seen.metadata else None
        if not version or not is_newer(version, self.position):
            return None
        self.position = version
        name = seen.metadata.name if seen.metadata else None
        if event.type not in _KINDS or not name:
            return None
        return Change(event.type, name, version, bytes(event.object))  # type: ignore[arg-type]  # one of _KINDS

    def _check_position(self) -> None:
        """Ask where the server is after a connection without a word.

        A server that was restored from a backup is behind the position, and stays silent until it has caught up.
        """
        deadline = Deadline.after(self._timeouts.read_seconds)
        query = {"limit": "1"}
        body = authorized(
            self._connection, lambda: fetch(self._connection, IMAGES_PATH, query, self._timeouts, deadline)
        )
        version = read_page(body, "The answer to the check").metadata.resource_version
        if version and is_newer(self.position, version):
            raise ExpiredError(f"{self._connection.server} is at {version}, before {self.position}: it was restored.")


def is_newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is later than another; those that are no numbers only tell whether they differ."""
    return int(version) > int(than) if version.isdigit() and than.isdigit() else version != than


def _parse(line: bytes) -> tuple[_Event, _Object]:
    try:
        event = msgspec.json.decode(line, type=_Event)
        return event, msgspec.json.decode(event.object, type=_Object)
    except msgspec.ValidationError as error:
        raise DecodeError(f"An event of the watch is none: {error}.", hint="Is it an OpenShift API server?") from error
    except msgspec.DecodeError as error:
        raise CutShortError(f"An event of the watch is not whole: {error}.", hint="Try again.") from error


def _error(status: _Object, message: str) -> IndexerError:
    if status.code == _EXPIRED:
        return ExpiredError(f"The watch expired (410): {message}.")
    if status.code >= _FIRST_PASSING:
        return UnavailableError(f"The server ended the watch ({status.code}): {message}.", cause="failing")
    return SourceError(f"The server ended the watch ({status.code}): {message}.")


def _lines(answer: urllib3.BaseHTTPResponse, server: str) -> Iterator[bytes]:
    """Cut the body into lines as they come; what is left at the end without a line break is a line, too."""
    from urllib3.exceptions import HTTPError

    pending = b""
    try:
        for chunk in answer.stream(_CHUNK_BYTES, decode_content=True):
            *lines, pending = (pending + chunk).split(b"\n")
            yield from (line for line in lines if line.strip())
    except HTTPError as error:
        raise body_failure(error, server) from None
    if pending.strip():
        yield pending
