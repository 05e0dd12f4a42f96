"""What some canned queries answer at their heart, written by hand over the Parquet parts: in DuckDB and in Polars.

Nothing of an odd fleet is minded (order of layers, wrong sizes, several clusters): this is what the first query of an
analyst without the views looks like, and the least it costs.
"""

from __future__ import annotations

COLUMNS = {
    "layer-sharing": ("layer_digest", "size_bytes", "image_count"),
    "layer-sharing-histogram": ("images_per_layer", "layer_count", "physical_bytes", "logical_bytes"),
    "capacity-summary": ("image_count", "layer_reference_count", "distinct_layer_count", "logical_bytes"),
}
"""Columns of each query that are computed here, in their order; rows are compared as sets."""

_USES = (
    "uses AS (SELECT image_name, layer.name AS layer_digest, layer.size AS size_bytes FROM (SELECT metadata.name AS "
    "image_name, unnest(docker_image_layers) AS layer FROM stored) WHERE layer.name IS NOT NULL)"
)
_LAYERS = (
    "layers AS (SELECT layer_digest, coalesce(max(size_bytes), 0) AS size_bytes, count(DISTINCT image_name) AS "
    "image_count, count(*) AS reference_count FROM uses GROUP BY layer_digest)"
)
_CLASS = (
    "CASE WHEN image_count <= 2 THEN CAST(image_count AS VARCHAR) WHEN image_count <= 10 THEN '3-10' "
    "WHEN image_count <= 25 THEN '11-25' ELSE '>25' END"
)
_SQL = {
    "layer-sharing": "SELECT layer_digest, size_bytes, image_count FROM layers",
    "layer-sharing-histogram": (
        f"SELECT {_CLASS} AS images_per_layer, count(*), CAST(sum(size_bytes) AS BIGINT), "
        "CAST(sum(size_bytes * image_count) AS BIGINT) FROM layers GROUP BY 1"
    ),
    "capacity-summary": (
        "SELECT (SELECT count(*) FROM stored), CAST(sum(reference_count) AS BIGINT), count(*), "
        "CAST(sum(size_bytes * image_count) AS BIGINT) FROM layers"
    ),
}


def parts(store):
    """Name the parts of a store as a pattern."""
    return f"{store}/cluster=*/snapshot=*/images-*.parquet"


def in_duckdb(store, name):
    """Answer with UNNEST over the parts; gives rows."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW stored AS FROM read_parquet('{parts(store)}', hive_partitioning = false)")
        return connection.sql(f"WITH {_USES}, {_LAYERS} {_SQL[name]}").to_arrow_table()


def in_polars(store, name):
    """Answer with `explode` over the parts; gives rows."""
    import polars as pl

    stored = pl.scan_parquet(parts(store))
    uses = (
        stored.select(pl.col("metadata").struct.field("name"), pl.col("docker_image_layers").alias("layer"))
        .explode("layer")
        .select("name", layer_digest=pl.col("layer").struct.field("name"), size=pl.col("layer").struct.field("size"))
        .filter(pl.col("layer_digest").is_not_null())
    )
    size_bytes, image_count = pl.col("size").max().fill_null(0), pl.col("name").n_unique().cast(pl.Int64)
    layers = uses.group_by("layer_digest").agg(
        size_bytes=size_bytes, image_count=image_count, reference_count=pl.len().cast(pl.Int64)
    )
    answers = {
        "layer-sharing": lambda: layers.select("layer_digest", "size_bytes", "image_count"),
        "layer-sharing-histogram": lambda: _histogram(layers),
        "capacity-summary": lambda: _capacity(stored, layers),
    }
    return answers[name]().collect(engine="streaming").to_arrow()


def _histogram(layers):
    import polars as pl

    count = pl.col("image_count")
    classes = count.cut([1, 2, 10, 25], labels=["1", "2", "3-10", "11-25", ">25"]).cast(pl.String)
    return layers.group_by(images_per_layer=classes).agg(
        layer_count=pl.len().cast(pl.Int64),
        physical_bytes=pl.col("size_bytes").sum(),
        logical_bytes=(pl.col("size_bytes") * count).sum(),
    )


def _capacity(stored, layers):
    import polars as pl

    totals = layers.select(
        layer_reference_count=pl.col("reference_count").sum(),
        distinct_layer_count=pl.len().cast(pl.Int64),
        logical_bytes=(pl.col("size_bytes") * pl.col("image_count")).sum(),
    )
    return pl.concat([stored.select(image_count=pl.len().cast(pl.Int64)), totals], how="horizontal")
