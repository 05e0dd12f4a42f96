"""Seeded random values in the shapes Images are made of: digests, uids, sizes, times."""

from __future__ import annotations

import random
import time
from bisect import bisect
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")

# Layers of public registries: half under 4 MB, nine tenths under 63 MB, a few above 1 GB.
_MEDIAN_LAYER_LOG_BYTES = 14.75
_LAYER_LOG_SIGMA = 2.25
_MIN_LAYER_BYTES = 92
_MAX_LAYER_BYTES = 3_500_000_000


class Dice:
    """One stream of random values; equal seeds give equal streams."""

    def __init__(self, seed: int | str) -> None:
        generator = random.Random(seed)  # noqa: S311 - reproducible samples, no secrets
        self.random = generator.random
        self.bits = generator.getrandbits
        self.bytes = generator.randbytes
        self._lognormal = generator.lognormvariate

    def hex(self, byte_count: int) -> str:
        """`byte_count` random bytes in lower-case hexadecimal."""
        return self.bytes(byte_count).hex()

    def digest(self) -> str:
        """Make a digest that nothing hashes to, as a registry writes it."""
        return "sha256:" + self.bytes(32).hex()

    def uid(self) -> str:
        """Make a random UUID, version 4."""
        digits = self.bytes(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def below(self, bound: int) -> int:
        """Draw an integer from 0 up to, but without, `bound`."""
        return int(self.random() * bound)

    def pick(self, items: Sequence[Item]) -> Item:
        """Draw one of `items`, each as likely."""
        return items[int(self.random() * len(items))]

    def layer_bytes(self) -> int:
        """Draw the compressed size of an ordinary layer, log-normal."""
        size = int(self._lognormal(_MEDIAN_LAYER_LOG_BYTES, _LAYER_LOG_SIGMA))
        return min(max(size, _MIN_LAYER_BYTES), _MAX_LAYER_BYTES)


class Weighted(Generic[Item]):
    """Draws the first of its items most often: the n-th has weight 1 / (n + `flatness`)."""

    def __init__(self, items: Sequence[Item], flatness: float) -> None:
        self.items = items
        self._bounds = list(accumulate(1.0 / (rank + flatness) for rank in range(len(items))))

    def draw(self, dice: Dice) -> Item:
        """Draw one item."""
        return self.items[bisect(self._bounds, dice.random() * self._bounds[-1])]


def timestamp(epoch_seconds: int) -> str:
    """RFC 3339 in UTC with seconds, as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))
