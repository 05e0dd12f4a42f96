"""The API of a live cluster as a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.client.listing import Listing
from indexer.client.position import read_position
from indexer.client.read_ahead import read_ahead
from indexer.client.request import ListRequest
from indexer.sources.probes import cluster_identity, server_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.cluster import Connection
    from indexer.pages import Page, Restarted, SourceReport

READ_AHEAD_PAGES = 1


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
        self.report.server_version = server_version(self._connection)
        self.report.cluster_identity = cluster_identity(self._connection)
