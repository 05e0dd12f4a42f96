"""Everything that is odd about real Images is in the committed sample: a table of trap and predicate."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from sample_objects import (
    annotations,
    children,
    committed_images,
    config,
    is_schema1,
    keeps,
    layers,
    metadata,
    reference,
    signatures,
    statuses,
)

EMPTY_LAYERS = ("sha256:a3ed95ca", "sha256:4f4fb700", "sha256:e3b0c442")


@pytest.fixture
def images():
    """Give all objects of the committed pages."""
    return committed_images()


def has_layer_type(text):
    """Whether a layer's media type contains a text."""
    return lambda image: any(text in entry["mediaType"] for entry in layers(image))


def has_layer(prefix):
    """Whether a layer's digest starts so."""
    return lambda image: any(entry["name"].startswith(prefix) for entry in layers(image))


def is_built_at(text):
    """Whether the object says it was built then."""
    return lambda image: "Created" in metadata(image) and metadata(image)["Created"] == text


def refers(start, *parts):
    """Whether a reference starts so and has these parts."""
    return lambda image: reference(image).startswith(start) and all(part in reference(image) for part in parts)


def has_architecture(text):
    """Whether the metadata names this architecture."""
    return lambda image: metadata(image).get("Architecture") == text


def has_child(**wanted):
    """Whether a child of an index has these values (None: no such key)."""
    return lambda image: any(all(c.get(k) == v for k, v in wanted.items()) for c in children(image))


def has_order(value):
    """Whether the order annotation has this value (None: absent) on an image with layers."""
    return lambda image: layers(image) and annotations(image).get("image.openshift.io/dockerLayersOrder") == value


def history_fits(image):
    """Whether the kept history has one step for each layer."""
    kept = json.loads(image["dockerImageConfig"])
    steps = [step for step in kept["history"] if not step.get("empty_layer")]
    return len(steps) == len(layers(image)) == len(kept["rootfs"]["diff_ids"])


def spelled(field, value):
    """Whether a field is there with this very value."""
    return lambda image: field in image and image[field] == value and type(image[field]) is type(value)


TRAPS = {
    "T1 layer repeated": lambda i: len({e["name"] for e in layers(i)}) < len(layers(i)),
    "T2 empty layer of docker": has_layer(EMPTY_LAYERS[0]),
    "T2 empty layer of BuildKit": has_layer(EMPTY_LAYERS[1]),
    "T2 layer of no bytes": has_layer(EMPTY_LAYERS[2]),
    "T3 uncompressed OCI": lambda i: any(e["mediaType"].endswith("layer.v1.tar") for e in layers(i)),
    "T3 uncompressed docker": lambda i: any(e["mediaType"].endswith("diff.tar") for e in layers(i)),
    "T3 zstd": has_layer_type("zstd"),
    "T3 schema 1 size 0": lambda i: is_schema1(i) and layers(i) and not any(e["size"] for e in layers(i)),
    "T6 foreign": has_layer_type("foreign"),
    "T6 non-distributable": has_layer_type("nondistributable"),
    "T9 index": lambda i: children(i) and not layers(i) and "Size" not in metadata(i),
    "T11 ascending": has_order("ascending"),
    "T11 descending": has_order("descending"),
    "T11 empty": has_order(""),
    "T11 absent": has_order(None),
    "T11 descending with manifest": lambda i: keeps(i) and has_order("descending")(i),
    "T11 absent with manifest": lambda i: keeps(i) and has_order(None)(i),
    "T11 absent in schema 1": lambda i: is_schema1(i) and has_order(None)(i),
    "T11 absent, no media type": lambda i: i.get("dockerImageManifestMediaType") == "" and has_order(None)(i),
    "T11 empty on a pushed index": lambda i: (
        children(i) and annotations(i).get("image.openshift.io/dockerLayersOrder") == ""
    ),
    "T12 variant in config": lambda i: keeps(i) and "variant" in json.loads(i["dockerImageConfig"]),
    "T12 windows in config": lambda i: keeps(i) and json.loads(i["dockerImageConfig"])["os"] == "windows",
    "T12 label only": lambda i: "Architecture" not in metadata(i) and "architecture" in config(i).get("Labels", {}),
    "T12 nothing": lambda i: "Architecture" not in metadata(i) and config(i) and "Labels" not in config(i),
    "T12 windows by command": lambda i: "cmd.exe" in json.dumps(config(i).get("Cmd")),
    "T12 windows by powershell": lambda i: "powershell" in json.dumps(config(i).get("Entrypoint")),
    **{
        f"T13 {name}": has_architecture(name)
        for name in ("x86_64", "aarch64", "AMD64", "i386", "armhf", "armel", "arm")
    },
    "T13 arm/v7": has_child(architecture="arm", variant="v7"),
    "T13 arm without variant": has_child(architecture="arm", variant=None),
    "T13 arm64/8": has_child(architecture="arm64", variant="8"),
    "T13 amd64/v3": has_child(architecture="amd64", variant="v3"),
    "T13 macos": has_child(os="macos"),
    "T14 label against config": lambda i: (
        has_architecture("amd64")(i) and config(i).get("Labels", {}).get("architecture") == "aarch64"
    ),
    "T15 attestation child": has_child(os="unknown", architecture="unknown"),
    "T15 attestation": has_layer_type("in-toto"),
    "T15 cosign": has_layer_type("cosign"),
    "T15 helm": has_layer_type("helm"),
    "T15 no config, no date": lambda i: (
        layers(i) and metadata(i).get("Created") is None and "Config" not in metadata(i)
    ),
    "T16 importer's record": lambda i: any(s["type"] == "AtomicImageV1" for s in signatures(i)),
    "T16 client's record": lambda i: any(s["type"] == "atomic" for s in signatures(i)),
    "T16 verified": lambda i: statuses(i, "Trusted") == ["True"] == statuses(i, "ForImage"),
    "T16 not trusted": lambda i: statuses(i, "Trusted") == ["False"],
    "T16 not for the image": lambda i: statuses(i, "ForImage") == ["False"],
    "T16 unknown": lambda i: statuses(i, "Trusted") == ["Unknown"],
    "T16 older true, newer false": lambda i: statuses(i, "Trusted") == ["True", "False"],
    "T16 newer first": lambda i: any(
        [c["lastProbeTime"] for c in s.get("conditions", []) if c.get("lastProbeTime")][:1]
        > [c["lastProbeTime"] for c in s.get("conditions", []) if c.get("lastProbeTime")][-1:]
        for s in signatures(i)
    ),
    "T16 two records": lambda i: len(signatures(i)) == 2,
    "T16 third party's fields": lambda i: any("signedClaims" in s and "issuedTo" in s for s in signatures(i)),
    "T17 signed index": lambda i: children(i) and signatures(i),
    "T18 JWS of schema 1": lambda i: bool(i.get("dockerImageSignatures")),
    "T20 pushed without a mark": lambda i: (
        "svc:5000" in reference(i) and "openshift.io/image.managed" not in annotations(i)
    ),
    "T20 managed": lambda i: annotations(i).get("openshift.io/image.managed") == "true",
    "T21 no registry": refers("openshift/hello@"),
    "T21 one component": refers("busybox@"),
    "T21 tag, no digest": refers("busybox:1.36"),
    "T21 docker://": refers("docker://"),
    "T21 docker-pullable://": refers("docker-pullable://"),
    "T21 port, tag and digest": refers("registry.example.com:8443/team/sub/group/tool:2.1@"),
    "T21 IPv6": refers("[2001:db8::5]:5000/"),
    "T21 upper case host": refers("Registry.Example.COM/"),
    "T21 index.docker.io": refers("index.docker.io/"),
    "T22 cluster.local": refers("image-registry.openshift-image-registry.svc.cluster.local:5000/"),
    "T22 default route": refers("default-route-openshift-image-registry.apps."),
    "T22 3.x service": refers("docker-registry.default.svc:5000/"),
    "T22 3.x address": refers("172.30.55.29:5000/"),
    "T24 index dated by its import": lambda i: (
        children(i) and metadata(i)["Created"] == i["metadata"]["creationTimestamp"]
    ),
    **{
        f"T25 {text}": is_built_at(text)
        for text in ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z", "1980-01-01T00:00:01Z", "0001-01-01T00:00:00Z")
    },
    "T25 to come": is_built_at("2042-01-01T00:00:00Z"),
    "T25 null": is_built_at(None),
    "T27 fitting history": lambda i: keeps(i) and history_fits(i),
    "T27 history too short": lambda i: (
        keeps(i) and json.loads(i["dockerImageConfig"])["history"] and not history_fits(i)
    ),
    "T27 no history": lambda i: keeps(i) and not json.loads(i["dockerImageConfig"])["history"],
    "T27 throwaway": lambda i: "throwaway" in (i.get("dockerImageManifest") or ""),
    "T28 diff ids are digests": lambda i: (
        keeps(i) and json.loads(i["dockerImageConfig"])["rootfs"]["diff_ids"] == [e["name"] for e in layers(i)]
    ),
    "T29 command of an empty string": lambda i: config(i).get("Cmd") == [""],
    "T29 null command": lambda i: "Cmd" in config(i) and config(i)["Cmd"] is None,
    "T29 port without protocol": lambda i: "8080" in config(i).get("ExposedPorts", {}),
    "T29 Env without =": lambda i: "NO_EQUALS_SIGN" in config(i).get("Env", []),
    "T29 Env twice": lambda i: sum(e.startswith("TWICE=") for e in config(i).get("Env", [])) == 2,
    "secrets in Env": lambda i: any(e.startswith("DB_PASSWORD=") for e in config(i).get("Env", [])),
    "labels differing by case": lambda i: {"Version", "version", ""} <= set(config(i).get("Labels", {})),
    "name is no digest": lambda i: not i["metadata"]["name"].startswith(("sha256:", "sha512:")),
    "sha512 name": lambda i: i["metadata"]["name"].startswith("sha512:"),
    "object labels": lambda i: bool(i["metadata"].get("labels")),
    "managedFields": lambda i: bool(i["metadata"].get("managedFields")),
    "unknown field": lambda i: "fieldOfTomorrow" in i,
    "pre012": lambda i: i.get("dockerImageMetadataVersion") == "pre012" and "container_config" in metadata(i),
    "empty version": spelled("dockerImageMetadataVersion", ""),
    "layers absent": lambda i: "dockerImageLayers" not in i and not children(i),
    "layers []": spelled("dockerImageLayers", []),
    "layers null": spelled("dockerImageLayers", None),
    "metadata {}": spelled("dockerImageMetadata", {}),
    "metadata null": spelled("dockerImageMetadata", None),
    "manifest text empty": spelled("dockerImageManifest", ""),
    "manifest text null": spelled("dockerImageManifest", None),
    "signatures []": spelled("signatures", []),
    "signatures null": spelled("signatures", None),
    "reference empty": spelled("dockerImageReference", ""),
    "annotations {}": lambda i: i["metadata"].get("annotations") == {},
    "scanner says true": lambda i: any('"compliant":true' in v for v in annotations(i).values()),
    "scanner says 'false'": lambda i: any('"compliant":"false"' in v for v in annotations(i).values()),
    "scanner's broken text": lambda i: "{not json" in annotations(i).values(),
    "classic build": lambda i: "DockerVersion" in metadata(i) and "Parent" in metadata(i) and not is_schema1(i),
    "long text": lambda i: len(json.dumps(i)) > 10_000,
}


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_is_in_the_sample(trap, images):
    """Each oddity of the reference shows in at least one committed object."""
    assert any(TRAPS[trap](image) for image in images)


def test_traps_over_several_objects(images):
    """Oddities that need more than one object: disputed sizes and types, missing, shared and nested children."""
    sizes, types = {}, {}
    for entry in (entry for image in images for entry in layers(image)):
        sizes.setdefault(entry["name"], set()).add(entry["size"])
        types.setdefault(entry["name"], set()).add(entry["mediaType"])
    names = {image["metadata"]["name"] for image in images}
    indexes = {image["metadata"]["name"] for image in images if children(image)}
    parents = Counter(child["digest"] for image in images for child in children(image))
    signed = {image["metadata"]["name"] for image in images if signatures(image)}
    assert any(len(seen) > 1 and 0 not in seen for seen in sizes.values())
    assert any(len(seen) > 1 and 0 in seen for seen in sizes.values())
    assert any({0} == seen for name, seen in sizes.items() if not name.startswith(EMPTY_LAYERS))
    assert any(len(seen) > 1 for seen in types.values())
    assert parents.keys() - names, "some children are missing"
    assert max(parents.values()) > 1, "a child of several indexes"
    assert parents.keys() & indexes, "an index in an index"
    assert any(
        image["metadata"]["name"] in signed and all(child["digest"] not in signed for child in children(image))
        for image in images
        if children(image)
    )


def test_list_and_config_disagree(images):
    """T14: some child is arm64 to its index and amd64 to itself."""
    by_name = {image["metadata"]["name"]: image for image in images}
    pairs = [(child, by_name.get(child["digest"])) for image in images for child in children(image)]
    assert any(child["architecture"] == "arm64" and has_architecture("amd64")(found) for child, found in pairs if found)


def test_one_content_under_two_digests(images):
    """T5: two images with one diff id and different layer digests."""
    kept = [
        (json.loads(i["dockerImageConfig"])["rootfs"]["diff_ids"], layers(i)[0]["name"]) for i in images if keeps(i)
    ]
    pairs = {(tuple(ids), name) for ids, name in kept}
    assert len({ids for ids, _ in pairs}) < len(pairs)
