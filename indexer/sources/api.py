"""The API of a live cluster as a source."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from indexer.client.listing import Listing
from indexer.client.position import read_position
from indexer.client.read_ahead import read_ahead
from indexer.client.request import ListRequest
from indexer.client.transfer import Deadline, fetch
from indexer.cluster import Timeouts
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.cluster import Connection
    from indexer.pages import Page, Restarted, SourceReport

logger = logging.getLogger(__name__)

READ_AHEAD_PAGES = 1
_PROBE_TIMEOUTS = Timeouts(connect_seconds=2, read_seconds=2, total_seconds=5)


class ApiSource:
    """All Images of a cluster, or those a selector picks, page by page."""

    def __init__(self, connection: Connection, request: ListRequest | None = None) -> None:
        self._connection = connection
        self._request = request or ListRequest()
        self._listing = Listing(connection, self._request)

    def resume(self, point: bytes) -> None:
        """Go on after the page whose `resume_point` this is, kept by an earlier run with the same `request_key`."""
        self._listing = Listing(self._connection, self._request, read_position(point))

    @property
    def description(self) -> str:
        """The server's address, and the selectors."""
        request = self._request
        selectors = {"labels": request.label_selector, "fields": request.field_selector}
        return self._connection.server + "".join(f" {name}:{value}" for name, value in selectors.items() if value)

    @property
    def request_key(self) -> str:
        """Names what is asked of whom; a run can be resumed by one with the same key."""
        return self._request.key(self._connection.server)

    @property
    def report(self) -> SourceReport:
        """What the list showed so far; final once `pages` is exhausted."""
        return self._listing.report

    def pages(self) -> Iterator[Page | Restarted]:
        """Yield every page, the next one being fetched meanwhile.

        Raises `SourceError` when the server can't be reached or refuses, `IncompleteError` when the list breaks off,
        `DecodeError` for an answer that is not an ImageList.
        """
        yield from read_ahead(self._listing.pages(), READ_AHEAD_PAGES, self._listing.stop)
        self.report.server_version = _server_version(self._connection)


class _Version(msgspec.Struct, rename="camel"):
    git_version: str | None = None


def _server_version(connection: Connection) -> str | None:
    """Ask for the version once the list is in: nice to know, and never a reason to fail."""
    try:
        body = fetch(connection, "/version", {}, _PROBE_TIMEOUTS, Deadline.after(_PROBE_TIMEOUTS.total_seconds))
        return msgspec.json.decode(body, type=_Version).git_version
    except (IndexerError, msgspec.DecodeError) as error:
        logger.debug("The server's version is not known: %s", error)
        return None
