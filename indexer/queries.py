"""Canned queries: SQL files whose front matter says what they answer, what they take and what they return.

Front matter is TOML in comments, so a file stays valid SQL. Adding a query is adding a file to `queries/`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from indexer.errors import BadParameterError, ConfigurationError, UnknownQueryError
from indexer.resources import resource_folder

if TYPE_CHECKING:
    from pathlib import Path

_FRONT_MATTER = re.compile(r"-- /// (?P<kind>query|check)\n(?P<toml>(?:--[^\n]*\n)*?)-- ///\n(?P<sql>.*)", re.DOTALL)
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


@dataclass(frozen=True, slots=True)
class CannedQuery:
    """A query file: words for people, parameters, columns and the statement."""

    name: str
    title: str
    description: str
    value: str
    parameters: tuple[Parameter, ...]
    columns: dict[str, str]
    sql: str
    severity: str | None = None

    def bind(self, given: dict[str, Any]) -> dict[str, Any]:
        """Values for every parameter, typed. Raises `BadParameterError` for an unknown or missing one."""
        known = {parameter.name for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise BadParameterError(f"{self.name} has no parameter {name!r}.", hint=_parameter_hint(known))
        return {parameter.name: self._value(parameter, given) for parameter in self.parameters}

    def _value(self, parameter: Parameter, given: dict[str, Any]) -> Any:
        if parameter.name in given:
            return _typed(self.name, parameter, given[parameter.name])
        if parameter.default is None and not parameter.is_optional:
            raise BadParameterError(
                f"{self.name} needs the parameter {parameter.name!r}: {parameter.help}",
                hint=f"Give it with -p {parameter.name}=VALUE.",
            )
        return parameter.default


def _parameter_hint(known: set[str]) -> str:
    return f"It takes: {', '.join(sorted(known))}." if known else "It takes none."


def _typed(query: str, parameter: Parameter, value: Any) -> Any:
    """Turn text from a command line into the declared type; the engine casts the rest."""
    if not isinstance(value, str):
        return value
    if parameter.is_list:
        return [_scalar(query, parameter, part.strip()) for part in value.split(",") if part.strip()]
    return _scalar(query, parameter, value)


def _scalar(query: str, parameter: Parameter, text: str) -> Any:
    base = parameter.type.removesuffix("[]")
    try:
        return _READERS.get(base, str)(text)
    except (ValueError, KeyError) as error:
        raise BadParameterError(
            f"{query}: {text!r} is no {base} for the parameter {parameter.name!r}.", hint=parameter.help
        ) from error


_READERS: dict[str, Any] = {
    "INTEGER": int,
    "BIGINT": int,
    "DOUBLE": float,
    "BOOLEAN": lambda text: {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
        text.lower()
    ],
}


def parse(name: str, text: str) -> CannedQuery:
    """Read a query file. Raises `ConfigurationError` naming the file for front matter that is missing or wrong."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise ConfigurationError(f"{name}.sql has no front matter.", hint="Begin it with `-- /// query`.")
    lines = [line.removeprefix("--").removeprefix(" ") for line in match["toml"].splitlines()]
    try:
        return _query(name, tomllib.loads("\n".join(lines)), match["sql"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(f"The front matter of {name}.sql is wrong: {error}.") from error


def _query(name: str, front: dict[str, Any], sql: str) -> CannedQuery:
    parameters = tuple(
        Parameter(key, spec["type"], spec["help"], spec.get("default"), spec.get("optional", False))
        for key, spec in front.get("params", {}).items()
    )
    return CannedQuery(
        name=name,
        title=front["title"],
        description=front["description"],
        value=front["value"],
        parameters=parameters,
        columns=front["columns"],
        sql=sql.strip().removesuffix(";"),
        severity=front.get("severity"),
    )


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
    return parse(name, path.read_text(encoding="utf-8"))


def view_sql(name: str) -> str:
    """Return the statement of a view, from `queries/views/`."""
    text = (resource_folder("queries") / "views" / f"{name}.sql").read_text(encoding="utf-8")
    return text.strip().removesuffix(";")


def macros_sql() -> str:
    """Return the statements of `queries/macros/`: what several views compute alike."""
    paths = sorted((resource_folder("queries") / "macros").glob("*.sql"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
