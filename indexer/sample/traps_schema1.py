"""Schema 1 images of OpenShift 3: v1 histories, uncompressed or unknown sizes, JWS signatures, bare ids."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson

from indexer.sample import objects
from indexer.sample.dice import timestamp
from indexer.sample.manifests import sha256
from indexer.sample.objects import SCHEMA1_LAYER, Object, layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.sample.craft import Craft

_PUSHED_TO_3 = {objects.ORDER_ANNOTATION: "ascending", objects.MANAGED_ANNOTATION: "true"}


def kept(craft: Craft) -> Iterator[Object]:
    """T17, T18, T27: manifest kept, JWS apart, empty layers thrown away; name = sha256 of the plain manifest."""
    empty = layer(objects.EMPTY_DOCKER, 32, SCHEMA1_LAYER)
    for tag in ("2.1", "2.2"):
        layers = [*craft.layers(1, SCHEMA1_LAYER), empty, *craft.layers(1, SCHEMA1_LAYER), empty]
        yield _schema1(craft, "172.30.55.29:5000/legacy/tool", tag, layers)


def without_sizes(craft: Craft) -> Iterator[Object]:
    """T3: sizes 0 throughout, and 0 on the repeat of a layer only."""
    twice = craft.layers(1, SCHEMA1_LAYER)[0]
    unknown = [entry | {"size": 0} for entry in craft.layers(2, SCHEMA1_LAYER)]
    for layers in (unknown, [twice, *craft.layers(1, SCHEMA1_LAYER), twice | {"size": 0}]):
        image = _schema1(craft, "docker-registry.default.svc:5000/legacy/sizes", "latest", layers)
        image["dockerImageMetadata"]["Size"] = sum(entry["size"] for entry in layers)
        yield image


def imported(craft: Craft) -> Iterator[Object]:
    """T11: blanked like any import; without annotation the order is base first all the same."""
    for has_order in (True, False):
        image = craft.image("docker.io/legacy/redis", craft.layers(4, SCHEMA1_LAYER), objects.DOCKER_SCHEMA1)
        image["dockerImageMetadata"]["Id"] = craft.dice.hex(32)
        if not has_order:
            del image["metadata"]["annotations"]
        yield image


def _schema1(craft: Craft, repository: str, tag: str, layers: Sequence[Object]) -> Object:
    """Make a pushed schema 1 image; `layers` base first, as its `dockerImageLayers` has them."""
    history = _v1_history(craft, layers)
    path = repository.partition("/")[2]
    manifest = orjson.dumps(
        {
            "schemaVersion": 1,
            "name": path,
            "tag": tag,
            "architecture": "amd64",
            "fsLayers": [{"blobSum": entry["name"]} for entry in reversed(layers)],
            "history": [{"v1Compatibility": orjson.dumps(step).decode()} for step in history],
        }
    ).decode()
    image = craft.image(
        repository, layers, objects.DOCKER_SCHEMA1, name=sha256(manifest), annotations=dict(_PUSHED_TO_3), size=0
    )
    image["dockerImageMetadata"] = _metadata(history[0], layers)
    image |= {"dockerImageManifest": manifest, "dockerImageSignatures": [_jws(craft, manifest)]}
    return image


def _v1_history(craft: Craft, layers: Sequence[Object]) -> list[Object]:
    """Top first: the top step carries the whole configuration, those of empty layers are thrown away."""
    ids = [craft.dice.hex(32) for _ in layers]
    steps: list[Object] = []
    for depth, entry in enumerate(layers):
        step: Object = {"id": ids[depth], "created": timestamp(1_456_917_600 + depth * 60)}
        if depth:
            step["parent"] = ids[depth - 1]
        if entry["name"] == objects.EMPTY_DOCKER:
            step["throwaway"] = True
        steps.append(step)
    steps[-1] |= {
        "architecture": "amd64",
        "config": {"Cmd": ["/bin/run.sh"], "Env": ["HOME=/home/tool"]},
        "container": craft.dice.hex(32),
        "container_config": {"Cmd": ["/bin/sh", "-c", '#(nop) CMD ["/bin/run.sh"]'], "Env": ["HOME=/home/tool"]},
        "docker_version": "1.9.1",
        "os": "linux",
    }
    return steps[::-1]


def _metadata(top: dict[str, Any], layers: Sequence[Object]) -> Object:
    return {
        "kind": "DockerImage",
        "apiVersion": "1.0",
        "Id": top["id"],
        "Parent": top["parent"],
        "Created": top["created"],
        "Container": top["container"],
        "ContainerConfig": top["container_config"],
        "DockerVersion": top["docker_version"],
        "Config": top["config"],
        "Architecture": "amd64",
        "Size": objects.declared_size(layers, 0),
    }


def _jws(craft: Craft, manifest: str) -> str:
    """Make a signature block in the shape of libtrust's; the key and the signature are made up."""
    protected = {"formatLength": len(manifest) - 1, "formatTail": "fQ", "time": "2016-03-02T11:23:00Z"}
    key = {"crv": "P-256", "kid": "4XCF:DSXW:T2FI:FVYQ", "kty": "EC", "x": craft.dice.hex(16), "y": craft.dice.hex(16)}
    block = {
        "header": {"jwk": key, "alg": "ES256"},
        "signature": base64.urlsafe_b64encode(craft.dice.bytes(64)).decode(),
        "protected": base64.urlsafe_b64encode(orjson.dumps(protected)).decode(),
    }
    return base64.b64encode(orjson.dumps(block)).decode()


TRAPS = (kept, without_sizes, imported)
