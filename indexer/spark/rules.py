"""What each kind of expression becomes, where sqlglot's own translation from DuckDB to Spark says something else.

Rules are applied from the leaves up. A function of DuckDB that neither sqlglot nor a rule knows is refused: Spark may
have one of that name which does something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from indexer.errors import QueryError
from indexer.spark import json_rules, list_rules
from indexer.spark.expressions import call, double, number, text

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule = Callable[[Any], exp.Expr]

_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600}
_DATE_FORMATS = {"%Y-%m": "yyyy-MM", "%Y-%m-%d": "yyyy-MM-dd", "%Y-%m-%dT%H:%M:%SZ": "yyyy-MM-dd'T'HH:mm:ss'Z'"}


def rewrite(node: exp.Expr) -> exp.Expr | None:
    """Return what stands for an expression in Spark, or None where it stays as it is."""
    if isinstance(node, exp.Anonymous):
        return _function(node)
    rule = _RULES.get(type(node))
    return rule(node) if rule else None


def _function(node: exp.Anonymous) -> exp.Expr | None:
    name = node.name.lower()
    if rule := _FUNCTIONS.get(name):
        return rule(node)
    if name not in _SAME:
        raise QueryError(f"The function {name} has no translation to Spark.", hint="Run the query on DuckDB.")
    return None


def _literal(node: exp.Literal) -> exp.Expr | None:
    """Read numbers with a point as doubles: both engines read decimals, and divide and round those differently."""
    is_decimal = not node.is_string and "." in node.name and not isinstance(node.parent, exp.Cast)
    return double(node.copy()) if is_decimal else None


def _round(node: exp.Round) -> exp.Expr:
    """Round as DuckDB does: Spark rounds the shortest decimal of a double, which differs where two are equally near."""
    if not (decimals := node.args.get("decimals")):
        return call("round", node.this)
    scale = double(number(10 ** int(decimals.name)))
    return exp.Paren(
        this=exp.Div(
            this=call("round", exp.Mul(this=exp.Paren(this=node.this), expression=scale)),
            expression=scale.copy(),
            typed=False,
            safe=False,
        )
    )


def _date_diff(node: exp.DateDiff) -> exp.Expr:
    """Count the boundaries between two moments; Spark's functions count whole units that have passed."""
    unit, start, end = node.text("unit").upper(), node.expression, node.this
    if unit == "DAY":
        return call("datediff", end, start)
    if unit not in _SECONDS:
        raise QueryError(f"Spark does not count {unit.lower()}s as DuckDB does.", hint="Count days or seconds.")
    return exp.Paren(this=exp.Sub(this=_units(end, _SECONDS[unit]), expression=_units(start, _SECONDS[unit])))


def _units(moment: exp.Expr, seconds: int) -> exp.Expr:
    since_epoch = call("unix_seconds", moment)
    return since_epoch if seconds == 1 else call("floor", exp.Div(this=since_epoch, expression=number(seconds)))


def _pattern(node: exp.Expr) -> exp.Expr | None:
    r"""Make `$` the end of the text, as in RE2: Java's also matches before a line break at the end."""
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and pattern.name.endswith("$") and not pattern.name.endswith(r"\$"):
        pattern.replace(text(pattern.name[:-1] + r"\z"))
    return None


def _extract_pattern(node: exp.RegexpExtract) -> exp.Expr:
    """Say which group: without one DuckDB means the whole match, Spark the first group."""
    _pattern(node)
    return call("regexp_extract", node.this, node.expression, node.args.get("group") or number(0))


def _replace_pattern(node: exp.RegexpReplace) -> exp.Expr | None:
    """Take only patterns that match once: DuckDB replaces the first match, Spark every one."""
    _pattern(node)
    pattern = node.expression.name
    if not (pattern.startswith("^") or pattern.endswith(r"\z")):
        raise QueryError(f"Spark would replace every match of {pattern!r}.", hint="Anchor the pattern with ^ or $.")
    return call("regexp_replace", node.this, node.expression, node.args["replacement"])


def _full_match(node: exp.RegexpFullMatch) -> exp.Expr:
    return exp.RegexpLike(this=node.this, expression=text(rf"^(?:{node.expression.name})\z"))


def _like(node: exp.Like) -> exp.Expr | None:
    """Keep backslashes as they are: Spark takes them for escapes."""
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and "\\" in pattern.name:
        pattern.replace(text(pattern.name.replace("\\", "\\\\")))
    return None


def _cast(node: exp.Cast) -> exp.Expr | None:
    """Round quotients that become whole numbers, half to even, as DuckDB does: Spark cuts them off."""
    inner = node.this.unnest()
    is_whole = node.to.this in exp.DataType.INTEGER_TYPES
    return exp.cast(call("rint", inner), node.to) if is_whole and isinstance(inner, exp.Div) else None


def _try_cast(node: exp.TryCast) -> exp.Expr | None:
    """Read times only from text that begins with a date: Spark also takes a year, and spaces around."""
    if node.to.this not in exp.DataType.TEMPORAL_TYPES:
        return None
    is_date = exp.RegexpLike(this=node.this.copy(), expression=text(r"^[0-9]+-[0-9]+-[0-9]+([ T].*[^ ])?\z"))
    return exp.Case(ifs=[exp.If(this=is_date, true=node.copy())])


def _format_time(node: exp.TimeToStr) -> exp.Expr:
    """`strftime` in the formats that are in use: Spark's letters are others, and text has to be quoted."""
    pattern = node.args["format"].name
    if pattern not in _DATE_FORMATS:
        raise QueryError(f"The time format {pattern!r} has no translation.", hint=f"Use: {', '.join(_DATE_FORMATS)}.")
    return call("date_format", node.this, text(_DATE_FORMATS[pattern]))


_RULES: dict[type[exp.Expr], Callable[[Any], exp.Expr | None]] = {
    exp.ArrayAgg: list_rules.aggregate,
    exp.ArraySort: list_rules.sort,
    exp.Bracket: list_rules.element,
    exp.Cast: _cast,
    exp.DateDiff: _date_diff,
    exp.Filter: list_rules.filtered,
    exp.GroupConcat: list_rules.aggregate,
    exp.JSONExtract: json_rules.extract,
    exp.JSONExtractScalar: json_rules.extract,
    exp.Like: _like,
    exp.Literal: _literal,
    exp.RegexpExtract: _extract_pattern,
    exp.RegexpFullMatch: _full_match,
    exp.RegexpLike: _pattern,
    exp.RegexpReplace: _replace_pattern,
    exp.Round: _round,
    exp.TimeToStr: _format_time,
    exp.Transform: list_rules.transform,
    exp.TryCast: _try_cast,
    exp.Unnest: list_rules.unnest,
}

_FUNCTIONS: dict[str, Rule] = {
    "error": lambda node: call("raise_error", *node.expressions),
    "json_array_length": json_rules.array_length,
    "json_exists": json_rules.exists,
    "json_valid": json_rules.valid,
    "list_position": list_rules.position,
    "list_reverse": list_rules.reverse,
    "now": lambda _: exp.CurrentTimestamp(),
}

_SAME = {"map_entries"}
"""Functions that are alike in both, though sqlglot does not know them."""
