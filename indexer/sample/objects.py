"""Image objects as the server would store them, assembled from their parts.

Keys stand in the order of the API's own types. Parts (layers, labels, …) may be shared between the objects of one
stream: treat what you get as read-only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexer.sample.dice import Dice

Object = dict[str, Any]

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_TAR_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
SCHEMA1_LAYER = "application/vnd.docker.container.image.rootfs.diff+x-gtar"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
OCI_TAR_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
IN_TOTO_LAYER = "application/vnd.in-toto+json"
COSIGN_LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"
HELM_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

# The same empty tar, compressed by Docker and by BuildKit, and a layer of no bytes at all.
EMPTY_DOCKER = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
EMPTY_BUILDKIT = "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"
EMPTY_BYTES = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

ORDER_ANNOTATION = "image.openshift.io/dockerLayersOrder"
BLOB_STORED_ANNOTATION = "image.openshift.io/manifestBlobStored"
MANAGED_ANNOTATION = "openshift.io/image.managed"
IMPORTED = {ORDER_ANNOTATION: "ascending"}
PUSHED = {ORDER_ANNOTATION: "ascending", BLOB_STORED_ANNOTATION: "true", MANAGED_ANNOTATION: "true"}
PUSHED_INDEX = {ORDER_ANNOTATION: "", BLOB_STORED_ANNOTATION: "true", MANAGED_ANNOTATION: "true"}


class Stored(NamedTuple):
    """When and as what the cluster stored an object."""

    uid: str
    resource_version: int
    created_at: str


class Platform(NamedTuple):
    """A platform as an index names it; `variant` is empty where there is none."""

    architecture: str
    os: str = "linux"
    variant: str = ""


def layer(digest: str, size: int, media_type: str = OCI_LAYER) -> Object:
    """One entry of `dockerImageLayers`."""
    return {"name": digest, "size": size, "mediaType": media_type}


def fresh_layers(dice: Dice, count: int, media_type: str = OCI_LAYER) -> list[Object]:
    """`count` layers that no other image has."""
    return [layer(dice.digest(), dice.layer_bytes(), media_type) for _ in range(count)]


def declared_size(layers: Iterable[Object], config_bytes: int) -> int:
    """`dockerImageMetadata.Size`: the config and every distinct layer once (openshift-apiserver, imageutil)."""
    sizes: dict[str, int] = {entry["name"]: entry["size"] for entry in layers}
    return config_bytes + sum(sizes.values())


def object_meta(name: str, stored: Stored, annotations: Object | None = None) -> Object:
    """`metadata` of an item on a list page."""
    meta: Object = {
        "name": name,
        "uid": stored.uid,
        "resourceVersion": str(stored.resource_version),
        "creationTimestamp": stored.created_at,
    }
    if annotations is not None:
        meta["annotations"] = annotations
    return meta


def image_metadata(image_id: str, built_at: str | None, config: Object | None, architecture: str, size: int) -> Object:
    """`dockerImageMetadata` of a single image; empty parts are left out as the server does."""
    metadata: Object = {
        "kind": "DockerImage",
        "apiVersion": "image.openshift.io/1.0",
        "Id": image_id,
        "Created": built_at,
        "ContainerConfig": {},
    }
    if config is not None:
        metadata["Config"] = config
    if architecture:
        metadata["Architecture"] = architecture
    if size:
        metadata["Size"] = size
    return metadata


def image_object(
    meta: Object, reference: str, metadata: Any, layers: Sequence[Object], media_type: str = OCI_MANIFEST
) -> Object:
    """Assemble a single image whose manifest and config were not kept; `reference` is complete, digest included."""
    return {
        "metadata": meta,
        "dockerImageReference": reference,
        "dockerImageMetadata": metadata,
        "dockerImageMetadataVersion": "1.0",
        "dockerImageLayers": layers,
        "dockerImageManifestMediaType": media_type,
    }


def child_entry(digest: str, platform: Platform, manifest_bytes: int, media_type: str = OCI_MANIFEST) -> Object:
    """One entry of `dockerImageManifests`."""
    entry: Object = {
        "digest": digest,
        "mediaType": media_type,
        "manifestSize": manifest_bytes,
        "architecture": platform.architecture,
        "os": platform.os,
    }
    if platform.variant:
        entry["variant"] = platform.variant
    return entry


def index_object(meta: Object, reference: str, children: list[Object], media_type: str = OCI_INDEX) -> Object:
    """Assemble an index: no layers, no size, and `Created` is the moment the server stored it."""
    return {
        "metadata": meta,
        "dockerImageReference": reference,
        "dockerImageMetadata": image_metadata(meta["name"], meta["creationTimestamp"], None, "", 0),
        "dockerImageMetadataVersion": "1.0",
        "dockerImageManifestMediaType": media_type,
        "dockerImageManifests": children,
    }
