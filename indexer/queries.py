"""Canned queries: SQL files whose front matter says what they answer, what they take and what they return.

Front matter is TOML in comments, so a file stays valid SQL. Adding a query is adding a file to `queries/`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from indexer.errors import BadParameterError, ConfigurationError, UnknownQueryError
from indexer.resources import resource_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FRONT_MATTER = re.compile(r"-- /// (?P<kind>query|check)\n(?P<toml>(?:--[^\n]*\n)*?)-- ///\n(?P<sql>.*)", re.DOTALL)
READ_COLUMNS = ("read_cluster", "read_snapshot_id")
"""What the common table expression that `reads` names says of each snapshot."""

_KINDS = {"query": "", "check": "checks"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: a DuckDB type, a default (None where optional) and a sentence."""

    name: str
    type: str
    help: str
    default: Any = None
    is_optional: bool = False

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return self.type.endswith("[]")

    @property
    def base_type(self) -> str:
        """Type of one value."""
        return self.type.removesuffix("[]")


@dataclass(frozen=True, slots=True)
class CannedQuery:
    """A query file: words for people, parameters, columns and the statement.

    `digests` says that the statement only compares, counts and orders the digests of images and layers and never looks
    into one, so that an index may compute with numbers in their place; it names the parameters and the columns of the
    answer that are digests. None says nothing of the kind.

    `reads` selects the snapshots whose rows the statement reads in `all_snapshots`: a statement of its own, over
    `all_snapshots.snapshot_series` and the same parameters. None: any.
    """

    name: str
    title: str
    description: str
    value: str
    parameters: tuple[Parameter, ...]
    columns: dict[str, str]
    sql: str
    severity: str | None = None
    digests: tuple[str, ...] | None = None
    reads: str | None = None

    def bind(self, given: dict[str, Any]) -> dict[str, Any]:
        """Values for every parameter, typed. Raises `BadParameterError` for an unknown or missing one."""
        known = {parameter.name for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise BadParameterError(f"{self.name} has no parameter {name!r}.", hint=_parameter_hint(known))
        return {parameter.name: self._value(parameter, given) for parameter in self.parameters}

    def _value(self, parameter: Parameter, given: dict[str, Any]) -> Any:
        value = given.get(parameter.name, parameter.default)
        if value is not None:
            return _typed(self.name, parameter, value)
        if not parameter.is_optional:
            raise BadParameterError(
                f"{self.name} needs the parameter {parameter.name!r}: {parameter.help}",
                hint=f"Give it with -p {parameter.name}=VALUE.",
            )
        return None


def _parameter_hint(known: set[str]) -> str:
    return f"It takes: {', '.join(sorted(known))}." if known else "It takes none."


def _typed(query: str, parameter: Parameter, value: Any) -> Any:
    """Value of the declared type; text, as a command line gives it, is read, lists at their commas."""
    try:
        if parameter.is_list:
            return [_scalar(parameter.base_type, part) for part in _parts(value)]
        return _scalar(parameter.base_type, value)
    except (ValueError, KeyError, TypeError) as error:
        raise BadParameterError(
            f"{query}: {value!r} is no {parameter.type} for the parameter {parameter.name!r}.", hint=parameter.help
        ) from error


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        return list(value)
    raise TypeError


def _scalar(base_type: str, value: Any) -> Any:
    kinds, read = _TYPES[base_type]
    if isinstance(value, str):
        return read(value)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError
    return value


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


_YES_OR_NO = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_TYPES: dict[str, tuple[tuple[type, ...], Callable[[str], Any]]] = {
    "VARCHAR": ((str,), str),
    "INTEGER": ((int,), int),
    "BIGINT": ((int,), int),
    "DOUBLE": ((int, float), float),
    "BOOLEAN": ((bool,), lambda text: _YES_OR_NO[text.lower()]),
    "DATE": ((dt.date,), dt.date.fromisoformat),
    "TIMESTAMP WITH TIME ZONE": ((dt.datetime,), _moment),
}
"""Types a parameter may have: what Python values they take, and how text is read."""


class _ParameterFront(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    help: str
    default: Any = None
    optional: bool = False


class _Front(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    description: str
    value: str
    columns: dict[str, str]
    params: dict[str, _ParameterFront] = {}
    severity: Literal["fail", "warn"] | None = None
    digests: tuple[str, ...] | None = None
    reads: str | None = None


def parse(name: str, text: str, kind: str = "query") -> CannedQuery:
    """Read a query file. Raises `ConfigurationError` naming the file for front matter that is missing or wrong."""
    match = _FRONT_MATTER.match(text)
    if match is None or match["kind"] != kind:
        raise ConfigurationError(f"{name}.sql has no front matter.", hint=f"Begin it with `-- /// {kind}`.")
    lines = [line.removeprefix("--").removeprefix(" ") for line in match["toml"].splitlines()]
    try:
        front = msgspec.convert(tomllib.loads("\n".join(lines)), _Front)
        parameters = tuple(_parameter(name, key, front.params[key]) for key in front.params)
        sql = match["sql"].strip().removesuffix(";")
        reads = _selection(sql, front.reads) if front.reads else None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, BadParameterError) as error:
        raise ConfigurationError(f"The front matter of {name}.sql is wrong: {error}.") from error
    return CannedQuery(
        name,
        front.title,
        front.description,
        front.value,
        parameters,
        front.columns,
        sql,
        front.severity,
        front.digests,
        reads,
    )


def _selection(sql: str, expression: str) -> str:
    """Cut a statement behind one of its common table expressions, and select the snapshots that this one gives."""
    written = re.search(rf"^(?:WITH )?{re.escape(expression)} AS \(\n.*?^\)", sql, re.DOTALL | re.MULTILINE)
    if written is None:
        raise BadParameterError(f"There is no common table expression {expression!r} to read from")
    return f"{sql[: written.end()]}\nSELECT DISTINCT {', '.join(READ_COLUMNS)} FROM {expression}"


def _parameter(query: str, name: str, front: _ParameterFront) -> Parameter:
    parameter = Parameter(name, front.type, front.help, front.default, front.optional)
    if parameter.base_type not in _TYPES:
        raise BadParameterError(f"{front.type} is no type of a parameter.", hint=f"There are: {', '.join(_TYPES)}.")
    if front.default is not None:
        _typed(query, parameter, front.default)
    return parameter


@cache
def query_paths(kind: str = "query") -> dict[str, Path]:
    """Query (or check) files by name."""
    folder = resource_folder("queries") / _KINDS[kind]
    return {path.stem: path for path in sorted(folder.glob("*.sql"))}


def names(kind: str = "query") -> list[str]:
    """Names of the canned queries (or checks), sorted."""
    return list(query_paths(kind))


def load(name: str, kind: str = "query") -> CannedQuery:
    """Load one query by name. Raises `UnknownQueryError` with the nearest name."""
    path = query_paths(kind).get(name)
    if path is None:
        near = difflib.get_close_matches(name, names(kind), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "List them with: image-indexer query."
        raise UnknownQueryError(f"There is no query {name!r}.", hint=hint)
    return parse(name, path.read_text(encoding="utf-8"), kind)


def view_sql(name: str) -> str:
    """Return the statement of a view, from `queries/views/`."""
    text = (resource_folder("queries") / "views" / f"{name}.sql").read_text(encoding="utf-8")
    return text.strip().removesuffix(";")


def macros_sql() -> str:
    """Return the statements that create what several views compute alike, from `queries/macros/`."""
    paths = sorted((resource_folder("queries") / "macros").glob("*.sql"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
