"""YAML text → JSON texts, by libyaml's events and the JSON rules for plain words.

Only true, false, null and numbers are more than text: times stay text, as in the API's JSON, and so do `on` and `no`.
Events are put together here because PyYAML's own loaders are a third as fast, expand aliases without a bound and
turn times into objects. Tags make nothing but text, lists and objects.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from indexer.errors import DecodeError
from indexer.sources.limits import exceeded

if TYPE_CHECKING:
    from indexer.sources.limits import InputLimits

_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,2})?")
_MESSAGE_CHARACTERS = 200
_NUMBER_STARTS = frozenset("-+.0123456789")
_MERGE = "\0<<"
"""Stands for a plain `<<` key; NUL is in no YAML, so that no text is taken for it."""


class YamlError(DecodeError):
    """Text that is no YAML of objects; `line` counts from 0."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message[:_MESSAGE_CHARACTERS], hint="Check it with a YAML linter, or fetch it again as JSON.")
        self.line = line


class _Frame(NamedTuple):
    """A list or object that is being filled; `anchor` is its name for aliases."""

    container: list[Any] | dict[str, Any]
    anchor: str | None
    size_before: int


class Anchors:
    """Anchored values of one document, with their sizes as if every alias were written out."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Any, int]] = {}
        self._size = 0

    def put(self, name: str, value: Any, size: int, limit: int) -> None:
        """Remember a value. Raises `YamlError` when all of them together are larger than `limit`."""
        self._values[name] = (value, size)
        self._size += size
        if self._size > limit:
            raise YamlError("its anchors hold too much", 0)

    def get(self, event: Any) -> tuple[Any, int]:
        """Return the value an alias stands for, and its size."""
        if event.anchor not in self._values:
            raise YamlError(f"the alias *{event.anchor} has no anchor before it", event.start_mark.line)
        return self._values[event.anchor]


class _Builder:
    """Values out of events. Sizes are characters as if every alias were written out."""

    def __init__(self, origin: str, limits: InputLimits, anchors: Anchors) -> None:
        self._origin, self._limits, self._anchors = origin, limits, anchors
        self._stack: list[_Frame] = []
        self._keys: list[str | None] = []
        self._size = 0
        self.roots: list[Any] = []

    def scalar(self, event: Any) -> None:
        size = len(event.value) + 1
        self._grow(size)
        value = event.value
        if self._stack and self._keys[-1] is None and isinstance(self._stack[-1].container, dict):
            is_merge = value == _MERGE[1:] and not event.style
            self._keys[-1] = _MERGE if is_merge else value
        else:
            if event.implicit[0] and not event.style:
                value = plain_value(value)
            self._add(value, event)
        if event.anchor is not None:
            self._anchors.put(event.anchor, value, size, self._limits.object_bytes)

    def alias(self, event: Any) -> None:
        value, size = self._anchors.get(event)
        self._grow(size)
        self._add(value, event)

    def begin(self, event: Any, container: list[Any] | dict[str, Any]) -> None:
        if len(self._stack) >= self._limits.depth:
            raise exceeded(self._origin, "is nested too deeply", "depth", self._limits.depth)
        self._check_is_value(event)
        self._stack.append(_Frame(container, event.anchor, self._size))
        self._keys.append(None)
        self._grow(2)

    def end(self, event: Any) -> None:
        container, anchor, size_before = self._stack.pop()
        self._keys.pop()
        if isinstance(container, dict) and _MERGE in container:
            container = _merged(container)
        if anchor is not None:
            self._anchors.put(anchor, container, self._size - size_before, self._limits.object_bytes)
        self._add(container, event)

    def _add(self, value: Any, event: Any) -> None:
        if not self._stack:
            self.roots.append(value)
            return
        container = self._stack[-1].container
        if isinstance(container, list):
            container.append(value)
            return
        self._check_is_value(event)
        container[self._keys[-1] or ""] = value
        self._keys[-1] = None

    def _check_is_value(self, event: Any) -> None:
        if self._stack and self._keys[-1] is None and isinstance(self._stack[-1].container, dict):
            raise YamlError("a key is no text", event.start_mark.line)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limits.object_bytes:
            raise exceeded(self._origin, "has an object that is too large", "object_bytes", self._limits.object_bytes)


def _merged(container: dict[str, Any]) -> dict[str, Any]:
    """Put the keys of a merge below those of the object itself."""
    base = container.pop(_MERGE)
    return base | container if isinstance(base, dict) else {_MERGE[1:]: base, **container}


def plain_value(text: str) -> Any:
    """Value of a plain word by the JSON rules; what is no JSON value stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def yaml_roots(text: bytes, origin: str, limits: InputLimits, anchors: Anchors) -> list[Any]:
    """Return the values in a part of a document; `anchors` are those of its earlier parts.

    Raises `YamlError` for broken text, `LimitError` for a bomb.
    """
    import yaml
    from yaml._yaml import CParser

    builder = _Builder(origin, limits, anchors)
    actions = {
        yaml.ScalarEvent: builder.scalar,
        yaml.MappingStartEvent: lambda event: builder.begin(event, {}),
        yaml.SequenceStartEvent: lambda event: builder.begin(event, []),
        yaml.MappingEndEvent: builder.end,
        yaml.SequenceEndEvent: builder.end,
        yaml.AliasEvent: builder.alias,
    }
    try:
        parser = CParser(text)
        while (event := parser.get_event()) is not None:
            if (action := actions.get(type(event))) is not None:
                action(event)
    except yaml.YAMLError as error:
        raise _explained(error) from error
    return builder.roots


def json_text(value: Any) -> bytes:
    """JSON of a value out of YAML."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        raise YamlError(f"a text is not Unicode: {error.reason}", 0) from error


def _explained(error: Any) -> YamlError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is no YAML"
    return YamlError(str(problem), mark.line if mark else 0)
