"""What a source does with a document it can't read: fail (default), or skip it and keep the account."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.errors import DecodeError, LimitError
from indexer.pages import MOST_SKIPPED_ITEMS, SkippedItem

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class BadDocuments:
    """`skipped` grows where `skip` is wanted; limits are never skipped over."""

    skip: bool
    skipped: list[SkippedItem]

    @contextmanager
    def met(self, origin: str, number: int = 1) -> Iterator[None]:
        """Run a block; a `DecodeError` in it is recorded where bad documents are skipped, else raised."""
        try:
            yield
        except LimitError:
            raise
        except DecodeError as error:
            if not self.skip:
                raise
            if len(self.skipped) >= MOST_SKIPPED_ITEMS:
                raise LimitError(f"{origin}: more than {MOST_SKIPPED_ITEMS} items can't be read.") from error
            self.skipped.append(SkippedItem(origin, number, error.message))
