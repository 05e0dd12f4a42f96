"""One Image object: JSON text → typed object, checked field by field against `schema`.

The typed decoder (msgspec) is made from the schema. Where it refuses, the object is looked at again without types:
absent, null, "", [] and {} mean the same in this API, so an empty value of the wrong kind is no error, and objects
marked `pre012` spell the keys of their metadata in lower case. What is still wrong then is an error.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from indexer.errors import DecodeError
from indexer.pages import is_ours
from indexer.schema import IMAGE, ListOf, Scalar, Struct, Type

_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_SCALARS: dict[Scalar, Any] = {
    Scalar.STRING: str,
    Scalar.INTEGER: _INT64,
    Scalar.BOOLEAN: bool,
    Scalar.TIMESTAMP: str,
    Scalar.STRING_MAP: dict[str, str | None],
    Scalar.KEYS: dict[str, Any],
}
_LEGACY_METADATA = "pre012"


def _python_type(of: Type, name: str) -> Any:
    if isinstance(of, Scalar):
        return _SCALARS[of]
    if isinstance(of, ListOf):
        return list[_python_type(of.item, name) | None]  # type: ignore[misc]
    fields = [
        (part.name, _python_type(part.type, f"{name}_{part.name}") | None, msgspec.field(default=None, name=part.key))
        for part in of.fields
    ]
    return msgspec.defstruct(name, fields, gc=False)


ImageObject: Any = _python_type(IMAGE, "Image")
"""Class of a typed object: an attribute per field of `schema.IMAGE`, None where the object says nothing."""

_DECODER = msgspec.json.Decoder(ImageObject)
_SKIP = "Skip such items with --on-bad-item skip."


def read_object(text: bytes | msgspec.Raw) -> Any:
    """Decode one Image object into an `ImageObject`.

    Raises `DecodeError` naming the field: wrong types, no name, another kind of object, broken JSON. The caller adds
    where the object stands.
    """
    try:
        image = _read(text)
    except msgspec.ValidationError as error:
        raise DecodeError(f"{error}.", hint=_SKIP) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"the JSON is broken: {error}.", hint=f"Fetch it again. {_SKIP}") from error
    _check_identity(image)
    return image


def _read(text: bytes | msgspec.Raw) -> Any:
    try:
        image = _DECODER.decode(text)
    except msgspec.ValidationError:
        return _read_leniently(text)
    return _read_leniently(text) if image.docker_image_metadata_version == _LEGACY_METADATA else image


def _check_identity(image: Any) -> None:
    if image.kind not in {None, "", "Image"}:
        raise DecodeError(f"it is of kind {image.kind[:80]!r}, not an Image.", hint=_SKIP)
    if image.api_version and not is_ours(image.api_version):
        raise DecodeError(f"it is of the API {image.api_version[:80]!r}, not of image.openshift.io.", hint=_SKIP)
    if not (image.metadata and image.metadata.name):
        raise DecodeError("it has no metadata.name.", hint=_SKIP)


def _read_leniently(text: bytes | msgspec.Raw) -> Any:
    value = msgspec.json.decode(text)
    legacy = isinstance(value, dict) and value.get("dockerImageMetadataVersion") == _LEGACY_METADATA
    return msgspec.convert(_without_empties(value, IMAGE, legacy=legacy), ImageObject)


def _without_empties(value: Any, of: Type, *, legacy: bool) -> Any:
    """Drop empty values and unknown keys, so that only the types of what is said are judged."""
    if isinstance(of, ListOf) and isinstance(value, list):
        return [_without_empties(item, of.item, legacy=legacy) for item in value]
    if not (isinstance(of, Struct) and isinstance(value, dict)):
        return value
    kept = {}
    for field in of.fields:
        found = value.get(field.key)
        if found is None and legacy:
            found = value.get(field.name)
        if found not in (None, "", [], {}):
            kept[field.key] = _without_empties(found, field.type, legacy=legacy)
    return kept
