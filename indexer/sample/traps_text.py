"""Odd names, references, times, configurations, annotations and spellings of "nothing"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from indexer.sample import objects
from indexer.sample.craft import Craft, name_of
from indexer.sample.dice import timestamp
from indexer.sample.objects import Object, image_metadata
from indexer.sample.vocabulary import INTEGRATED_REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "quay.io/oddities/text"

_REFERENCES = (
    "openshift/hello@{name}",
    "busybox@{name}",
    "busybox:1.36",
    "docker.io/busybox@{name}",
    "index.docker.io/library/busybox@{name}",
    "registry-1.docker.io/library/busybox@{name}",
    "docker://quay.io/oddities/text@{name}",
    "docker-pullable://quay.io/oddities/text@{name}",
    "localhost/tool@{name}",
    "localhost:5000/team/tool:1.0",
    "registry.example.com:8443/team/sub/group/tool:2.1@{name}",
    "Registry.Example.COM/team/tool@{name}",
    "[2001:db8::5]:5000/team/tool@{name}",
)

_INTEGRATED = (
    (INTEGRATED_REGISTRY, objects.PUSHED),
    ("image-registry.openshift-image-registry.svc.cluster.local:5000", objects.PUSHED),
    ("default-route-openshift-image-registry.apps.cluster.example.com", objects.PUSHED),
    ("docker-registry.default.svc:5000", {objects.MANAGED_ANNOTATION: "true"}),
    ("172.30.55.29:5000", {objects.MANAGED_ANNOTATION: "true"}),
    # An image that was imported first and pushed later keeps no mark (T20).
    (INTEGRATED_REGISTRY, objects.IMPORTED),
)

_SENTINELS = (
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:01Z",
    "1980-01-01T00:00:01Z",
    "0001-01-01T00:00:00Z",
    "2042-01-01T00:00:00Z",
    None,
)


def references(craft: Craft) -> Iterator[Object]:
    """T21: every form that a pull reference takes."""
    for template in _REFERENCES:
        name = craft.dice.digest()
        yield craft.image("", name=name, reference=template.format(name=name))


def integrated_registry(craft: Craft) -> Iterator[Object]:
    """T20, T22: the integrated registry under all its names, and a pushed image that is not marked so."""
    for registry, marks in _INTEGRATED:
        yield craft.image(f"{registry}/team-a/tool", annotations=dict(marks))


def names(craft: Craft) -> Iterator[Object]:
    """Names that are no sha256 digest, and an object of a server that keeps labels."""
    yield craft.image(REPOSITORY, name="legacy-tool-latest")
    yield craft.image(REPOSITORY, name="sha512:" + craft.dice.hex(64))
    labelled = craft.image(REPOSITORY)
    name = labelled["metadata"]["name"]
    meta = {key: labelled["metadata"][key] for key in ("uid", "resourceVersion", "creationTimestamp")}
    labels = {"example.com/owner": "platform", "example.com/tier": ""}
    labelled["metadata"] = {"name": name, **meta, "labels": labels, "annotations": dict(objects.IMPORTED)}
    yield labelled


def build_times(craft: Craft) -> Iterator[Object]:
    """T24, T25: sentinels of reproducible builds, a date to come, none; an index whose date is that of its import."""
    for built_at in _SENTINELS:
        yield craft.image(REPOSITORY, built_at=built_at)
    label = {"Labels": {"build-date": "2019-06-01T10:00:00.123456", "org.opencontainers.image.created": "yesterday"}}
    old = craft.image(REPOSITORY, built_at="2019-06-01T10:00:00Z", config=label)
    yield old
    yield craft.index(REPOSITORY, [(name_of(old), objects.Platform("amd64"))])


def environments(craft: Craft) -> Iterator[Object]:
    """T29: `Env` without "=", with "=" in the value, twice the same, and with what looks like secrets (made up)."""
    env = ["PATH=/bin", "EMPTY=", "NO_EQUALS_SIGN", "OPTS=-Da=b -Dc=d", "TWICE=first", "TWICE=second", "ÜMLAUT=grüße"]
    yield craft.image(REPOSITORY, config={"Env": env})
    secrets = [
        "DB_PASSWORD=not-a-real-password",
        "API_TOKEN=0123456789abcdef0123456789abcdef",
        "AWS_SECRET_ACCESS_KEY=EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE",
        "DATABASE_URL=postgres://user:not-a-real-password@db.example.com/shop",
    ]
    yield craft.image(REPOSITORY, config={"Env": secrets})


def commands(craft: Craft) -> Iterator[Object]:
    """T29: commands that are absent, null, empty or one empty string; ports without a protocol."""
    for command in ([""], None, []):
        yield craft.image(REPOSITORY, config={"Cmd": command, "Entrypoint": command})
    ports: Object = {"8080": {}, "53/udp": {}, "8443/tcp": {}}
    yield craft.image(REPOSITORY, config={"ExposedPorts": ports, "Volumes": {"/data": {}}, "OnBuild": ["RUN true"]})
    labels = {"Version": "1", "version": "2", "": "empty key", "html": "<p>" + "words and markup " * 400 + "</p>"}
    yield craft.image(REPOSITORY, config={"Labels": labels})


def classic_build(craft: Craft) -> Iterator[Object]:
    """Leave what `docker build` of old left: parent, container, its configuration, versions, an author."""
    image = craft.image(REPOSITORY, craft.layers(3, objects.DOCKER_LAYER), objects.DOCKER_MANIFEST)
    metadata = image["dockerImageMetadata"]
    container = {"Hostname": "5c0e2fbd8a11", "Env": ["PATH=/bin"], "Cmd": ["/bin/sh", "-c", '#(nop)  CMD ["run"]']}
    image["dockerImageMetadata"] = {
        "kind": "DockerImage",
        "apiVersion": "1.0",
        "Id": metadata["Id"],
        "Parent": craft.dice.digest(),
        "Comment": "squashed by hand",
        "Created": metadata["Created"],
        "Container": craft.dice.hex(32),
        "ContainerConfig": container | {"Labels": {}, "Volumes": None},
        "DockerVersion": "1.13.1",
        "Author": "Jane Doe <jane@example.com>",
        "Config": metadata["Config"] | {"Memory": 0, "Tty": False, "Image": craft.dice.digest()},
        "Architecture": "amd64",
        "Size": metadata["Size"],
    }
    yield image


def lower_case_metadata(craft: Craft) -> Iterator[Object]:
    """Metadata of before Docker 0.12: the same data under lower-case keys."""
    image = craft.image(
        "172.30.55.29:5000/legacy/ancient", craft.layers(1, objects.SCHEMA1_LAYER), objects.DOCKER_SCHEMA1
    )
    image["dockerImageMetadata"] = {
        "id": craft.dice.hex(32),
        "created": "2014-06-05T04:03:02Z",
        "container_config": {"Cmd": ["/bin/sh"]},
        "docker_version": "0.11.1",
        "config": {"Env": ["HOME=/"], "Cmd": ["/bin/sh"]},
        "architecture": "amd64",
        "size": 51_234_254,
    }
    yield image | {"dockerImageMetadataVersion": "pre012"}


def nothing(craft: Craft) -> Iterator[Object]:
    """All spellings of an absent value: null, empty string, empty array, empty object, no key."""
    texts, arrays = ("dockerImageManifest", "dockerImageConfig"), ("dockerImageSignatures", "signatures")
    spellings: list[tuple[Any, Any]] = [("", []), (None, None)]
    for text, array in spellings:
        image: Object = craft.image(REPOSITORY) | dict.fromkeys(texts, text) | dict.fromkeys(arrays, array)
        yield image | {"dockerImageManifests": array}
    empty = image_metadata("", None, None, "", 0)
    for metadata in (None, {}, empty):
        yield craft.image(REPOSITORY) | {"dockerImageMetadata": metadata, "dockerImageMetadataVersion": ""}
    image = craft.image(REPOSITORY, annotations=None)
    image["metadata"] |= {"annotations": {}, "labels": None}
    yield image | {"dockerImageReference": ""}
    bare = craft.image(REPOSITORY)
    yield {"metadata": {"name": name_of(bare)}, "dockerImageReference": bare["dockerImageReference"]}


def scanner_results(craft: Craft) -> Iterator[Object]:
    """Scanner results in every spelling of `compliant`, broken ones, the refusal to run, empty values."""
    for compliant in (True, "false"):
        finding = {"label": "critical", "data": "3", "severityIndex": 3, "reference": "https://scan.example.com/1"}
        result = {"name": "scan", "timestamp": timestamp(craft.now), "compliant": compliant, "summary": [finding]}
        text = orjson.dumps(result | {"description": "Vulnerabilities", "scannerVersion": "1.2"}).decode()
        yield craft.image(
            REPOSITORY, annotations=objects.IMPORTED | {"quality.images.openshift.io/vulnerability.scan": text}
        )
    broken = {"quality.images.openshift.io/policy.scan": "{not json", "images.openshift.io/deny-execution": "true"}
    yield craft.image(REPOSITORY, annotations=objects.IMPORTED | broken | {"example.com/note": ""})


def unknown_fields(craft: Craft) -> Iterator[Object]:
    """`managedFields` of a write through the API, and fields that no published schema knows."""
    image = craft.image(REPOSITORY)
    managed = {
        "manager": "openshift-apiserver",
        "operation": "Update",
        "apiVersion": "image.openshift.io/v1",
        "time": timestamp(craft.now),
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:dockerImageLayers": {}, "f:dockerImageMetadata": {}, "f:dockerImageReference": {}},
    }
    image["metadata"]["managedFields"] = [managed]
    yield image
    future = craft.image(REPOSITORY)
    future["dockerImageMetadata"] |= {"Os": "linux", "RootFS": {"Type": "layers"}}
    future["dockerImageLayers"] = [future["dockerImageLayers"][0] | {"annotations": {"x": "y"}, "urls": None}]
    yield future | {"mirroredFrom": ["mirror.example.com"], "fieldOfTomorrow": {"number": 1.5, "flag": True}}


TRAPS = (
    references,
    integrated_registry,
    names,
    build_times,
    environments,
    commands,
    classic_build,
    lower_case_metadata,
    nothing,
    scanner_results,
    unknown_fields,
)
