"""The signed text: JSON after containers-signature(5).

The rules are those of containers/image (`signature/simple.go`), which refuses repeated, missing and unknown
members. Here the claims of a text that breaks them are still read, and the state says that it broke them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from indexer.signature.states import ReadingState

ATOMIC_TYPE: Final = "atomic container signature"
"""The only `critical.type` of an atomic signature."""

MAX_TEXT_SIZE_BYTES: Final = 1 << 16
"""Largest text that is parsed, since parsed JSON takes a hundred times its size; real ones are below 1 KiB."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a payload claims, unverified, and whether it is an atomic payload (`state`)."""

    state: ReadingState
    claimed_reference: str | None = None
    claimed_digest: str | None = None
    claimed_creator: str | None = None
    claimed_at: datetime | None = None


class _Members(dict[str, Any]):
    """A JSON object that remembers whether a name came twice, where parsers differ in which one they take."""

    __slots__ = ("has_repeats",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.has_repeats = len(self) != len(pairs)


def read_payload(text: bytes) -> Claims:
    """Read the claims of a signed text; text that is no JSON object in UTF-8 has none. Never raises."""
    if len(text) > MAX_TEXT_SIZE_BYTES:
        return Claims(ReadingState.TOO_LARGE)
    try:
        payload = json.loads(text.decode(), object_pairs_hook=_Members, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # damaged UTF-8 and numbers of thousands of digits are ValueErrors too
        return Claims(ReadingState.PAYLOAD_NOT_JSON)
    if not isinstance(payload, _Members):
        return Claims(ReadingState.PAYLOAD_NOT_JSON)
    return _read_claims(payload)


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python reads though JSON has none."""
    raise ValueError(name)


def _read_claims(payload: _Members) -> Claims:
    critical, optional = _members(payload, "critical"), _members(payload, "optional")
    identity, image = _members(critical, "identity"), _members(critical, "image")
    is_atomic = (
        _has_exactly(payload, "critical", "optional")
        and _has_exactly(critical, "type", "identity", "image")
        and _has_exactly(identity, "docker-reference")
        and _has_exactly(image, "docker-manifest-digest")
        and critical["type"] == ATOMIC_TYPE
        and isinstance(identity["docker-reference"], str)
        and isinstance(image["docker-manifest-digest"], str)
        and _is_valid_optional(payload["optional"])
    )
    return Claims(
        ReadingState.READABLE if is_atomic else ReadingState.PAYLOAD_NOT_ATOMIC,
        claimed_reference=_text(identity.get("docker-reference")),
        claimed_digest=_text(image.get("docker-manifest-digest")),
        claimed_creator=_text(optional.get("creator")),
        claimed_at=_time(optional.get("timestamp")),
    )


def _members(parent: _Members, name: str) -> _Members:
    value = parent.get(name)
    return value if isinstance(value, _Members) else _Members([])


def _has_exactly(members: _Members, *names: str) -> bool:
    return not members.has_repeats and members.keys() == set(names)


def _is_valid_optional(optional: Any) -> bool:
    """Unknown members are allowed here, and only here; the two known ones have a type."""
    if not isinstance(optional, _Members) or optional.has_repeats:
        return False
    is_creator_valid = isinstance(optional.get("creator", ""), str)
    return is_creator_valid and _seconds(optional.get("timestamp", 0)) is not None


def _text(value: Any) -> str | None:
    """Return a string as valid Unicode: JSON may escape half a surrogate pair, Parquet can't store one."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _seconds(value: Any) -> int | None:
    """Return whole seconds; containers/image also takes 1.0 and 1e9, and never a boolean."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: Any) -> datetime | None:
    seconds = _seconds(value)
    try:
        return None if seconds is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None
