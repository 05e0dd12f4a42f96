"""What people hand in that holds no Images: recognised by name, and refused with the sentence that helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import DecodeError

if TYPE_CHECKING:
    from collections import Counter

SAVE_THE_LIST = "Save the list with: oc get --raw /apis/image.openshift.io/v1/images > images.json."
INSPECT = "Collect them with: oc adm inspect images.image.openshift.io."
JSON_STARTS = (b"{", b"[")
WATCH_AGAIN = "List again, and watch from the resourceVersion of that list."

_ETCD_MAGIC = b"\xed\xda\x0c\xed"
_ETCD_MAGIC_AT = 16
_SAID_CHARACTERS = 500
_BINARY_MAGICS = (
    (b"k8s\x00", "is a Kubernetes object in protobuf", "Ask the server for JSON. " + SAVE_THE_LIST),
    (b"PAR1", "is a Parquet file", "If it is part of a store, query the store it comes from."),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive", "Unpack it and import the folder."),
    (b"Rar!", "is a RAR archive", "Unpack it and import the folder."),
    (b"\x04\x22\x4d\x18", "is compressed with lz4", "Unpack it with lz4 and import what is in it."),
    (b"SQLite format 3\x00", "is an SQLite database", SAVE_THE_LIST),
)
_TEXT_STARTS = (
    (re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE), "is an HTML page, perhaps a login page",
     "Log in with oc login first. " + SAVE_THE_LIST),
    (re.compile(rb"\s*<"), "is XML", SAVE_THE_LIST),
    (re.compile(rb"\s*NAME\s+IMAGE REFERENCE"), "is the table `oc get images` prints; it has no layers",
     "Save the objects with: oc get images -o json > images.json."),
    (re.compile(rb"\s*No resources found"), "says that no resources were found",
     "Check that you may list images: oc auth can-i list images.image.openshift.io."),
    (re.compile(rb"\s*(?:error:|Error from server|Unable to connect)", re.IGNORECASE), "is a saved error message",
     SAVE_THE_LIST),
)  # fmt: skip
_KINDS = {
    "Table": ("is a Table, the answer for printing; it has no layers", "Ask without an Accept header for tables. "),
    "PartialObjectMetadata": ("holds metadata only (PartialObjectMetadata)", "Ask for whole objects. "),
    "PartialObjectMetadataList": ("holds metadata only (PartialObjectMetadataList)", "Ask for whole objects. "),
}


class _Status(msgspec.Struct):
    message: str | None = None
    reason: str | None = None
    code: int | None = None


def refuse_content(head: bytes, origin: str) -> None:
    """Raise `DecodeError` for first bytes that show something without Images."""
    if not head.strip(b" \t\r\n\x00"):
        raise DecodeError(f"{origin} is empty.", hint="Export or fetch it again.")
    if head[_ETCD_MAGIC_AT : _ETCD_MAGIC_AT + len(_ETCD_MAGIC)] == _ETCD_MAGIC:
        raise DecodeError(f"{origin} is an etcd snapshot, which can't be read.", hint=SAVE_THE_LIST)
    for magic, problem, hint in _BINARY_MAGICS:
        if head.startswith(magic):
            raise DecodeError(f"{origin} {problem}.", hint=hint)
    for pattern, problem, hint in _TEXT_STARTS:
        if pattern.match(head):
            raise DecodeError(f"{origin} {problem}.", hint=hint)
    if b"\0" in head and not head.lstrip().startswith(JSON_STARTS):
        raise DecodeError(f"{origin} is neither JSON nor YAML but binary data.", hint=SAVE_THE_LIST)


def refuse_kind(kind: str | None, text: bytes, origin: str) -> None:
    """Raise `DecodeError` for an object whose kind stands in place of Images."""
    if kind in _KINDS:
        problem, hint = _KINDS[kind]
        raise DecodeError(f"{origin} {problem}.", hint=hint + SAVE_THE_LIST)
    if kind == "Status":
        message = f"{origin} is a saved error of the server: {status_text(text)}."
        raise DecodeError(message, hint="Fetch the list again.")


def status_text(text: bytes) -> str:
    """Return what a Status says: code, reason, message."""
    try:
        status = msgspec.json.decode(text, type=_Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "it can't be read"
    parts = (str(status.code or ""), status.reason, status.message)
    said = " ".join(part for part in parts if part)
    return said[:_SAID_CHARACTERS].rstrip(".") or "it says nothing"


def nothing_found(origin: str, traits: set[str], other_kinds: Counter[str], expected_count: int | None) -> DecodeError:
    """Error for an input without any Image, from what was seen in it."""
    said = f" (the cluster had {expected_count})" if expected_count else ""
    if "insights" in traits:
        return DecodeError(f"{origin} is an Insights archive: it holds digests, no Image objects.", hint=INSPECT)
    if "must-gather" in traits:
        message = f"{origin} is a must-gather without Image objects{said}: they are not collected by default."
        return DecodeError(message, hint=INSPECT)
    if other_kinds:
        return DecodeError(f"{origin} holds no Image objects but {listed(other_kinds)}.", hint=_hint_for(other_kinds))
    return DecodeError(f"{origin} holds no Image objects.", hint=SAVE_THE_LIST)


def listed(kinds: Counter[str]) -> str:
    """Name the most common kinds with their counts."""
    names = [f"{count} of kind {kind}" if kind else f"{count} without a kind" for kind, count in kinds.most_common(5)]
    return ", ".join([*names, "others"] if len(kinds) > len(names) else names)


def _hint_for(kinds: Counter[str]) -> str:
    if any(kind.startswith("ImageStream") for kind in kinds):
        return f"Image streams name images and do not hold them. {SAVE_THE_LIST}"
    return SAVE_THE_LIST
