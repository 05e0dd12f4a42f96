"""From a relation to stdout or a file: the only place that writes data."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from indexer.cli.diagnostics import note
from indexer.cli.options import TERMINAL_ROWS, OutputOptions
from indexer.errors import ConfigurationError, IncompleteError, IndexerError
from indexer.files import DISK_FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa


def emit(relation: duckdb.DuckDBPyRelation, output: OutputOptions) -> None:
    """Write rows in the chosen format; says so on stderr when a terminal's default limit cuts them."""
    emit_rows(lambda row_limit: relation if row_limit is None else relation.limit(row_limit), output)


def emit_rows(ask: Callable[[int | None], duckdb.DuckDBPyRelation], output: OutputOptions) -> None:
    """Write what is answered to a limit of rows, or to none: who knows the limit beforehand computes less."""
    import duckdb

    from indexer.statements import query_error

    on_terminal = output.path is None and sys.stdout.isatty()
    try:
        shown = _limited(ask, output, on_terminal)
        if output.path is None:
            _write(shown, output.format, sys.stdout.buffer, on_terminal)
        else:
            write_file(output.path, lambda stream: _write(shown, output.format, stream, on_terminal=False))
    except duckdb.Error as error:
        raise query_error(error) from error


def emit_columns(columns: Mapping[str, pa.Array | Sequence[object]], output: OutputOptions) -> None:
    """Write rows given as arrays or lists by column name."""
    import duckdb
    import pyarrow as pa

    with duckdb.connect() as connection:
        emit(connection.from_arrow(pa.table(dict(columns))), output)


def emit_document(document: bytes, output: OutputOptions) -> None:
    """Write a document as it is."""
    if output.path is None:
        click.echo(document, nl=False)
    else:
        write_file(output.path, lambda stream: stream.write(document))


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that is whole or not there; devices and pipes are written straight into.

    Raises `ConfigurationError` where it can't be written, `IncompleteError` when the disk is full.
    """
    is_special = path.exists() and not path.is_file()
    temporary = path if is_special else path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            write(stream)
        if not is_special:
            temporary.replace(path)
    except OSError as error:
        raise _cannot_write(str(path), error) from error
    finally:
        if not is_special:
            temporary.unlink(missing_ok=True)


def _cannot_write(where: str, error: OSError) -> IndexerError:
    if error.errno in DISK_FULL:
        return IncompleteError(f"Can't write {where}: the disk is full.", hint="Free some space and run again.")
    return ConfigurationError(f"Can't write {where}: {error.strerror or error}.", hint="Choose another place with -o.")


def _limited(
    ask: Callable[[int | None], duckdb.DuckDBPyRelation], output: OutputOptions, on_terminal: bool
) -> duckdb.DuckDBPyRelation:
    if output.limit is not None or not on_terminal:
        return ask(output.limit)
    rows = ask(TERMINAL_ROWS + 1).materialize()
    if len(rows) > TERMINAL_ROWS:
        note(f"Only the first {TERMINAL_ROWS} rows; --limit shows more.")
    return rows.limit(TERMINAL_ROWS)


def _write(relation: duckdb.DuckDBPyRelation, format_: str, stream: BinaryIO, on_terminal: bool) -> None:
    from indexer.output import WRITERS, write_table

    if format_ == "table" and on_terminal:
        write_table(relation, stream, width=shutil.get_terminal_size().columns)
    else:
        WRITERS[format_](relation, stream)
    stream.flush()
