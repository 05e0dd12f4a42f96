"""Lists: DuckDB counts from 1, unnests with ordinality and aggregates in an order; Spark needs other words for each."""

from __future__ import annotations

from sqlglot import exp

from indexer.errors import QueryError
from indexer.spark.expressions import call, for_each, is_null, number, text

_VALUE = "value"


def element(node: exp.Bracket) -> exp.Expr:
    """`list[i]`, `list[a:b]` and `map[key]`; what is not there is null."""
    (place,) = node.expressions
    place = _without_parameter(place)
    if not isinstance(place, exp.Slice):
        is_plain = isinstance(place, exp.Literal | exp.Neg)
        return call("try_element_at", node.this, place if is_plain else exp.cast(place, exp.DataType.Type.INT))
    start, end = place.this or number(1), place.expression or call("size", node.this.copy())
    distance = exp.Sub(this=exp.Paren(this=end), expression=exp.Paren(this=start))
    length = exp.cast(exp.Add(this=distance, expression=number(1)), exp.DataType.Type.INT)
    of = exp.Greatest(this=length, expressions=[number(0)], ignore_nulls=True)
    return call("slice", node.this, exp.cast(start.copy(), exp.DataType.Type.INT), of)


def _without_parameter(place: exp.Expr) -> exp.Expr:
    """Undo what sqlglot makes of `[:a.b]`: it takes the part behind the colon for a parameter."""
    first = place.find(exp.Placeholder) if isinstance(place, exp.Dot) else None
    if first is None:
        return place
    first.replace(exp.column(first.name))
    return exp.Slice(expression=place)


def transform(node: exp.Transform) -> exp.Expr | None:
    """Let the second variable of a function over a list count from 1, as in DuckDB; Spark's counts from 0."""
    function = node.expression
    if isinstance(function, exp.Lambda) and len(function.expressions) > 1:
        place = function.expressions[1].name
        for used in list(function.this.find_all(exp.Identifier)):
            if used.name == place and _is_variable(used):
                used.replace(_from_one(used.copy()))
    return None


def _is_variable(identifier: exp.Identifier) -> bool:
    """Whether it stands by itself rather than for a column, a field or the key of a structure."""
    is_name = isinstance(identifier.parent, exp.PropertyEQ) and identifier.arg_key == "this"
    is_field = isinstance(identifier.parent, exp.Dot) and identifier.arg_key == "expression"
    return not (isinstance(identifier.parent, exp.Column) or is_name or is_field)


def _from_one(place: exp.Expr) -> exp.Expr:
    return exp.cast(exp.Add(this=place, expression=number(1)), exp.DataType.Type.BIGINT)


def position(node: exp.Anonymous) -> exp.Expr:
    """`list_position`, 1 for the first."""
    return call("array_position", *node.expressions)


def reverse(node: exp.Anonymous) -> exp.Expr:
    """`list_reverse`."""
    return call("reverse", *node.expressions)


def sort(node: exp.ArraySort) -> exp.Expr:
    """`list_sort` in its default order."""
    return call("array_sort", node.this)


def unnest(node: exp.Unnest) -> exp.Expr:
    """Turn `UNNEST(list) WITH ORDINALITY` into `inline` of a list of structures, which counts from 1 as well.

    As a join it becomes a lateral view, the form that Spark plans without a join.
    """
    alias = node.args["alias"]
    offset = node.args.get("offset")
    columns = [*alias.columns, *([offset] if isinstance(offset, exp.Identifier) else [])]
    (items,) = node.expressions
    rows = call("inline", _numbered(items, columns))
    join = node.parent
    if isinstance(join, exp.Join):
        _become_lateral_view(join, rows, alias, columns)
        return node
    return exp.Table(this=rows, alias=exp.TableAlias(this=alias.this, columns=columns))


def _numbered(items: exp.Expr, columns: list[exp.Identifier]) -> exp.Expr:
    item, place = exp.to_identifier("each_item"), exp.to_identifier("each_place")
    fields = [text(columns[0].name), exp.column("each_item")]
    fields += [text(columns[1].name), _from_one(exp.column("each_place"))] if len(columns) > 1 else []
    made = exp.Lambda(this=call("named_struct", *fields), expressions=[item, place])
    return call("transform", items, made)


def _become_lateral_view(join: exp.Join, rows: exp.Expr, alias: exp.TableAlias, columns: list[exp.Identifier]) -> None:
    select = join.parent
    if not isinstance(select, exp.Select) or join is not select.args["joins"][-1]:
        raise QueryError("Spark unnests a list only behind all joins.", hint="Put the join with UNNEST last.")
    view = exp.Lateral(this=rows, view=True, alias=exp.TableAlias(this=alias.this, columns=columns))
    select.append("laterals", view)
    join.pop()


def aggregate(node: exp.ArrayAgg | exp.GroupConcat) -> exp.Expr | None:
    """`array_agg` and `string_agg`; with a filter it is that which becomes something else."""
    return None if isinstance(node.parent, exp.Filter) else _collected(node, None)


def filtered(node: exp.Filter) -> exp.Expr | None:
    """Do the same for one with a filter; other aggregates take their filter with them."""
    is_list = isinstance(node.this, exp.ArrayAgg | exp.GroupConcat)
    return _collected(node.this, node.expression.this) if is_list else None


def _collected(node: exp.ArrayAgg | exp.GroupConcat, where: exp.Expr | None) -> exp.Expr:
    """Collect `[DISTINCT] value ORDER BY keys`, for text without nulls; null where there are no rows.

    Values are collected beside their keys, so that sorting the list afterwards puts them in order, nulls last. Spark's
    own `listagg` fails beside other distinct aggregates.
    """
    order = node.this if isinstance(node.this, exp.Order) else exp.Order(this=node.this, expressions=[])
    is_distinct = isinstance(order.this, exp.Distinct)
    value = order.this.expressions[0] if is_distinct else order.this
    if isinstance(node, exp.GroupConcat):
        where = exp.and_(where, exp.Not(this=is_null(value.copy())))
    row = call("named_struct", *_keys(order.expressions), text(_VALUE), value)
    rows = _over(call("collect_set" if is_distinct else "collect_list", row), where)
    made = for_each(call("array_sort", rows), lambda row: exp.Dot(this=row, expression=exp.to_identifier(_VALUE)))
    if isinstance(node, exp.GroupConcat):
        made = call("array_join", made, node.args["separator"])
    count = _over(exp.Count(this=exp.Star()), where)
    return exp.Case(ifs=[exp.If(this=exp.GT(this=count, expression=number(0)), true=made)])


def _over(aggregate: exp.Expr, where: exp.Expr | None) -> exp.Expr:
    return exp.Filter(this=aggregate, expression=exp.Where(this=where.copy())) if where else aggregate


def _keys(ordered: list[exp.Ordered]) -> list[exp.Expr]:
    keys: list[exp.Expr] = []
    for place, key in enumerate(ordered):
        if key.args.get("desc") or key.args.get("nulls_first"):
            raise QueryError("Spark collects in ascending order only, nulls last.", hint="Sort by another column.")
        keys += [text(f"is_null_{place}"), is_null(key.this), text(f"key_{place}"), key.this.copy()]
    return keys
