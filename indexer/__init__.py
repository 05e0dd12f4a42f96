"""image-indexer: what OpenShift Image objects occupy, share, run on and are signed by.

    import indexer

    with indexer.open_store("image-index") as catalog:
        frame = catalog.query("layer-sharing", min_images=2).pl()
        counts = catalog.sql("SELECT kind, count(*) AS image_count FROM images GROUP BY kind").fetchall()

Everything heavy is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.errors import (
    ConfigurationError,
    DataError,
    IncompleteError,
    IndexerError,
    QueryError,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from indexer.catalog import Catalog

__all__ = [
    "Catalog",
    "ConfigurationError",
    "DataError",
    "IncompleteError",
    "IndexerError",
    "QueryError",
    "SourceError",
    "__version__",
    "open_store",
]


def open_store(
    location: str | Path,
    *,
    snapshot: str = "latest",
    clusters: tuple[str, ...] = (),
    keyrings: Sequence[str | Path] = (),
    aliases: Mapping[str, str] | None = None,
) -> Catalog:
    """Open the views of a store: the newest complete snapshot of every cluster, unless another is chosen.

    With `keyrings`, files of public keys, signatures are verified and `is_verified` and its like are filled.
    `aliases` names registry hosts (lower case) that mean another, so that both count as one.
    `catalog.query(name, **parameters)` and `catalog.sql(text, **parameters)` return DuckDB relations, which go to
    Polars (`.pl()`), Arrow (`.to_arrow_table()`) and pandas (`.df()`). Raises `ConfigurationError` where there is no
    such store, cluster, snapshot or keyring, `DataError` for a broken one.
    """
    from pathlib import Path

    from indexer.catalog import open_catalog

    keys = [Path(path) for path in keyrings]
    return open_catalog(location, snapshot=snapshot, clusters=clusters, keyrings=keys, aliases=aliases)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("image-indexer")
    if name == "Catalog":
        from indexer.catalog import Catalog

        return Catalog
    raise AttributeError(f"module 'indexer' has no attribute {name!r}")
