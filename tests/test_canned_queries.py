"""Every file under queries/ keeps its word: parameters, columns, a total order, an empty store and the sample."""

from __future__ import annotations

import json

import pytest
from canned import CASES, EVERY, parameters_of, query_of
from fleets import rows, views_over

from indexer import queries


@pytest.fixture(scope="module")
def empty():
    """Open the views over a snapshot without images."""
    with views_over() as catalog:
        yield catalog


@pytest.fixture(params=EVERY, ids=lambda pair: pair[1])
def canned(request):
    """Load each query and check in turn."""
    kind, name = request.param
    return queries.load(name, kind)


def test_parameters_are_those_of_the_statement(sample_catalog, canned) -> None:
    """The front matter declares exactly the parameters the engine finds in the statement."""
    statement = sample_catalog._connection.extract_statements(canned.sql)[0]
    assert statement.named_parameters == {parameter.name for parameter in canned.parameters}


def test_columns_are_those_of_the_result(empty, canned) -> None:
    """The front matter has a sentence for each column of the result, in order, and a query over nothing runs."""
    relation = empty.run(canned, **parameters_of(canned.name))
    assert relation.columns == list(canned.columns)
    relation.to_arrow_table()


def test_words_are_sentences(canned) -> None:
    """Descriptions, values, parameters and columns say something and end in a full stop."""
    words = [canned.description, canned.value, *canned.columns.values()]
    words += [parameter.help for parameter in canned.parameters]
    assert all(text.endswith(".") and len(text) > len("Key.") for text in words)
    assert canned.title
    assert not canned.title.endswith(".")


def test_names_follow_the_field(canned) -> None:
    """Columns are snake_case, and flags, times and amounts say so in their names."""
    assert all(name.islower() and name.replace("_", "").isalnum() for name in canned.columns)


def test_sample_answers_are_in_a_total_order(sample_catalog, canned) -> None:
    """Sort keys tell any two rows apart, so answers are the same whatever the number of threads."""
    table = sample_catalog.run(canned, **parameters_of(canned.name)).to_arrow_table()
    keys = [key for key in sort_keys(sample_catalog, canned.sql) if key in table.column_names]
    values = [tuple(map(repr, row.values())) for row in table.select(keys).to_pylist()]
    assert len(set(values)) == len(values) or table.num_rows <= 1


def sort_keys(catalog, sql):
    """Names of the columns a statement sorts by; a place stands for the name that has it, put in after the sort."""
    tree = rows(catalog, "SELECT json_serialize_sql($statement)", statement=sql)[0][0]
    node = json.loads(tree)["statements"][0]["node"]
    while not (orders := [each["orders"] for each in node["modifiers"] if each["type"] == "ORDER_MODIFIER"]):
        node = node["from_table"]["subquery"]["node"]
    return [order["expression"]["column_names"][-1].removesuffix("_place") for order in orders[0]]


def test_byte_and_count_columns_are_whole_numbers(empty, canned) -> None:
    """Bytes and counts fit 64 bits: no decimals and no wider integers that JSON readers would round."""
    relation = empty.run(canned, **parameters_of(canned.name))
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    amounts = {name: of for name, of in types.items() if name.endswith(("_bytes", "_count"))}
    assert set(amounts.values()) <= {"BIGINT", "INTEGER"}
    assert not {of for of in types.values() if of in {"HUGEINT", "UHUGEINT"}}


def test_cases_belong_to_queries() -> None:
    """Every set of parameters kept for a golden result names a query or check there is."""
    names = {name for _, name in EVERY}
    assert {query_of(case) for case in CASES} <= names


def test_checks_are_alike() -> None:
    """Each check says whether a finding fails a run or only warns, and all have the same columns."""
    for name in queries.names("check"):
        assert list(queries.load(name, "check").columns) == ["cluster", "snapshot_id", "subject", "detail"]
    assert {queries.load(name, "check").severity for name in queries.names("check")} <= {"fail", "warn"}
