"""Manifest and config texts, for objects that kept them: the name hashes the manifest, the id hashes the config."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from indexer.sample import objects
from indexer.sample.dice import timestamp
from indexer.sample.vocabulary import NOUNS, SETTINGS_STEPS, STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.sample.dice import Dice
    from indexer.sample.objects import Object

EMPTY_DIFF_ID = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
_CONFIG_TYPES = {
    objects.OCI_MANIFEST: "application/vnd.oci.image.config.v1+json",
    objects.DOCKER_MANIFEST: "application/vnd.docker.container.image.v1+json",
}
_EMPTY_LAYERS = {objects.EMPTY_BUILDKIT, objects.EMPTY_DOCKER}


class Texts(NamedTuple):
    """A manifest and its config as stored, with what their bytes hash to."""

    manifest: str
    config: str
    name: str
    image_id: str


def sha256(text: str) -> str:
    """Hash a text to its digest, as registries write it."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def history(dice: Dice, layers: Sequence[Object], started: int, steps_between: int = 1) -> list[Object]:
    """Write a build history: one step for each layer, base first, up to `steps_between` settings steps after each."""
    steps: list[Object] = []
    for entry in layers:
        started += 1 + dice.below(90)
        command = "WORKDIR /opt/app-root" if entry["name"] in _EMPTY_LAYERS else _command(dice, dice.pick(STEPS))
        steps.append({"created": timestamp(started), "created_by": command})
        for _ in range(dice.below(steps_between + 1)):
            command = _command(dice, dice.pick(SETTINGS_STEPS))
            steps.append({"created": timestamp(started), "created_by": command, "empty_layer": True})
    return steps


def _command(dice: Dice, template: str) -> str:
    noun = dice.pick(NOUNS)
    return template.format(noun=noun, upper=noun.upper(), version=f"1.{dice.below(20)}.{dice.below(9)}")


def diff_ids(dice: Dice, layers: Sequence[Object]) -> list[str]:
    """Uncompressed digests: those of uncompressed layers are their names, those of empty layers are known."""
    known = {entry["name"]: entry["name"] for entry in layers if entry["mediaType"].endswith(".tar")}
    known |= dict.fromkeys(_EMPTY_LAYERS, EMPTY_DIFF_ID)
    for entry in layers:
        known.setdefault(entry["name"], dice.digest())
    return [known[entry["name"]] for entry in layers]


def config_text(metadata: Object, history_steps: list[Object], layer_diff_ids: list[str], **extra: Any) -> str:
    """Write the config that `dockerImageMetadata` was made from; `extra` are keys that it lost (os, variant, …)."""
    config = {
        "architecture": metadata.get("Architecture", ""),
        "config": metadata.get("Config", {}),
        "created": metadata["Created"],
        "history": history_steps,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": layer_diff_ids},
    }
    return orjson.dumps(config | extra).decode()


def manifest_text(config: str, layers: Sequence[Object], media_type: str) -> str:
    """Write the manifest of a schema 2 or OCI image."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": _CONFIG_TYPES[media_type], "digest": sha256(config), "size": len(config.encode())},
        "layers": [
            {"mediaType": entry["mediaType"], "digest": entry["name"], "size": entry["size"]} for entry in layers
        ],
    }
    return orjson.dumps(manifest).decode()


def texts(config: str, layers: Sequence[Object], media_type: str) -> Texts:
    """Both texts and both digests of an image."""
    manifest = manifest_text(config, layers, media_type)
    return Texts(manifest, config, sha256(manifest), sha256(config))


def keep(image: Object, config: str) -> Object:
    """`image` as a direct POST stores it: with manifest and config, renamed to the manifest's digest."""
    layers = image["dockerImageLayers"]
    kept = texts(config, layers, image["dockerImageManifestMediaType"])
    metadata = image["dockerImageMetadata"] | {"Id": kept.image_id}
    if metadata.get("Size"):
        metadata["Size"] = objects.declared_size(layers, len(config.encode()))
    image = image | {"dockerImageManifest": kept.manifest, "dockerImageConfig": kept.config}
    image["metadata"] = image["metadata"] | {"name": kept.name}
    image["dockerImageReference"] = f"{image['dockerImageReference'].partition('@')[0]}@{kept.name}"
    return {key: image[key] for key in _KEPT_ORDER if key in image} | {"dockerImageMetadata": metadata}


_KEPT_ORDER = (
    "metadata",
    "dockerImageReference",
    "dockerImageMetadata",
    "dockerImageMetadataVersion",
    "dockerImageManifest",
    "dockerImageLayers",
    "signatures",
    "dockerImageManifestMediaType",
    "dockerImageConfig",
)
