"""From rows to charts: which column is drawn as what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.report.charts import Chart, bytes_chart

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.report.figures import Row

NO_REFERENCE = "(without a reference)"


def place_of(row: Row, *columns: str) -> str:
    """Name of a row: registry, or registry and repository."""
    return "/".join(str(row[name]) for name in columns if row[name] is not None) or NO_REFERENCE


def exclusive_and_shared(*columns: str) -> Callable[[list[Row]], Chart]:
    """Physical bytes of each row, what only it holds apart from what others hold as well."""

    def draw(rows: list[Row]) -> Chart:
        return bytes_chart(
            [place_of(row, *columns) for row in rows],
            {"exclusive": _values(rows, "exclusive_bytes"), "shared": _values(rows, "shared_bytes")},
        )

    return draw


def sharing_histogram(rows: list[Row]) -> Chart:
    """Bytes of layers by how many images hold them, counted once and counted for each image."""
    return bytes_chart(
        [str(row["images_per_layer"]) for row in rows],
        {"physical": _values(rows, "physical_bytes"), "logical": _values(rows, "logical_bytes")},
        is_lying=False,
        is_stacked=False,
    )


def growth(rows: list[Row]) -> Chart:
    """Bytes that came each month, over all clusters."""
    months = {row["month"] or "unknown": 0 for row in rows}
    for row in rows:
        months[row["month"] or "unknown"] += int(row["new_bytes"])
    return bytes_chart(list(months), {"new": list(months.values())}, is_lying=False)


def ages(rows: list[Row]) -> Chart:
    """Images by how long ago the cluster first stored them, and by how long ago they were built."""
    parts = {
        "first stored": [row["first_seen_count"] for row in rows],
        "built": [row["built_count"] for row in rows],
    }
    return Chart([str(row["age_class"]) for row in rows], parts, "images", is_lying=False, is_stacked=False)


def signature_levels(rows: list[Row]) -> Chart:
    """Images of each registry by the best evidence of a signature."""
    parts = {
        "trusted": [row["trusted_count"] for row in rows],
        "signed, not trusted": [row["signed_count"] - row["trusted_count"] for row in rows],
        "via index": [row["via_index_count"] for row in rows],
        "unsigned": [row["unsigned_count"] - row["via_index_count"] for row in rows],
    }
    return Chart([place_of(row, "registry") for row in rows], parts, "images")


def _values(rows: list[Row], column: str) -> list[int]:
    return [int(row[column]) for row in rows]
