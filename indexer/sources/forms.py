"""Objects of any kind → the Images in them: bare, embedded in other kinds, in lists in lists, in watch events."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from indexer.pages import Deletion, is_ours
from indexer.sources.refusals import refuse_kind, status_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIST_KINDS = frozenset(
    {None, "List", "ImageList", "ImageStreamTagList", "ImageStreamImageList", "ImageStreamMappingList"}
)
_EMBEDDING = frozenset({"ImageStreamTag", "ImageStreamImage", "ImageStreamMapping"})
_EVENTS = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})
_NOTHING = msgspec.Raw()
_MAX_LISTS_IN_LISTS = 4
MOST_CHARACTERS = 100
"""Of a stranger's text in a message."""


class _Peek(msgspec.Struct, rename="camel", gc=False):
    """Just enough of an object to tell what it is; everything else is skipped over."""

    api_version: Any = None
    kind: Any = None
    type: Any = None
    object: msgspec.Raw = _NOTHING
    image: msgspec.Raw = _NOTHING
    status: msgspec.Raw = _NOTHING
    items: msgspec.Raw = _NOTHING
    docker_image_reference: msgspec.Raw = _NOTHING
    docker_image_metadata: msgspec.Raw = _NOTHING
    docker_image_layers: msgspec.Raw = _NOTHING
    docker_image_manifests: msgspec.Raw = _NOTHING
    docker_image_manifest_media_type: msgspec.Raw = _NOTHING


class _Imported(msgspec.Struct):
    image: msgspec.Raw = _NOTHING
    manifests: list[msgspec.Raw] | None = None


class _Repository(msgspec.Struct):
    images: list[_Imported] | None = None


class _ImportStatus(msgspec.Struct):
    images: list[_Imported] | None = None
    repository: _Repository | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    name: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None


class _Named(msgspec.Struct):
    metadata: _Metadata | None = None


class Found(msgspec.Struct, frozen=True, gc=False):
    """What an object turned out to hold: one Image, the deletion of one, or something to be counted.

    `form` is how it came: `bare`, `embedded`, `event`, `broken` (no JSON: the decoder says what is wrong with it, and
    skips it on demand), `list` (its envelope, after its items), `watch error` or `other`; `detail` says more of the
    last two. `envelope` is the text of a list and the count of its items.
    """

    form: str
    image: bytes | None = None
    deletion: Deletion | None = None
    detail: str = ""
    envelope: tuple[bytes, int] | None = None


_PEEK = msgspec.json.Decoder(_Peek)


class _Mark(msgspec.Struct, rename="camel", gc=False):
    """What makes an object an Image at a glance."""

    api_version: str | None = None
    kind: str | None = None
    docker_image_metadata: msgspec.Raw = _NOTHING


_SERVED = b'{"metadata":'
"""How the API server begins elements of a list, which state no kind; any other object begins with its kind."""

_MARK = msgspec.json.Decoder(_Mark)


def are_images(texts: Sequence[bytes | msgspec.Raw], list_kind: str | None) -> bool:
    """Whether all of these are taken for Images by themselves; false says only that each must be looked into.

    A server's ImageList is passed over quickly: its elements begin with their metadata, and what has a kind after all
    is refused by the decoder.
    """
    if list_kind == "ImageList" and all(memoryview(text)[: len(_SERVED)] == _SERVED for text in texts):
        return True
    try:
        marks = [_MARK.decode(text) for text in texts]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return all(map(_shows_image, marks))


def _shows_image(mark: _Mark) -> bool:
    return (mark.kind == "Image" or bool(not mark.kind and mark.docker_image_metadata)) and is_ours(mark.api_version)


def find_images(text: bytes, origin: str, list_kind: str | None = None, depth: int = 0) -> Iterator[Found]:
    """Yield what an object holds. Raises `DecodeError` for kinds that stand in place of Images."""
    try:
        peek = _PEEK.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield Found("broken", text)
        return
    kind = _text(peek.kind) or None
    refuse_kind(kind, text, origin)
    if not is_ours(peek.api_version):
        yield Found("other", detail=f"{kind} ({_text(peek.api_version)})")
    elif kind == "Image" or (kind is None and (list_kind == "ImageList" or _is_image(peek))):
        yield Found("bare", text)
    elif kind is None and (event := _text(peek.type)) in _EVENTS and _is_object(peek.object):
        yield from _from_event(event, bytes(peek.object), origin)
    elif kind == "ImageStreamImport":
        yield from _from_import(peek.status)
    elif kind in _EMBEDDING or (kind is None and _is_object(peek.image)):
        yield from _embedded(peek.image, kind)
    elif kind in LIST_KINDS and bytes(peek.items) and depth < _MAX_LISTS_IN_LISTS:
        yield from _from_list(text, origin, kind, depth)
    else:
        yield Found("other", detail=kind or "")


def _text(value: Any) -> str:
    return value[:MOST_CHARACTERS] if isinstance(value, str) else ""


def _is_image(peek: _Peek) -> bool:
    fields = (
        peek.docker_image_reference,
        peek.docker_image_metadata,
        peek.docker_image_layers,
        peek.docker_image_manifests,
        peek.docker_image_manifest_media_type,
    )
    return any(bytes(field) for field in fields)


def _is_object(text: msgspec.Raw) -> bool:
    return bytes(text).startswith(b"{")


def _from_event(type_: str, text: bytes, origin: str) -> Iterator[Found]:
    if type_ == "ERROR":
        yield Found("watch error", detail=status_text(text))
    elif type_ == "DELETED":
        yield from _deleted(text)
    elif type_ != "BOOKMARK":
        for found in find_images(text, origin):
            yield Found("event", found.image) if found.form == "bare" else found


def _deleted(text: bytes) -> Iterator[Found]:
    try:
        metadata = msgspec.json.decode(text, type=_Named).metadata
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        metadata = None
    if metadata is None or not metadata.name:
        yield Found("event", text)
        return
    created_at = _moment(metadata.creation_timestamp)
    deletion = Deletion(metadata.name, metadata.uid, metadata.resource_version, created_at)
    yield Found("event", deletion=deletion)


def _moment(text: str | None) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _embedded(image: msgspec.Raw, kind: str | None) -> Iterator[Found]:
    if _is_object(image):
        yield Found("embedded", bytes(image))
    else:
        yield Found("other", detail=kind or "")


def _from_import(status: msgspec.Raw) -> Iterator[Found]:
    """Yield the Images an import answered with; an entry that failed has none."""
    try:
        answer = msgspec.json.decode(status, type=_ImportStatus) if _is_object(status) else _ImportStatus()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = _ImportStatus()
    imported = [*(answer.images or []), *((answer.repository and answer.repository.images) or [])]
    texts = [bytes(text) for one in imported for text in (one.image, *(one.manifests or [])) if _is_object(text)]
    yield from (Found("embedded", text) for text in texts)
    if not texts:
        yield Found("other", detail="ImageStreamImport")


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


def _from_list(text: bytes, origin: str, kind: str | None, depth: int) -> Iterator[Found]:
    """Open a list that came as one object: a line of NDJSON, a list in a list."""
    try:
        elements = msgspec.json.decode(text, type=_List).items or []
    except msgspec.ValidationError:
        yield Found("other", detail=kind or "")
        return
    for element in elements:
        yield from find_images(bytes(element), origin, kind, depth + 1)
    yield Found("list", envelope=(text, len(elements)))
