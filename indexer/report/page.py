"""Answers → HTML. The page's text stands in `templates/`; every value passes one gate that escapes it."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer import checks, queries
from indexer.escaping import for_terminal
from indexer.output import human_bytes, rows_of
from indexer.report.charts import require_libraries, svg_pair
from indexer.report.figures import CHECKS, PLACE, Answer
from indexer.report.pictures import place_of
from indexer.report.plan import BASIS, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2

    from indexer.catalog import Catalog
    from indexer.report.figures import Figure, Row

_TEMPLATES = Path(__file__).parent / "templates"
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{32,}")
_DIGEST_START = len("sha256:") + 12
_ABSENT = "–"
_CUT = "…"
_MOST_PLATFORMS = 6
_SERIES_STEPS = 24
_CHECK_COLUMNS = {
    "check": "Name of the check.",
    "severity": "`fail`: figures are wrong because of it; `warn`: something one should know.",
    "finding_count": "How often it was found.",
    "title": "What is looked for.",
}
_PLURALS = {
    "image": "images",
    "layer": "layers",
    "repository": "repositories",
    "index": "indexes",
    "artifact": "artifacts",
    "signature": "signatures",
    "mismatch": "mismatches",
    "duplicate": "duplicates",
    "child": "children",
}
_LONG = {
    PLACE,
    "registry",
    "repository",
    "other_repository",
    "first_repository",
    "created_by",
    "registries",
    "reference",
}
_LONG |= {"claimed_reference", "mismatch", "user_id", "keeper_repositories"}
"""Columns whose text may be broken anywhere; all others stay on one line."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a reader may choose: a title, the platforms each repository should have, and how many rows a table shows."""

    title: str = "Container image capacity"
    required: tuple[str, ...] = ("linux/amd64", "linux/arm64")
    top: int = 15


@dataclass(frozen=True, slots=True)
class _Shown:
    """A figure with its answer: what the template needs and nothing it has to work out."""

    figure: Figure
    answer: Answer
    columns: tuple[str, ...]
    platforms: list[str]
    rows: list[Row]
    row_count: int
    finding: str
    charts: list[Any]


def render_report(catalog: Catalog, options: ReportOptions) -> str:
    """Ask every query of the plan and return one HTML page.

    Views are asked many times, so a catalog with tables (`open_catalog(..., tables_in=...)`) is far quicker. Raises
    `ConfigurationError` where the libraries of the extra `report` are missing, `QueryError` for a query that fails.
    """
    require_libraries()
    template = _environment().get_template("report.html.j2")
    asking = _Asking(catalog, options)
    is_fleet = len({snapshot.cluster for snapshot in catalog.snapshots}) > 1
    chosen = [section for section in SECTIONS if is_fleet or not section.is_of_fleet]
    sections = [(section, [asking.show(figure) for figure in section.figures]) for section in chosen]
    basis = asking.answer(BASIS, {})
    return template.render(title=options.title, options=options, basis=basis, sections=sections)


class _Asking:
    """Runs each query once, however many figures show it."""

    def __init__(self, catalog: Catalog, options: ReportOptions) -> None:
        self._catalog, self._options = catalog, options
        self._answers: dict[tuple[str, str], Answer] = {}

    def show(self, figure: Figure) -> _Shown:
        """Ask a figure's query, and sort, cut, draw and word its rows."""
        chosen = {name: list(getattr(self._options, option)) for name, option in figure.parameters.items()}
        answer = self.answer(figure.query, figure.fixed | chosen)
        rows = [row for row in answer.rows if figure.keep is None or figure.keep(row)]
        if figure.order is not None:
            rows = sorted(rows, key=figure.order)
        top = [_placed(row) for row in self._shown_rows(figure, rows)]
        finding = figure.tell(rows) if figure.tell and rows else ""
        return _Shown(
            figure=figure,
            answer=answer,
            columns=self._columns(figure, answer),
            platforms=platforms_of(rows, self._options.required) if figure.form == "matrix" else [],
            rows=top,
            row_count=len(rows),
            finding=finding,
            charts=_charts(figure, top, finding),
        )

    def answer(self, name: str, values: dict[str, Any]) -> Answer:
        """Return the rows of a query, from memory the second time."""
        key = (name, repr(values))
        if name == CHECKS and key not in self._answers:
            self._answers[key] = Answer(CHECKS, {}, _CHECK_COLUMNS, checks.counts(self._catalog))
        if key not in self._answers:
            query = queries.load(name)
            rows = list(rows_of(self._catalog.run(query, **values)))
            self._answers[key] = Answer(query.name, values, query.columns, rows)
        return self._answers[key]

    def _shown_rows(self, figure: Figure, rows: list[Row]) -> list[Row]:
        if not figure.is_series:
            return rows[: self._options.top]
        return rows[-_SERIES_STEPS * max(self._cluster_count(), 1) :]

    def _cluster_count(self) -> int:
        return len({snapshot.cluster for snapshot in self._catalog.snapshots})

    def _columns(self, figure: Figure, answer: Answer) -> tuple[str, ...]:
        """Columns of the figure; rows of several clusters say which one they are of."""
        has_many = self._cluster_count() > 1
        is_silent = "cluster" in answer.columns and "cluster" not in figure.columns
        return ("cluster", *figure.columns) if has_many and is_silent else figure.columns


def _placed(row: Row) -> Row:
    return row | {PLACE: place_of(row, "registry", "repository")} if {"registry", "repository"} <= row.keys() else row


def _charts(figure: Figure, rows: list[Row], finding: str) -> list[Any]:
    import markupsafe

    if figure.draw is None or not rows:
        return []
    description = for_terminal(f"{figure.title}. {finding}".strip())
    return [markupsafe.Markup(svg) for svg in svg_pair(figure.draw(rows), description)]  # noqa: S704 (our own drawing)


def platforms_of(rows: list[Row], required: tuple[str, ...]) -> list[str]:
    """Columns of the matrix: what is required, then what most repositories have."""
    counts = Counter(platform for row in rows for platform in row["platforms"])
    others = sorted(
        (platform for platform in counts if platform not in required), key=lambda name: (-counts[name], name)
    )
    return [*required, *others][:_MOST_PLATFORMS]


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_hidden_characters,
    )
    environment.filters.update(cell=cell, heading=heading)
    environment.tests.update(
        number_name=is_number, long_name=_LONG.__contains__, shortened=lambda text: text.endswith(_CUT)
    )
    return environment


def _without_hidden_characters(value: Any) -> Any:
    """Gate of every value: what Images say can't steer or reorder the page. Trusted markup passes."""
    return value if hasattr(value, "__html__") or not isinstance(value, str) else for_terminal(value)


def heading(name: str, columns: Sequence[str] = ()) -> str:
    """Column name in words: counts are told by their plural, bytes by the units in their cells.

    Two columns that would read the same keep their whole names.
    """
    short = _short_heading(name)
    is_taken = any(_short_heading(other) == short for other in columns if other != name)
    return name.replace("_", " ") if is_taken else short


def _short_heading(name: str) -> str:
    if name == PLACE:
        return "repository"
    if name.endswith("_count"):
        *qualifiers, noun = name.removesuffix("_count").split("_")
        return " ".join((*qualifiers, _PLURALS.get(noun, noun)))
    return name.removeprefix("is_").removeprefix("has_").removesuffix("_bytes").removesuffix("_at").replace("_", " ")


def cell(value: Any, name: str) -> str:
    """Text of one value, by what its column's name says it is."""
    if value is None:
        return _ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M UTC" if name == "taken_at" else "%Y-%m-%d")
    if isinstance(value, list):
        return ", ".join(cell(item, name) for item in value) or _ABSENT
    if is_number(name):
        return _number(value, name)
    return _text(str(value))


def _number(value: Any, name: str) -> str:
    if name.endswith("_bytes"):
        return human_bytes(int(value))
    if name.endswith("_share"):
        return f"{value:.1%}"
    return f"{value:,.2f}" if isinstance(value, float) else f"{int(value):,}"


def _text(value: str) -> str:
    """Cut digests, which their beginning tells apart; the template gives the whole on request."""
    return f"{value[:_DIGEST_START]}{_CUT}" if _DIGEST.fullmatch(value) else value


def is_number(name: str) -> bool:
    """Whether a column holds numbers, which stand to the right."""
    return name.endswith(("_bytes", "_count", "_share", "_ratio", "_days", "_hours"))
