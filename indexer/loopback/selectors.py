"""Label and field selectors, as far as lists of Images know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.loopback import answers
from indexer.loopback.requests import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexer.loopback.requests import ListOptions


def selector(options: ListOptions) -> Callable[[Mapping[str, Any]], bool] | None:
    """Make a predicate over objects, None if everything is selected. Raises `Refused`."""
    tests = [_label_test(part) for part in _parts(options.label_selector)]
    tests += [_field_test(part) for part in _parts(options.field_selector)]
    if not tests:
        return None
    return lambda image: all(test(image) for test in tests)


def selected_name(options: ListOptions) -> str:
    """Give the one name a field selector asks for, which the server reads directly; empty if there is none."""
    key, operator, value = _split(options.field_selector)
    return value if key == "metadata.name" and operator == "=" and "," not in value else ""


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _split(part: str) -> tuple[str, str, str]:
    for operator, meaning in (("!=", "!="), ("==", "="), ("=", "=")):
        key, found, value = part.partition(operator)
        if found:
            return key.strip(), meaning, value.strip()
    return part, "", ""


def _label_test(part: str) -> Callable[[Mapping[str, Any]], bool]:
    key, operator, value = _split(part)

    def labels(image: Mapping[str, Any]) -> Mapping[str, str]:
        return image["metadata"].get("labels") or {}

    if operator == "=":
        return lambda image: labels(image).get(key) == value
    if operator == "!=":
        return lambda image: labels(image).get(key) != value
    if key.startswith("!"):
        return lambda image: key[1:] not in labels(image)
    return lambda image: key in labels(image)


def _field_test(part: str) -> Callable[[Mapping[str, Any]], bool]:
    key, operator, value = _split(part)
    if key == "metadata.namespace" and operator:
        return lambda _: (value == "") == (operator == "=")
    if key != "metadata.name" or not operator:
        raise Refused(answers.bad_request(f"field label not supported: {key}"))
    return lambda image: (image["metadata"]["name"] == value) == (operator == "=")
