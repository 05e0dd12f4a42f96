"""The views say what the reference says of Images one by one: order, references, platforms, kinds, signatures."""

from __future__ import annotations

import json
from functools import cache

import pytest
from fleets import (
    DOCKER_IMAGE,
    FOREIGN_LAYER,
    IN_TOTO,
    LAYERS_ORDER,
    SCHEMA1,
    digest,
    image,
    index,
    rows,
    signature,
    views_over,
)

from indexer.view_schema import VIEWS

ORDERS = {
    "annotation-ascending": ({"annotations": {LAYERS_ORDER: "ascending"}}, False),
    "annotation-descending": ({"annotations": {LAYERS_ORDER: "descending"}}, True),
    "annotation-empty": ({"annotations": {LAYERS_ORDER: ""}}, False),
    "default-schema1": ({"annotations": {}, "dockerImageManifestMediaType": SCHEMA1}, False),
    "default-reversed": ({"annotations": {}, "dockerImageManifestMediaType": DOCKER_IMAGE}, True),
    "default-unknown": ({"annotations": {}, "dockerImageManifestMediaType": ""}, False),
}

REFERENCES = {
    "quay.io/org/app@sha256:ab": ("quay.io", "org/app", None, "sha256:ab"),
    "openshift/hello": ("docker.io", "openshift/hello", None, None),
    "busybox:1.36": ("docker.io", "library/busybox", "1.36", None),
    "index.docker.io/busybox": ("docker.io", "library/busybox", None, None),
    "registry-1.docker.io/library/busybox": ("docker.io", "library/busybox", None, None),
    "localhost/app": ("localhost", "app", None, None),
    "localhost:5000/app:v1@sha256:ab": ("localhost:5000", "app", "v1", "sha256:ab"),
    "Registry.Example.COM:5000/a/b/c/d:v1": ("registry.example.com:5000", "a/b/c/d", "v1", None),
    "[2001:db8::1]:5000/ns/app@sha256:ab": ("[2001:db8::1]:5000", "ns/app", None, "sha256:ab"),
    "[::1]/app:v2": ("[::1]", "app", "v2", None),
    "docker://quay.io/org/app:v1": ("quay.io", "org/app", "v1", None),
    "docker-pullable://quay.io/org/app@sha256:ab": ("quay.io", "org/app", None, "sha256:ab"),
    "172.30.55.29:5000/ns/app@sha256:ab": ("172.30.55.29:5000", "ns/app", None, "sha256:ab"),
    "": (None, None, None, None),
}

PLATFORMS = {
    "linux/x86_64": "linux/amd64",
    "Linux/AMD64/v1": "linux/amd64",
    "linux/amd64/v3": "linux/amd64/v3",
    "linux/aarch64": "linux/arm64",
    "linux/arm64/v8": "linux/arm64",
    "linux/arm64/v9": "linux/arm64/v9",
    "linux/arm": "linux/arm/v7",
    "linux/arm/6": "linux/arm/v6",
    "linux/armhf": "linux/arm/v7",
    "linux/armel": "linux/arm/v6",
    "linux/i386": "linux/386",
    "linux/i386/v1": "linux/386",
    "linux/X86-64/1": "linux/amd64/1",
    "linux/aarch64/v9": "linux/arm64/v9",
    "linux/aarch64/v8.2": "linux/arm64/v8.2",
    "linux/armhf/v6": "linux/arm/v7",
    "linux/armel/7": "linux/arm/v6",
    "macos/arm64": "darwin/arm64",
}

NO_ARCHITECTURE = {"metadata": {"Architecture": ""}}
ARM_CONFIG = '{"architecture":"arm","variant":"v6","os":"linux"}'
EVIDENCE = {
    "metadata": ({}, ("linux/amd64", "metadata", "assumed")),
    "kept config": ({"dockerImageConfig": ARM_CONFIG}, ("linux/arm/v6", "config", "config")),
    "cut config": ({"dockerImageConfig": "{cut"}, ("linux/amd64", "metadata", "assumed")),
    "label": (
        NO_ARCHITECTURE | {"config": {"Labels": {"architecture": "x86_64"}}},
        ("linux/amd64", "label", "assumed"),
    ),
    "nothing": (NO_ARCHITECTURE, (None, "unknown", "assumed")),
    "drive": ({"config": {"Entrypoint": ["C:\\app\\run.exe"]}}, ("windows/amd64", "metadata", "inferred")),
    "shell": ({"config": {"Cmd": ["powershell", "-Command"]}}, ("windows/amd64", "metadata", "inferred")),
}

SENTINELS = ["1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z", "1980-01-01T00:00:01Z", "0001-01-01T00:00:00Z"]

TRUSTED = ("Trusted", "True", "2024-02-01T00:00:00Z")
FOR_IMAGE = ("ForImage", "True", "2024-02-01T00:00:00Z")
CONDITIONS = {
    "both": ([[TRUSTED, FOR_IMAGE]], True),
    "one": ([[TRUSTED]], False),
    "none": ([[]], False),
    "withdrawn": ([[TRUSTED, ("Trusted", "False", "2024-03-01T00:00:00Z"), FOR_IMAGE]], False),
    "given again": ([[TRUSTED, ("Trusted", "False", "2024-01-01T00:00:00Z"), FOR_IMAGE]], True),
    "on two signatures": ([[TRUSTED], [FOR_IMAGE]], False),
}

SIZES = {
    "sound": ({"metadata": {"Size": 1000 + 777}}, 777),
    "kept": ({"metadata": {"Size": 1}, "dockerImageConfig": '{"os":"linux","x":"ü"}'}, 23),
    "huge": ({"metadata": {"Size": 90_000_000}}, None),
    "unknown": ({"metadata": {"Size": 0}}, None),
    "schema 1": ({"metadata": {"Size": 1777, "Id": "ab" * 32}, "dockerImageManifestMediaType": SCHEMA1}, None),
}

EMPTY_CONFIG = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
ARTIFACTS = {
    IN_TOTO: "attestation",
    "application/vnd.dev.cosign.simplesigning.v1+json": "cosign-signature",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip": "helm-chart",
    "application/vnd.example.thing": "other",
}
NO_CONFIG = {"metadata": {"Architecture": "", "Config": None, "Created": None}}


def history_config(diff_id_count):
    """Make a config of three steps, one of them without a layer."""
    steps = [{"created_by": "one"}, {"created_by": "two", "empty_layer": True}, {"created_by": "three"}]
    return json.dumps({"history": steps, "rootfs": {"diff_ids": list(map(str, range(diff_id_count)))}})


def odd_objects():
    """Yield an object for each case above, named after it."""
    for word, (more, _) in ORDERS.items():
        yield image(word, ("order base", 10), ("order middle", 20), ("order top", 30), **more)
    for reference in REFERENCES:
        yield image("reference " + reference, dockerImageReference=reference)
    for platform in PLATFORMS:
        yield image("child " + platform)
        yield index("list " + platform, ("child " + platform, platform))
    for cases in (EVIDENCE, SIZES):
        for word, (more, _) in cases.items():
            yield image(word, ("evidence", 1000), **more)
    for created in SENTINELS:
        yield image(created, metadata={"Created": created})
    for word, (conditions, _) in CONDITIONS.items():
        yield image(word, signatures=[signature(word, *each) for each in conditions])
    for media_type in ARTIFACTS:
        layer = {"name": digest("content of " + media_type), "size": 9, "mediaType": media_type}
        yield image(media_type, dockerImageLayers=[layer], **NO_CONFIG)
    yield image("empty config", metadata={"Id": EMPTY_CONFIG})
    yield image("listed as attestation")
    yield index("lists an attestation", ("listed as attestation", "unknown/unknown"))
    yield image("windows", dockerImageLayers=[{"name": digest("w"), "size": 100, "mediaType": FOREIGN_LAYER}])
    yield image("env", config={"Env": ["A=1", "B=x=y", "A=2", "C=", "D"]})
    pair = ("first", 1), ("second", 2)
    yield image("history", *pair, dockerImageConfig=history_config(2))
    top_first = {"annotations": {LAYERS_ORDER: "descending"}}
    yield image("history top first", *reversed(pair), dockerImageConfig=history_config(2), **top_first)
    yield image("squashed", ("first", 1), dockerImageConfig=history_config(1))


@pytest.fixture(scope="module")
def odd():
    """Open the views over all the odd objects."""
    with views_over(*odd_objects()) as catalog:
        yield catalog


@pytest.fixture(scope="module")
def found(odd):
    """Look up columns of an image by its word."""

    @cache
    def table(columns, view):
        return {name: tuple(rest) for name, *rest in rows(odd, f"SELECT image_name, {columns} FROM {view}")}

    return lambda word, columns, view="images": table(columns, view)[digest(word)]


@pytest.fixture(scope="module")
def empty():
    """Open the views over a snapshot without images."""
    with views_over() as catalog:
        yield catalog


@pytest.mark.parametrize("schema", ["main", "all_snapshots"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_view_yields_its_declared_columns(empty, schema, view) -> None:
    """Each view has the declared columns and types in the declared order, also over no images at all."""
    relation = empty.sql(f"SELECT * FROM {schema}.{view.name}")
    declared = [(column.name, column.type) for column in view.columns]
    assert list(zip(relation.columns, map(str, relation.types), strict=True)) == declared
    if schema == "main" and view.columns[0].name == "cluster" and view.grain != "snapshot":
        assert relation.to_arrow_table().num_rows == 0


def test_every_view_file_is_declared() -> None:
    """Nothing lies in the folder of views that the dictionary does not know."""
    from indexer.resources import resource_folder

    files = {path.stem for path in (resource_folder("queries") / "views").glob("*.sql")}
    assert files == {view.name for view in VIEWS}


@pytest.mark.parametrize("source", ORDERS)
def test_layers_stand_base_first(odd, found, source) -> None:
    """The rule of the annotation, or of the media type without one, puts the base at position 0."""
    stored = [digest(word) for word in ("order base", "order middle", "order top")]
    sql = "SELECT layer_digest, position FROM image_layers WHERE image_name = $name ORDER BY position"
    expected = reversed(stored) if ORDERS[source][1] else stored
    assert rows(odd, sql, name=digest(source)) == [(name, place) for place, name in enumerate(expected)]
    assert found(source, "layer_order_source, layer_count") == (source, 3)


@pytest.mark.parametrize("reference", REFERENCES)
def test_references_are_parsed(found, reference) -> None:
    """Hosts, ports, IPv6, tags beside digests, Docker Hub's short names and old prefixes are told apart."""
    columns = "registry, repository, reference_tag, reference_digest"
    assert found("reference " + reference, columns) == REFERENCES[reference]


@pytest.mark.parametrize("stated", PLATFORMS)
def test_platforms_are_normalised(found, stated) -> None:
    """An index's spelling of a platform becomes containerd's, on the edge and on the child."""
    assert found("list " + stated, "platform", "image_manifests") == (PLATFORMS[stated],)
    assert found("child " + stated, "platform, platform_source, os_source") == (PLATFORMS[stated], "index", "index")


@pytest.mark.parametrize("word", EVIDENCE)
def test_the_best_evidence_names_the_platform(found, word) -> None:
    """Config, metadata and label follow each other, and the operating system says how it is known."""
    assert found(word, "platform, platform_source, os_source") == EVIDENCE[word][1]


def test_foreign_layers_mean_windows(found) -> None:
    """A foreign base layer is evidence for Windows."""
    assert found("windows", "platform, os_source") == ("windows/amd64", "inferred")


@pytest.mark.parametrize("media_type", ARTIFACTS)
def test_artifacts_are_told_by_their_content(found, media_type) -> None:
    """Attestations, signatures, charts and unknown content without a config are artifacts."""
    assert found(media_type, "kind, artifact_type, os") == ("artifact", ARTIFACTS[media_type], None)


def test_artifacts_are_told_by_index_and_config(odd, found) -> None:
    """What an index lists for no platform is an attestation; an empty config makes an artifact."""
    assert found("listed as attestation", "kind, artifact_type") == ("artifact", "attestation")
    assert found("empty config", "kind, artifact_type") == ("artifact", "other")
    assert rows(odd, "SELECT image_name FROM image_manifests WHERE is_attestation") == [
        (digest("lists an attestation"),)
    ]


@pytest.mark.parametrize("created", SENTINELS)
def test_placeholder_dates_are_no_build_times(found, created) -> None:
    """Dates that reproducible builds write become null and are marked."""
    assert found(created, "built_at, is_built_at_sentinel") == (None, True)


def test_an_index_has_neither_build_time_nor_platform(found) -> None:
    """The creation time of an index is the moment of its import."""
    columns = "kind, built_at, is_built_at_sentinel, platform, platform_source"
    assert found("lists an attestation", columns) == ("index", None, False, None, None)


@pytest.mark.parametrize("word", CONDITIONS)
def test_trust_takes_the_newest_conditions(found, word) -> None:
    """An image is trusted when the newest Trusted and the newest ForImage of one signature are True."""
    conditions, is_trusted = CONDITIONS[word]
    assert found(word, "signature_count, is_signed, is_trusted") == (len(conditions), True, is_trusted)


def test_env_takes_the_last_value(odd) -> None:
    """Values keep their equals signs, the last of a name wins, and an entry without one has no value."""
    assert dict(rows(odd, "SELECT key, value FROM image_env")) == {"A": "2", "B": "x=y", "C": "", "D": None}


@pytest.mark.parametrize("word", SIZES)
def test_config_bytes_are_told_where_they_can_be(found, word) -> None:
    """The config is what the declared size leaves over, unless sizes are unknown or the rest is no config's."""
    assert found(word, "config_bytes", "image_sizes") == (SIZES[word][1],)


def test_history_pairs_with_layers_only_where_they_match(odd) -> None:
    """Steps that made layers pair base first, also when layers are stored top first; a squashed image names none."""
    sql = "SELECT layer_digest FROM image_history WHERE image_name = $name ORDER BY position"
    paired = [(digest("first"),), (None,), (digest("second"),)]
    assert rows(odd, sql, name=digest("history")) == paired
    assert rows(odd, sql, name=digest("history top first")) == paired
    assert rows(odd, sql, name=digest("squashed")) == [(None,)] * 3


def test_vectors_of_the_reference(shared) -> None:
    """The reference's example objects read as it says: order, sizes, kinds, platforms, trust, history."""
    objects = [json.loads(path.read_text()) for path in sorted((shared / "reference" / "vectors").glob("ex_*.json"))]
    columns = "image_name, kind, platform, os_source, logical_bytes, config_bytes, is_trusted"
    joined = "images INNER JOIN image_sizes USING (cluster, snapshot_id, image_name, config_digest)"
    with views_over(*objects) as catalog:
        read = {name[7:11]: rest for name, *rest in rows(catalog, f"SELECT {columns} FROM {joined}")}
        steps = rows(catalog, "SELECT layer_digest[8:11], is_empty_layer FROM image_history ORDER BY position")
        indexes = rows(catalog, "SELECT logical_bytes FROM image_sizes WHERE child_count = 3")
    assert read == {
        "dcd1": ["image", "linux/amd64", "index", 39654012 + 32 + 7204411, 1130, False],
        "cd1b": ["image", "linux/amd64", "assumed", 78123456, 5321, True],
        "a4ca": ["image", "windows/amd64", "inferred", 1718332879 + 1391022, 2891, False],
    }
    assert indexes == [(39654012 + 32 + 7204411,)]
    assert steps == [("4bf0", False), ("a3ed", True), ("d62a", False), ("a3ed", True)]
