"""Decoding of reference data beside the project: nothing is lost, and each vector says what the reference says."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from image_objects import decoded

from indexer.decode import BadItems, decode_page
from indexer.pages import Page, read_page

if TYPE_CHECKING:
    from pathlib import Path


def _reference_objects(shared: Path, which: str) -> list[bytes]:
    if which == "vectors":
        return [path.read_bytes() for path in sorted((shared / "reference" / "vectors").glob("*.json"))]
    if which == "genuine":
        lines = gzip.decompress((shared / "data/genuine/images.ndjson.gz").read_bytes()).splitlines()
        return [*lines, *(shared / "data/genuine/derived-signed.ndjson").read_bytes().splitlines()]
    pages = sorted((shared / "data/slice/pages").glob("*.json.gz"))
    return [bytes(item) for path in pages for item in read_page(gzip.decompress(path.read_bytes()), path.name).items]


@pytest.mark.parametrize(("which", "nameless_count"), [("vectors", 0), ("genuine", 6), ("slice", 0)])
def test_raw_object_of_every_reference_object_equals_its_source(shared: Path, which: str, nameless_count: int) -> None:
    """Every object decodes but those without a name, and every kept one equals its source, parsed."""
    texts = _reference_objects(shared, which)
    bad_items = BadItems(skip=True)
    rows = decode_page(Page(which, texts), bad_items).to_pylist()
    named = [item for item in map(json.loads, texts) if (item.get("metadata") or {}).get("name")]
    assert [json.loads(row["raw_json"]) for row in rows] == named != []
    assert [item.reason for item in bad_items.skipped] == ["it has no metadata.name."] * nameless_count


def _vector(shared: Path, letter: str) -> dict[str, Any]:
    (row,) = decoded((shared / "reference" / "vectors" / f"ex_{letter}.json").read_bytes())
    return row


def test_vector_a_single_image(shared: Path) -> None:
    """An imported OCI image: four layers in order, the empty one twice, and the declared size counts it once."""
    row = _vector(shared, "a")
    sizes = [layer["size"] for layer in row["docker_image_layers"]]
    assert sizes == [39654012, 32, 7204411, 32]
    assert row["docker_image_metadata"]["size"] == 1130 + 39654012 + 32 + 7204411
    assert row["docker_image_metadata"]["config"]["exposed_ports"] == ["8080/tcp"]
    assert row["docker_image_metadata"]["config"]["labels"]["vendor"] == "Example"
    assert row["docker_image_metadata"]["container_config"] is None
    assert row["metadata"]["annotations"] == {"image.openshift.io/dockerLayersOrder": "ascending"}


def test_vector_b_index(shared: Path) -> None:
    """An index: three children with their platforms, no layers, no size."""
    row = _vector(shared, "b")
    children = row["docker_image_manifests"]
    assert [child["manifest_size"] for child in children] == [871, 871, 388]
    assert [(child["os"], child["architecture"], child["variant"]) for child in children] == [
        ("linux", "amd64", None),
        ("linux", "arm64", "v8"),
        ("unknown", "unknown", None),
    ]
    assert (row["docker_image_layers"], row["docker_image_metadata"]["size"]) == (None, None)


def test_vector_c_schema_1(shared: Path) -> None:
    """A schema 1 image: base first as stored, its JWS signature apart from `signatures`."""
    row = _vector(shared, "c")
    assert [layer["size"] for layer in row["docker_image_layers"]] == [51233018, 32, 1204, 32]
    assert len(row["docker_image_signatures"]) == 1
    assert (row["signatures"], row["signature_readings"]) == (None, None)
    assert json.loads(row["docker_image_manifest"])["schemaVersion"] == 1
    assert row["docker_image_metadata"]["container_config"]["env"] == ["HOME=/root"]


def test_vector_d_signature(shared: Path) -> None:
    """A signed image: conditions and issuer as recorded, and what the blob says of itself."""
    row = _vector(shared, "d")
    (signature,), (reading,) = row["signatures"], row["signature_readings"]
    assert [(one["type"], one["status"]) for one in signature["conditions"]] == [
        ("Trusted", "True"),
        ("ForImage", "True"),
    ]
    assert signature["issued_by"] == {"common_name": "D1388EE935F30E18", "organization": None}
    assert signature["issued_to"]["public_key_id"] == "0xd1388ee935f30e18"
    assert signature["signed_claims"] == {"docker-manifest-digest": row["metadata"]["name"]}
    assert (reading["state"], reading["key_id"]) == ("readable", "D1388EE935F30E18")
    assert reading["claimed_digest"] == row["metadata"]["name"]
    assert reading["claimed_reference"] == "registry.example.com/rhel/tool:1.0"


def test_vector_e_windows(shared: Path) -> None:
    """A Windows image: the foreign base layer keeps its media type, and the working directory its backslash."""
    row = _vector(shared, "e")
    assert [layer["size"] for layer in row["docker_image_layers"]] == [1718332879, 1391022]
    assert ".foreign." in row["docker_image_layers"][0]["media_type"]
    assert row["docker_image_metadata"]["config"]["working_dir"] == "C:\\app"
    assert row["docker_image_metadata"]["size"] == 1719726792
