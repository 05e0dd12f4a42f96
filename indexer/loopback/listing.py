"""One list request → one page, exact at its resource version."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from indexer.loopback import answers, forms, requests
from indexer.loopback.answers import Answer, Body
from indexer.loopback.selectors import selected_name, selector
from indexer.loopback.store import Expired, ImageStore, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from indexer.loopback.forms import Form
    from indexer.loopback.requests import ListOptions, Request

Named = tuple[str, Place]
_CHUNK_BYTES = 1 << 16


class Page(NamedTuple):
    """What goes on a page: names and places, the version they are of, and where the next page starts."""

    rows: list[Named]
    resource_version: int
    next_start: str
    remaining_count: int | None


def list_images(request: Request, store: ImageStore) -> Answer:
    """Answer a list request. Raises `Refused`."""
    form = forms.accepted_form(request.header("accept"))
    options = requests.list_options(request.query)
    resource_version, start = _position(options, store)
    try:
        page = _page(options, store, resource_version, start)
    except Expired:
        return answers.expired(requests.encode_token(-1, start) if options.continue_token else "")
    return Answer(200, _body(form, page, store))


def _position(options: ListOptions, store: ImageStore) -> tuple[int, str]:
    """Find the resource version to list at and the name to start with."""
    current = store.resource_version
    if options.continue_token:
        resource_version, start = requests.decode_token(options.continue_token)
        return (current if resource_version < 0 else resource_version), start
    asked = options.resource_version or 0
    if asked > current:
        raise requests.Refused(answers.in_the_future(asked, current))
    is_exact = options.match == "Exact" or (options.match == "" and options.limit > 0)
    return (asked if asked and is_exact else current), ""


def _page(options: ListOptions, store: ImageStore, resource_version: int, start: str) -> Page:
    select = selector(options)
    store.check(resource_version)
    if selected_name(options):
        return Page(list(_one(store, resource_version, selected_name(options))), resource_version, "", None)
    names = store.names_at(resource_version, start)
    rows = list(islice(_selected(names, store, select), options.limit or None))
    following = next(names, None)
    if following is None or not rows:
        return Page(rows, resource_version, "", None)
    # A selector hides how many follow: the server would have to read them all.
    remaining = None if select else store.count_at(resource_version, following[0])
    return Page(rows, resource_version, rows[-1][0] + "\0", remaining)


def _one(store: ImageStore, resource_version: int, name: str) -> Iterator[Named]:
    for found, place in islice(store.names_at(resource_version, name), 1):
        if found == name:
            yield found, place


def _selected(
    names: Iterator[Named], store: ImageStore, select: Callable[[Mapping[str, Any]], bool] | None
) -> Iterator[Named]:
    if select is None:
        return names
    return (row for row in names if select(orjson.loads(store.read(row[1]))))


def _body(form: Form, page: Page, store: ImageStore) -> Body | bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(page.resource_version)}
    if page.next_start:
        metadata["continue"] = requests.encode_token(page.resource_version, "/" + page.next_start)
    if page.remaining_count:
        metadata["remainingItemCount"] = page.remaining_count
    head = forms.head_of(form, metadata)
    if form.item:
        rewrite = form.item
        return head + b",".join(rewrite(store.read(place)) for _, place in page.rows) + b"]}"
    size = len(head) + sum(place.length for _, place in page.rows) + max(len(page.rows) - 1, 0) + len(b"]}")
    return Body(size, _chunks(head, page.rows, store))


def _chunks(head: bytes, rows: list[Named], store: ImageStore) -> Iterator[bytes]:
    """Write the page in pieces of some 64 KiB, read as they are sent: a list of everything needs little memory."""
    pieces, pending = [head], len(head)
    for position, (_, place) in enumerate(rows):
        pieces.append(store.read(place) if position == 0 else b"," + store.read(place))
        pending += place.length
        if pending >= _CHUNK_BYTES:
            yield b"".join(pieces)
            pieces, pending = [], 0
    yield b"".join([*pieces, b"]}"])
