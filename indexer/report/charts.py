"""Charts as static SVG. Colours are those of the page (`var(--…)`), so that charts follow light, dark and print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from indexer.errors import ConfigurationError
from indexer.escaping import for_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTHS = {"wide": 960, "narrow": 340}
"""Pixels. Each chart is drawn twice, since shrinking a picture shrinks its letters; style.css shows what fits."""

_SERIES_COLORS = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)")
_BAR_STEP = 26
_LETTER_PIXELS = 8.0
"""A generous mean at this size: the room for names is set by it, since the reader's font is not known here."""

_NAMES_SHARE = 0.4
_LEGEND_PIXELS = 180

_COLUMN_HEIGHT = 240
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_KIBI = 1024
_SVG_START = re.compile(r"<svg [^>]*?(width=\"\d+\" height=\"\d+\") (viewBox=\"[^\"]*\")>")


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over categories. `parts` are stacked (or set side by side) and named in the legend; values are numbers.

    Bars lie (`is_lying`) where the categories are names, and stand where they are steps of a scale.
    """

    categories: list[str]
    parts: Mapping[str, list[float]]
    axis_title: str
    is_lying: bool = True
    is_stacked: bool = True


def bytes_chart(categories: list[str], parts: Mapping[str, list[int]], **form: bool) -> Chart:
    """Chart of bytes, in the unit that suits the largest bar."""
    sums = [sum(values) for values in zip(*parts.values(), strict=True)]
    power = _power(max(sums, default=0))
    scaled = {name: [value / _KIBI**power for value in values] for name, values in parts.items()}
    return Chart(categories, scaled, _UNITS[power], **form)


def svg_pair(chart: Chart, description: str) -> list[str]:
    """Draw a chart at both widths; `description` is what a screen reader says instead."""
    return [_labelled(_svg(chart, width), name, description) for name, width in WIDTHS.items()]


def _power(size: float) -> int:
    power = 0
    while size >= _KIBI and power < len(_UNITS) - 1:
        size, power = size / _KIBI, power + 1
    return power


def _svg(chart: Chart, width: int) -> str:
    import vl_convert

    drawing = _lying(chart, width) if chart.is_lying else _standing(chart, width)
    specification = _styled(drawing).properties(width=width, autosize={"type": "fit", "contains": "padding"})
    text: str = vl_convert.vegalite_to_svg(specification.to_dict())
    return text


def require_libraries() -> None:
    """Raise `ConfigurationError` where the libraries of the extra `report` are not installed."""
    missing = [name for name in ("altair", "jinja2", "vl_convert") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"The report needs libraries that are not installed: {', '.join(missing)}.",
            hint="Install them: pip install 'image-indexer[report]'.",
        )


def _labelled(svg: str, name: str, description: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart {name}" role="img" aria-label="{escape(description)}"'
    return _SVG_START.sub(rf"{_literal(head)} \1 \2>", svg, count=1)


def _literal(text: str) -> str:
    return text.replace("\\", r"\\")


def _base(chart: Chart) -> Any:
    import altair as alt

    values = [
        {"place": place, "category": for_terminal(category), "part": part, "value": numbers[place]}
        for part, numbers in chart.parts.items()
        for place, category in enumerate(chart.categories)
    ]
    return alt.Chart(alt.InlineData(values=values))


def _color(chart: Chart, width: int) -> Any:
    import altair as alt

    scale = alt.Scale(domain=list(chart.parts), range=_SERIES_COLORS[: len(chart.parts)])
    legend = (
        alt.Legend(orient="top", title=None, columns=width // _LEGEND_PIXELS, columnPadding=28)
        if len(chart.parts) > 1
        else None
    )
    return alt.Color("part:N", scale=scale, legend=legend)


def _lying(chart: Chart, width: int) -> Any:
    import altair as alt

    limit = int(width * _NAMES_SHARE / _LETTER_PIXELS)
    room = min(limit, max(map(len, chart.categories), default=0)) * _LETTER_PIXELS
    names = alt.Axis(title=None, labelLimit=0, labelExpr=_names(chart, limit), minExtent=room)
    return (
        _base(chart)
        .mark_bar(height={"band": 0.72})
        .encode(
            y=alt.Y("place:O", axis=names),
            x=alt.X("value:Q", axis=_amounts(chart, width)),
            color=_color(chart, width),
            order=alt.Order("part_order:Q"),
        )
        .transform_calculate(part_order=_part_order(chart))
        .properties(height=_BAR_STEP * max(len(chart.categories), 1))
    )


def _standing(chart: Chart, width: int) -> Any:
    import altair as alt

    encoding = {
        "x": alt.X(
            "place:O",
            axis=alt.Axis(title=None, labelExpr=_names(chart), labelAngle=0, labelOverlap="greedy", labelSeparation=6),
            scale=alt.Scale(paddingInner=0.2, paddingOuter=0.1),
        ),
        "y": alt.Y("value:Q", axis=_amounts(chart, width)),
        "color": _color(chart, width),
    }
    if not chart.is_stacked:
        encoding["xOffset"] = alt.XOffset("part:N", sort=list(chart.parts))
    return _base(chart).mark_bar().encode(**encoding).properties(height=_COLUMN_HEIGHT)


def _amounts(chart: Chart, width: int) -> Any:
    import altair as alt

    return alt.Axis(title=chart.axis_title, tickCount=max(3, width // 140), format=",~r")


def _names(chart: Chart, limit: int = 40) -> str:
    """Labels by place, since two categories may bear the same name."""
    import orjson

    labels = [elided(for_terminal(name), limit) for name in chart.categories]
    return f"{orjson.dumps(labels).decode()}[datum.value]"


def elided(name: str, limit: int) -> str:
    """Cut the middle out of a long name: registries differ in front, repositories at the end."""
    tail = limit * 2 // 3
    return name if len(name) <= limit else f"{name[: limit - tail - 1]}…{name[-tail:]}"


def _part_order(chart: Chart) -> str:
    import orjson

    return f"indexof({orjson.dumps(list(chart.parts)).decode()}, datum.part)"


def _styled(drawing: Any) -> Any:
    font, padding = "system-ui, sans-serif", {"left": 2, "top": 2, "right": 26, "bottom": 2}
    return (
        drawing.configure(background="transparent", aria=False, font=font, padding=padding)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--text)",
            titleColor="var(--muted)",
            gridColor="var(--line)",
            domainColor="var(--line)",
            tickColor="var(--line)",
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor="var(--text)", labelFontSize=12, symbolType="square", labelLimit=0)
    )
