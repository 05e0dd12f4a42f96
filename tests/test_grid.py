"""Tables fit the terminal and never show half a number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.grid import Grid, cell_width, fitted

DIGEST = "sha256:" + "0123456789abcdef" * 4
NAMES = ["cluster", "snapshot_id", "image_name", "physical_bytes", "repository", "is_empty_layer"]
ROW = ["prod", "20261124T080809Z-4191c0", DIGEST, "469.4 MiB", "quay.io/strimzi/catalogue", "false"]
IS_RIGHT = [False, False, False, True, False, False]


def grid(*rows: list[str]) -> Grid:
    """Make a table of an ordinary answer."""
    return Grid(NAMES, list(rows), IS_RIGHT)


def test_what_fits_is_left_alone() -> None:
    """Nothing is folded, shortened or stacked where there is room."""
    assert fitted(grid(ROW, ROW), 200) == grid(ROW, ROW)


def test_steps_are_taken_in_turn() -> None:
    """First the columns that are the same go above the table, then digests lose their end, then heads are stacked."""
    folded = "\n".join(fitted(grid(ROW, ROW), 140).lines())
    assert folded.startswith("cluster prod  snapshot_id 20261124T080809Z-4191c0\n")
    assert DIGEST in folded
    shortened = "\n".join(fitted(grid(ROW, ROW), 90).lines())
    assert "sha256:0123456789ab…" in shortened
    assert "physical_bytes" in shortened
    stacked = "\n".join(fitted(grid(ROW, ROW), 72).lines())
    assert "physical_bytes" not in stacked
    assert "quay.io/strimzi/catalogue" in stacked


def test_rows_of_several_snapshots_keep_their_columns() -> None:
    """What differs between rows is not folded."""
    other = ["prod", "20261125T080809Z-4191c0", *ROW[2:]]
    text = "\n".join(fitted(grid(ROW, other), 140).lines())
    assert "cluster prod\n" in text
    assert "20261125T080809Z" in text


def test_one_row_is_turned() -> None:
    """A single row that is too wide is shown a line for each column, uncut."""
    text = "\n".join(fitted(grid(ROW), 60).lines())
    assert DIGEST in text
    assert "physical_bytes" in text


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "M", "Z")), max_size=40)
TABLES = st.integers(1, 8).flatmap(
    lambda count: st.builds(
        Grid,
        names=st.lists(st.from_regex("[a-z]{1,8}(_[a-z]{1,8}){0,2}", fullmatch=True), min_size=count, max_size=count),
        rows=st.lists(st.lists(TEXTS, min_size=count, max_size=count), min_size=2, max_size=4),
        is_right=st.just([False] * count),
    )
)


@given(TABLES, st.integers(30, 200))
def test_no_line_of_a_table_is_too_long(table, width) -> None:
    """Whatever the texts, from 30 cells on every line of the table itself fits."""
    fitting = fitted(table, width)
    for line in list(fitting.lines())[len(fitting.notes) :]:
        assert cell_width(line) <= width


@given(st.lists(st.integers(0, 2**63), min_size=2, max_size=9), st.integers(20, 100))
def test_numbers_are_whole_or_left_off(numbers, width) -> None:
    """A number is never cut: its column is there as it was, or it is named as left off."""
    names = [f"figure_{place}_count" for place in range(len(numbers))]
    texts = [str(number) for number in numbers]
    fitting = fitted(Grid(names, [texts, texts], [True] * len(numbers)), width)
    assert fitting.rows == [texts[: len(fitting.names)]] * 2
    assert all(name in fitting.names or name in "".join(fitting.notes) for name in names)
