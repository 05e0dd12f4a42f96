"""The forms in which a list can be asked for: whole objects, their metadata only, or a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from indexer.loopback import answers
from indexer.loopback.requests import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_META_GROUP = "meta.k8s.io/v1"
_JSON_TYPES = {"application/json", "application/*", "*/*", ""}
# Servers indent JSON for programs that people read with (k8s.io/apiserver, endpoints/handlers/responsewriters).
PEOPLES_AGENTS = ("curl", "Wget", "Mozilla/", "kubectl")
_COLUMNS = [
    {"name": "Name", "type": "string", "format": "name", "description": "Name of the image.", "priority": 0},
    {
        "name": "Image Reference",
        "type": "string",
        "format": "",
        "description": "dockerImageReference is the string that can be used to pull this image.",
        "priority": 0,
    },
]


class Form(NamedTuple):
    """How a list is written. `item` rewrites one serialized object, None leaves it; `extra` goes before the items."""

    kind: str
    api_version: str
    items_key: str = "items"
    extra: tuple[tuple[str, Any], ...] = ()
    item: Callable[[bytes], bytes] | None = None


def _partial(data: bytes) -> dict[str, Any]:
    image = orjson.loads(data)
    return {"kind": "PartialObjectMetadata", "apiVersion": _META_GROUP, "metadata": image["metadata"]}


def _row(data: bytes) -> bytes:
    image = orjson.loads(data)
    cells = [image["metadata"]["name"], image.get("dockerImageReference", "")]
    return orjson.dumps({"cells": cells, "object": _partial(data)})


IMAGES = Form("ImageList", "image.openshift.io/v1")
PARTIAL = Form("PartialObjectMetadataList", _META_GROUP, item=lambda data: orjson.dumps(_partial(data)))
TABLE = Form("Table", _META_GROUP, "rows", (("columnDefinitions", _COLUMNS),), _row)
_FORMS = {"PartialObjectMetadataList": PARTIAL, "PartialObjectMetadata": PARTIAL, "Table": TABLE}


def accepted_form(accept: str) -> Form:
    """Choose the form by the `Accept` header, first come first served. Raises `Refused` with 406."""
    offers = [_offer(part) for part in accept.split(",")]
    for media_type, parameters in offers:
        if media_type not in _JSON_TYPES:
            continue
        if "as" not in parameters:
            return IMAGES
        if parameters.get("v") == "v1" and parameters.get("g") == "meta.k8s.io" and parameters["as"] in _FORMS:
            return _FORMS[parameters["as"]]
    raise Refused(answers.not_acceptable(has_options=any("as" in parameters for _, parameters in offers)))


def _offer(part: str) -> tuple[str, dict[str, str]]:
    media_type, *parameters = (piece.strip() for piece in part.split(";"))
    return media_type, {key: value for key, _, value in (piece.partition("=") for piece in parameters)}


def head_of(form: Form, metadata: Mapping[str, Any]) -> bytes:
    """Write a list up to its first item; keys in the order kind, apiVersion, metadata, (columns,) items."""
    document = {"kind": form.kind, "apiVersion": form.api_version, "metadata": metadata, **dict(form.extra)}
    return orjson.dumps(document)[:-1] + b',"' + form.items_key.encode() + b'":['


def with_kind(data: bytes) -> bytes:
    """Give an item the kind and apiVersion that it carries outside of lists."""
    return b'{"kind":"Image","apiVersion":"image.openshift.io/v1",' + data[1:]


def indented(data: bytes) -> bytes:
    """Indent JSON as for people."""
    return orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2)
