"""Which statements only read, judged by the engine's parser, and the form in which they can do nothing else.

The lock of the engine keeps a statement off files outside the store, but not off writing inside it; and DuckDB takes
for a SELECT what writes in its WITH clause (`WITH gone AS (COPY … TO …) SELECT 1`), and for an EXPLAIN what it runs
to explain it. Such a clause may only stand at the top of a statement, so a statement is run as a subquery: there the
binder refuses it before anything is written.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from typing import NamedTuple

import duckdb

from indexer.errors import IncompleteError, QueryError, SnapshotError
from indexer.files import DISK_FULL

_SAID_CHARACTERS = 500
"""The engine repeats whole values, which may be whole objects."""

_BROKEN_PART = re.compile(r"/snapshot=[^/\"]+/[^/\"]+\.parquet\b|^TProtocolException")
"""How the engine tells of one: by its name, or by the header of a page that it can't read."""

_DISK_FULL = re.compile(rf"Could not .*file .*: ({'|'.join(map(os.strerror, DISK_FULL))})")
"""How the engine tells of one, whatever it was about to write."""

_BROKEN_HINT = (
    "Check it with: image-indexer snapshots verify. If it expired while it was read, ask again for the newest."
)
_HINT = "Ask with SELECT; write results with --format and -o."


def reading_statement(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """Return the statement in a form that can only read.

    Raises `QueryError` for one that may write, for several at once, and for text that is no SQL.
    """
    kind = _kind(connection, text)
    tokens = _tokens(text)
    end = next((token.start for token in tokens if token.word == ";"), None)
    body = text.encode()[:end].decode()
    if kind == "EXPLAIN":
        start = _explained(connection, body)
        return f"{body[:start]}{reading_statement(connection, body[start:])}"
    if kind == "MULTI" and any(token.word == "WITH" for token in tokens):
        # A PIVOT over values yet unknown is several statements, and the first of them runs the WITH clause.
        raise QueryError(
            "A PIVOT with a WITH clause must name its values.", hint="Write PIVOT … ON column IN (value, …)."
        )
    if kind not in {"SELECT", "MULTI"}:
        raise refusal(kind)
    return f"SELECT * FROM (\n{body}\n)"


def refusal(kind: str = "Writing") -> QueryError:
    """Error for a statement that does not only read."""
    return QueryError(f"{kind} statements are refused: the index is only read.", hint=_HINT)


def query_error(error: Exception) -> QueryError | SnapshotError | IncompleteError:
    """Turn an error of the engine into one of ours, without the listing of its innards.

    One that comes from a part of a snapshot is no fault of the statement: `SnapshotError`. Nor is a full disk, be it
    under a file that was asked for or under what does not fit into memory: `IncompleteError`.
    """
    first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    said = first_line if len(first_line) <= _SAID_CHARACTERS else first_line[:_SAID_CHARACTERS] + "…"
    if "must be at the top level" in first_line:
        return refusal()
    if full := _DISK_FULL.search(first_line):
        return IncompleteError(f"The disk is full: {full.group()}.", hint="Free some space and run again.")
    if _BROKEN_PART.search(first_line):
        return SnapshotError(f"The engine can't read a part of a snapshot: {said}", hint=_BROKEN_HINT)
    return QueryError(f"The engine refused the statement: {said}")


def _kind(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    if not _is_utf8(text):
        raise QueryError("The statement is not UTF-8 text.", hint="Save or pipe it as UTF-8.")
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise query_error(error) from error
    if not statements:
        raise QueryError("There is no statement to run.", hint=_HINT)
    if len(statements) != 1:
        raise QueryError(f"One statement at a time, please: there are {len(statements)}.", hint=_HINT)
    try:
        return statements[0].type.name
    except ValueError as error:  # a type the Python client has no name for
        raise refusal("Such") from error


def _is_utf8(text: str) -> bool:
    """Whether the engine can take the text: bytes of arguments that are no UTF-8 come as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Token(NamedTuple):
    start: int
    word: str


def _tokens(text: str) -> list[_Token]:
    """Tokens without comments; `start` counts bytes, as the engine does."""
    content = text.encode()
    marks = [*duckdb.tokenize(text), (len(content), duckdb.token_type.comment)]
    return [
        _Token(start, content[start:end].decode().strip().upper())
        for (start, kind), (end, _) in pairwise(marks)
        if kind is not duckdb.token_type.comment
    ]


def _explained(connection: duckdb.DuckDBPyConnection, text: str) -> int:
    """Where the statement begins that an EXPLAIN is about: behind ANALYZE and options in brackets."""
    content = text.encode()
    tokens = _tokens(text)[1:]
    if tokens and tokens[0].word == "ANALYZE":
        tokens = tokens[1:]
    if tokens and tokens[0].word == "(" and not _parses(connection, content[tokens[0].start :].decode()):
        closing = next((number for number, token in enumerate(tokens) if token.word == ")"), len(tokens))
        tokens = tokens[closing + 1 :]
    return len(content[: tokens[0].start].decode()) if tokens else len(text)


def _parses(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    try:
        return len(connection.extract_statements(text)) == 1
    except duckdb.Error:
        return False
