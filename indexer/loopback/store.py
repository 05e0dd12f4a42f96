"""Objects with their whole past, so that a list is exact at its resource version while the store changes.

Serialized objects lie in an unnamed temporary file; memory holds a name, an offset and a length for each (about
130 bytes), so hundreds of thousands of objects cost some tens of megabytes.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from array import array
from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FIRST_RESOURCE_VERSION = 10_000_000


class Place(NamedTuple):
    """Where a serialized object lies in the file."""

    offset: int
    length: int


class Version(NamedTuple):
    """An object from `since` (resource version) on, until `until` or the present (None)."""

    since: int
    until: int | None
    place: Place


class Change(NamedTuple):
    """One entry of the watch history; `kind` is ADDED, MODIFIED or DELETED."""

    resource_version: int
    kind: str
    place: Place


class Expired(Exception):  # noqa: N818 - the API's own word for it
    """The resource version asked for was compacted away."""


class ImageStore:
    """Objects by name, with resource versions and compaction; every method may be called from any thread."""

    def __init__(
        self, images: Iterable[Mapping[str, Any]] = (), resource_version: int = FIRST_RESOURCE_VERSION
    ) -> None:
        self.first_resource_version = resource_version
        self.resource_version = resource_version
        self.compacted_at = 0
        self.changed = threading.Condition(threading.RLock())
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._end = 0
        self._fill(images)
        self._past: dict[str, list[Version]] = {}
        self._changes: list[Change] = []
        self._tick_every = 0.0

    def _fill(self, images: Iterable[Mapping[str, Any]]) -> None:
        """Write the first objects in any order, then sort their index by name."""
        names: list[str] = []
        ends = array("Q", [0])
        for image in images:
            data = orjson.dumps(image)
            self._file.write(data)
            names.append(image["metadata"]["name"])
            ends.append(ends[-1] + len(data))
        self._file.flush()
        self._end = ends[-1]
        order = sorted(range(len(names)), key=names.__getitem__)
        self._base_names = [names[row] for row in order]
        self._offsets = array("Q", (ends[row] for row in order))
        self._lengths = array("I", (ends[row + 1] - ends[row] for row in order))
        self._names = list(self._base_names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the temporary file back."""
        self._file.close()

    def __len__(self) -> int:
        return self.count_at(self.resource_version)

    def read(self, place: Place) -> bytes:
        """Read one serialized object."""
        return os.pread(self._file.fileno(), place.length, place.offset)

    def add(self, image: Mapping[str, Any]) -> int:
        """Add an object, or put it in the place of the one with its name; gives the new resource version."""
        with self.changed:
            name = image["metadata"]["name"]
            kind = "MODIFIED" if self._current(name) else "ADDED"
            version = self.resource_version + 1
            place = self._write(image, version)
            self._end_current(name, version)
            if not self._past.get(name):
                self._past[name] = []
                self._insert_name(name)
            self._past[name].append(Version(version, None, place))
            return self._publish(Change(version, kind, place))

    def delete(self, name: str) -> int:
        """Remove an object; gives the resource version of the deletion. An unknown name is a KeyError."""
        with self.changed:
            current = self._current(name)
            if current is None:
                raise KeyError(name)
            version = self.resource_version + 1
            place = self._write(orjson.loads(self.read(current.place)), version)
            self._end_current(name, version)
            return self._publish(Change(version, "DELETED", place))

    def touch(self) -> int:
        """Let the resource version grow as writes to other resources do; gives the new one."""
        with self.changed:
            self.resource_version += 1
            self.changed.notify_all()
            return self.resource_version

    def compact(self, resource_version: int | None = None) -> None:
        """Forget what was before a resource version (None: everything but the present)."""
        with self.changed:
            target = self.touch() if resource_version is None else resource_version
            self.compacted_at = max(self.compacted_at, target)

    def compact_by_clock(self, every_seconds: float) -> None:
        """From now on forget, as etcd is told to, what is older than one to two intervals."""
        with self.changed:
            self._tick_every = every_seconds
            self._last_tick = time.monotonic()
            self._last_tick_version = self.resource_version

    def tick(self) -> None:
        """Compact if the clock says so; the server calls it before each answer."""
        with self.changed:
            while self._tick_every and time.monotonic() - self._last_tick >= self._tick_every:
                self.compact(self._last_tick_version)
                self._last_tick += self._tick_every
                self._last_tick_version = self.touch()

    def names_at(self, resource_version: int, start: str = "") -> Iterator[tuple[str, Place]]:
        """Names from `start` on, in order, with their places, as of a resource version.

        Raises `Expired` on the first step if that version was compacted away.
        """
        with self.changed:
            self.check(resource_version)
            names, first = self._names, bisect_left(self._names, start)
        for position in range(first, len(names)):
            place = self._place_at(names[position], resource_version)
            if place:
                yield names[position], place

    def check(self, resource_version: int) -> None:
        """Raise `Expired` if a resource version was compacted away."""
        if resource_version < self.compacted_at:
            raise Expired

    def count_at(self, resource_version: int, start: str = "") -> int:
        """How many objects there are from a name on, as of a resource version."""
        with self.changed:
            count = len(self._base_names) - bisect_left(self._base_names, start)
            for name in self._past:
                if name >= start:
                    count += bool(self._place_at(name, resource_version)) - (self._base_row(name) is not None)
            return count

    def items_at(self, resource_version: int) -> Iterator[bytes]:
        """All serialized objects as of a resource version, in order of their names."""
        for _, place in self.names_at(resource_version):
            yield self.read(place)

    def find(self, name: str) -> bytes | None:
        """Read the present object of this name, if there is one."""
        current = self._current(name)
        return self.read(current.place) if current else None

    def any_image(self, position: float) -> dict[str, Any] | None:
        """Give the first present object at or after a position from 0 to 1 in the order of names, None at the end."""
        with self.changed:
            start = self._names[int(position * len(self._names))] if self._names else ""
            found = next(self.names_at(self.resource_version, start), None)
            image: dict[str, Any] | None = orjson.loads(self.read(found[1])) if found else None
            return image

    def changes_after(self, resource_version: int) -> list[Change]:
        """Give the watch history since a resource version. Raises `Expired` if it was compacted away."""
        with self.changed:
            self.check(resource_version)
            first = bisect_left(self._changes, resource_version + 1, key=lambda change: change.resource_version)
            return self._changes[first:]

    def _write(self, image: Mapping[str, Any], version: int) -> Place:
        metadata = {**image["metadata"], "resourceVersion": str(version)}
        data = orjson.dumps({**image, "metadata": metadata})
        place = Place(self._end, len(data))
        os.pwrite(self._file.fileno(), data, self._end)
        self._end += len(data)
        return place

    def _publish(self, change: Change) -> int:
        """Show a change last of all: a list that starts before sees nothing of it, one after it everything."""
        self._changes.append(change)
        self.resource_version = change.resource_version
        self.changed.notify_all()
        return self.resource_version

    def _base_row(self, name: str) -> int | None:
        row = bisect_left(self._base_names, name)
        return row if row < len(self._base_names) and self._base_names[row] == name else None

    def _base_version(self, name: str) -> list[Version]:
        row = self._base_row(name)
        if row is None:
            return []
        return [Version(self.first_resource_version, None, Place(self._offsets[row], self._lengths[row]))]

    def _versions(self, name: str) -> list[Version]:
        return self._past.get(name) or self._base_version(name)

    def _current(self, name: str) -> Version | None:
        versions = self._versions(name)
        return versions[-1] if versions and versions[-1].until is None else None

    def _place_at(self, name: str, resource_version: int) -> Place | None:
        for version in reversed(self._versions(name)):
            if version.since <= resource_version:
                is_there = version.until is None or resource_version < version.until
                return version.place if is_there else None
        return None

    def _end_current(self, name: str, version: int) -> None:
        versions = self._versions(name)
        if versions and versions[-1].until is None:
            self._past[name] = [*versions[:-1], versions[-1]._replace(until=version)]

    def _insert_name(self, name: str) -> None:
        """Make a new list of names: lists under way keep the one they started with."""
        if self._base_row(name) is None:
            names = list(self._names)
            insort(names, name)
            self._names = names


def items_of_pages(pages: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Give the objects of serialized ImageList pages."""
    for page in pages:
        yield from orjson.loads(page)["items"]
