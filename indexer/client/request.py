"""What is asked for: selectors, moment, page size, patience."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from indexer.client.retry import RetryPolicy
from indexer.cluster import Timeouts
from indexer.errors import ConfigurationError

OnExpired = Literal["restart", "continue", "fail"]
LARGEST_RAISED_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list of Images. `limit` is the page size in objects; the API offers no total order but that of the keys.

    `on_expired` says what follows when the moment of the list is compacted away before its end: `restart` from the
    first object, `continue` with the rest as it is now (inconsistent), or `fail`.
    """

    limit: int = 500
    label_selector: str | None = None
    field_selector: str | None = None
    resource_version: str | None = None
    resource_version_match: Literal["Exact", "NotOlderThan"] | None = None
    on_expired: OnExpired = "restart"
    restart_limit: int = 3
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ConfigurationError("The page size must be at least 1.", hint="Give --limit a positive number.")
        if self.resource_version_match and self.resource_version is None:
            raise ConfigurationError(
                "A resourceVersionMatch needs a resourceVersion.", hint="Give --resource-version too, or neither."
            )
        if self.resource_version_match == "Exact" and self.resource_version == "0":
            raise ConfigurationError("resourceVersion 0 can't be matched exactly.", hint="Use NotOlderThan.")

    @property
    def has_selector(self) -> bool:
        """Whether only some of the objects are asked for."""
        return bool(self.label_selector or self.field_selector)

    def query(self, limit: int, continue_token: str | None) -> dict[str, str]:
        """Parameters of one page. The moment is asked for on the first page only: the token holds it afterwards."""
        values = {"limit": str(limit), "labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        if continue_token:
            values["continue"] = continue_token
        else:
            values["resourceVersion"] = self.resource_version
            values["resourceVersionMatch"] = self.resource_version_match
        return {key: value for key, value in values.items() if value}

    def key(self, server: str) -> str:
        """Name the request: two runs with the same key ask for the same objects."""
        selectors = (self.label_selector, self.field_selector, self.resource_version, self.resource_version_match)
        return "\n".join([server, *(value or "" for value in selectors)])


class PageSize:
    """The page size of a run: halved when answers take too long, raised when a list must get through faster."""

    def __init__(self, limit: int) -> None:
        self.current = limit
        self._largest = max(limit, LARGEST_RAISED_LIMIT)

    def halve(self) -> None:
        """Ask for less, and never for more again."""
        self.current = max(1, self.current // 2)
        self._largest = self.current

    def double(self) -> None:
        """Ask for more, up to what has not failed."""
        self.current = min(self.current * 2, self._largest)
