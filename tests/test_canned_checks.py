"""Each check finds what it is for, in one fleet that has everything wrong, and nothing in a sound one."""

from __future__ import annotations

import json

import pytest
from fleets import DOCKER_IMAGE, OCI_IMAGE, ObjectSource, digest, image, index, signature, views_over

from indexer import queries
from indexer.catalog import open_catalog
from indexer.ingest import IngestOptions, ingest

CHECKS = queries.names("check")
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": OCI_IMAGE})


def sound_fleet():
    """Return an index with its child, of which nothing is odd."""
    return [
        image("child", ("base", 100), ("top", 10), metadata={"Size": 110 + 999}),
        index("list", ("child", "linux/amd64")),
    ]


def unsound_fleet():
    """Return objects, each wrong in one way, by the check that has to find it."""
    layer = {"name": "sha256:12", "size": 1, "mediaType": "x"}
    bare = {"digest": digest("c"), "mediaType": OCI_IMAGE, "os": "", "architecture": ""}
    pair = ("a", 10), ("b", 10)
    return {
        "children-listed-twice": index("twice", ("c", "linux/amd64"), ("c", "linux/arm64")),
        "config-digest-mismatch": image("config", ("l1", 1), dockerImageConfig='{"os":"linux"}'),
        "conflicting-layer-sizes": image("conflict", ("a", 11)),
        "dangling-children": index("dangling", ("gone", "linux/amd64")),
        "dates-from-the-future": image("future", ("l2", 1), metadata={"Created": "2242-01-01T00:00:00Z"}),
        "declared-size-mismatch": image("declared", ("l3", 100), metadata={"Size": 99}),
        "empty-child-platforms": index("bare", dockerImageManifests=[bare]),
        "invalid-kept-json": image("cut", ("l4", 1), dockerImageManifest='{"cut'),
        "layers-and-children": image("both", ("l5", 1), dockerImageManifests=[bare]),
        "malformed-digests": image("malformed", dockerImageLayers=[layer]),
        "malformed-names": image("x") | {"metadata": {"name": "hand-made"}},
        "name-not-manifest-digest": image("manifest", ("l6", 1), dockerImageManifest=MANIFEST),
        "negative-sizes": image("negative", ("l7", -5)),
        "reference-digest-mismatch": image("other", dockerImageReference="quay.io/a/b@" + digest("another")),
        "repeated-layers": image("repeated", ("l8", 1), ("l8", 1)),
        "unknown-layer-order": image("order", *pair, annotations={}, dockerImageManifestMediaType=""),
        "unknown-layer-sizes": image("unknown", ("l9", 0)),
        "unparsable-references": image("reference", dockerImageReference="quay.io/UPPER/case:1"),
        "unreadable-signatures": image("unreadable", signatures=[signature("unreadable")]),
    }


SUBJECTS = {"conflicting-layer-sizes": digest("a"), "unknown-layer-sizes": digest("l9"), "malformed-names": "hand-made"}


def subjects(catalog, check):
    """Return what a check complains of."""
    found = catalog.run(queries.load(check, "check")).to_arrow_table().to_pylist()
    assert all(row["detail"] for row in found)
    return {row["subject"] for row in found}


@pytest.fixture(scope="module")
def unsound():
    """Open the views over a fleet with everything wrong."""
    with views_over(*unsound_fleet().values()) as catalog:
        yield catalog


@pytest.fixture(scope="module")
def sound():
    """Open the views over a fleet without fault."""
    with views_over(*sound_fleet()) as catalog:
        yield catalog


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_fleet_has_no_findings(sound, check) -> None:
    """No check complains of an index and an image that are as a server writes them."""
    assert subjects(sound, check) == set()


@pytest.mark.parametrize("check", unsound_fleet())
def test_check_finds_what_it_is_for(unsound, check) -> None:
    """The object that is wrong in this way is among the findings."""
    expected = SUBJECTS.get(check, unsound_fleet()[check]["metadata"]["name"])
    assert expected in subjects(unsound, check)


def test_signatures_of_the_sample_that_were_moved_are_found(sample_catalog) -> None:
    """The sample has signatures that claim another digest, and unreadable ones; both are found."""
    assert subjects(sample_catalog, "signatures-for-other-images")
    assert subjects(sample_catalog, "unreadable-signatures")


def test_docker_media_types_tell_the_order(sound) -> None:
    """A schema 2 image without the annotation is no finding: its order is known to be reversed."""
    with views_over(image("old", ("a", 1), ("b", 2), annotations={}, dockerImageManifestMediaType=DOCKER_IMAGE)) as old:
        assert subjects(old, "unknown-layer-order") == set()


def test_a_partial_import_is_found(tmp_path) -> None:
    """A snapshot that was declared partial is a finding, where it is asked for by its name."""
    snapshot = ingest(ObjectSource([image("a")]), tmp_path, IngestOptions("fleet", is_complete=False))
    with open_catalog(tmp_path, snapshot=snapshot.receipt.snapshot_id) as catalog:
        assert subjects(catalog, "incomplete-snapshots") == {snapshot.receipt.snapshot_id}
