"""One GET: the whole body of a 200, or an error that says what the answer means."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from indexer.client.answers import Answer, failure, read_status
from indexer.client.faults import body_failure, transport_failure
from indexer.errors import IncompleteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import urllib3

    from indexer.cluster import Connection, Timeouts

IMAGES_PATH = "/apis/image.openshift.io/v1/images"
_CHUNK_BYTES = 1 << 16
_ERROR_BYTES = 1 << 16
_OPTIONS = frozenset({"labelSelector", "fieldSelector", "resourceVersion", "resourceVersionMatch"})


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the whole list must be done; `at` is None for never."""

    at: float | None
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """Start the clock."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    def check(self) -> None:
        """Raise `IncompleteError` once the time is over."""
        if self.at is not None and self.clock() >= self.at:
            raise IncompleteError(
                "The list took longer than it may.", hint="Raise --timeout, or ask for larger pages with --limit."
            )


def fetch(connection: Connection, path: str, query: Mapping[str, str], timeouts: Timeouts, deadline: Deadline) -> bytes:
    """GET a path and return the whole body of a 200, decompressed.

    Raises `SourceError` and its kinds for any other answer or a broken connection, `IncompleteError` at the deadline.
    """
    with open_answer(connection, path, query, timeouts) as answer:
        return b"".join(_chunks(answer, connection.server, deadline))


def open_answer(
    connection: Connection, path: str, query: Mapping[str, str], timeouts: Timeouts
) -> urllib3.BaseHTTPResponse:
    """GET a path and return a 200 with its body still to be read. Raises as `fetch` does."""
    try:
        response = connection.get(path, query, timeouts=timeouts)
    except HTTPError as error:
        raise transport_failure(error, connection.server) from None
    if response.status == 200:  # noqa: PLR2004
        return response
    with response:
        body = _error_body(response)
    raise failure(_answer(response, body, query, connection))


def _answer(
    response: urllib3.BaseHTTPResponse, body: bytes, query: Mapping[str, str], connection: Connection
) -> Answer:
    status = read_status(connection.redact(body.decode(errors="replace")).encode())
    return Answer(
        code=response.status,
        headers=response.headers,
        status=status,
        server=connection.server,
        is_continued="continue" in query,
        has_options=not _OPTIONS.isdisjoint(query),
    )


def _chunks(response: urllib3.BaseHTTPResponse, server: str, deadline: Deadline) -> Iterator[bytes]:
    try:
        for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
            deadline.check()
            yield chunk
    except HTTPError as error:
        raise body_failure(error, server) from None


def _error_body(response: urllib3.BaseHTTPResponse) -> bytes:
    """Read the beginning of an error's body; the status code counts even if the body breaks."""
    body = b""
    try:
        for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) >= _ERROR_BYTES:
                break
    except HTTPError:
        pass
    return body
