"""Wrong answers of the engine that are switched off, and what would happen if they were not."""

from __future__ import annotations

import duckdb
import pytest
from fleets import write_store

from indexer.catalog import open_catalog
from indexer.engine_faults import ENGINE_CONFIG
from indexer.sample import generate_images

TABLES = """
CREATE TABLE uses AS FROM (VALUES ('here', 1, 5_097_550), ('here', 2, 709_163)) AS u (place, layer, size_bytes);
CREATE TABLE layers AS FROM (VALUES (1, 1), (2, 1)) AS l (layer, image_count);
"""
SUMS = """
SELECT u.place, coalesce(sum(u.size_bytes), 0) AS physical_bytes
FROM uses AS u LEFT JOIN (FROM layers WHERE image_count > 1) AS l USING (layer) GROUP BY u.place
"""
SORTED = f"SELECT physical_bytes FROM ({SUMS}) ORDER BY physical_bytes DESC"
FILTERED = f"SELECT physical_bytes FROM ({SUMS}) WHERE physical_bytes > 0"
GROUPED = f"SELECT physical_bytes FROM ({SUMS}) GROUP BY physical_bytes"


def answer(statement, **config):
    """Ask an engine with these settings."""
    with duckdb.connect(config=config) as connection:
        connection.execute(TABLES)
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("statement", [SORTED, FILTERED, GROUPED], ids=["sorted", "filtered", "grouped"])
def test_sums_over_a_join_with_nothing_are_right(statement) -> None:
    """With our settings a sum keeps its bytes, whatever stands above it."""
    assert answer(statement, **ENGINE_CONFIG) == [(5_806_713,)]


def test_the_engine_still_has_the_fault() -> None:
    """When this fails, the engine has been mended and the setting may go."""
    assert answer(FILTERED) == []


def test_statements_of_users_are_right_where_a_join_finds_nothing(tmp_path) -> None:
    """Whoever joins layers with images of a kind that there is not gets the sums of all layers."""
    folder = write_store(tmp_path / "store", list(generate_images(5, 4)))
    with open_catalog(folder) as catalog:
        layers = catalog.sql("SELECT size_bytes FROM image_layers").fetchall()
        sums = catalog.sql(
            "SELECT coalesce(sum(l.size_bytes), 0) AS physical_bytes FROM image_layers AS l "
            "LEFT JOIN (FROM images WHERE layer_count > 1000) AS i ON i.image_name = l.image_name "
            "GROUP BY l.registry ORDER BY physical_bytes DESC"
        ).fetchall()
    assert sum(physical_bytes for (physical_bytes,) in sums) == sum(size_bytes for (size_bytes,) in layers)
