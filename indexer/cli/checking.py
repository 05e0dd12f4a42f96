"""What `check` does between its options and the output."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from indexer import queries
from indexer.cli.emit import emit
from indexer.cli.reading import open_views
from indexer.errors import QueryError

if TYPE_CHECKING:
    from indexer.catalog import Catalog
    from indexer.cli.options import Choice, OutputOptions

_FINDING = ("cluster", "snapshot_id", "subject", "detail")


def run_checks(names: tuple[str, ...], choice: Choice, output: OutputOptions, *, with_findings: bool) -> None:
    """Run checks (all by default) and write a row each, or a row a finding.

    Raises `QueryError` after writing if a check of severity `fail` found something.
    """
    loaded = [queries.load(name, "check") for name in names or queries.names("check")]
    with (
        TemporaryDirectory(prefix="image-indexer-") as folder,
        open_views(choice, tables_in=Path(folder) / "views.duckdb") as catalog,
    ):
        found = [(check, _findings(catalog, check)) for check in loaded]
    _emit(_finding_rows(found) if with_findings else _count_rows(found), output)
    failed = [check.name for check, rows in found if rows and check.severity == "fail"]
    if failed:
        raise QueryError(f"Checks failed: {', '.join(failed)}.", hint="See them with --findings.")


def _findings(catalog: Catalog, check: queries.CannedQuery) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = catalog.run(check).to_arrow_table().to_pylist()
    return rows


def _count_rows(found: list[tuple[queries.CannedQuery, list[dict[str, Any]]]]) -> dict[str, list[Any]]:
    return {
        "check": [check.name for check, _ in found],
        "severity": [check.severity for check, _ in found],
        "finding_count": [len(rows) for _, rows in found],
        "title": [check.title for check, _ in found],
    }


def _finding_rows(found: list[tuple[queries.CannedQuery, list[dict[str, Any]]]]) -> dict[str, list[Any]]:
    pairs = [(check, row) for check, rows in found for row in rows]
    columns: dict[str, list[Any]] = {name: [row[name] for _, row in pairs] for name in _FINDING}
    return {
        "check": [check.name for check, _ in pairs],
        "severity": [check.severity for check, _ in pairs],
        **columns,
    }


def _emit(columns: dict[str, list[Any]], output: OutputOptions) -> None:
    import duckdb
    import pyarrow as pa

    types = {"finding_count": pa.int64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in columns])
    with duckdb.connect() as connection:
        emit(connection.from_arrow(pa.table(columns, schema=schema)), output)
