"""Watches: one line an event, until the time asked for is over or the server stops."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from indexer.loopback import answers, forms, requests
from indexer.loopback.selectors import selector
from indexer.loopback.store import Expired, ImageStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from indexer.loopback.answers import Answer
    from indexer.loopback.requests import Request
    from indexer.loopback.store import Change

_DEFAULT_SECONDS = 1_800
_INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


class Watch:
    """One watch request over a store; iterating gives event lines and ends at its time-out.

    Making one raises `Refused` for options that don't go together.
    """

    def __init__(self, request: Request, store: ImageStore, bookmark_seconds: float) -> None:
        query = request.query
        self._store = store
        self._form_of = (
            forms.accepted_form(request.header("accept").replace(";stream=watch", "")).item or forms.with_kind
        )
        self._select = selector(requests.list_options(_selectors_only(query)))
        self._start = _start_version(query.get("resourceVersion", ""))
        self._has_initial_events = query.get("sendInitialEvents") == "true"
        if self._has_initial_events and query.get("resourceVersionMatch") != "NotOlderThan":
            raise requests.Refused(_unmatched_initial_events())
        self._has_bookmarks = query.get("allowWatchBookmarks") in {"1", "true"}
        self._bookmark_seconds = bookmark_seconds
        self._deadline = time.monotonic() + float(query.get("timeoutSeconds") or _DEFAULT_SECONDS)
        self.is_stopped = False

    def lines(self) -> Iterator[bytes]:
        """Give the events as they happen, each a line of JSON."""
        try:
            position = self._start
            if position == 0 or self._has_initial_events:
                position = self._store.resource_version
                yield from self._initial(position)
            yield from self._following(position)
        except Expired:
            yield too_old(self._start, self._store.compacted_at)

    def _initial(self, resource_version: int) -> Iterator[bytes]:
        for item in self._store.items_at(resource_version):
            if self._is_selected(item):
                yield _line("ADDED", self._form_of(item))
        if self._has_initial_events:
            yield bookmark(resource_version, _INITIAL_END)

    def _following(self, position: int) -> Iterator[bytes]:
        next_bookmark = time.monotonic() + self._bookmark_seconds
        while not self.is_stopped:
            changes = self._wait_for_changes(position, min(next_bookmark, self._deadline))
            yield from self._events(changes)
            position = changes[-1].resource_version if changes else max(position, self._seen(position))
            is_over = time.monotonic() >= self._deadline
            if is_over or time.monotonic() >= next_bookmark:
                next_bookmark += self._bookmark_seconds
                # A watch from a version still to come stays silent.
                if self._has_bookmarks and position <= self._store.resource_version:
                    yield bookmark(position)
            if is_over:
                return

    def _seen(self, position: int) -> int:
        """Move on with writes to other resources."""
        current = self._store.resource_version
        return current if not self._store.changes_after(position) else position

    def _wait_for_changes(self, position: int, until: float) -> list[Change]:
        with self._store.changed:
            while True:
                changes = self._store.changes_after(position)
                left = until - time.monotonic()
                if changes or left <= 0 or self.is_stopped:
                    return changes
                self._store.changed.wait(left)

    def _events(self, changes: list[Change]) -> Iterator[bytes]:
        for change in changes:
            item = self._store.read(change.place)
            if self._is_selected(item):
                yield _line(change.kind, self._form_of(item))

    def _is_selected(self, item: bytes) -> bool:
        select: Callable[[Mapping[str, Any]], bool] | None = self._select
        return select is None or select(orjson.loads(item))


def bookmark(resource_version: int, more: Mapping[str, Any] | None = None) -> bytes:
    """Write a bookmark: an object without a name, with the defaults the server's encoder adds."""
    defaults = {"kind": "DockerImage", "apiVersion": "image.openshift.io/1.0", "Id": "", "Created": None}
    image = {
        "kind": "Image",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"resourceVersion": str(resource_version), **(more or {})},
        "dockerImageMetadata": defaults | {"ContainerConfig": {}},
        "dockerImageMetadataVersion": "1.0",
    }
    return _line("BOOKMARK", orjson.dumps(image))


def too_old(asked: int, oldest: int) -> bytes:
    """Write the event that ends a watch from too long ago."""
    message = f"too old resource version: {asked} ({oldest})"
    body = answers.status(410, "Expired", message).body
    return _line("ERROR", bytes(body) if isinstance(body, bytes) else b"{}")


def _line(kind: str, item: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + item + b"}\n"


def _selectors_only(query: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if key in {"labelSelector", "fieldSelector"}}


def _start_version(text: str) -> int:
    try:
        return int(text or "0")
    except ValueError:
        message = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise requests.Refused(answers.status(500, "", message)) from None


def _unmatched_initial_events() -> Answer:
    message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    return answers.invalid_options(message, "FieldValueForbidden")
