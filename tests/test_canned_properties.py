"""Over random fleets, every byte figure is that of a second implementation, and the identities between figures hold."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from fleets import answers, rows, write_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_fleets import chosen_names, fleets
from twin import Twin

from indexer.catalog import open_catalog

# IMAGE_INDEXER_EXAMPLES asks for more of them. An example is several clusters at once: opening the views takes longer
# than answering for ten small fleets.
EXAMPLES = settings(
    max_examples=int(os.environ.get("IMAGE_INDEXER_EXAMPLES", "3")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SEVERAL = st.lists(fleets(), min_size=4, max_size=8)


@contextmanager
def clusters_of(several):
    """Open the views over one cluster a fleet, with the twin of each."""
    twins = {f"fleet-{number}": Twin(objects) for number, objects in enumerate(several)}
    with tempfile.TemporaryDirectory() as folder:
        for cluster, objects in zip(twins, several, strict=True):
            write_store(Path(folder), objects, cluster)
        with open_catalog(folder) as catalog:
            yield catalog, twins


def by_cluster(found):
    """Group rows by their first value, the cluster."""
    grouped = defaultdict(dict)
    for cluster, key, *rest in found:
        grouped[cluster][key] = tuple(rest)
    return grouped


@EXAMPLES
@given(SEVERAL)
def test_figures_of_images_and_layers_equal_the_twin(several) -> None:
    """Sizes and holders of layers, and logical and exclusive bytes of images and indexes, are the twin's."""
    with clusters_of(several) as (catalog, twins):
        layers = by_cluster(rows(catalog, "SELECT cluster, layer_digest, size_bytes, image_count FROM layers"))
        columns = "logical_bytes, exclusive_bytes, foreign_bytes, manifest_bytes"
        sizes = by_cluster(rows(catalog, f"SELECT cluster, image_name, {columns} FROM image_sizes"))
        told = "SELECT cluster, image_name, config_bytes FROM image_sizes WHERE child_count = 0"
        configs = by_cluster(rows(catalog, told))
        summary = answers(catalog, "capacity-summary")[0]
    for cluster, twin in twins.items():
        assert layers[cluster] == {name: (twin.sizes[name], len(twin.holders[name])) for name in twin.sizes}
        assert sizes[cluster] == {name: twin.image_figures(name) for name in twin.objects}
        assert configs[cluster] == {name: (twin.config(name),) for name in twin.images}
    totals = [sum(figures) for figures in zip(*(twin.figures(twin.images) for twin in twins.values()), strict=True)]
    assert [summary["logical_bytes"], summary["physical_bytes"]] == totals[:2]
    assert summary["exclusive_bytes"] == sum(twin.freed({name}) for twin in twins.values() for name in twin.images)
    assert summary["exclusive_bytes"] + summary["shared_once_bytes"] == summary["physical_bytes"]
    small = [
        sum(figures) for figures in zip(*(twin.small_figures({*twin.objects}) for twin in twins.values()), strict=True)
    ]
    assert [summary[name] for name in SMALL] == small
    assert summary["registry_bytes"] == summary["physical_bytes"] - small[0]
    unknown = [size for twin in twins.values() for size in twin.configs(twin.images).values()].count(None)
    assert summary["unknown_config_count"] == unknown
    unknown = [twin.manifest(name) for twin in twins.values() for name in twin.objects].count(None)
    assert summary["unknown_manifest_count"] == unknown


SMALL = ("foreign_bytes", "config_bytes", "manifest_bytes")
FIGURES = ("logical_bytes", "physical_bytes", "exclusive_bytes", "shared_bytes", *SMALL)


def figures_by(found, key):
    """Byte figures of rows by cluster and key."""
    return {(row["cluster"], key(row)): tuple(row[name] for name in FIGURES) for row in found}


def twin_figures(twins, key):
    """Return the twin's figures of every group."""
    return {
        (cluster, group): twin.figures(names) + twin.small_figures(names)
        for cluster, twin in twins.items()
        for group, names in twin.groups(lambda name, twin=twin: key(twin, name)).items()
    }


def registry_of(twin, name):
    """Registry of an object of a twin."""
    place = twin.place(name)
    return place[0] if place else None


def origin_of(twin, name):
    """Whether an object of a twin was pushed."""
    return "openshift.io/image.managed" in (twin.objects[name]["metadata"].get("annotations") or {})


@EXAMPLES
@given(SEVERAL)
def test_figures_of_every_scope_equal_the_twin(several) -> None:
    """Repositories, registries and origins have the twin's bytes, and their parts make the physical bytes."""
    with clusters_of(several) as (catalog, twins):
        repositories = answers(catalog, "capacity-by-repository")
        registries = answers(catalog, "capacity-by-registry")
        origins = answers(catalog, "capacity-by-origin")
        growth = answers(catalog, "growth-by-month")
        histogram = answers(catalog, "layer-sharing-histogram")
    places = figures_by(repositories, lambda row: (row["registry"], row["repository"]) if row["repository"] else None)
    assert places == twin_figures(twins, lambda twin, name: twin.place(name))
    assert figures_by(registries, lambda row: row["registry"]) == twin_figures(twins, registry_of)
    assert figures_by(origins, lambda row: row["is_managed"]) == twin_figures(twins, origin_of)
    physical = sum(twin.bytes_of(twin.held(twin.images)) for twin in twins.values())
    assert sum(row["new_bytes"] for row in growth) == sum(row["physical_bytes"] for row in histogram) == physical


def between_repositories(twin):
    """Return the twin's shared bytes of each pair of repositories."""
    groups = twin.groups(lambda name: "/".join(twin.place(name) or ()))
    held = {place: twin.held(names) for place, names in groups.items()}
    pairs = {(one, other): held[one] & held[other] for one in held for other in held if one < other}
    return {pair: twin.bytes_of(digests) for pair, digests in pairs.items() if twin.bytes_of(digests)}


@EXAMPLES
@given(SEVERAL)
def test_sharing_between_repositories_equals_the_twin(several) -> None:
    """Each pair of repositories shares the bytes of the layers both hold."""
    with clusters_of(several) as (catalog, twins):
        found = answers(catalog, "sharing-between-repositories")
    for cluster, twin in twins.items():
        pairs = {
            (row["repository"], row["other_repository"]): row["shared_bytes"]
            for row in found
            if row["cluster"] == cluster
        }
        assert pairs == between_repositories(twin)


@EXAMPLES
@given(SEVERAL, chosen_names, chosen_names)
def test_reclaimable_equals_the_twin(several, names, more_names) -> None:
    """A set frees what nothing outside holds, closed over children; more images free no less; all free everything."""
    with clusters_of(several) as (catalog, twins):
        everything = {name for twin in twins.values() for name in twin.objects}
        small, large, full, none = (
            answers(catalog, "reclaimable", images=sorted(each)) for each in (names, names | more_names, everything, [])
        )
    for cluster, twin in twins.items():
        freed = {}
        for label, found in (("small", small), ("large", large), ("full", full), ("none", none)):
            [freed[label]] = [row for row in found if row["cluster"] == cluster and row["scope"] == "set"]
        going = twin.closed(names)
        assert freed["small"]["image_count"] == len(going)
        assert freed["small"]["freed_bytes"] == twin.freed(going)
        assert freed["small"]["kept_bytes"] == twin.bytes_of(twin.held(going)) - twin.freed(going)
        assert freed["small"]["logical_bytes"] == twin.logical(going)
        assert freed["small"]["freed_config_bytes"] == twin.freed_configs(going)
        assert freed["none"]["freed_bytes"] == 0
        assert freed["small"]["freed_bytes"] <= freed["large"]["freed_bytes"] <= freed["full"]["freed_bytes"]
        assert freed["full"]["freed_bytes"] == twin.bytes_of(twin.held(twin.images))
        check_rows_of_images(twin, going, [row for row in small if row["cluster"] == cluster])


def check_rows_of_images(twin, going, found):
    """Each image of the set says what goes with the set and what would go with it alone."""
    alone = {row["image_name"]: row["freed_alone_bytes"] for row in found if row["scope"] == "image"}
    assert alone == {name: twin.freed({name}) for name in going}
    with_set = {row["image_name"]: row["freed_bytes"] for row in found if row["scope"] == "image"}
    freed = {digest for digest in twin.held(going) if twin.holders[digest] <= going}
    assert with_set == {name: twin.bytes_of(twin.held({name}) & freed) for name in going}


@EXAMPLES
@given(SEVERAL)
def test_lineage_equals_comparing_all_pairs(several) -> None:
    """Ancestors by chain digests are those a comparison of every two lists finds; the nearest have most layers."""
    with clusters_of(several) as (catalog, twins):
        found = answers(catalog, "lineage")
        bases = answers(catalog, "base-images")
    for cluster, twin in twins.items():
        links = {(row["image_name"], row["ancestor_name"]): row for row in found if row["cluster"] == cluster}
        assert links.keys() == {(name, other) for name in twin.images for other in twin.ancestors(name)}
        for (name, other), row in links.items():
            longest = max(len(twin.solid(each)) for each in twin.ancestors(name))
            assert row["is_nearest"] == (len(twin.solid(other)) == longest)
            assert row["common_layer_count"] + row["added_layer_count"] == len(twin.solid(name))
        carried = {row["image_name"]: row["descendant_count"] for row in bases if row["cluster"] == cluster}
        counts = defaultdict(int)
        for _, other in links:
            counts[other] += 1
        assert carried == counts


NORMAL = {"linux/arm64/v8": "linux/arm64"}


def os_of(twin, name):
    """Operating system of an image that states none: Windows images are based on a foreign layer, at either end."""
    entries = twin.entries(name)
    is_windows = any(".foreign." in layer["mediaType"] for layer in (*entries[:1], *entries[-1:]))
    return "windows" if is_windows else "linux"


def platforms_of(twin, place):
    """Platforms of a repository: entries of its indexes, and images that no index lists."""
    listed = {name for each in twin.indexes for name in twin.children(each)}
    entries = [
        "/".join(filter(None, (entry["os"], entry["architecture"], entry.get("variant"))))
        for each in twin.indexes
        if twin.place(each) == place
        for entry in twin.objects[each]["dockerImageManifests"]
    ]
    singles = [f"{os_of(twin, name)}/amd64" for name in twin.images - listed if twin.place(name) == place]
    return {NORMAL.get(platform, platform) for platform in entries + singles}


@EXAMPLES
@given(SEVERAL, st.lists(st.sampled_from(["amd64", "linux/arm64", "arm/v7", "windows/amd64"]), unique=True))
def test_coverage_equals_a_plain_one(several, required) -> None:
    """Each repository has the platforms its entries and single images state and lacks the other required ones."""
    with clusters_of(several) as (catalog, twins):
        found = answers(catalog, "architecture-coverage", required=required)
    full = {"amd64": "linux/amd64", "arm/v7": "linux/arm/v7"}
    for row in found:
        place = (row["registry"], row["repository"]) if row["repository"] else None
        platforms = platforms_of(twins[row["cluster"]], place)
        assert row["platforms"] == sorted(platforms)
        assert row["missing_platforms"] == [each for each in required if full.get(each, each) not in platforms]
    assert len(found) == sum(len(twin.groups(twin.place)) for twin in twins.values())


@EXAMPLES
@given(SEVERAL)
def test_putting_layers_in_order_twice_changes_nothing(several) -> None:
    """Positions are dense from 0, and objects rewritten base first, as a server does, keep them."""
    with clusters_of(several) as (catalog, twins):
        first = rows(catalog, "SELECT cluster, image_name, position, layer_digest FROM image_layers ORDER BY ALL")
    rewritten = [[in_order(item, twin) for item in twin.objects.values()] for twin in twins.values()]
    with clusters_of(rewritten) as (catalog, _):
        again = rows(catalog, "SELECT cluster, image_name, position, layer_digest FROM image_layers ORDER BY ALL")
    assert first == again
    for cluster, twin in twins.items():
        for name in twin.images:
            stored = [(row[2], row[3]) for row in first if row[:2] == (cluster, name)]
            assert stored == list(enumerate(twin.layers(name)))


def in_order(item, twin):
    """Rewrite an object with its layers base first and the annotation that says so."""
    name = item["metadata"]["name"]
    if name in twin.indexes:
        return item
    by_name = {layer["name"]: layer for layer in item["dockerImageLayers"]}
    annotations = item["metadata"]["annotations"] | {"image.openshift.io/dockerLayersOrder": "ascending"}
    metadata = item["metadata"] | {"annotations": annotations}
    return item | {"metadata": metadata, "dockerImageLayers": [by_name[digest] for digest in twin.layers(name)]}
