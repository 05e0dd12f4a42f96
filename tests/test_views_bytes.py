"""Views over several images: sizes by digest, holders, indexes, repositories, and images that disagree."""

from __future__ import annotations

from fleets import FOREIGN_LAYER, OCI_INDEX, digest, image, index, rows, signature, views_over


def test_a_digest_has_the_largest_size_seen() -> None:
    """0 and smaller sizes give way to the largest in the cluster; conflicts and sizes nobody knows are marked."""
    objects = [
        image("a", ("shared", 0), ("lost", 0)),
        image("b", ("shared", 70), ("lost", -1)),
        image("c", ("shared", 90)),
    ]
    with views_over(*objects) as catalog:
        columns = "size_bytes, has_size_conflict, is_size_known, image_count"
        assert rows(catalog, f"SELECT {columns} FROM layers ORDER BY size_bytes") == [
            (0, True, False, 2),
            (90, True, True, 3),
        ]
        assert rows(catalog, "SELECT DISTINCT logical_bytes FROM image_sizes") == [(90,)]


def test_a_repeated_layer_counts_once() -> None:
    """A layer that an image holds twice is two references, one holder and one size."""
    with views_over(image("a", ("base", 10), ("twice", 5), ("top", 7), ("twice", 5))) as catalog:
        assert rows(catalog, "SELECT logical_bytes, distinct_layer_count FROM image_sizes") == [(22, 3)]
        assert rows(catalog, "SELECT position FROM image_layers WHERE is_repeat") == [(3,)]
        held = "SELECT image_count, reference_count FROM layers WHERE layer_digest = $name"
        assert rows(catalog, held, name=digest("twice")) == [(1, 2)]


def test_an_index_counts_over_present_children_once() -> None:
    """An index holds what its present children hold; a layer is exclusive when only its children hold it."""
    objects = [
        image("amd", ("base", 100), ("amd-top", 10)),
        image("arm", ("base", 100), ("arm-top", 20)),
        image("other", ("amd-top", 10)),
        index("list", ("amd", "linux/amd64"), ("arm", "linux/arm64"), ("gone", "linux/s390x")),
    ]
    sql = "SELECT logical_bytes, exclusive_bytes, shared_bytes, child_count, present_child_count FROM image_sizes "
    with views_over(*objects) as catalog:
        assert rows(catalog, sql + "WHERE image_name = $name", name=digest("list")) == [(130, 120, 10, 3, 2)]
        assert rows(catalog, sql + "WHERE image_name = $name", name=digest("amd")) == [(110, 0, 110, 0, 0)]


def test_a_nested_index_stands_for_its_children() -> None:
    """An index inside an index resolves to its own children; the outer signature reaches them."""
    objects = [
        image("leaf", ("base", 100)),
        index("inner", ("leaf", "linux/amd64")),
        index("outer", ("inner", "linux/amd64"), signatures=[signature("outer")]),
    ]
    with views_over(*objects) as catalog:
        sizes = dict(rows(catalog, "SELECT image_name, logical_bytes FROM image_sizes"))
        reached = rows(catalog, "SELECT image_name FROM images WHERE is_signed_via_index")
    assert sizes == {digest("leaf"): 100, digest("inner"): 100, digest("outer"): 100}
    assert set(reached) == {(digest("leaf"),), (digest("inner"),)}


def test_layers_and_children_in_one_object_count_on_one_side() -> None:
    """The media type decides what an object with both is; without one, children make it an index."""
    both = {"dockerImageManifests": [{"digest": digest("x"), "os": "linux", "architecture": "arm64"}]}
    objects = [
        image("image", ("a", 10), **both),
        image("list", ("b", 20), **both, dockerImageManifestMediaType=OCI_INDEX),
        image("untyped", ("c", 40), **both, dockerImageManifestMediaType=""),
    ]
    with views_over(*objects) as catalog:
        kinds = dict(rows(catalog, "SELECT image_name, kind FROM images"))
        assert rows(catalog, "SELECT size_bytes FROM layers") == [(10,)]
        assert rows(catalog, "SELECT count(*) FROM image_manifests") == [(2,)]
    assert kinds == {digest("image"): "image", digest("list"): "index", digest("untyped"): "index"}


def test_images_without_a_reference_are_one_repository() -> None:
    """The null repository has its row, and its images count as one repository of a layer."""
    objects = image("a", ("l", 5), repository=None), image("b", ("l", 5), repository=None), image("c", ("l", 5))
    with views_over(*objects) as catalog:
        columns = "repository, image_count, logical_bytes, physical_bytes, exclusive_bytes, shared_bytes"
        assert rows(catalog, f"SELECT {columns} FROM repositories ORDER BY repository NULLS LAST") == [
            ("team/app", 1, 5, 5, 0, 5),
            (None, 2, 10, 5, 0, 5),
        ]
        assert rows(catalog, "SELECT image_count, repository_count FROM layers") == [(3, 2)]


def test_a_pushed_layer_is_not_foreign() -> None:
    """A blob is foreign only where every holder calls it so."""
    foreign = [{"name": digest(word), "size": 100, "mediaType": FOREIGN_LAYER} for word in ("base", "patch")]
    with views_over(image("win", dockerImageLayers=foreign), image("other", ("patch", 100))) as catalog:
        assert rows(catalog, "SELECT layer_digest FROM layers WHERE is_foreign") == [(digest("base"),)]


def test_parents_that_disagree_are_settled_by_their_number() -> None:
    """The platform most indexes state counts, whatever the order of the objects."""
    lists = [index(f"list {number}", ("child", "linux/arm64")) for number in range(2)]
    objects = [index("odd", ("child", "linux/amd64")), *lists, image("child")]
    for fleet in (objects, objects[::-1]):
        with views_over(*fleet) as catalog:
            assert rows(catalog, "SELECT platform FROM images WHERE kind = 'image'") == [("linux/arm64",)]
