"""Short hands for building expressions of sqlglot that its own generator leaves as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

_EACH = "each_item"


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Call a function of Spark by its own name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> exp.Expr:
    """Return a string literal."""
    return exp.Literal.string(value)


def number(value: float) -> exp.Expr:
    """Return a number literal."""
    return exp.Literal.number(value)


def double(value: exp.Expr) -> exp.Expr:
    """Return the value as a double."""
    return exp.cast(value, exp.DataType.Type.DOUBLE)


def is_null(value: exp.Expr) -> exp.Expr:
    """Whether a value is null."""
    return exp.Is(this=value, expression=exp.Null())


def unless_null(value: exp.Expr, result: exp.Expr) -> exp.Expr:
    """Return the result where the value is not null, else null."""
    return exp.Case(ifs=[exp.If(this=exp.Not(this=is_null(value)), true=result)])


def for_each(items: exp.Expr, make: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Map a list."""
    return call("transform", items, _function(make))


def only(items: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Keep the items of a list for which something holds."""
    return call("filter", items, _function(holds))


def _function(make: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    return exp.Lambda(this=make(exp.column(_EACH)), expressions=[exp.to_identifier(_EACH)])
