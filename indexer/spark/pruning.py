"""Which columns of a view its readers need, so that it is computed without the others.

Spark finds that out by itself only where it plans a statement and all views as one; here views that are read more than
once are computed first, each by itself. A column is needed when a reader has its name, or hands all columns on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


def mentioned(tree: exp.Expr) -> set[str]:
    """Return every name in a statement."""
    return {identifier.name.lower() for identifier in tree.find_all(exp.Identifier)}


def leave_out(tree: exp.Expr, columns: Sequence[str], needed: Collection[str]) -> None:
    """Take the columns that nobody needs out of a view's statement, unless its rows depend on them."""
    if not _is_free(tree):
        return
    for select in _selects(tree):
        kept = [made for made, name in zip(select.expressions, columns, strict=True) if name in needed]
        select.set("expressions", kept or select.expressions[:1])


def _is_free(tree: exp.Expr) -> bool:
    """Whether no rows are told apart or grouped by the columns of the result."""
    if isinstance(tree, exp.SetOperation):
        return not _is_distinct(tree) and _is_free(tree.left) and _is_free(tree.right)
    group = tree.args.get("group")
    return not (_is_distinct(tree) or tree.is_star or (group and group.args.get("all")))


def handed_on(tree: exp.Expr) -> Iterator[exp.Table]:
    """Yield the tables all of whose columns reach the result by stars, or decide which rows are distinct."""
    distinct = [query for query in tree.find_all(exp.Select, exp.SetOperation) if _is_distinct(query)]
    expressions = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
    seen: set[int] = set()
    waiting: list[exp.Expr] = [tree, *distinct]
    while waiting:
        query = waiting.pop()
        if id(query) in seen:
            continue
        seen.add(id(query))
        for source in (source for select in _selects(query) for source in _behind_stars(select)):
            if isinstance(source, exp.Table) and source.name not in expressions:
                yield source
            else:
                waiting.append(expressions[source.name] if isinstance(source, exp.Table) else source.this)


def _behind_stars(select: exp.Select) -> Iterator[exp.Table | exp.Subquery]:
    sources = [select.args["from_"].this] if select.args.get("from_") else []
    sources += [join.this for join in select.args.get("joins") or []]
    for made in select.expressions:
        if made.is_star:
            yield from (
                source
                for source in sources
                if isinstance(source, exp.Table | exp.Subquery) and made.text("table") in {"", source.alias_or_name}
            )


def _is_distinct(query: exp.Expr) -> bool:
    return bool(query.args.get("distinct"))


def _selects(tree: exp.Expr) -> list[exp.Select]:
    if isinstance(tree, exp.SetOperation):
        return [*_selects(tree.left), *_selects(tree.right)]
    return [tree] if isinstance(tree, exp.Select) else []
