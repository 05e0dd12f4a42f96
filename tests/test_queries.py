"""Query files: front matter that is wrong is named, and parameters get the declared type or an error."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import queries
from indexer.errors import BadParameterError, ConfigurationError, ExitCode, UnknownQueryError
from indexer.queries import CannedQuery, parse

FRONT = {"title": '"A title"', "description": '"It answers."', "value": '"Good for something."'}


def _file(
    front: str = "", columns: str = '-- a = "A column."\n', kind: str = "query", sql: str = "SELECT 1 AS a;\n"
) -> str:
    words = "".join(f"-- {key} = {value}\n" for key, value in FRONT.items())
    return f"-- /// {kind}\n{words}{front}-- [columns]\n{columns}-- ///\n{sql}"


def _with_parameter(type_: str, more: str = "") -> CannedQuery:
    return parse("made-up", _file(f'-- [params.p]\n-- type = "{type_}"\n-- help = "Which."\n{more}'))


def test_a_query_file_is_read() -> None:
    """Words, parameters, columns and the statement without its semicolon come out."""
    query = parse("made-up", _file('-- [params.p]\n-- type = "INTEGER"\n-- help = "How many."\n-- default = 3\n'))
    assert (query.name, query.title, query.sql) == ("made-up", "A title", "SELECT 1 AS a")
    assert query.columns == {"a": "A column."}
    (parameter,) = query.parameters
    assert (parameter.name, parameter.type, parameter.default, parameter.is_optional) == ("p", "INTEGER", 3, False)


WRONG = {
    "no front matter": ("SELECT 1", "no front matter"),
    "another kind": (_file(kind="check"), "no front matter"),
    "front matter without an end": (_file().replace("-- ///\nSELECT", "SELECT"), "no front matter"),
    "no title": (_file().replace("-- title", "-- titel"), "titel"),
    "a number for a title": (_file().replace('"A title"', "5"), "title"),
    "no columns": (_file().replace("-- [columns]\n", "").replace('-- a = "A column."\n', ""), "columns"),
    "columns that are no table": (_file().replace("-- [columns]\n", "").replace("-- a =", "-- columns ="), "columns"),
    "broken TOML": (_file("-- x = \n"), "made-up"),
    "an unknown key": (_file('-- owner = "me"\n'), "owner"),
    "a parameter without a type": (_file('-- [params.p]\n-- help = "H."\n'), "type"),
    "a parameter that is no table": (_file("-- params = 5\n"), "params"),
    "an unknown type": (_file('-- [params.p]\n-- type = "BLOB"\n-- help = "H."\n'), "BLOB"),
    "an unknown key of a parameter": (_file('-- [params.p]\n-- type = "BIGINT"\n-- help = "H."\n-- min = 1\n'), "min"),
    "a default of another type": (
        _file('-- [params.p]\n-- type = "BIGINT"\n-- help = "H."\n-- default = "x"\n'),
        "'x' is no BIGINT",
    ),
    "reads from what is not there": (_file('-- reads = "sides"\n'), "'sides'"),
    "a severity there is not": (_file('-- severity = "bad"\n'), "bad"),
}


@pytest.mark.parametrize(("text", "word"), WRONG.values(), ids=WRONG.keys())
def test_wrong_front_matter_names_the_file_and_what_is_wrong(text: str, word: str) -> None:
    """Who adds a query is told which file and which word."""
    with pytest.raises(ConfigurationError) as caught:
        parse("made-up", text)
    assert "made-up.sql" in caught.value.message
    assert word in str(caught.value)


def test_an_unknown_query_names_the_nearest() -> None:
    """A slip of the fingers is answered with the name that was meant."""
    with pytest.raises(UnknownQueryError) as caught:
        queries.load("layer-sharin")
    assert caught.value.hint == "Did you mean 'layer-sharing'?"
    assert caught.value.exit_code is ExitCode.USAGE
    with pytest.raises(UnknownQueryError, match="image-indexer query"):
        queries.load("zzz")


@pytest.mark.parametrize("name", ["../layer-sharing", "views/images", "/etc/passwd", ""])
def test_names_are_no_paths(name: str) -> None:
    """Only files of the folder are queries."""
    with pytest.raises(UnknownQueryError):
        queries.load(name)


READ = {
    ("VARCHAR", "a,b"): "a,b",
    ("INTEGER", "5"): 5,
    ("BIGINT", "-5"): -5,
    ("DOUBLE", "0.5"): 0.5,
    ("BOOLEAN", "true"): True,
    ("BOOLEAN", "No"): False,
    ("DATE", "2024-05-01"): dt.date(2024, 5, 1),
    ("TIMESTAMP WITH TIME ZONE", "2024-05-01T00:00:00Z"): dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
    ("TIMESTAMP WITH TIME ZONE", "2024-05-01"): dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
    ("VARCHAR[]", "a, b,,c"): ["a", "b", "c"],
    ("VARCHAR[]", ""): [],
    ("BIGINT[]", "1,2"): [1, 2],
}


@pytest.mark.parametrize(("type_", "text"), READ)
def test_text_of_a_command_line_becomes_the_declared_type(type_: str, text: str) -> None:
    """Lists go by commas, times without a zone are UTC."""
    assert _with_parameter(type_).bind({"p": text}) == {"p": READ[type_, text]}


TAKEN = [("VARCHAR", "x"), ("BIGINT", 5), ("DOUBLE", 5), ("BOOLEAN", False), ("VARCHAR[]", ["a"]), ("BIGINT[]", (1, 2))]


@pytest.mark.parametrize(("type_", "value"), TAKEN)
def test_python_values_are_taken_as_they_are(type_: str, value: Any) -> None:
    """A notebook gives values, not text."""
    assert _with_parameter(type_).bind({"p": value}) == {"p": list(value) if isinstance(value, tuple) else value}


REFUSED = [
    ("BIGINT", "five"),
    ("BIGINT", "1.5"),
    ("BIGINT", ""),
    ("BIGINT", 1.5),
    ("BIGINT", True),
    ("BIGINT", [1]),
    ("DOUBLE", "much"),
    ("BOOLEAN", "maybe"),
    ("BOOLEAN", 1),
    ("DATE", "yesterday"),
    ("TIMESTAMP WITH TIME ZONE", "yesterday"),
    ("VARCHAR", 5),
    ("VARCHAR", ["a"]),
    ("VARCHAR[]", 5),
    ("VARCHAR[]", [5]),
    ("VARCHAR[]", {"a": 1}),
    ("BIGINT[]", "1,x"),
]


@pytest.mark.parametrize(("type_", "value"), REFUSED, ids=map(repr, REFUSED))
def test_another_type_is_refused_with_the_name_of_the_parameter(type_: str, value: Any) -> None:
    """What does not fit is named with the type that was asked for, and its help."""
    with pytest.raises(BadParameterError) as caught:
        _with_parameter(type_).bind({"p": value})
    assert f"is no {type_} for the parameter 'p'" in caught.value.message
    assert caught.value.hint == "Which."


def test_unknown_and_missing_parameters_are_refused() -> None:
    """Nothing is guessed: an unknown name and a missing value are errors that name what there is."""
    query = _with_parameter("BIGINT")
    with pytest.raises(BadParameterError, match=r"has no parameter 'q'\. It takes: p\."):
        query.bind({"q": 1})
    with pytest.raises(BadParameterError, match="needs the parameter 'p'"):
        query.bind({})
    with pytest.raises(BadParameterError, match="needs the parameter 'p'"):
        query.bind({"p": None})
    with pytest.raises(BadParameterError, match="It takes none"):
        parse("made-up", _file()).bind({"p": 1})


def test_optional_parameters_are_null_and_defaults_are_used() -> None:
    """A parameter that may be missing is null, one with a default has it."""
    assert _with_parameter("BIGINT", "-- optional = true\n").bind({}) == {"p": None}
    assert _with_parameter("BIGINT[]", "-- default = [1, 2]\n").bind({}) == {"p": [1, 2]}


@given(st.text())
def test_any_text_parses_or_is_a_configuration_error(text: str) -> None:
    """No file, however odd, fails in another way."""
    for content in (text, _file(sql=text), _file().replace("A title", text), _file(f"-- {text}\n")):
        with contextlib.suppress(ConfigurationError):
            parse("made-up", content)
