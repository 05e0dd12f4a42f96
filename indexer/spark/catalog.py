"""The views of a store on Spark: created when a statement first needs them, from the same SQL files.

What comes back is a relation of DuckDB over Spark's rows, cast to the types that DuckDB has for the statement, so that
every format writes what it writes for DuckDB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import duckdb

from indexer import verified
from indexer.catalog import BATCH_ROWS, Catalog
from indexer.errors import QueryError
from indexer.relations import quote_identifier
from indexer.spark import relations
from indexer.spark.planning import Plan, Step, plan, plan_together
from indexer.spark.session import answering, reason, start, stop
from indexer.spark.translation import ALL_SNAPSHOTS, STORED_IMAGES, Relation
from indexer.store import LATEST, Snapshot, Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from indexer import queries
    from indexer.places import Location
    from indexer.relations import Aliases

_BYTES_A_PARTITION = 32 << 20


class SparkCatalog:
    """Views over the chosen snapshots of a store on Spark: in a session that runs, or one that starts and ends with it.

    `spark` is that session, or the master to start one on. Use the catalog as a context manager, or close it. Relations
    it has returned stay readable after that.
    """

    def __init__(
        self,
        store: Store,
        chosen: Sequence[Snapshot],
        keyrings: Sequence[Path] = (),
        *,
        aliases: Aliases | None = None,
        spark: SparkSession | str | None = None,
    ) -> None:
        self.store = store
        self.snapshots = tuple(chosen)
        store.check_parts(chosen)
        self._aliases = dict(aliases or {})
        self._keyring = verified.read_keyrings(keyrings) if keyrings else None
        self._bases: set[Relation] = set()
        self._plans: dict[str, Plan] = {}
        self._kept: dict[Step, DataFrame] = {}
        # Views over no rows: they tell columns and types without reading anything.
        self._shapes = Catalog(store, (), aliases=self._aliases, use_index=False)
        running = start(spark) if spark is None or isinstance(spark, str) else spark
        self._started = running if running is not spark else None
        self._session = answering(running)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what was kept, and end the session if it was started for this."""
        self._shapes.close()
        self._kept.clear()
        if self._started:
            stop(self._started)

    def prepare(self, statements: Sequence[str]) -> None:
        """Say what will be asked in this session: a view is then computed once for all of them."""
        self._plans = plan_together(statements)

    def run(self, query: queries.CannedQuery, /, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run a query that was loaded. Raises as `Catalog.run`."""
        return self.first_rows(query, None, parameters)

    def first_rows(
        self, query: queries.CannedQuery, row_limit: int | None, parameters: Mapping[str, Any]
    ) -> duckdb.DuckDBPyRelation:
        """Run a query that was loaded for its first rows, or all; Spark sorts and sends no more than those."""
        return self._answer(query.sql, query.bind(dict(parameters)), row_limit)

    def every_row(
        self, query: queries.CannedQuery, parameters: Mapping[str, Any], batch_rows: int = BATCH_ROWS
    ) -> pa.RecordBatchReader:
        """Run a query that was loaded for all its rows, in batches of Arrow."""
        return self.run(query, **parameters).to_arrow_reader(batch_rows)

    def sql(self, text: str, /, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """Run one reading statement in DuckDB's SQL; parameters are bound as `$name`."""
        return self._answer(text, parameters, None)

    def _answer(self, text: str, parameters: dict[str, Any], limit: int | None) -> duckdb.DuckDBPyRelation:
        shape = self._shapes.sql(text, **parameters)
        return _shaped(self._rows(text, parameters, limit), shape)

    def _rows(self, text: str, parameters: dict[str, Any], limit: int | None) -> pa.Table:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        planned = self._plans.get(text) or plan(text)
        try:
            for relation in planned.bases:
                self._make_base(relation)
            for step in planned.steps:
                self._make_view(step)
            rows = self._session.sql(planned.text, args=parameters or None)
            return (rows if limit is None else rows.limit(limit)).toArrow()
        except (PySparkException, Py4JError) as error:
            raise QueryError(
                f"Spark can't run the query: {reason(error)}",
                hint="Its workers have to see the store under the same path; -v shows what Spark says.",
            ) from error

    def _make_view(self, step: Step) -> None:
        """Create a temporary view; one that is read more than once is computed now and its rows are kept."""
        kept = self._kept.get(step)
        if kept is None:
            kept = self._session.sql(step.text)
            if step.is_shared:
                kept = self._kept[step] = kept.localCheckpoint()
        kept.createOrReplaceTempView(step.relation.spark_name)

    def _make_base(self, relation: Relation) -> None:
        """Create what views are made of, once."""
        if relation in self._bases:
            return
        snapshots = self._snapshots_of(relation.schema)
        if relation.name == STORED_IMAGES:
            self._set_parallelism(snapshots)
            made = {STORED_IMAGES: relations.stored_images(self._session, self.store.folder, snapshots)}
        else:
            tables = relations.small_tables(snapshots, self._aliases, self._keyring)
            made = {name: self._session.createDataFrame(rows) for name, rows in tables.items()}
        for name, rows in made.items():
            base = Relation(relation.schema, name)
            rows.createOrReplaceTempView(base.spark_name)
            self._bases.add(base)

    def _snapshots_of(self, schema: str) -> Sequence[Snapshot]:
        if schema != ALL_SNAPSHOTS:
            return self.snapshots
        snapshots = self.store.snapshots()
        self.store.check_parts(snapshots)
        return snapshots

    def _set_parallelism(self, snapshots: Sequence[Snapshot]) -> None:
        """Shuffle into as many parts as there are cores, or bytes to fill them: Spark's default is for large data."""
        name = "spark.sql.shuffle.partitions"
        if self._session.sparkContext.getConf().contains(name):
            return
        stored_bytes = sum(part.size_bytes for snapshot in snapshots for part in snapshot.receipt.parts)
        cores = self._session.sparkContext.defaultParallelism
        self._session.conf.set(name, str(max(cores, stored_bytes // _BYTES_A_PARTITION)))


def _shaped(rows: pa.Table, shape: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return Spark's rows with the names and types of DuckDB's; a value that does not fit is an error."""
    names = [quote_identifier(name) for name in shape.columns]
    columns = ", ".join(f"CAST({name} AS {of}) AS {name}" for name, of in zip(names, shape.types, strict=True))
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.from_arrow(rows.rename_columns(shape.columns)).project(columns)


def open_spark_catalog(
    location: Location,
    *,
    snapshot: str = LATEST,
    clusters: tuple[str, ...] = (),
    keyrings: Sequence[Path] = (),
    aliases: Aliases | None = None,
    spark: SparkSession | str | None = None,
) -> SparkCatalog:
    """Open the views of a store on Spark; see `catalog.open_catalog` for what is chosen and what is raised.

    Raises `EngineError` where Spark can't be used, or can't see the store.
    """
    store = Store(location, clusters)
    relations.spark_address(store.folder)
    chosen = store.choose(snapshot)
    return SparkCatalog(store, chosen, keyrings, aliases=aliases, spark=spark)
