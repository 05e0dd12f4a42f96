"""What `check` does between its options and the output."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from indexer import checks
from indexer.cli.emit import emit
from indexer.cli.reading import open_views
from indexer.errors import QueryError

if TYPE_CHECKING:
    from indexer.cli.options import Choice, OutputOptions

_COUNTED = {"check": "string", "severity": "string", "finding_count": "int64", "title": "string"}
_FOUND = dict.fromkeys(("check", "severity", "cluster", "snapshot_id", "subject", "detail"), "string")


def run_checks(names: tuple[str, ...], choice: Choice, output: OutputOptions, *, with_findings: bool) -> None:
    """Run checks (all by default) and write a row each, or a row a finding.

    Raises `QueryError` after writing if a check of severity `fail` found something.
    """
    with (
        TemporaryDirectory(prefix="image-indexer-") as folder,
        open_views(choice, tables_in=Path(folder) / "views.duckdb") as catalog,
    ):
        rows = list(checks.findings(catalog, names)) if with_findings else checks.counts(catalog, names)
    _emit(rows, _FOUND if with_findings else _COUNTED, output)
    failed = sorted({row["check"] for row in rows if row["severity"] == checks.FAIL and row.get("finding_count", 1)})
    if failed:
        raise QueryError(f"Checks failed: {', '.join(failed)}.", hint="See them with --findings.")


def _emit(rows: list[dict[str, Any]], types: dict[str, str], output: OutputOptions) -> None:
    import duckdb
    import pyarrow as pa

    schema = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in types.items()])
    with duckdb.connect() as connection:
        emit(connection.from_arrow(pa.Table.from_pylist(rows, schema=schema)), output)
