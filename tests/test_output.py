"""Every format gives back what the engine said, and strangers' text can't act on its reader."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_objects import image, publish

from indexer.catalog import open_catalog
from indexer.cli.emit import emit
from indexer.cli.options import OutputOptions
from indexer.errors import ExitCode, QueryError, SnapshotError
from indexer.escaping import for_markdown, for_spreadsheet, for_terminal
from indexer.output import FORMATS, WRITERS, human_bytes, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HUGE = 2**127 - 1


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Connect to an engine of its own, in UTC."""
    with duckdb.connect() as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        yield connection


def _written(engine: duckdb.DuckDBPyConnection, format_: str, statement: str, **parameters: Any) -> bytes:
    stream = io.BytesIO()
    WRITERS[format_](engine.cursor().sql(statement, params=parameters or None), stream)
    return stream.getvalue()


def _table(engine: duckdb.DuckDBPyConnection, statement: str, width: int | None = None, **parameters: Any) -> list[str]:
    stream = io.BytesIO()
    write_table(engine.cursor().sql(statement, params=parameters or None), stream, width=width)
    return stream.getvalue().decode().splitlines()


VALUES: dict[str, tuple[str, Any, str]] = {
    "integer": ("9223372036854775807::BIGINT", 2**63 - 1, "9223372036854775807"),
    "negative": ("(-9223372036854775808)::BIGINT", -(2**63), "-9223372036854775808"),
    "unsigned": ("18446744073709551615::UBIGINT", 2**64 - 1, "18446744073709551615"),
    "wide integer": (f"{HUGE}::HUGEINT", HUGE, str(HUGE)),
    "sum of integers": ("(SELECT sum(x) FROM (VALUES (9223372036854775807), (1)) t(x))", 2**63, str(2**63)),
    "decimal": ("1.50::DECIMAL(18, 2)", 1.5, "1.50"),
    "double": ("0.1::DOUBLE", 0.1, "0.1"),
    "not a number": ("'nan'::DOUBLE", None, "nan"),
    "infinity": ("'-infinity'::DOUBLE", None, "-inf"),
    "flag": ("true", True, "true"),
    "null": ("NULL::VARCHAR", None, ""),
    "text": ("'é 漢字 🎉 \"q\" , ; \n x'", 'é 漢字 🎉 "q" , ; \n x', 'é 漢字 🎉 "q" , ; \n x'),
    "moment": ("TIMESTAMPTZ '2024-01-01 00:00:00.5+02'", "2023-12-31T22:00:00.500000Z", "2023-12-31T22:00:00.500000Z"),
    "year one": ("TIMESTAMPTZ '0001-01-01 00:00:00+00'", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    "year zero": (
        "TIMESTAMPTZ '0001-01-01 00:00:00+05'",
        "0000-12-31 19:00:00.000000Z",
        "0000-12-31 19:00:00.000000Z",
    ),
    "nanoseconds": (
        "'2024-01-01 00:00:00.123456789'::TIMESTAMP_NS",
        "2024-01-01 00:00:00.123456789",
        "2024-01-01 00:00:00.123456789",
    ),
    "local time": ("TIMESTAMP '2024-01-01 01:02:03'", "2024-01-01T01:02:03", "2024-01-01T01:02:03"),
    "date": ("DATE '2024-01-01'", "2024-01-01", "2024-01-01"),
    "interval": ("INTERVAL '1 month 2 days 90 seconds'", "P1M2DT90S", "P1M2DT90S"),
    "list": ("['a', NULL, 'é']", ["a", None, "é"], '["a",null,"é"]'),
    "empty list": ("[]::VARCHAR[]", [], "[]"),
    "list of wide integers": (f"[{HUGE}::HUGEINT]", [HUGE], f"[{HUGE}]"),
    "struct": ("{'a': 1, 'b': {'c': NULL}}", {"a": 1, "b": {"c": None}}, '{"a":1,"b":{"c":null}}'),
    "map": ("MAP {'a': 1, 'b': NULL}", {"a": 1, "b": None}, '{"a":1,"b":null}'),
    "map by number": ("MAP {1: 'x'}", {"1": "x"}, '{"1":"x"}'),
    "map inside a list in a struct": (
        "{'l': [MAP {'a': [MAP {'b': 1}]}]}",
        {"l": [{"a": [{"b": 1}]}]},
        '{"l":[{"a":[{"b":1}]}]}',
    ),
    "year zero inside a map in a list": (
        "[MAP {'z': TIMESTAMPTZ '0001-01-01 00:00:00+05'}]",
        [{"z": "0000-12-31 19:00:00.000000Z"}],
        '[{"z":"0000-12-31 19:00:00.000000Z"}]',
    ),
    "bytes": ("'\\xAA\\x00'::BLOB", "aa00", "aa00"),
    "identifier": ("'5d1f5f0e-6c0e-4b0c-9b36-6a1df9f1f0a1'::UUID",) + ("5d1f5f0e-6c0e-4b0c-9b36-6a1df9f1f0a1",) * 2,
}


@pytest.mark.parametrize(("expression", "expected", "_"), VALUES.values(), ids=VALUES.keys())
def test_json_and_ndjson_are_exact(engine: duckdb.DuckDBPyConnection, expression: str, expected: Any, _: str) -> None:
    """Integers of any width stay integers, null is null, times are RFC 3339, nested values are nested."""
    statement = f"SELECT {expression} AS value, 'x' AS other"
    (row,) = json.loads(_written(engine, "json", statement))
    assert row == {"value": expected, "other": "x"}
    assert type(row["value"]) is type(expected)
    (line,) = _written(engine, "ndjson", statement).splitlines()
    assert json.loads(line) == row


@pytest.mark.parametrize(("expression", "_", "expected"), VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize(("format_", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_csv_and_tsv_are_exact(
    engine: duckdb.DuckDBPyConnection, format_: str, delimiter: str, expression: str, _: Any, expected: str
) -> None:
    """A reader of CSV gets the same text back; null is empty, nested values are JSON."""
    text = _written(engine, format_, f"SELECT {expression} AS value, 'x' AS other").decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert rows == [["value", "other"], [expected, "x"]]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("expression", [value[0] for value in VALUES.values()], ids=VALUES.keys())
def test_every_format_can_show_every_value(engine: duckdb.DuckDBPyConnection, format_: str, expression: str) -> None:
    """No value ends a format in an error of its own; what Parquet has no type for is said so."""
    if format_ == "parquet" and expression.startswith("INTERVAL"):
        with pytest.raises(QueryError, match="Parquet can't hold this result"):
            _written(engine, format_, f"SELECT {expression} AS value")
    else:
        assert _written(engine, format_, f"SELECT {expression} AS value")


def test_parquet_keeps_types(engine: duckdb.DuckDBPyConnection) -> None:
    """What is read back has the types and values of the result."""
    statement = f"SELECT 1::BIGINT AS i, {HUGE}::HUGEINT AS h, NULL::VARCHAR AS n, ['a'] AS l, MAP {{'a': 1}} AS m, "
    statement += "TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t, {'a': 1.5::DOUBLE} AS s FROM range(3)"
    table = pq.read_table(io.BytesIO(_written(engine, "parquet", statement)))
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    row = {"i": 1, "h": Decimal(HUGE), "n": None, "l": ["a"], "m": {"a": 1}, "t": moment, "s": {"a": 1.5}}
    assert table.to_pylist(maps_as_pydicts="strict") == [row] * 3


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("json", b"[\n]\n"),
        ("ndjson", b""),
        ("csv", b"a,b_bytes\n"),
        ("tsv", b"a\tb_bytes\n"),
        ("markdown", b"| a | b\\_bytes |\n| --- | ---: |\n"),
        ("table", "a  b_bytes\n─  ───────\n".encode()),
    ],
)
def test_an_empty_result_has_its_head(engine: duckdb.DuckDBPyConnection, format_: str, expected: bytes) -> None:
    """No rows are still a valid document with the names of the columns where the format has them."""
    assert _written(engine, format_, "SELECT 'x' AS a, 1 AS b_bytes WHERE false") == expected


def test_an_empty_result_is_valid_parquet(engine: duckdb.DuckDBPyConnection) -> None:
    """An empty Parquet file has the schema."""
    table = pq.read_table(io.BytesIO(_written(engine, "parquet", "SELECT 'x' AS a, 1 AS b WHERE false")))
    assert (table.num_rows, table.column_names) == (0, ["a", "b"])


@pytest.mark.parametrize("format_", FORMATS)
def test_many_rows_come_whole_and_in_order(engine: duckdb.DuckDBPyConnection, format_: str) -> None:
    """More rows than one batch holds are all written, in the order of the statement."""
    content = _written(engine, format_, "SELECT i, 'row ' || i AS t FROM range(25000) r(i) ORDER BY i DESC")
    if format_ == "parquet":
        assert pq.read_table(io.BytesIO(content)).column("i").to_pylist() == list(range(24999, -1, -1))
    else:
        found = [line for line in content.decode().splitlines() if "row " in line]
        assert len(found) == 25000
        assert "row 24999" in found[0]
        assert "row 0" in found[-1]


@pytest.mark.parametrize("format_", FORMATS)
def test_an_error_in_the_middle_of_a_result_is_ours(engine: duckdb.DuckDBPyConnection, format_: str) -> None:
    """An engine that fails after the first rows fails the writing with an error of ours."""
    statement = "SELECT CASE WHEN i > 20000 THEN error('boom') ELSE i END AS x FROM range(100000) r(i)"
    with pytest.raises(QueryError, match="boom"):
        _written(engine, format_, statement)


# --- strangers' text ----------------------------------------------------------------------------------------------

HOSTILE = {
    "colour": ("\x1b[31mred", r"\x1b[31mred"),
    "window title": ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    "8-bit control": ("\x9b31m", r"\x9b31m"),
    "line feed": ("a\nb", r"a\nb"),
    "carriage return": ("safe\revil", r"safe\revil"),
    "backspace": ("a\x08b", r"a\x08b"),
    "right to left": ("a\u202etxt", r"a\u202etxt"),
    "zero width": ("a\u200bb", r"a\u200bb"),
    "line separator": ("a\u2028b", r"a\u2028b"),
    "private use": ("\ue000", r"\ue000"),
    "innocent": ("é 漢字 🎉", "é 漢字 🎉"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_text_can_not_steer_a_terminal(engine: duckdb.DuckDBPyConnection, text: str, shown: str) -> None:
    """Control and invisible characters are shown as escapes, in values, in lists and in names of columns."""
    assert for_terminal(text) == shown
    lines = _table(engine, "SELECT $text AS value, [$text] AS list, 1 AS last", text=text)
    assert len(lines) == 3
    assert lines[2].split("  ")[0] == shown
    head = text.replace('"', '""')
    assert _table(engine, f'SELECT 1 AS "{head}", 2 AS z')[0].split("  ")[0] == shown.rjust(1)


@given(st.text())
def test_nothing_a_terminal_acts_on_is_left(text: str) -> None:
    """Whatever the text, no control, format or surrogate is shown as such, and printable ASCII stays as it is."""
    shown = for_terminal(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    if text.isascii() and text.isprintable():
        assert shown == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_csv_text_can_not_become_a_formula(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    """Text a spreadsheet would run gets an apostrophe, in values and names; numbers do not."""
    assert for_spreadsheet(text) == f"'{text}"
    written = _written(engine, "csv", "SELECT $text AS value, -1 AS number", text=text).decode()
    assert list(csv.reader(io.StringIO(written, newline=""))) == [["value", "number"], [f"'{text}", "-1"]]
    assert _written(engine, "csv", 'SELECT 1 AS "=1+1"') == b"'=1+1\n1\n"


def test_markdown_cells_stay_cells(engine: duckdb.DuckDBPyConnection) -> None:
    """Pipes, line ends and markup of values and names do not break the table or become markup."""
    text = "a|b\n<script>`x` *y* [z](w)"
    written = _written(engine, "markdown", 'SELECT $text AS "p|q"', text=text).decode().splitlines()
    assert written == ["| p\\|q |", "| --- |", f"| {for_markdown(text)} |"]
    assert for_markdown(text) == r"a\|b\\n&lt;script&gt;\`x\` \*y\* \[z\](w)"


def test_markup_and_emoji_names_stay_text(engine: duckdb.DuckDBPyConnection) -> None:
    """A table interprets nothing."""
    assert _table(engine, "SELECT ':warning: [red]x[/red]' AS t")[2] == ":warning: [red]x[/red]"


# --- the table for people -----------------------------------------------------------------------------------------


def test_sizes_have_units_in_the_table_only(engine: duckdb.DuckDBPyConnection) -> None:
    """Bytes are shortened for people, also those of a sum; machine formats keep them."""
    statement = "SELECT 1536 AS a_bytes, sum(1048576::BIGINT) AS b_bytes, 1536 AS c_count FROM range(3)"
    statement += " GROUP BY ALL"
    assert _table(engine, statement)[2].split() == ["1.5", "KiB", "3.0", "MiB", "1536"]
    assert json.loads(_written(engine, "json", statement)) == [{"a_bytes": 1536, "b_bytes": 3 << 20, "c_count": 1536}]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (-2048, "-2.0 KiB"), (2**40, "1.0 TiB"), (2**60, "1024.0 PiB")],
)
def test_human_bytes(count: int, text: str) -> None:
    """Powers of 1024, one digit."""
    assert human_bytes(count) == text


def test_rows_without_a_value_are_rows(engine: duckdb.DuckDBPyConnection) -> None:
    """Nulls and empty text leave an empty line, not a missing one."""
    assert _table(engine, "SELECT NULL AS z FROM range(3)") == ["z", "─", "", "", ""]


def test_nothing_is_cut_for_programs_and_text_is_cut_for_terminals(engine: duckdb.DuckDBPyConnection) -> None:
    """Without a width every value is whole; with one, lines fit and narrow columns stay whole."""
    row = "SELECT repeat('x', 20000) AS long, 'short' AS s, repeat('漢', 40) AS wide"
    statement = f"{row} UNION ALL {row}"
    assert len(_table(engine, statement)[2]) > 20000
    lines = _table(engine, statement, width=60)
    for line in lines:
        assert sum(2 if character == "漢" else 1 for character in line) <= 60
    assert sum("short" in line for line in lines) == 2


def test_not_a_number_is_no_reason_to_fail(engine: duckdb.DuckDBPyConnection) -> None:
    """A table shows what a division by zero gave."""
    (line,) = _table(engine, "SELECT 1 / 0 AS ratio")[2:]
    assert math.isinf(float(line))


def test_a_part_damaged_where_a_statement_reads_is_a_broken_snapshot(tmp_path: Path) -> None:
    """Damage that only a statement meets ends as a broken snapshot does, not as a refused statement."""
    part = publish(tmp_path / "store", image(1)).folder / "images-00000.parquet"
    with open_catalog(tmp_path / "store") as catalog:
        relation = catalog.sql("SELECT max(raw_json) FROM stored_images")
        group = pq.ParquetFile(part).metadata.row_group(0)
        column = group.column(group.num_columns - 1)
        content = bytearray(part.read_bytes())
        start, end = column.data_page_offset, column.data_page_offset + column.total_compressed_size
        content[start:end] = bytes(end - start)
        part.write_bytes(content)
        with pytest.raises(SnapshotError) as caught:
            emit(relation, OutputOptions("csv", tmp_path / "out.csv", None))
    assert caught.value.exit_code == ExitCode.DATA


def test_errors_of_the_engine_do_not_repeat_whole_objects(tmp_path: Path) -> None:
    """A value that can't be converted is shown by its beginning."""
    publish(tmp_path, image(1, dockerImageConfig="x" * 10_000))
    with open_catalog(tmp_path) as catalog:
        relation = catalog.sql("SELECT CAST(docker_image_config AS INTEGER) AS number FROM stored_images")
        with pytest.raises(QueryError, match="Conversion Error") as caught:
            emit(relation, OutputOptions("csv", tmp_path / "out.csv", None))
    assert len(str(caught.value)) < 1000
