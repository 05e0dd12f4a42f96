"""Types of the public names, pinned: checked by mypy, never run."""

from __future__ import annotations

from typing import assert_type

import duckdb

import indexer


def public_names() -> None:
    """Pin the types of what a notebook writes."""
    with indexer.open_store("image-index", snapshot="latest", clusters=("prod",)) as catalog:
        assert_type(catalog, indexer.Catalog)
        assert_type(catalog.query("layer-sharing", min_images=2), duckdb.DuckDBPyRelation)
        assert_type(catalog.sql("SELECT $x", x=1), duckdb.DuckDBPyRelation)
    assert_type(indexer.IndexerError("what", hint="next").message, str)
    assert_type(indexer.IndexerError("what").hint, str)
    assert_type(indexer.QueryError("what").exit_code, indexer.errors.ExitCode)
