"""The same Image several times in one run: which one counts.

Same uid: the highest resourceVersion, then the later input. Different uids (deleted and imported again): the newest
creationTimestamp, then the later input. A deletion takes part like an object; where it counts, no object is left.
"""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Candidate(NamedTuple):
    """What decides between objects of one name; `position` is the place in the order of input.

    A deletion stands before the object at its position.
    """

    name: str
    position: int
    uid: str | None
    resource_version: str | None
    created_at: dt.datetime | None
    is_deletion: bool = False


_LONG_AGO = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


def losers(candidates: Iterable[Candidate]) -> list[int]:
    """Positions of the objects that give way to another of the same name, in ascending order."""
    ordered = sorted(candidates, key=lambda candidate: (candidate.name, _order(candidate)))
    lost: list[int] = []
    for _, group in groupby(ordered, key=lambda candidate: candidate.name):
        same = list(group)
        winner = _winner(same)
        objects = [candidate for candidate in same if not candidate.is_deletion]
        lost.extend(candidate.position for candidate in objects if candidate is not winner)
    return sorted(lost)


def _winner(same_name: list[Candidate]) -> Candidate:
    newest_of_uid: dict[str | None, Candidate] = {}
    for candidate in same_name:
        known = newest_of_uid.get(candidate.uid)
        if known is None or _version(candidate) >= _version(known):
            newest_of_uid[candidate.uid] = candidate
    return max(newest_of_uid.values(), key=lambda candidate: (candidate.created_at or _LONG_AGO, _order(candidate)))


def _order(candidate: Candidate) -> tuple[int, bool]:
    return candidate.position, not candidate.is_deletion


def _version(candidate: Candidate) -> tuple[int, str]:
    """Resource versions are opaque by contract and numbers in practice; other texts sort below numbers.

    Numbers are compared by length, then as text: they may have more digits than Python reads.
    """
    text = candidate.resource_version or ""
    if not (text.isascii() and text.isdigit()):
        return (-1, text)
    digits = text.lstrip("0")
    return (len(digits), digits)
