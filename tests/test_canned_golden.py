"""Canned queries return on the bundled sample what they returned when somebody last looked.

`pytest --update-golden` rewrites the files under tests/golden; look at the difference before committing it.
"""

from __future__ import annotations

import hashlib
import io

import pytest
from canned import CASES, EVERY, GOLDEN, query_of

from indexer import queries
from indexer.cli.generated import VOLATILE
from indexer.output import write_csv

KEPT_LINES = 40
KINDS = {name: kind for kind, name in EVERY}
NAMES = sorted({*KINDS, *CASES})


def golden_text(catalog, case):
    """Return the first rows as CSV, then how many there are and a digest of them all."""
    name = query_of(case)
    relation = catalog.run(queries.load(name, KINDS[name]), **CASES.get(case, {}))
    stream = io.BytesIO()
    write_csv(relation.project(", ".join(column for column in relation.columns if column not in VOLATILE)), stream)
    lines = stream.getvalue().decode().splitlines(keepends=True)
    ending = f"# {len(lines) - 1} rows, sha256 of all: {hashlib.sha256(stream.getvalue()).hexdigest()}\n"
    return "".join(lines[:KEPT_LINES]) + ending


@pytest.mark.parametrize("case", NAMES)
def test_answer_on_the_sample_is_the_golden_one(request, sample_catalog, case) -> None:
    """The first rows, the number of rows and all of their text are as recorded."""
    path = GOLDEN / f"{case}.csv"
    text = golden_text(sample_catalog, case)
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), "no golden file: run pytest --update-golden and look at it"
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_file_has_its_query() -> None:
    """No golden file outlives its query."""
    assert {path.stem for path in GOLDEN.glob("*.csv")} == set(NAMES)
