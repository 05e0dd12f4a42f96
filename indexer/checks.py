"""Data-quality checks: queries whose rows are findings, each with a severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer import queries
from indexer.output import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.catalog import Catalog

FAIL = "fail"
"""Severity of findings that make figures wrong; `warn` is for what one should know."""

_FINDING = ("cluster", "snapshot_id", "subject", "detail")


def counts(catalog: Catalog, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return a row a check (all by default): `check`, `severity`, `finding_count` and `title`.

    Raises `UnknownQueryError` for a name that is no check.
    """
    return [
        {
            "check": check.name,
            "severity": check.severity,
            "finding_count": catalog.run(check).aggregate("count(*)").fetchall()[0][0],
            "title": check.title,
        }
        for check in _loaded(names)
    ]


def findings(catalog: Catalog, names: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield a row a finding: `check`, `severity`, `cluster`, `snapshot_id`, `subject` and `detail`."""
    for check in _loaded(names):
        for row in rows_of(catalog.run(check)):
            yield {"check": check.name, "severity": check.severity} | {name: row[name] for name in _FINDING}


def _loaded(names: Sequence[str]) -> list[queries.CannedQuery]:
    return [queries.load(name, "check") for name in names or queries.names("check")]
