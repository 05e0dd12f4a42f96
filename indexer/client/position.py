"""Where a list stands: all that is needed to go on after a page, in this process or in another."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from indexer.errors import ConfigurationError
from indexer.pages import SourceReport


class Position(msgspec.Struct, frozen=True):
    """The state of a list after a page. `last_name` is the last object's name, the key a broken list went on from."""

    continue_token: str | None = None
    page_count: int = 0
    read_count: int = 0
    last_name: str | None = None
    report: SourceReport = msgspec.field(default_factory=SourceReport)

    @property
    def is_at_end(self) -> bool:
        """Whether the list has ended: pages have come, and none follows."""
        return self.page_count > 0 and self.continue_token is None

    def to_bytes(self) -> bytes:
        """Write it as JSON."""
        return msgspec.json.encode(self)


def read_position(data: bytes) -> Position:
    """Read what `Position.to_bytes` wrote. Raises `ConfigurationError` for anything else."""
    try:
        return msgspec.json.decode(data, type=Position)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"The unfinished run can't be resumed: {error}.", hint="Start anew with --no-resume."
        ) from error


def copy_report(report: SourceReport) -> SourceReport:
    """Copy a report so that later pages don't change it."""
    return replace(report, resource_versions=list(report.resource_versions), warnings=list(report.warnings))
