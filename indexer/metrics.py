"""Figures of published snapshots for Prometheus, as a text file a node exporter picks up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog import Catalog
from indexer.errors import ConfigurationError
from indexer.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.store import Snapshot

_PREFIX = "image_indexer"


def write_metrics(snapshots: Sequence[Snapshot], location: str, path: Path) -> None:
    """Write figures of snapshots, one a cluster, into a file that is whole or not there.

    A failed run leaves the old one, whose success time then ages. Raises `ConfigurationError` where it can't be
    written.
    """
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    gauges = {name: Gauge(f"{_PREFIX}_{name}", text, ["cluster"], registry=registry) for name, text in _METRICS.items()}
    with Catalog(Store(location), snapshots) as catalog:
        columns = "cluster, logical_bytes, physical_bytes"
        amounts = {cluster: rest for cluster, *rest in catalog.query("capacity-by-cluster").project(columns).fetchall()}
    for snapshot in snapshots:
        for name, value in _figures(snapshot, *amounts[snapshot.cluster]).items():
            gauges[name].labels(snapshot.cluster).set(value)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise ConfigurationError(
            f"Can't write {path}: {error.strerror or error}.", hint="Choose another --metrics-file."
        ) from error


_METRICS = {
    "images": "Image objects in the newest snapshot.",
    "logical_bytes": "Bytes of the distinct layers of each image, summed over images.",
    "physical_bytes": "Bytes of the distinct layers, each once.",
    "pages": "Pages read.",
    "retries": "Requests that had to be repeated.",
    "expired_lists": "Times the list expired before its end (410).",
    "duration_seconds": "Seconds from the first request to the receipt.",
    "last_success_timestamp_seconds": "When the snapshot was finished.",
    "is_complete": "1 where the whole resource was read.",
    "is_consistent": "1 where all of it is of one moment.",
}


def _figures(snapshot: Snapshot, logical_bytes: int, physical_bytes: int) -> dict[str, float]:
    receipt = snapshot.receipt
    return {
        "images": receipt.image_count,
        "logical_bytes": logical_bytes,
        "physical_bytes": physical_bytes,
        "pages": receipt.page_count,
        "retries": receipt.retry_count,
        "expired_lists": receipt.expired_count,
        "duration_seconds": (receipt.finished_at - receipt.started_at).total_seconds(),
        "last_success_timestamp_seconds": receipt.finished_at.timestamp(),
        "is_complete": receipt.is_complete,
        "is_consistent": receipt.is_consistent,
    }
