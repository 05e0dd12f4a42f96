"""Figures of a published snapshot for Prometheus, as a text file a node exporter picks up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog import open_catalog
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.store import Snapshot

_PREFIX = "image_indexer"

_LAYER_BYTES = """
WITH uses AS (SELECT image_name, UNNEST(layers) AS layer FROM image_objects WHERE NOT is_index),

blobs AS (
    SELECT max(layer.size) AS size_bytes, count(DISTINCT image_name) AS image_count
    FROM uses
    WHERE layer.name IS NOT NULL
    GROUP BY layer.name
)

SELECT
    CAST(coalesce(sum(size_bytes * image_count), 0) AS BIGINT) AS logical_bytes,
    CAST(coalesce(sum(size_bytes), 0) AS BIGINT) AS physical_bytes
FROM blobs
"""
"""Two figures of `capacity-summary`, in a sixth of its memory: a nightly job has little, and no cache for an index."""


def write_metrics(snapshot: Snapshot, location: str, path: Path) -> None:
    """Write the file whole or not at all; a failed run leaves the old one, whose success time then ages.

    Raises `ConfigurationError` where it can't be written.
    """
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    for name, (value, sentence) in _figures(snapshot, location).items():
        gauge = Gauge(f"{_PREFIX}_{name}", sentence, ["cluster"], registry=registry)
        gauge.labels(snapshot.cluster).set(value)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise ConfigurationError(
            f"Can't write {path}: {error.strerror or error}.", hint="Choose another --metrics-file."
        ) from error


def _figures(snapshot: Snapshot, location: str) -> dict[str, tuple[float, str]]:
    receipt = snapshot.receipt
    chosen = snapshot.snapshot_id
    with open_catalog(location, snapshot=chosen, clusters=(snapshot.cluster,), use_index=False) as catalog:
        logical_bytes, physical_bytes = catalog.sql(_LAYER_BYTES).fetchall()[0]
    duration = (receipt.finished_at - receipt.started_at).total_seconds()
    return {
        "images": (receipt.image_count, "Image objects in the newest snapshot."),
        "logical_bytes": (logical_bytes, "Bytes of the distinct layers of each image, summed over images."),
        "physical_bytes": (physical_bytes, "Bytes of the distinct layers, each once."),
        "pages": (receipt.page_count, "Pages read."),
        "retries": (receipt.retry_count, "Requests that had to be repeated."),
        "expired_lists": (receipt.expired_count, "Times the list expired before its end (410)."),
        "duration_seconds": (duration, "Seconds from the first request to the receipt."),
        "last_success_timestamp_seconds": (receipt.finished_at.timestamp(), "When the snapshot was finished."),
        "is_complete": (receipt.is_complete, "1 where the whole resource was read."),
        "is_consistent": (receipt.is_consistent, "1 where all of it is of one moment."),
    }
