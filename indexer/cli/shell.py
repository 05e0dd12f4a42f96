"""A shell for SQL over the views, on the standard library's line editor: history, completion, many lines.

Other shells either take a connection's lock off (they run what they like on it) or bring a screen of their own; here
every statement passes the same gate as `image-indexer sql "…"`.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer import queries
from indexer.cli.diagnostics import note, show_error
from indexer.cli.emit import emit
from indexer.cli.options import FORMATS
from indexer.cli.reading import list_queries, parameters_of
from indexer.dictionary import view_section
from indexer.errors import IndexerError, QueryError
from indexer.table_schema import TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from indexer.catalog import Catalog
    from indexer.cli.options import OutputOptions

HELP = """\
End a statement with ; to run it. Commands:
  .tables               views, and what a row of each is
  .describe VIEW        columns of a view
  .queries              canned queries
  .query NAME [K=V …]   run a canned query
  .format FORMAT        table, csv, tsv, json, ndjson or markdown
  .help                 this text
  .quit                 leave, as Ctrl-D does; Ctrl-C drops the statement begun"""
_RELATIONS = {view.name: view for view in (*VIEWS, *TABLES)}
_WORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN", "USING", "WITH"),
    *("count(*)", "sum(", "DISTINCT", "DESC", "NULL", "AND", "OR", "NOT", "LIKE", "UNNEST(", "all_snapshots."),
)
_HISTORY_LINES = 1000
_ENGINE_INTERRUPTED = "Query interrupted"
"""What the engine makes of `KeyboardInterrupt` while it computes."""


class Shell:
    """Reads statements and commands from a terminal until its end; an error ends the statement, not the shell."""

    def __init__(self, catalog: Catalog, output: OutputOptions) -> None:
        self._catalog, self._output = catalog, output
        self._commands: dict[str, Callable[[list[str]], None]] = {
            ".tables": self._tables,
            ".describe": self._describe,
            ".queries": lambda _: list_queries(self._output),
            ".query": self._query,
            ".format": self._format,
            ".help": lambda _: _say(HELP),
        }

    def run(self) -> None:
        """Read and answer until Ctrl-D or `.quit`."""
        note("Reading SQL over the views; end a statement with ; and ask .help for more.")
        with line_editor(self.completions):
            for text in _statements():
                try:
                    self.answer(text)
                except IndexerError as error:
                    show_error(error)
                except (KeyboardInterrupt, RuntimeError) as error:
                    if isinstance(error, RuntimeError) and str(error) != _ENGINE_INTERRUPTED:
                        raise
                    note("Stopped.")

    def answer(self, text: str) -> None:
        """Run one statement or command. Raises what it ends in."""
        if not text.startswith("."):
            emit(self._catalog.sql(text), self._output)
            return
        name, *arguments = text.rstrip("; \t").split()
        if name not in self._commands:
            raise QueryError(f"There is no command {name}.", hint=f"There are: {', '.join(self._commands)}, .quit.")
        self._commands[name](arguments)

    def completions(self, line: str, word: str) -> list[str]:
        """Words that the line may go on with in place of its last one."""
        if line.startswith("."):
            return _completed(word, self._command_words(line.split(maxsplit=1)[0], is_name=" " not in line))
        return _completed(word, [*_RELATIONS, *_columns_for(line), *_WORDS])

    def _command_words(self, command: str, *, is_name: bool) -> list[str]:
        if is_name:
            return [*self._commands, ".quit"]
        return {".describe": [*_RELATIONS], ".query": queries.names(), ".format": [*FORMATS]}.get(command, [])

    def _tables(self, _: list[str]) -> None:
        rows = [{"view": view.name, "a row is": view.grain, "what": view.sentence} for view in _RELATIONS.values()]
        _emit_rows(rows, self._output)

    def _describe(self, arguments: list[str]) -> None:
        (name,) = _exactly(1, arguments, ".describe VIEW")
        view_section(name)  # names the nearest view where there is none of this name
        _emit_rows(
            [{"column": each.name, "type": each.type, "meaning": each.sentence} for each in _RELATIONS[name].columns],
            self._output,
        )

    def _query(self, arguments: list[str]) -> None:
        name, *pairs = arguments or _exactly(1, arguments, ".query NAME [KEY=VALUE …]")
        emit(self._catalog.query(name, **parameters_of(pairs)), self._output)

    def _format(self, arguments: list[str]) -> None:
        (name,) = _exactly(1, arguments, ".format FORMAT")
        if name not in FORMATS or name == "parquet":
            raise QueryError(f"A terminal can't show the format {name!r}.", hint=HELP.splitlines()[5].strip())
        self._output = replace(self._output, format=name)


def _say(text: str) -> None:
    for line in text.splitlines():
        note(line)


def _exactly(count: int, arguments: list[str], usage: str) -> list[str]:
    if len(arguments) != count:
        raise QueryError("The command is incomplete.", hint=f"Write: {usage}")
    return arguments


def _emit_rows(rows: list[dict[str, str]], output: OutputOptions) -> None:
    import duckdb
    import pyarrow as pa

    with duckdb.connect() as connection:
        emit(connection.from_arrow(pa.Table.from_pylist(rows)), output)


def _columns_for(line: str) -> list[str]:
    """Columns of the views the line names; of all views as long as it names none."""
    named = [_RELATIONS[word] for word in re.findall(r"\w+", line) if word in _RELATIONS] or _RELATIONS.values()
    return sorted({column.name for view in named for column in view.columns})


def _completed(word: str, candidates: list[str]) -> list[str]:
    return [candidate for candidate in candidates if candidate.lower().startswith(word.lower())]


def _statements() -> Iterator[str]:
    lines: list[str] = []
    while True:
        try:
            lines.append(input("...> " if lines else "sql> "))
        except EOFError:
            return
        except KeyboardInterrupt:
            lines = []
            note("")
            continue
        text = "\n".join(lines).strip()
        if text in {".quit", ".exit"}:
            return
        if not text or text.startswith(".") or text.endswith(";"):
            lines = []
        if text and not lines:
            yield text


def _nth(words: list[str], number: int) -> str | None:
    return words[number] if number < len(words) else None


@contextmanager
def line_editor(completions: Callable[[str, str], list[str]]) -> Iterator[None]:
    """Complete with TAB and keep a history between sessions, where Python was built with a line editor."""
    try:
        import readline
    except ImportError:
        yield
        return
    history = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "image-indexer" / "history"
    if history.is_file():
        readline.read_history_file(history)
    readline.set_completer_delims(" \t\n,()=<>;")
    readline.set_completer(lambda word, state: _nth(completions(readline.get_line_buffer(), word), state))
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        readline.set_completer(None)
        readline.set_history_length(_HISTORY_LINES)
        history.parent.mkdir(parents=True, exist_ok=True)
        readline.write_history_file(history)
