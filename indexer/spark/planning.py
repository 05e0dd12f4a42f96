"""In which steps Spark answers a statement: the views it reaches, each before its readers, with the columns they need.

Expanded into one statement, views that read views that read views would be planned anew for every occurrence: for
minutes, and computed as often. So a view that is read more than once is a step of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from indexer import queries
from indexer.spark.pruning import handed_on, leave_out, mentioned
from indexer.spark.translation import ALL_SNAPSHOTS, MAIN, VIEW_NAMES, Relation, Statement, read
from indexer.view_schema import VIEWS, View


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
    uses: dict[Relation, _Use] = {}
    statement = read(text)
    _note(statement, uses)
    steps = [step for schema in (MAIN, ALL_SNAPSHOTS) for view in reversed(VIEWS) for step in _steps(schema, view, uses)]
    bases = sorted(relation for relation in uses if relation.name not in VIEW_NAMES)
    return Plan(tuple(bases), tuple(reversed(steps)), statement.text())


def _steps(schema: str, view: View, uses: dict[Relation, _Use]) -> list[Step]:
    """Return the step of a view that is read; views are read by those behind them only."""
    relation = Relation(schema, view.name)
    use = uses.get(relation)
    if use is None:
        return []
    statement = read(queries.view_sql(view.name), schema)
    if not use.is_whole:
        leave_out(statement.tree, [column.name for column in view.columns], use.names)
    _note(statement, uses)
    return [Step(relation, statement.text(), use.count > 1)]


def _note(statement: Statement, uses: dict[Relation, _Use]) -> None:
    names = mentioned(statement.tree)
    whole = {id(table) for table in handed_on(statement.tree)}
    for table, relation in statement.reads:
        use = uses.setdefault(relation, _Use())
        use.names |= names
        use.is_whole |= id(table) in whole
        use.count += 1
