"""In which steps Spark answers a statement: the views it reaches, each before its readers, with the columns they need.

Expanded into one statement, views that read views that read views would be planned anew for every occurrence: for
minutes, and computed as often. So a view that is read more than once is a step of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexer import queries
from indexer.spark.pruning import handed_on, leave_out, mentioned
from indexer.spark.translation import ALL_SNAPSHOTS, MAIN, Relation, Statement, read
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = {view.name: [column.name for column in view.columns] for view in VIEWS}


@dataclass(frozen=True, slots=True)
class Step:
    """A view to create: its statement in Spark's SQL, and whether several readers wait for it."""

    relation: Relation
    text: str
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Tables and stored rows, then views in order, then the statement itself."""

    bases: tuple[Relation, ...]
    steps: tuple[Step, ...]
    text: str


@dataclass(slots=True)
class _Use:
    """What all readers of a relation need of it."""

    names: set[str] = field(default_factory=set)
    is_whole: bool = False
    count: int = 0


def plan(text: str) -> Plan:
    """Plan a statement of DuckDB's SQL. Raises `QueryError` for what can't be translated."""
    return plan_together([text])[text]


def plan_together(texts: Sequence[str]) -> dict[str, Plan]:
    """Plan statements that one session will be asked, so that each view has the columns any of them needs."""
    statements = {text: read(text) for text in texts}
    uses: dict[Relation, _Use] = {}
    for statement in statements.values():
        _note(statement, uses)
    views = _views(uses)
    return {text: _plan(statement, views, uses) for text, statement in statements.items()}


def _views(uses: dict[Relation, _Use]) -> dict[Relation, Statement]:
    """Return the statements of the views that are reached, each before its readers, and note what they need."""
    views: dict[Relation, Statement] = {}
    # Views are read by those behind them only.
    for relation in (Relation(schema, view.name) for schema in (MAIN, ALL_SNAPSHOTS) for view in reversed(VIEWS)):
        if use := uses.get(relation):
            statement = read(queries.view_sql(relation.name), relation.schema)
            if not use.is_whole:
                leave_out(statement.tree, _COLUMNS[relation.name], use.names)
            _note(statement, uses)
            views[relation] = statement
    return dict(reversed(views.items()))


def _plan(statement: Statement, views: dict[Relation, Statement], uses: dict[Relation, _Use]) -> Plan:
    reached = {relation for _, relation in statement.reads}
    for relation in reversed(views):
        if relation in reached:
            reached |= {source for _, source in views[relation].reads}
    steps = [Step(each, views[each].text(), uses[each].count > 1) for each in views if each in reached]
    return Plan(tuple(sorted(reached - set(views))), tuple(steps), statement.text())


def _note(statement: Statement, uses: dict[Relation, _Use]) -> None:
    names = mentioned(statement.tree)
    whole = {id(table) for table in handed_on(statement.tree)}
    for table, relation in statement.reads:
        use = uses.setdefault(relation, _Use())
        use.names |= names
        use.is_whole |= id(table) in whole
        use.count += 1
