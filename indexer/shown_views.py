"""The views of one schema, created when a statement first names them: binding all takes longer than most queries."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from indexer import queries
from indexer.relations import comment, comment_tables
from indexer.view_schema import VIEWS, View

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import duckdb

KEPT = "kept"
_IN_MEMORY = frozenset({"image_objects", "image_layers", "image_manifests", "images"})
"""What other views and most queries read, several times over: computed once for few images without an index, at some
10 KB an image."""

_COMMENT = re.compile(r"--[^\n]*")
_WORD = re.compile(r"\w+")
_QUALIFIED = re.compile(r"(\w+)\s*\.\s*\w+")


class ShownViews:
    """Creates views of a schema in an engine; `keeps_in_memory` says to compute the shared ones that are named, once.

    `given` has the statements of views that are not made as in any other schema. Statements of several threads may ask
    at once.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        schema: str,
        *,
        keeps_in_memory: bool,
        given: Mapping[str, str] | None = None,
    ) -> None:
        self._connection, self._schema = connection, schema
        self._given = dict(given or {})
        self._keepable = _IN_MEMORY if keeps_in_memory else frozenset[str]()
        self._shown: set[str] = set()
        self._kept: set[str] = set()
        self._uncommented: list[View] = []
        self._has_commented_tables = False
        self._lock = threading.RLock()

    def show(self, text: str, *, every: bool) -> None:
        """Create what a statement may read, and with `every` all others too, none of which is computed yet."""
        named = views_behind(text, self._schema, self._given)
        with self._lock:
            for view in VIEWS:
                if view.name in named & self._keepable - self._kept:
                    self._keep(view)
                elif (every or view.name in named) and view.name not in self._shown:
                    self._create(view, self._given.get(view.name) or queries.view_sql(view.name))

    def behind(self, text: str) -> set[str]:
        """Return the views of this schema that a statement may read, but for those given."""
        return views_behind(text, self._schema, self._given) - self._given.keys()

    def give(self, name: str, sql: str) -> None:
        """Make a view by this statement from now on, also where it is there already."""
        with self._lock:
            self._given[name] = sql
            self._shown.discard(name)

    def comment_all(self) -> None:
        """Comment on every column, once a statement could show that: most never do, and it takes a while."""
        with self._lock:
            self.show("", every=True)
            if not self._has_commented_tables:
                comment_tables(self._connection, self._schema)
                self._has_commented_tables = True
            while self._uncommented:
                comment(self._connection, self._schema, self._uncommented.pop(), "VIEW")

    def _keep(self, view: View) -> None:
        self._connection.execute(f"CREATE TABLE {KEPT}.{view.name} AS {queries.view_sql(view.name)}")
        self._kept.add(view.name)
        self._create(view, f"FROM {KEPT}.{view.name}")

    def _create(self, view: View, sql: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE VIEW {self._schema}.{view.name} AS {sql}")
        self._shown.add(view.name)
        self._uncommented.append(view)


def views_behind(text: str, schema: str, given: Collection[str] = ()) -> set[str]:
    """Return the views of a schema a statement may read, itself or through others: rather one too many than too few.

    Views that are given do not read what their own statement says.
    """
    named, known = _named(text, schema), [view.name for view in VIEWS]
    for place in reversed(range(len(known))):
        if known[place] in named and known[place] not in given:
            # A view reads only views before it; a later name is a column.
            named |= _named(queries.view_sql(known[place]), schema).intersection(known[:place])
    return named.intersection(known)


def _named(text: str, schema: str) -> set[str]:
    """Words but those behind a dot, which are columns, or of another schema."""
    plain = _COMMENT.sub("", text).lower()
    return set(_WORD.findall(_QUALIFIED.sub(lambda found: found[0] if found[1] == schema else "", plain)))
