"""Small fleets of Image objects, made by hand or by hypothesis, and the views over them through a real store."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.catalog import Catalog, open_catalog
from indexer.ingest import IngestOptions, ingest
from indexer.pages import Page, SourceReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
IN_TOTO = "application/vnd.in-toto+json"
LAYERS_ORDER = "image.openshift.io/dockerLayersOrder"

Object = dict[str, Any]


class ObjectSource:
    """Source of objects that are in memory already."""

    description = "objects made by a test"

    def __init__(self, objects: Sequence[Object]) -> None:
        self.report = SourceReport()
        self._items = [json.dumps(item).encode() for item in objects]

    def pages(self) -> Iterator[Page]:
        """Yield all of them as one page."""
        yield Page("objects", self._items)


def write_store(folder: Path, objects: Sequence[Object], cluster: str = "fleet") -> Path:
    """Publish a snapshot of the objects and return its store."""
    ingest(ObjectSource(objects), folder, IngestOptions(cluster))
    return folder


@contextmanager
def views_over(*objects: Object) -> Iterator[Catalog]:
    """Open the views over one snapshot of the objects."""
    with tempfile.TemporaryDirectory() as folder, open_catalog(write_store(Path(folder), objects)) as catalog:
        yield catalog


def rows(catalog: Catalog, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of a statement as tuples of plain values."""
    return _tuples(catalog.sql(sql, **parameters))


def answers(catalog: Catalog, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """Rows of a canned query as dictionaries."""
    return catalog.query(query, **parameters).to_arrow_table().to_pylist()


def _tuples(relation: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in relation.to_arrow_table().to_pylist()]


def digest(word: str) -> str:
    """Return a digest that is the same for the same word."""
    return "sha256:" + hashlib.sha256(word.encode()).hexdigest()


def image(word: str, *layers: tuple[str, int], repository: str | None = "quay.io/team/app", **more: Any) -> Object:
    """Make a plain OCI image named after a word, its layers given as word and size, base first.

    `metadata`, `config` and `annotations` are merged into the object's; any other key is a field of the object.
    """
    name = digest(word)
    made: Object = {
        "metadata": {
            "name": name,
            "creationTimestamp": more.pop("seen", "2024-05-15T08:00:00Z"),
            "annotations": more.pop("annotations", {LAYERS_ORDER: "ascending"}),
        },
        "dockerImageReference": f"{repository}@{name}" if repository else "",
        "dockerImageMetadata": {
            "Id": digest("config of " + word),
            "Created": "2024-05-14T10:11:12Z",
            "Architecture": "amd64",
            "Config": more.pop("config", {"Cmd": ["/app"]}),
            **more.pop("metadata", {}),
        },
        "dockerImageLayers": [{"name": digest(layer), "size": size, "mediaType": GZIP_LAYER} for layer, size in layers],
        "dockerImageManifestMediaType": OCI_IMAGE,
    }
    return made | more


def index(word: str, *children: tuple[str, str], repository: str | None = "quay.io/team/app", **more: Any) -> Object:
    """Make an index named after a word; its children are given as word and platform (`linux/arm64/v8`)."""
    name = digest(word)
    made: Object = {
        "metadata": {"name": name, "creationTimestamp": more.pop("seen", "2024-05-15T08:00:00Z")},
        "dockerImageReference": f"{repository}@{name}" if repository else "",
        "dockerImageMetadata": {"Id": name, "Created": "2024-05-15T08:00:00Z"},
        "dockerImageManifestMediaType": OCI_INDEX,
        "dockerImageManifests": [child(name_of_child, platform) for name_of_child, platform in children],
    }
    return made | more


def child(word: str, platform: str) -> Mapping[str, Any]:
    """Make an entry of an index."""
    os, architecture, *variant = platform.split("/")
    entry = {
        "digest": digest(word),
        "mediaType": OCI_IMAGE,
        "manifestSize": 500,
        "os": os,
        "architecture": architecture,
    }
    return entry | ({"variant": variant[0]} if variant else {})


def signature(image_word: str, *conditions: tuple[str, str, str]) -> Object:
    """Make a signature record without readable content; conditions are type, status and time."""
    return {
        "metadata": {"name": f"{digest(image_word)}@{digest('signature')[7:]}"},
        "type": "atomic",
        "content": "AAAA",
        "conditions": [{"type": kind, "status": status, "lastProbeTime": time} for kind, status, time in conditions],
    }
