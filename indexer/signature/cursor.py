"""Reading bytes in order without trusting a length."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.signature.states import ReadingState, UnreadableBlobError


@dataclass(slots=True)
class Cursor:
    """A position in `data`; a read past the end raises UnreadableBlobError with the state `when_short`."""

    data: bytes
    when_short: ReadingState
    position: int = 0

    @property
    def remaining_count(self) -> int:
        """Bytes not read yet."""
        return len(self.data) - self.position

    def take(self, count: int) -> bytes:
        """Return exactly `count` bytes."""
        # Compared before slicing: a stated length of 4 GiB must not become an allocation.
        if count > self.remaining_count:
            raise UnreadableBlobError(self.when_short)
        taken = self.data[self.position : self.position + count]
        self.position += count
        return taken

    def rest(self) -> bytes:
        """Return everything that is left, maybe nothing."""
        return self.take(self.remaining_count)

    def number(self, width: int) -> int:
        """Return a big-endian unsigned number of `width` bytes."""
        return int.from_bytes(self.take(width), "big")
