"""A paged list of Images, complete or failed: pages in order, the same page again, and what follows when it expires."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from indexer.client.authorized import authorized
from indexer.client.position import Position, copy_report
from indexer.client.request import PageSize
from indexer.client.retry import Retries
from indexer.client.transfer import IMAGES_PATH, Deadline, fetch
from indexer.errors import (
    CutShortError,
    DecodeError,
    ExpiredError,
    IncompleteError,
    IndexerError,
    UnavailableError,
)
from indexer.pages import Page, Restarted, SourceReport, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.client.request import ListRequest
    from indexer.cluster import Connection

logger = logging.getLogger(__name__)


class Listing:
    """One run over one list. `report` says what was seen so far; `stop` ends waiting for a consumer that is gone."""

    def __init__(self, connection: Connection, request: ListRequest, start: Position | None = None) -> None:
        self._connection = connection
        self._request = request
        self._start = start or Position(report=self._new_report())
        self.report = copy_report(self._start.report)
        self._position = self._start
        self._page_size = PageSize(request.limit)
        self._retries = Retries(request.retries)
        self._deadline = Deadline.after(request.timeouts.total_seconds)
        self._tokens: set[str] = set()
        self._restart_count = 0
        self._slow_count = 0
        self._has_moved = False

    def pages(self) -> Iterator[Page | Restarted]:
        """Yield pages until the list ends by its own sign.

        Raises `SourceError` when the server refuses from the start, `IncompleteError` when the list breaks off,
        `DecodeError` for a 200 that is not an ImageList.
        """
        is_open = not self._start.is_at_end
        while is_open:
            item = self._next()
            yield item
            is_open = isinstance(item, Restarted) or bool(item.metadata.continue_)
        self._compare_counts()

    def stop(self) -> None:
        """Give up waiting: nobody wants the next page."""
        self._retries.stop.set()

    def _next(self) -> Page | Restarted:
        try:
            while True:
                try:
                    return self._accept(self._fetch_page())
                except ExpiredError as error:
                    if restarted := self._expired(error):
                        return restarted
        except IndexerError as error:
            failure = self._broken_off(error)
            raise failure from (None if failure is error else error)

    def _fetch_page(self) -> Page:
        origin = f"page {self._position.page_count + 1}"
        page = None
        for attempt in self._retries.attempts(origin, self._note_failure):
            with attempt:
                page = self._read(authorized(self._connection, self._fetch), origin)
        assert page is not None  # noqa: S101  # attempts end in a page or an exception
        self._retries.succeeded()
        return page

    def _fetch(self) -> bytes:
        query = self._request.query(self._page_size.current, self._position.continue_token)
        return fetch(self._connection, IMAGES_PATH, query, self._request.timeouts, self._deadline)

    def _read(self, body: bytes, origin: str) -> Page:
        name = f"The answer of {self._connection.server} for {origin}"
        if body.strip() and body.lstrip()[:1] != b"{":
            raise DecodeError(f"{name} is not JSON.", hint="It may be a login page; check the server's address.")
        page = read_page(body, name)
        if page.kind != "ImageList":
            raise DecodeError(f"{name} holds a {page.kind}, not an ImageList.", hint="Check the server's address.")
        return replace(page, origin=origin)

    def _note_failure(self, error: IndexerError) -> None:
        self._deadline.check()
        is_slow = isinstance(error, UnavailableError) and error.cause == "slow"
        if not is_slow and not isinstance(error, CutShortError):
            return
        self._slow_count += 1
        # A single silence or cut may be chance; the server's own time-out, or a second one, is not.
        if "504" in error.message or self._slow_count > 1:
            self._page_size.halve()
            logger.warning("Asking for pages of %s Images from now on.", self._page_size.current)

    def _accept(self, page: Page) -> Page:
        """Count a page in. Raises `ExpiredError` where it shows another moment than the pages before."""
        self._check_moment(page.metadata.resource_version)
        self._check_token(page.metadata.continue_)
        position, report = self._position, self.report
        if position.page_count == 0:
            report.expected_count = _expected_count(page)
        report.page_count = position.page_count + 1
        report.retry_count = self._start.report.retry_count + self._retries.count
        self._position = Position(
            page.metadata.continue_ or None,
            report.page_count,
            position.read_count + len(page.items),
            _last_name(page) or position.last_name,
            copy_report(report),
        )
        self._slow_count = 0
        return replace(page, resume_point=self._position.to_bytes())

    def _check_moment(self, version: str | None) -> None:
        versions = self.report.resource_versions
        if not version or (versions and versions[-1] == version):
            return
        if versions and not self._has_moved:
            raise ExpiredError(f"The list went from resourceVersion {versions[-1]} to {version} without a word.")
        versions.append(version)
        self._has_moved = False

    def _check_token(self, token: str | None) -> None:
        if token and token in self._tokens:
            raise IncompleteError(
                f"{self._connection.server} hands out the same continue token again; the list would never end.",
                hint="Something between here and the API server mixes up answers.",
            )
        if token:
            self._tokens.add(token)

    def _expired(self, error: ExpiredError) -> Restarted | None:
        """Follow the policy: a restart, None to go on from the position as it is now, or the error again."""
        if self._position.continue_token is None and self._position.page_count == 0:
            raise error
        self.report.expired_count += 1
        if self._request.on_expired == "fail":
            raise error
        if self._request.on_expired == "continue" and error.continue_token:
            self._go_on(error.continue_token)
            return None
        return self._restart(error)

    def _go_on(self, token: str) -> None:
        report, name = self.report, self._position.last_name
        report.is_consistent = False
        report.broken_at = report.broken_at or name
        report.warnings.append(f"The list expired after {name}; what follows is from a later moment.")
        logger.warning("%s", report.warnings[-1])
        self._has_moved = True
        self._position = msgspec.structs.replace(self._position, continue_token=token)

    def _restart(self, error: ExpiredError) -> Restarted:
        self._restart_count += 1
        if self._restart_count > self._request.restart_limit:
            raise error
        self.report = self._new_report(self.report.retry_count, self.report.expired_count)
        self._position = Position()
        self._tokens.clear()
        self._has_moved = False
        self._page_size.double()
        return Restarted(error.message)

    def _new_report(self, retry_count: int = 0, expired_count: int = 0) -> SourceReport:
        return SourceReport(
            completeness="partial" if self._request.has_selector else "proven",
            retry_count=retry_count,
            expired_count=expired_count,
            warnings=list(self._connection.warnings),
        )

    def _broken_off(self, error: IndexerError) -> IndexerError:
        """Say that a list broke off; what refuses or misleads from the start keeps its own name."""
        is_cut = isinstance(error, CutShortError)
        if isinstance(error, DecodeError | IncompleteError) and not is_cut:
            return error
        position = self._position
        has_expired = isinstance(error, ExpiredError) and position.page_count > 0
        if not (self._retries.has_answered or is_cut or has_expired):
            return error
        where = f"after page {position.page_count} ({position.read_count} Images)" if position.page_count else "at once"
        return IncompleteError(f"The list broke off {where}: {error.message}", hint=error.hint)

    def _compare_counts(self) -> None:
        expected, read = self.report.expected_count, self._position.read_count
        if expected is not None and expected != read:
            self.report.warnings.append(
                f"The server announced {expected} Images and {read} came; its number is an estimate, the list ended."
            )


class _Metadata(msgspec.Struct):
    name: str | None = None


class _Item(msgspec.Struct):
    metadata: _Metadata | None = None


def _last_name(page: Page) -> str | None:
    if not page.items:
        return None
    try:
        item = msgspec.json.decode(page.items[-1], type=_Item)
    except msgspec.DecodeError:
        return None  # the decoder will name it
    return item.metadata.name if item.metadata else None


def _expected_count(page: Page) -> int | None:
    remaining = page.metadata.remaining_item_count
    # It is optional by contract; one that can't be true is as good as none.
    if remaining is None or remaining < 0:
        return None if page.metadata.continue_ else len(page.items)
    return len(page.items) + remaining
