"""A statement of DuckDB's SQL as one of Spark's: macros expanded, views named as Spark knows them, rules applied.

Spark has no schemas for temporary views, so `all_snapshots.layers` is the view `all_snapshots_layers`. Parameters stay
parameters: `$name` becomes `:name`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from indexer import queries
from indexer.errors import QueryError
from indexer.spark.rules import rewrite
from indexer.table_schema import TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable

MAIN, ALL_SNAPSHOTS = "main", "all_snapshots"
STORED_IMAGES = "stored_images"

VIEW_NAMES = frozenset(view.name for view in VIEWS)
_KNOWN = VIEW_NAMES | {table.name for table in TABLES} | {STORED_IMAGES}


class _AsWritten(DuckDB):
    """DuckDB's SQL with places in lists left as they are written: sqlglot counts from 0 only those it can compute."""

    INDEX_OFFSET = 0


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A view or table a statement reads, in the schema that holds it."""

    schema: str
    name: str

    @property
    def spark_name(self) -> str:
        """Name of the temporary view."""
        return self.name if self.schema == MAIN else f"{self.schema}_{self.name}"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose macros are expanded and whose relations have Spark's names; `reads` has each occurrence."""

    tree: exp.Expr
    reads: tuple[tuple[exp.Table, Relation], ...]

    def text(self) -> str:
        """Return it in Spark's SQL. Raises `QueryError` for what Spark can't say."""
        return _from_the_leaves(self.tree.copy(), rewrite).sql(dialect="spark", comments=False, copy=False)


def read(text: str, schema: str = MAIN) -> Statement:
    """Read one statement of DuckDB's SQL; names without a schema are of the given one.

    Raises `QueryError` for one that does more than read, and for a relation that is no view and no table of a store.
    """
    tree = _expand(_parsed(text).copy(), _macros())
    tables = [table for table in tree.find_all(exp.Table) if not _is_of_the_statement(table)]
    return Statement(tree, tuple((table, _rename(table, schema)) for table in tables))


@cache
def _parsed(text: str) -> exp.Expr:
    try:
        tree = sqlglot.parse_one(text, dialect=_AsWritten)
    except sqlglot.errors.SqlglotError as error:
        raise QueryError(f"The statement can't be translated to Spark: {error}.", hint="Run it on DuckDB.") from error
    if not isinstance(tree, exp.Query):
        raise QueryError("Only statements that read can be translated to Spark.", hint="Ask with SELECT.")
    return tree


@cache
def _macros() -> dict[str, tuple[list[str], exp.Expr]]:
    """Macros by name: their parameters and what they stand for, other macros in it expanded."""
    macros: dict[str, tuple[list[str], exp.Expr]] = {}
    for macro in sqlglot.parse(queries.macros_sql(), dialect=_AsWritten):
        if isinstance(macro, exp.Create):
            parameters = [parameter.name for parameter in macro.this.expressions]
            macros[macro.this.this.name.lower()] = (parameters, _expand(macro.expression, macros))
    return macros


def _expand(tree: exp.Expr, macros: dict[str, tuple[list[str], exp.Expr]]) -> exp.Expr:
    return _from_the_leaves(tree, lambda node: _macro_text(node, macros))


def _macro_text(node: exp.Expr, macros: dict[str, tuple[list[str], exp.Expr]]) -> exp.Expr | None:
    if not isinstance(node, exp.Anonymous) or node.name.lower() not in macros:
        return None
    parameters, body = macros[node.name.lower()]
    given = dict(zip(parameters, node.expressions, strict=True))
    filled = _from_the_leaves(body.copy(), lambda part: _argument(part, given))
    return exp.Paren(this=filled)


def _argument(node: exp.Expr, given: dict[str, exp.Expr]) -> exp.Expr | None:
    is_parameter = isinstance(node, exp.Column) and not node.table and node.name in given
    return exp.Paren(this=given[node.name].copy()) if is_parameter else None


def _from_the_leaves(tree: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Expr:
    """Replace nodes, those below before those above; what a replacement brings along is not looked at again."""
    for node in reversed(list(tree.walk())):
        changed = change(node)
        if changed is not None and changed is not node:
            if node is tree:
                tree = changed
            else:
                node.replace(changed)
    return tree


def _is_of_the_statement(table: exp.Table) -> bool:
    """Whether a name is that of a common table expression around it, or before it."""
    if table.db:
        return False
    node: exp.Expr | None = table
    inside = None
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        with_ = node.args.get("with_")
        if with_ is not None and any(cte.alias == table.name for cte in with_.expressions if cte is not inside):
            return True
        node = node.parent
    return False


def _rename(table: exp.Table, schema: str) -> Relation:
    relation = Relation(table.db or schema, table.name)
    if relation.name not in _KNOWN or relation.schema not in {MAIN, ALL_SNAPSHOTS} or table.catalog:
        raise QueryError(f"There is no view {table.sql()!r}.", hint="List them with: image-indexer schema.")
    if not table.alias and relation.spark_name != table.name:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
    table.set("db", None)
    table.set("this", exp.to_identifier(relation.spark_name))
    return relation
