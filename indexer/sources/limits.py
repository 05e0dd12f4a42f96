"""How much a file from a stranger may cost: limits with names, and the account of one run against them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from indexer.errors import ConfigurationError, LimitError

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALWAYS_ALLOWED_BYTES = 64 << 20
"""Output that is never judged by its ratio: a small file of equal lines compresses a thousandfold and hurts nobody."""


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Upper bounds on what input may unpack to; each can be raised on the command line by its name.

    `ratio`: unpacked bytes per byte read. `unpacked_bytes`: unpacked bytes of a run. `members`: files in archives and
    folders. `nesting`: wrappers inside wrappers. `object_bytes`: one object, one line or one nested zip, which are
    held in memory (a real Image is below 1.5 MiB, etcd's limit for a request). `depth`: nesting inside YAML.
    """

    ratio: int = 200
    unpacked_bytes: int = 1 << 40
    members: int = 1_000_000
    nesting: int = 4
    object_bytes: int = 64 << 20
    depth: int = 200

    def with_settings(self, settings: Iterable[str]) -> InputLimits:
        """Replace limits by `name=number` texts. Raises `ConfigurationError` for anything else."""
        names = [field.name for field in fields(self)]
        chosen = {}
        for setting in settings:
            name, _, number = setting.partition("=")
            if name not in names or not (number.isascii() and number.isdigit()):
                raise ConfigurationError(
                    f"{setting!r} is no input limit.", hint=f"Write name=number with one of: {', '.join(names)}."
                )
            chosen[name] = int(number)
        return replace(self, **chosen)


class Budget:
    """What a run has read, unpacked and opened so far. Each method raises `LimitError` beyond a limit."""

    def __init__(self, limits: InputLimits) -> None:
        self.limits = limits
        self.read_bytes = 0
        self._unpacked_bytes = 0
        self._member_count = 0

    def unpack(self, size_bytes: int, origin: str) -> None:
        """Account for bytes that came out of a wrapper."""
        self._unpacked_bytes += size_bytes
        if self._unpacked_bytes > self.limits.unpacked_bytes:
            raise exceeded(origin, "unpacks to too many bytes", "unpacked_bytes", self.limits.unpacked_bytes)
        allowed_bytes = max(self.limits.ratio * self.read_bytes, _ALWAYS_ALLOWED_BYTES)
        if self._unpacked_bytes > allowed_bytes:
            raise exceeded(origin, "unpacks to far more than its size", "ratio", self.limits.ratio)

    def open_member(self, origin: str) -> None:
        """Account for one more file in an archive or folder."""
        self._member_count += 1
        if self._member_count > self.limits.members:
            raise exceeded(origin, "is one file too many", "members", self.limits.members)

    def nest(self, nesting: int, origin: str) -> None:
        """Check how many wrappers are around something."""
        if nesting > self.limits.nesting:
            raise exceeded(origin, "is wrapped too often", "nesting", self.limits.nesting)


def exceeded(origin: str, problem: str, name: str, limit: int) -> LimitError:
    """Error for a limit that was met, with the option that raises it."""
    return LimitError(
        f"{origin} {problem}: the limit {name} is {limit}.",
        hint=f"If you trust it, raise the limit: --input-limit {name}={limit * 4}.",
    )
