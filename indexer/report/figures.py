"""What a report is made of, as plain data: sections of figures, each the answer of one canned query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexer.report.charts import Chart

Row = dict[str, Any]
CHECKS = "check"
"""Not a query of that name, but all data-quality checks with their counts."""

PLACE = "place"
"""Column made of `registry` and `repository`: together they are one name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of one query, all of them, and the query's own words for its columns."""

    query: str
    parameters: Mapping[str, Any]
    columns: Mapping[str, str]
    rows: list[Row]

    @property
    def command(self) -> str:
        """The command that gives the same rows."""
        if self.query == CHECKS:
            return "image-indexer check"
        pairs = (f" -p {name}={_argument(value)}" for name, value in self.parameters.items())
        return f"image-indexer query {self.query}{''.join(pairs)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One table, and a chart where a picture says more.

    `columns` are those shown; `parameters` names the options of the report that are handed to the query,
    `fixed` are values it gets in any case. `draw` makes
    the chart from the rows shown; `tell` makes a sentence from all rows, which is also the text for who can't see the
    chart. `form` is `table`, `tiles` (one row, a tile a column) or `matrix` (a column a platform).
    Of a series the last rows are shown, of anything else the first.
    """

    query: str
    title: str
    explanation: str
    columns: tuple[str, ...]
    tell: Callable[[list[Row]], str] | None = None
    draw: Callable[[list[Row]], Chart] | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    order: Callable[[Row], Any] | None = None
    keep: Callable[[Row], bool] | None = None
    form: str = "table"
    is_series: bool = False
    nothing: str = "Nothing of the kind."


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence for who reads only this one, and figures; some only make sense over several clusters."""

    key: str
    title: str
    lead: str
    figures: tuple[Figure, ...]
    is_of_fleet: bool = False


def _argument(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
