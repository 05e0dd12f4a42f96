"""Text of whole columns is the text of their values, byte for byte, whatever the types and whatever strangers wrote."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer import output
from indexer.column_text import csv_rows, json_rows
from indexer.output import WRITERS
from indexer.plain_values import UNLIKE_PYTHON, csv_cell, json_text

UTC = pa.timestamp("us", "UTC")
ODD = [
    "",
    "'",
    '"',
    ",",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\\",
    "\0",
    "\x1f",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "🎉",
    "null",
]
ODD += ["=1", "+1", "-1", "@a", "＝1", "＋1", "－1", "＠a", " =1", '\\"', "\\n", "a,b", 'a"b', ".000000", "x y", "[1]"]
TEXTS = st.one_of(st.sampled_from(ODD), st.text(), st.lists(st.sampled_from(ODD)).map("".join))
MOMENTS = st.one_of(
    st.datetimes(), st.datetimes(timezones=st.just(dt.UTC)), st.datetimes().map(lambda at: at.replace(microsecond=0))
)
LOCAL = MOMENTS.map(lambda at: at.replace(tzinfo=None))
VALUES = {
    pa.string(): TEXTS,
    pa.dictionary(pa.int32(), pa.string()): TEXTS,
    pa.null(): st.none(),
    pa.bool_(): st.booleans(),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.decimal128(38, 0): st.integers(-(10**37), 10**37).map(Decimal),
    pa.decimal128(18, 2): st.integers(-(10**15), 10**15).map(lambda number: Decimal(number) / 100),
    pa.date32(): st.dates(),
    UTC: MOMENTS.map(lambda at: at.replace(tzinfo=dt.UTC)),
    pa.timestamp("us"): LOCAL,
    pa.timestamp("s"): LOCAL,
    pa.timestamp("us", "Europe/Berlin"): LOCAL.filter(lambda at: 1900 < at.year < 2100),
    pa.binary(): st.binary(),
    pa.list_(pa.string()): st.lists(st.none() | TEXTS, max_size=3),
    pa.list_(pa.list_(pa.int64())): st.lists(
        st.none() | st.lists(st.none() | st.integers(0, 9), max_size=2), max_size=2
    ),
    pa.list_(UTC): st.lists(MOMENTS.map(lambda at: at.replace(tzinfo=dt.UTC)), max_size=2),
    pa.struct([("a", pa.string()), ("b", pa.int64())]): st.fixed_dictionaries({"a": TEXTS, "b": st.none()}),
    pa.map_(pa.string(), pa.string()): st.dictionaries(TEXTS, TEXTS, max_size=2),
}
"""Values of every type that canned queries have, and of others."""


@st.composite
def batches(draw):
    """Draw some columns of some rows, seen through a window as parts of a longer batch are."""
    row_count = draw(st.integers(1, 6))
    start = draw(st.integers(0, row_count - 1))
    arrays = []
    for of in draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4)):
        values = st.lists(st.none() | VALUES[of], min_size=row_count, max_size=row_count)
        arrays.append(pa.array(draw(values), of))
    names = draw(st.lists(TEXTS, min_size=len(arrays), max_size=len(arrays), unique=True))
    return pa.RecordBatch.from_arrays(arrays, names).slice(start, draw(st.integers(1, row_count - start)))


def csv_by_value(batch, delimiter):
    """Write row by row with Python's own writer, which ends lines with a line feed alone only afterwards."""
    lines = io.StringIO()
    for row in batch.to_pylist(maps_as_pydicts="strict"):
        line = io.StringIO()
        csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(map(csv_cell, row.values()))
        lines.write(line.getvalue().removesuffix("\r\n") + "\n")
    return lines.getvalue().encode(errors="backslashreplace")


def json_by_value(batch, between):
    """Write one object after another."""
    return between.join(map(json_text, batch.to_pylist(maps_as_pydicts="strict")))


@settings(max_examples=500)
@given(batches(), st.sampled_from(",\t"))
@example(pa.record_batch({"a": pa.array([None, "", "a"])}), ",")
@example(
    pa.record_batch({"a": pa.array([None], pa.list_(pa.string())), "b": pa.array([[]], pa.list_(pa.string()))}), ","
)
def test_columns_are_written_as_their_values_are(batch, delimiter) -> None:
    """CSV, TSV and JSON of any batch."""
    assert bytes(csv_rows(batch, delimiter)) + b"\n" == csv_by_value(batch, delimiter)
    assert bytes(json_rows(batch, ",\n ")) == json_by_value(batch, b",\n ")


@pytest.mark.parametrize("of", [pa.timestamp("us"), UTC, pa.timestamp("ns"), pa.list_(UTC)], ids=str)
def test_times_that_python_lacks_are_left_to_the_other_way(of) -> None:
    """Before the year 1, after 9999, finer than microseconds: all times of a batch are told in another form then."""
    numbers = pa.array([-62_135_596_800_000_001, 253_402_300_800_000_000, 1], pa.int64())
    column = numbers.cast(of) if not pa.types.is_list(of) else pa.array([[at] for at in numbers.cast(UTC)], of)
    for row in range(3 if of == pa.timestamp("ns") else 2):
        batch = pa.record_batch({"a": column.slice(row, 1)})
        if row == 2 or of != pa.timestamp("ns"):
            with pytest.raises(UNLIKE_PYTHON):
                csv_rows(batch, ",")
            with pytest.raises(UNLIKE_PYTHON):
                json_rows(batch, ",")


AT = "TIMESTAMPTZ '2024-01-01 00:00:00+00'"
YEAR_1 = "TIMESTAMPTZ '0001-01-01 00:00:00Z'"
STATEMENTS = {
    "odd texts": "SELECT unnest($odd) AS a, i, NULL AS n FROM range(20) r(i)",
    "times": f"SELECT {AT} + to_microseconds(i) AS a, ['x', NULL] AS b FROM range(99) r(i)",
    "times that Python lacks": f"SELECT {YEAR_1} + to_days((9 - i)::INT) AS a, i FROM range(99) r(i)",
    "a column of text": "SELECT CASE WHEN i % 3 = 1 THEN '' WHEN i % 3 = 2 THEN 'x' END AS a FROM range(99) r(i)",
    "no rows": "SELECT 1 AS a WHERE false",
    "large texts": "SELECT i, repeat('é\"', 200_000) AS a FROM range(90) r(i)",
    "several batches": "SELECT i, 'row ' || i AS a FROM range(25_000) r(i) ORDER BY i DESC",
}


@pytest.mark.parametrize("format_", ["csv", "tsv", "json", "ndjson"])
@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_few_rows_and_many_are_written_alike(monkeypatch, format_, statement) -> None:
    """Which way is taken, and where pieces end, shows nowhere."""
    written = []
    for few_cells, piece_bytes in ((10**9, 10**9), (0, 16 << 20), (0, 1 << 20), (20_000, 1_000)):
        monkeypatch.setattr(output, "_FEW_CELLS", few_cells)
        monkeypatch.setattr(output, "_PIECE_BYTES", piece_bytes)
        stream = io.BytesIO()
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            given_values = {"odd": ODD} if "$odd" in statement else None
            WRITERS[format_](connection.sql(statement, params=given_values), stream)
        written.append(stream.getvalue())
    assert written[0].count(b"\n") >= (1 if format_ != "ndjson" else 0)
    assert len(set(written)) == 1
