"""Canned queries answer small cases whose answers are plain: lineage, platforms, age, duplicates, clean-up."""

from __future__ import annotations

from fleets import answers, digest, image, index, rows, views_over

BASE = ("os", 100), ("runtime", 50)


def names(found, column="image_name"):
    """Return the set of names in a column."""
    return {row[column] for row in found}


def single_layer_parents(catalog):
    """Parents by the rule of `oc adm top images`: a parent's last layer that is not empty is somewhere in the child."""
    tops = dict(rows(catalog, "SELECT image_name, layer_digest FROM image_chains WHERE is_top"))
    held = rows(catalog, "SELECT image_name, layer_digest FROM image_chains")
    return {(name, other) for name, layer in held for other, top in tops.items() if layer == top and tops[name] != top}


def test_lineage_is_right_where_a_single_layer_is_not() -> None:
    """Images that only share a layer are no ancestors, though the rule of the top layer takes them for such."""
    objects = [
        image("base", *BASE),
        image("app", *BASE, ("app", 5)),
        image("tool", ("other os", 90), ("runtime", 50)),
        image("copied", ("scratch", 1), ("os", 100), ("runtime", 50), ("more", 2)),
    ]
    with views_over(*objects) as catalog:
        found = {(row["image_name"], row["ancestor_name"]) for row in answers(catalog, "lineage")}
        guessed = single_layer_parents(catalog)
    assert found == {(digest("app"), digest("base"))}
    assert guessed - found == {
        (digest("app"), digest("tool")),
        (digest("copied"), digest("base")),
        (digest("copied"), digest("tool")),
    }


def test_ties_of_lineage_are_kept() -> None:
    """Two images with the same layers are both nearest, and each other's duplicates, not ancestors."""
    objects = [image("one", *BASE), image("two", *BASE), image("os", BASE[0]), image("app", *BASE, ("app", 5))]
    with views_over(*objects) as catalog:
        found = answers(catalog, "lineage", image=digest("app"))
        nearest = answers(catalog, "lineage", image=digest("app"), is_nearest_only=True)
        duplicates = answers(catalog, "duplicate-images")
    assert names(found, "ancestor_name") == {digest("one"), digest("two"), digest("os")}
    assert names(nearest, "ancestor_name") == {digest("one"), digest("two")}
    assert names(duplicates) == {digest("one"), digest("two")}


def test_outdated_bases() -> None:
    """An image is outdated when its base's repository has a newer image; a newer copy of the same layers is no news."""

    def base(word, created, *layers):
        return image(word, *layers, repository="quay.io/base/os", metadata={"Created": created})

    objects = [
        base("old base", "2024-01-01T00:00:00Z", ("old", 10)),
        base("new base", "2024-03-01T00:00:00Z", ("new", 10)),
        base("invented", "2242-03-01T00:00:00Z", ("invented", 10))
        | {"metadata": {"name": digest("invented"), "creationTimestamp": "2023-01-01T00:00:00Z"}},
        image("behind", ("old", 10), ("app", 1)),
        image("up to date", ("new", 10), ("app", 2)),
    ]
    with views_over(*objects) as catalog:
        [row] = answers(catalog, "outdated-bases")
    assert row["image_name"] == digest("behind")
    assert (row["base_name"], row["newest_base_name"]) == (digest("old base"), digest("new base"))
    assert row["days_behind"] == 60


def test_platform_readiness() -> None:
    """Repositories have a platform, lack it by what their indexes list, or nobody knows."""
    objects = [
        image("a", repository="quay.io/x/ready"),
        index("a list", ("a", "linux/amd64"), ("gone", "linux/arm64/v8"), repository="quay.io/x/ready"),
        index("b list", ("b", "linux/amd64"), repository="quay.io/x/lacking"),
        image("c", repository="quay.io/x/unknown"),
        image("d", repository="quay.io/x/built", metadata={"Architecture": "aarch64"}),
    ]
    with views_over(*objects) as catalog:
        found = {row["repository"]: row["readiness"] for row in answers(catalog, "platform-readiness")}
    assert found == {"x/ready": "ready", "x/lacking": "lacking", "x/unknown": "unknown", "x/built": "ready"}


def test_platform_conflicts() -> None:
    """Indexes that disagree, and a config or metadata that names another architecture, are conflicts."""
    objects = [
        image("arm", metadata={"Architecture": "aarch64"}),
        index("good", ("arm", "linux/arm64/v8")),
        image("mislabelled"),
        index("list", ("mislabelled", "linux/arm64")),
        image("torn", dockerImageConfig='{"architecture":"s390x"}', metadata={"Architecture": "arm"}),
        index("torn one", ("torn", "linux/arm/v7")),
        index("torn two", ("torn", "linux/arm/v6")),
    ]
    with views_over(*objects) as catalog:
        found = {(row["image_name"], row["conflict"]) for row in answers(catalog, "platform-conflicts")}
    assert found == {
        (digest("mislabelled"), "index-against-metadata"),
        (digest("torn"), "between-indexes"),
        (digest("torn"), "index-against-config"),
    }


def test_orphan_children() -> None:
    """Images outside any index are orphans where their repository has indexes or their architecture is a rare one."""
    objects = [
        image("listed"),
        index("list", ("listed", "linux/amd64")),
        image("left behind"),
        image("alone", repository="quay.io/x/alone"),
        image("alone too", repository="quay.io/x/alone"),
        image("rare", repository="quay.io/x/rare", metadata={"Architecture": "s390x"}),
        image("pushed", annotations={"openshift.io/image.managed": "true"}),
    ]
    with views_over(*objects) as catalog:
        found = {row["image_name"]: row["evidence"] for row in answers(catalog, "orphan-children")}
    assert found == {digest("left behind"): "repository-has-indexes", digest("rare"): "foreign-architecture"}


def test_ages_leave_out_placeholders() -> None:
    """Ages count from the moment asked for; placeholder build times and later dates are unknown."""
    objects = [
        image("old", seen="2023-01-01T00:00:00Z", metadata={"Created": "1970-01-01T00:00:00Z"}),
        image("new", ("a", 7), seen="2024-05-30T00:00:00Z", metadata={"Created": "2024-05-01T00:00:00Z"}),
        image("odd", seen="2025-01-01T00:00:00Z", metadata={"Created": "2025-01-01T00:00:00Z"}),
    ]
    moment = "2024-06-01T00:00:00Z"
    with views_over(*objects) as catalog:
        ages = {row["age_class"]: row for row in answers(catalog, "images-by-age", as_of=moment)}
        stale = answers(catalog, "stale-images", as_of=moment, min_age_days=365)
    seen = {name: row["first_seen_count"] for name, row in ages.items() if row["first_seen_count"]}
    built = {name: row["built_count"] for name, row in ages.items() if row["built_count"]}
    assert seen == {"under a week": 1, "1-2 years": 1, "unknown": 1}
    assert built == {"1-3 months": 1, "unknown": 2}
    assert ages["under a week"]["first_seen_bytes"] == 7
    assert [(row["image_name"], row["age_days"]) for row in stale] == [(digest("old"), 517)]


def test_reclaimable_takes_children_along_and_names_who_keeps_the_rest() -> None:
    """Deleting an index frees its children's layers, but not what another index lists or another repository holds."""
    objects = [
        image("amd", ("base", 100), ("amd", 10)),
        image("arm", ("base", 100), ("arm", 20)),
        index("list", ("amd", "linux/amd64"), ("arm", "linux/arm64")),
        index("other list", ("arm", "linux/arm64"), repository="quay.io/team/other"),
        image("neighbour", ("base", 100), repository="quay.io/team/neighbour"),
    ]
    with views_over(*objects) as catalog:
        whole, *members = answers(catalog, "reclaimable", images=[digest("list")])
        both = answers(catalog, "reclaimable", images=[digest("list"), digest("other list")])[0]
        child = answers(catalog, "reclaimable", images=[digest("amd")])[0]
    assert names(members) == {digest("list"), digest("amd")}
    assert (whole["image_count"], whole["added_child_count"], whole["kept_index_count"]) == (2, 1, 0)
    assert (whole["freed_bytes"], whole["kept_bytes"], whole["keeper_count"]) == (10, 100, 2)
    assert whole["keeper_repositories"] == ["quay.io/team/app", "quay.io/team/neighbour"]
    assert both["freed_bytes"] == 30
    assert (child["freed_bytes"], child["kept_index_count"]) == (10, 1)


def test_reclaimable_takes_repositories_and_age_together() -> None:
    """Criteria all have to hold, and none at all select nothing."""
    objects = [
        image("old", ("a", 1), seen="2020-01-01T00:00:00Z"),
        image("old elsewhere", ("b", 2), seen="2020-01-01T00:00:00Z", repository="quay.io/team/other"),
        image("new", ("c", 4), seen="2200-01-01T00:00:00Z"),
    ]
    with views_over(*objects) as catalog:
        asked = {"repositories": ["quay.io/team/app"]}, {"min_age_days": 30}, {}
        freed = [answers(catalog, "reclaimable", **each)[0]["freed_bytes"] for each in asked]
        together = answers(catalog, "reclaimable", **asked[0], **asked[1])[0]["freed_bytes"]
    assert (freed, together) == ([5, 3, 0], 1)


def test_root_and_steps() -> None:
    """No user, 0 and root run as root, with or without a group; a step weighs what its layer does."""
    config = '{"history":[{"created_by":"RUN big"}],"rootfs":{"diff_ids":["x"]}}'
    users = {"none": "", "zero": "0:0", "root": "root", "user": "1001", "named": "app:root"}
    objects = [image(word, config={"User": user, "Cmd": ["x"]}) for word, user in users.items()]
    with views_over(*objects, image("kept", ("big", 900), dockerImageConfig=config, config={"User": "1"})) as catalog:
        roots = names(answers(catalog, "images-running-as-root"))
        [step] = answers(catalog, "heaviest-steps")
    assert roots == {digest("none"), digest("zero"), digest("root")}
    assert (step["created_by"], step["size_bytes"], step["image_count"]) == ("RUN big", 900, 1)
