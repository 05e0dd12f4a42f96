"""From a relation to stdout or a file: the only place that writes data."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, BinaryIO

from indexer.cli.diagnostics import note
from indexer.cli.options import TERMINAL_ROWS, OutputOptions
from indexer.errors import ConfigurationError
from indexer.output import WRITERS, write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb


def emit(relation: duckdb.DuckDBPyRelation, output: OutputOptions) -> None:
    """Write rows in the chosen format; says so on stderr when a terminal's default limit cuts them."""
    import duckdb

    from indexer.statements import query_error

    on_terminal = output.path is None and sys.stdout.isatty()
    try:
        shown = _limited(relation, output, on_terminal)
        if output.path is None:
            _write(shown, output.format, sys.stdout.buffer, on_terminal)
        else:
            write_file(output.path, lambda stream: _write(shown, output.format, stream, on_terminal=False))
    except duckdb.Error as error:
        raise query_error(error) from error


def write_file(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file that is whole or not there. Raises `ConfigurationError` where it can't be written."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            write(stream)
        temporary.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"Can't write {path}: {error.strerror or error}.", hint="Choose another -o."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _limited(relation: duckdb.DuckDBPyRelation, output: OutputOptions, on_terminal: bool) -> duckdb.DuckDBPyRelation:
    if output.limit is not None:
        return relation.limit(output.limit)
    if not on_terminal:
        return relation
    if len(relation.limit(TERMINAL_ROWS + 1).fetchall()) > TERMINAL_ROWS:
        note(f"Only the first {TERMINAL_ROWS} rows; --limit shows more.")
    return relation.limit(TERMINAL_ROWS)


def _write(relation: duckdb.DuckDBPyRelation, format_: str, stream: BinaryIO, on_terminal: bool) -> None:
    if format_ == "table" and on_terminal:
        write_table(relation, stream, width=shutil.get_terminal_size().columns)
    else:
        WRITERS[format_](relation, stream)
    stream.flush()
