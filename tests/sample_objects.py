"""The committed sample, parsed, and readers of Image objects that take every spelling of "none"."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


@cache
def committed_pages():
    """Parse the committed pages once."""
    return [json.loads(gzip.decompress(path.read_bytes())) for path in sorted(SAMPLE.glob("page-*.json.gz"))]


@cache
def committed_images():
    """List all objects of the committed pages."""
    return [image for page in committed_pages() for image in page["items"]]


def layers(image):
    """Layers of an object, however "none" is spelled."""
    return image.get("dockerImageLayers") or []


def children(image):
    """Children of an object, however "none" is spelled."""
    return image.get("dockerImageManifests") or []


def annotations(image):
    """Annotations of an object."""
    return image["metadata"].get("annotations") or {}


def metadata(image):
    """Docker metadata of an object."""
    return image.get("dockerImageMetadata") or {}


def config(image):
    """Container configuration of an object."""
    return metadata(image).get("Config") or {}


def reference(image):
    """Pull reference of an object."""
    return image.get("dockerImageReference", "")


def signatures(image):
    """Signature records of an object."""
    return image.get("signatures") or []


def statuses(image, kind):
    """Statuses of all conditions of one type, in their order."""
    return [c["status"] for s in signatures(image) for c in s.get("conditions", []) if c["type"] == kind]


def keeps(image):
    """Whether manifest and config texts are kept."""
    return bool(image.get("dockerImageManifest") and image.get("dockerImageConfig"))


def is_schema1(image):
    """Whether the object is a schema 1 image."""
    return image.get("dockerImageManifestMediaType", "").endswith("distribution.manifest.v1+json")
