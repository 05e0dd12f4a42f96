"""What `report` and `build` do between their options and the file."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from indexer.cli.diagnostics import note
from indexer.cli.emit import write_file
from indexer.cli.reading import open_views
from indexer.report import ReportOptions, render_report, require_libraries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.cli.options import Choice


def write_report(choice: Choice, path: Path, options: ReportOptions) -> None:
    """Compute the views once, ask every query of the report and write the page."""
    require_libraries()
    with (
        TemporaryDirectory(prefix="image-indexer-") as folder,
        _writing_tables(),
        open_views(choice, tables_in=Path(folder) / "views.duckdb") as catalog,
    ):
        content = render_report(catalog, options).encode()
    write_file(path, lambda stream: stream.writelines([content]))
    note(f"Wrote {path} ({len(content) / 1024:.0f} KiB).")


def build_file(choice: Choice, path: Path) -> None:
    """Write the views as tables; the file is whole or not there. Raises `ConfigurationError` where it can't be."""
    temporary = path.with_name(f".{path.name}.tmp")
    write_file(temporary, lambda _: None)
    temporary.unlink()
    try:
        with _writing_tables(), open_views(choice, tables_in=temporary) as catalog:
            catalog.leave_store()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        # The engine's log of what it had yet to write, which it leaves behind where it could not.
        temporary.with_name(f"{temporary.name}.wal").unlink(missing_ok=True)
    note(f"Wrote {path} ({path.stat().st_size / 2**20:.1f} MiB).")


@contextmanager
def _writing_tables() -> Iterator[None]:
    """Turn what the engine says when it can't write a file into an error of ours."""
    import duckdb

    from indexer.statements import query_error

    try:
        yield
    except duckdb.Error as error:
        raise query_error(error) from error
