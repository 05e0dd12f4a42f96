"""The seam between sources and everything behind them: a page of objects as bytes, and what a source says at its end.

A source yields `Page`s: each the JSON text of some objects, never a parsed one, so that the API, files and tests look
the same to the decoder. `read_page` splits one document (an ImageList, a List or a single Image) or NDJSON lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import msgspec

from indexer.errors import CutShortError, DecodeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

Completeness = Literal["proven", "unproven", "partial"]
"""`proven`: the list ended by its own sign; `unproven`: the form can be cut unseen; `partial`: it shows a cut."""


class ListMetadata(msgspec.Struct, rename="camel", frozen=True):
    """`metadata` of a list page; absent, null and empty are the same."""

    resource_version: str | None = None
    continue_: str | None = msgspec.field(default=None, name="continue")
    remaining_item_count: int | None = None


class Place(NamedTuple):
    """Where an object stands: what it came from (`archive.tar.gz!images/a.yaml`) and its number in there, from 1."""

    origin: str
    number: int


class Deletion(NamedTuple):
    """An object the input says was deleted, after the first `after_count` items of its page."""

    name: str
    uid: str | None = None
    resource_version: str | None = None
    created_at: dt.datetime | None = None
    after_count: int = 0


MOST_SKIPPED_ITEMS = 100_000
"""Skipping more than this is reading something that is no input; the account is held in memory."""


class SkippedItem(msgspec.Struct, frozen=True):
    """An item left out on the user's wish: where it stood and why it could not be read."""

    origin: str
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects as JSON text, and where they come from.

    `origin` names the page in messages (`page 3`, `page-1.json.gz`); `first_number` is the number of the first item
    within its origin, from 1. A page put together from several files has a place for each item instead.
    """

    origin: str
    items: Sequence[bytes | msgspec.Raw]
    kind: str = "ImageList"
    metadata: ListMetadata = field(default_factory=ListMetadata)
    first_number: int = 1
    size_bytes: int = 0
    resume_point: bytes | None = None
    """Where the source can go on after this page, to be given back to it as it is; None where it can't."""
    places: Sequence[Place] = ()
    deletions: Sequence[Deletion] = ()

    def place(self, index: int) -> Place:
        """Return where the item at `index` stands."""
        return self.places[index] if self.places else Place(self.origin, self.first_number + index)


@dataclass(frozen=True, slots=True)
class Restarted:
    """Everything this source has yielded so far is void: it starts again from the first object."""

    reason: str


@dataclass(slots=True)
class SourceReport:
    """What a source knows once its pages are exhausted; it goes into the receipt.

    `expected_count` is the number of objects the source announced (an estimate by the API's contract).
    `broken_at` is the key at which a list went on from another moment. `skipped_items` are those that did not even
    come apart into objects. `read_size_bytes` of `total_size_bytes` have been read, as they lie on the disk; the
    total is None where it can't be known.
    """

    completeness: Completeness = "proven"
    is_consistent: bool = True
    resource_versions: list[str] = field(default_factory=list)
    expected_count: int | None = None
    page_count: int = 0
    retry_count: int = 0
    expired_count: int = 0
    broken_at: str | None = None
    server_version: str | None = None
    cluster_identity: str | None = None
    warnings: list[str] = field(default_factory=list)
    skipped_items: list[SkippedItem] = field(default_factory=list)
    read_size_bytes: int = 0
    total_size_bytes: int | None = None


class Source(Protocol):
    """Where pages come from. `description` stands in the receipt and never holds a credential."""

    @property
    def description(self) -> str:
        """One line on the source, such as the server's address or the file names."""

    @property
    def report(self) -> SourceReport:
        """What is known so far; final once `pages` is exhausted."""

    def pages(self) -> Iterator[Page | Restarted]:
        """Yield every page, or raise: a short read never ends quietly. A `Restarted` voids all pages before it."""


_GROUP = "image.openshift.io"


def is_ours(api_version: Any) -> bool:
    """Whether an object can be of the Image API; `config.openshift.io` and others have kinds of the same names.

    Early versions had no group (`v1`, `v1beta3`); items of a list state none at all.
    """
    group, separator, _ = str(api_version or "").partition("/")
    return not separator or group == _GROUP


class _Envelope(msgspec.Struct, rename="camel"):
    kind: str | None = None
    metadata: ListMetadata | None = None
    items: list[msgspec.Raw] | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_LISTS = frozenset({"ImageList", "List"})


def read_page(body: bytes, origin: str) -> Page:
    """Split one JSON document into a page: an `ImageList`, a `List`, or one `Image` (a page of one).

    Raises `DecodeError` for anything else, naming the origin and what the document is.
    """
    check_text(body, origin)
    envelope = _read_envelope(body, origin)
    if envelope.kind in _LISTS:
        items = envelope.items or []
        return Page(origin, items, envelope.kind, envelope.metadata or ListMetadata(), size_bytes=len(body))
    if envelope.kind in {"Image", None} and envelope.items is None:
        return Page(origin, [body], "Image", size_bytes=len(body))
    raise DecodeError(f"{origin} holds {_article(envelope.kind)}, not a list of Images.", hint=_hint(envelope.kind))


def _read_envelope(body: bytes, origin: str) -> _Envelope:
    if not body.strip():
        raise CutShortError(f"{origin} is empty.", hint="Export or fetch it again.")
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError as error:
        raise DecodeError(f"{origin} is not a list of Images: {error}.", hint=_hint(None)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise CutShortError(f"{origin} is not whole JSON: {error}.", hint="It is cut short; fetch it again.") from error


def check_text(body: bytes, origin: str) -> None:
    """Refuse bytes that are not UTF-8, naming the offset."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data"
        raise (CutShortError if is_cut else DecodeError)(
            f"{origin} is not UTF-8 text: byte {error.start} is invalid."
        ) from error


def _article(kind: str | None) -> str:
    return f"a {kind}" if kind else "an unnamed object"


def _hint(kind: str | None) -> str:
    if kind == "Status":
        return "It is a saved error answer; fetch the list again."
    return "Save the list with: oc get --raw '/apis/image.openshift.io/v1/images?limit=500'."
