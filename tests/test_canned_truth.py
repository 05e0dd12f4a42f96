"""Canned queries agree with figures that were computed over real objects with plain dictionaries."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest
from fleets import answers, rows, views_over

from indexer.catalog import open_catalog
from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource


@pytest.fixture(scope="module", params=["slice", "genuine"])
def real(request, shared, tmp_path_factory):
    """Open the views over a set of real objects, with the figures that are true of it."""
    folder = shared / "data" / request.param
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    if request.param == "slice":
        store = tmp_path_factory.mktemp("slice")
        pages = sorted((folder / "pages").glob("*.json.gz"))
        ingest(FileSource([str(page) for page in pages]), store, IngestOptions("slice"))
        with open_catalog(store) as catalog:
            yield catalog, truth
    else:
        with views_over(*first_of_each_name(folder / "images.ndjson.gz")) as catalog:
            yield catalog, truth


def first_of_each_name(path):
    """Return the first object of each name; those without one, which no server can list, get one."""
    objects = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            item = json.loads(line)
            metadata = item["metadata"] = item.get("metadata") or {}
            metadata["name"] = metadata.get("name") or f"nameless-{number}"
            objects.setdefault(metadata["name"], item)
    return objects.values()


def test_capacity_summary(real) -> None:
    """Counts of objects, layers and signatures, and every byte figure, are the true ones."""
    catalog, truth = real
    [summary] = answers(catalog, "capacity-summary")
    artifacts = rows(catalog, "SELECT count(*) FROM images WHERE kind = 'artifact' AND NOT is_signed")[0][0]
    # The true logical bytes leave out the objects without a name, which every other figure counts.
    nameless = "SELECT coalesce(sum(logical_bytes), 0)::BIGINT FROM image_sizes WHERE image_name LIKE 'nameless-%'"
    nameless_bytes = rows(catalog, nameless)[0][0]
    found = {
        "images": summary["image_count"],
        "manifest_lists": summary["index_count"],
        "layer_references": summary["layer_reference_count"],
        "distinct_layers": summary["distinct_layer_count"],
        "logical_bytes": summary["logical_bytes"] - nameless_bytes,
        "physical_bytes": summary["physical_bytes"],
        "exclusive_bytes_total": summary["exclusive_bytes"],
        "shared_once_bytes_total": summary["shared_once_bytes"],
        "signed_images": summary["signed_count"],
        "unsigned_images": summary["unsigned_count"] + artifacts,
    }
    assert found == {key: truth[key] for key in found}
    assert summary["unknown_size_layer_count"] == truth["traps"]["layers whose every size is 0"]


def test_identities(real) -> None:
    """Exclusive bytes and bytes held twice or more, each once, make the physical ones: over images and repositories."""
    catalog, truth = real
    exclusive = rows(
        catalog,
        "SELECT sum(s.exclusive_bytes)::BIGINT FROM image_sizes AS s INNER JOIN images AS i "
        "USING (cluster, snapshot_id, image_name) WHERE i.kind <> 'index'",
    )[0][0]
    assert exclusive + truth["shared_once_bytes_total"] == truth["physical_bytes"]
    by_repository = rows(catalog, "SELECT sum(exclusive_bytes)::BIGINT FROM repositories")[0][0]
    held_by_several = rows(catalog, "SELECT sum(size_bytes)::BIGINT FROM layers WHERE repository_count > 1")[0][0]
    assert by_repository + held_by_several == truth["physical_bytes"]


def test_layer_sharing_histogram(real) -> None:
    """Each class has the true number of layers and bytes."""
    catalog, truth = real
    found = {row["images_per_layer"]: row for row in answers(catalog, "layer-sharing-histogram")}
    for images_per_layer, expected in truth["sharing_histogram"].items():
        assert found[images_per_layer]["layer_count"] == expected["layers"]
        assert found[images_per_layer]["physical_bytes"] == expected["bytes"]


def test_layer_sharing(real) -> None:
    """The layers that save most, and those in most images, are the true ones with the true figures."""
    catalog, truth = real
    found = answers(catalog, "layer-sharing")
    top = [(row["layer_digest"], row["image_count"], row["size_bytes"], row["saved_bytes"]) for row in found]
    expected = truth["top_layers_by_bytes_saved"]
    assert top[: len(expected)] == [(row["layer"], row["images"], row["size"], row["saved"]) for row in expected]
    by_digest = {row["layer_digest"]: row for row in found}
    for row in truth["top_layers"]:
        layer = by_digest[row["layer"]]
        assert (layer["image_count"], layer["reference_count"], layer["size_bytes"]) == (
            row["images"],
            row["references"],
            row["size"],
        )
    assert sum(row["has_size_conflict"] for row in found) == truth["traps"]["layers with more than one size"]


def test_missing_children(real) -> None:
    """Every entry without an Image is listed, and the entries, children and indexes are as many as is true."""
    catalog, truth = real
    missing = answers(catalog, "missing-children")
    assert len(missing) == truth["list_entries_without_image"]
    assert len({row["child_digest"] for row in missing}) == truth["distinct_children_without_image"]
    assert len({row["image_name"] for row in missing}) == truth["lists_with_a_missing_child"]
    edges = rows(catalog, "SELECT count(*), count(DISTINCT child_digest) FROM image_manifests")
    assert edges == [(truth["list_entries"], truth["distinct_children"])]


def test_unsigned_images(real) -> None:
    """Unsigned images and indexes are all objects without a signature that are no artifacts."""
    catalog, truth = real
    artifacts = rows(catalog, "SELECT count(*) FROM images WHERE kind = 'artifact'")[0][0]
    assert len(answers(catalog, "unsigned-images")) == truth["unsigned_images"] - artifacts
    coverage = answers(catalog, "signature-coverage")
    assert sum(row["signed_count"] for row in coverage) == truth["signed_images"]


def test_platforms_of_entries(real) -> None:
    """Entries of indexes state the true platforms, as often as is true."""
    catalog, truth = real
    found = Counter(rows(catalog, "SELECT raw_architecture, raw_variant, os FROM image_manifests"))
    expected = {
        (row["architecture"], row["variant"], row["os"]): row["count"] for row in truth["platforms_of_list_entries"]
    }
    assert found == expected


REQUIRED = [
    "amd64",
    "arm64",
    "arm/v5",
    "arm/v6",
    "arm/v7",
    "386",
    "ppc64le",
    "s390x",
    "riscv64",
    "mips64le",
    "windows/amd64",
]


def spelled_as_the_figures_are(registry, repository):
    """Join registry and path by a slash, as the figures do."""
    return "None" if repository is None else f"{registry}/{repository}"


def long_name(key):
    """Spell a repository of the figures as Docker Hub's rules do."""
    host, slash, _ = key.partition("/")
    has_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    if key == "None" or has_host:
        return key
    return f"docker.io/{key}" if slash else f"docker.io/library/{key}"


def test_architecture_coverage(real) -> None:
    """Each repository lacks the required platforms that none of its index entries states, folded by Docker Hub name."""
    catalog, truth = real
    found = {
        spelled_as_the_figures_are(row["registry"], row["repository"]): row
        for row in answers(catalog, "architecture-coverage", required=REQUIRED)
    }
    folded = {}
    for key, row in truth["coverage"].items():
        folded.setdefault(long_name(key), []).append(row)
    assert found.keys() == folded.keys()
    for key, parts in folded.items():
        assert found[key]["index_count"] == sum(part["lists"] for part in parts), key
        missing = set.intersection(*(set(part["missing_by_list_entries"]) for part in parts))
        assert set(found[key]["missing_index_platforms"]) == missing, key


def test_repositories(real) -> None:
    """The largest repositories hold the true bytes; the figures sum sizes as each image states them."""
    catalog, truth = real
    stated = (
        "SELECT registry, repository, sum(stated_size_bytes)::BIGINT AS stated_bytes FROM image_layers "
        "WHERE NOT is_repeat GROUP BY registry, repository"
    )
    columns = "registry, repository, distinct_layer_count, stated_bytes, physical_bytes"
    sql = f"SELECT {columns} FROM repositories INNER JOIN ({stated}) USING (registry, repository)"
    found = {f"{registry}/{path}": rest for registry, path, *rest in rows(catalog, sql)}
    spellings = Counter(long_name(key) for key in truth["coverage"])
    for row in truth["top_repositories"]:
        key = long_name(row["repository"])
        if spellings[key] == 1:
            assert found[key] == [row["distinct_layers"], row["logical_bytes"], row["dedup_bytes"]], key
