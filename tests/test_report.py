"""The report says what the queries say, escapes what Images say, and can be read without eyes and without colour."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from fleets import image, views_over

from indexer.cli.report import build, report
from indexer.errors import ConfigurationError
from indexer.output import human_bytes
from indexer.report import ReportOptions, charts, render_report
from indexer.report.charts import elided
from indexer.report.figures import CHECKS, Figure
from indexer.report.plan import SECTIONS

OF_ONE_CLUSTER = [section for section in SECTIONS if not section.is_of_fleet]
FIGURES = [figure for section in OF_ONE_CLUSTER for figure in section.figures]
STYLE = Path(charts.__file__).parent / "templates" / "style.css"


class Page(HTMLParser):
    """Tags with their attributes, and the text, in the order of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Remember a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Remember text."""
        self.text += data

    def named(self, tag):
        """Return the attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(sample_report):
    """Read the report of the sample."""
    return Page(sample_report.read_text(encoding="utf-8"))


def test_every_section_and_figure_is_there_with_its_query(page) -> None:
    """Each section is in the page and each figure names the query its numbers come from, as a command."""
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {section.key for section in OF_ONE_CLUSTER} <= ids
    for figure in FIGURES:
        assert figure.query in ids
        command = "image-indexer check" if figure.query == CHECKS else f"image-indexer query {figure.query}"
        assert command in page.text


def test_headline_figures_are_those_of_the_query(page, sample_catalog) -> None:
    """The tiles and the first sentence show what capacity-summary returns."""
    (row,) = sample_catalog.query("capacity-summary").to_arrow_table().to_pylist()
    for column in ("physical_bytes", "logical_bytes", "exclusive_bytes"):
        assert human_bytes(row[column]) in page.text
    assert f"{row['image_count']:,} Image objects in {row['repository_count']:,} repositories" in page.text


def test_tables_show_the_first_rows_of_their_query(page, sample_catalog) -> None:
    """The figure of the layers that save most holds the digests of the query's first rows, whole in their titles."""
    first = sample_catalog.query("layer-sharing").limit(ReportOptions().top).to_arrow_table()
    titles = {attributes.get("title") for _, attributes in page.tags}
    assert set(first["layer_digest"].to_pylist()) <= titles


def test_shown_columns_are_columns_of_their_query(sample_catalog) -> None:
    """No figure shows a column that its query does not return."""
    for figure in (figure for figure in FIGURES if figure.query != CHECKS):
        columns = set(sample_catalog.query(figure.query, **figure.fixed).columns) | {"place"}
        assert set(figure.columns) <= columns, figure.query


def test_the_same_store_gives_the_same_page(sample_catalog, sample_report) -> None:
    """From the views and from tables made of them, on two occasions, the page is the same byte for byte."""
    assert render_report(sample_catalog, ReportOptions()) == sample_report.read_text(encoding="utf-8")


def test_the_page_refers_to_nothing_outside(page) -> None:
    """No script, no picture, no sheet and no link leads out of the file."""
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert all(link["href"].startswith(("#", "data:")) for tag in ("a", "link") for link in page.named(tag))
    policy = next(meta for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")
    assert "url(" not in STYLE.read_text(encoding="utf-8")


HOSTILE = 'quay.io/<script>alert(1)</script>"\u202egnp.exe\u2066\x1b[31m'


def test_hostile_names_are_text() -> None:
    """Markup in names is shown, not obeyed, and characters that reorder or hide text are shown as escapes."""
    with views_over(image("a", ("base", 10), ("top", 20), repository=HOSTILE), image("b", ("base", 10))) as catalog:
        text = render_report(catalog, ReportOptions(title=HOSTILE))
    assert "<script" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "\\u202e" in text


def test_an_empty_store_has_a_report() -> None:
    """Without images every figure says that there is nothing."""
    with views_over() as catalog:
        text = render_report(catalog, ReportOptions())
    assert "0 Image objects" in text
    assert "No signatures are recorded." in text


def test_headings_go_down_one_level_at_a_time(page) -> None:
    """One h1, and no level is skipped on the way down."""
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_and_charts_speak(page) -> None:
    """Every header cell says what it heads, every chart has a text, and wide tables can be scrolled by keyboard."""
    assert all(header.get("scope") in {"col", "row"} for header in page.named("th"))
    drawings = page.named("svg")
    assert len(drawings) == 2 * sum(figure.draw is not None for figure in FIGURES)
    assert all(drawing["role"] == "img" and len(drawing["aria-label"]) > 20 for drawing in drawings)
    scrolled = [box for box in page.named("div") if box.get("class") == "scroll"]
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in scrolled)
    assert len({attributes["id"] for _, attributes in page.tags if "id" in attributes}) == sum(
        "id" in attributes for _, attributes in page.tags
    )


def themes() -> list[dict[str, str]]:
    """Colours of the light, the dark and the printed page."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text(encoding="utf-8"), re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark", "print"])
def test_contrast_is_that_of_wcag_aa(theme) -> None:
    """Text has 4.5 to 1 against what it stands on (WCAG 1.4.3), bars have 3 to 1 against the page (1.4.11)."""
    for ground in ("page", "panel"):
        for text in ("text", "muted", "accent", "good", "bad"):
            assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
    for bar in ("series-1", "series-2", "series-3", "series-4"):
        assert contrast(theme[bar], theme["page"]) >= 3, bar


def test_long_names_lose_their_middle() -> None:
    """Start and end stay, since registries differ in front and repositories at the end."""
    assert elided("quay.io/short", 20) == "quay.io/short"
    assert elided("a" * 30 + "/repository", 20) == "aaaaaa…aa/repository"


def test_missing_libraries_are_named(sample_catalog, monkeypatch) -> None:
    """Without the extra the error says what to install, before anything is computed."""
    monkeypatch.setattr(charts, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"altair, jinja2, vl_convert.*image-indexer\[report\]"):
        render_report(sample_catalog, ReportOptions())


def test_options_reach_the_page(sample_catalog, tmp_path) -> None:
    """Title, required platforms and the number of rows are what the command was told."""
    path = tmp_path / "chosen.html"
    arguments = ["--store", str(sample_catalog.store.folder), "-o", str(path), "--top", "2"]
    result = CliRunner().invoke(report, [*arguments, "--title", "Chosen", "--required", "linux/s390x"])
    assert result.exit_code == 0, result.output
    page = Page(path.read_text(encoding="utf-8"))
    assert "Chosen" in page.text
    assert "-p required=linux/s390x" in page.text
    assert "2 of 4," in page.text.replace("\n", " ")


def test_plan_has_each_figure_once() -> None:
    """A query is shown in one place, so that its name can be the figure's address."""
    names = [figure.query for figure in FIGURES]
    assert len(set(names)) == len(names)
    assert all(isinstance(figure, Figure) and figure.explanation.endswith(".") for figure in FIGURES)


def test_built_file_answers_like_the_views(sample_catalog, tmp_path) -> None:
    """A built file holds every view as a table, commented, with the same rows, and opens without this tool."""
    import duckdb

    from indexer.table_schema import TABLES
    from indexer.view_schema import VIEWS

    path = tmp_path / "built.duckdb"
    path.write_bytes(b"an older file that is replaced")
    result = CliRunner().invoke(build, ["--store", str(sample_catalog.store.folder), "-o", str(path)])
    assert result.exit_code == 0, result.output
    assert list(tmp_path.iterdir()) == [path]
    with duckdb.connect(path, read_only=True) as connection:
        tables = dict(connection.sql("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        assert set(tables) == {view.name for view in (*VIEWS, *TABLES)}
        assert all(tables.values())
        uncommented = "SELECT count(*) FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
        assert connection.sql(uncommented).fetchall() == [(0,)]
        for name in ("images", "layers", "image_sizes", "image_layers"):
            statement = f"SELECT count(*), sum(hash({name})) FROM {name}"
            assert connection.sql(statement).fetchall() == sample_catalog.sql(statement).fetchall(), name


def test_unwritable_place_is_an_error(sample_catalog, tmp_path) -> None:
    """A folder that is not there is named, and nothing is left."""
    target = tmp_path / "absent" / "built.duckdb"
    result = CliRunner().invoke(build, ["--store", str(sample_catalog.store.folder), "-o", str(target)])
    assert isinstance(result.exception, ConfigurationError)
    assert "absent" in result.exception.message
