"""The report in a browser: nothing is fetched, nothing complains, and it fits a screen, a telephone and paper."""

from __future__ import annotations

import base64
import re
import zlib

import pytest
from browser import browser, requested, resize

from indexer.report.plan import SECTIONS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def window(sample_report, tmp_path_factory):
    """Open the report of the sample."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.get(sample_report.as_uri())
        yield opened


def test_nothing_is_asked_for_and_nothing_complains(window, sample_report) -> None:
    """The only requests are the file itself and addresses within it; the console stays empty."""
    requested(window)
    window.get(sample_report.as_uri())
    addresses = [address for address in requested(window) if not address.startswith("data:")]
    assert set(addresses) == {sample_report.as_uri()}
    assert window.get_log("browser") == []
    assert window.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_every_section_is_seen(window) -> None:
    """Each section has a place on the page, a heading and figures with rows."""
    resize(window, 1280)
    for section in (each for each in SECTIONS if not each.is_of_fleet):
        found = window.execute_script(
            "const box = document.getElementById(arguments[0]);"
            "return [box.querySelector('h2').innerText, box.offsetHeight, box.querySelectorAll('article').length]",
            section.key,
        )
        assert found[0] == section.title
        assert found[1] > 200
        assert found[2] == len(section.figures)


@pytest.mark.parametrize("width", [1280, 820, 390])
def test_no_line_runs_out_of_the_page(window, width) -> None:
    """The page is no wider than the screen: what is wider scrolls within itself; letters stay readable."""
    resize(window, width)
    assert window.execute_script("return document.documentElement.scrollWidth") <= width
    smallest = window.execute_script(
        "return Math.min(...[...document.querySelectorAll('p, td, th, dd, dt, code, text')]"
        ".filter(item => item.getClientRects().length && item.textContent.trim())"
        ".map(item => parseFloat(getComputedStyle(item).fontSize)"
        " * (item.ownerSVGElement ? item.ownerSVGElement.getBoundingClientRect().width"
        " / item.ownerSVGElement.width.baseVal.value : 1)))"
    )
    assert smallest >= 9


@pytest.mark.parametrize("width", [1280, 390])
def test_each_chart_is_drawn_once_and_whole(window, width) -> None:
    """One of the two drawings shows, and no label sticks out of it."""
    resize(window, width)
    shown, sticking_out = window.execute_script(
        "const drawings = [...document.querySelectorAll('svg')].filter(svg => svg.getClientRects().length);"
        "const out = drawings.flatMap(svg => [...svg.querySelectorAll('text')].filter(text => {"
        "  const box = svg.getBoundingClientRect(), at = text.getBoundingClientRect();"
        "  return at.width && (at.left < box.left - 1 || at.right > box.right + 1);"
        "}).map(text => text.textContent));"
        "return [drawings.length, out]"
    )
    figures = [figure for section in SECTIONS for figure in section.figures if figure.draw is not None]
    assert shown == len(figures)
    assert sticking_out == []


def test_dark_is_dark(window) -> None:
    """Who asks for dark gets a dark page with light text and charts in its colours."""
    resize(window, 1280, is_dark=True)
    ground, text, bar = window.execute_script(
        "const of = (item, name) => getComputedStyle(item)[name];"
        "return [of(document.body, 'backgroundColor'), of(document.body, 'color'),"
        " of(document.querySelector('svg path[fill=\"var(--series-1)\"]'), 'fill')]"
    )
    resize(window, 1280)
    assert sum(map(int, re.findall(r"\d+", ground))) < 100
    assert sum(map(int, re.findall(r"\d+", text))) > 600
    assert bar == "rgb(95, 168, 240)"


def test_paper_has_everything(window) -> None:
    """Printed to PDF it has several pages and is not empty; the coverage matrix is not cut off."""
    resize(window, 1280)
    printed = window.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    content = base64.b64decode(printed["data"])
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 4
    drawn = sum(
        len(zlib.decompress(stream)) for stream in re.findall(rb"stream\r?\n(x.*?)endstream", content, re.DOTALL)
    )
    assert drawn > 50_000
