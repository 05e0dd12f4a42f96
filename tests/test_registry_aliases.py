"""Names of one registry are folded where its owner says so, and only there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from indexer import query_index
from indexer.catalog import open_catalog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

INTERNAL = "image-registry.openshift-image-registry.svc:5000"
OTHER_NAMES = ("docker-registry.default.svc:5000", "172.30.55.29:5000")
ALIASES = dict.fromkeys(OTHER_NAMES, INTERNAL)
BYTES_BY_REGISTRY = "SELECT registry, sum(physical_bytes)::BIGINT FROM repositories GROUP BY registry"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the indexes of this module."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=["views in memory", "index"])
def from_image_count(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Answer from the views and from the index alike."""
    monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(cache))
    monkeypatch.setattr(query_index, "FROM_IMAGE_COUNT", 0 if request.param == "index" else 10**9)


@pytest.mark.usefixtures("from_image_count")
def test_aliases_fold_registries_and_lose_no_image(sample_store: Path) -> None:
    """The other names are gone, their images count with the registry, and the cluster's bytes stay what they were."""
    count = "SELECT registry, count(*) FROM images GROUP BY registry"
    with open_catalog(sample_store) as plain, open_catalog(sample_store, aliases=ALIASES) as folded:
        apart, together = dict(plain.sql(count).fetchall()), dict(folded.sql(count).fetchall())
        summaries = [
            catalog.query("capacity-summary").project("image_count, physical_bytes").fetchall()
            for catalog in (plain, folded)
        ]
    assert set(OTHER_NAMES) <= set(apart)
    assert together == {name: number for name, number in apart.items() if name not in OTHER_NAMES} | {
        INTERNAL: sum(apart[name] for name in (INTERNAL, *OTHER_NAMES))
    }
    assert summaries[0] == summaries[1]


@pytest.mark.usefixtures("from_image_count")
def test_an_alias_is_not_remembered(sample_store: Path) -> None:
    """Aliases belong to the one who asks: the next catalog without them sees the names as they stand."""
    with open_catalog(sample_store, aliases=ALIASES) as folded:
        folded.sql(BYTES_BY_REGISTRY).fetchall()
    with open_catalog(sample_store) as plain:
        assert set(OTHER_NAMES) <= {registry for registry, _ in plain.sql(BYTES_BY_REGISTRY).fetchall()}


def test_all_snapshots_are_folded_too(sample_store: Path) -> None:
    """The schema over all snapshots follows the same aliases."""
    with open_catalog(sample_store, aliases=ALIASES) as catalog:
        rows = catalog.sql("SELECT DISTINCT registry FROM all_snapshots.images").fetchall()
    assert not {registry for (registry,) in rows} & set(OTHER_NAMES)


def test_the_option_and_the_variable_say_the_same(
    run: Callable[..., CompletedProcess[bytes]], environment: dict[str, str], sample_store: Path
) -> None:
    """`--registry-alias` per pair or `$IMAGE_INDEXER_REGISTRY_ALIASES` with all of them."""
    pairs = [f"{alias.upper()}={INTERNAL}" for alias in OTHER_NAMES]
    question = ("query", "capacity-by-registry", "--store", sample_store, "--format", "json")
    by_option = run(*question, *(word for pair in pairs for word in ("--registry-alias", pair)))
    by_variable = subprocess.run(
        [sys.executable, "-m", "indexer", *map(str, question)],
        capture_output=True,
        check=False,
        env=environment | {"IMAGE_INDEXER_REGISTRY_ALIASES": " ".join(pairs)},
    )
    assert by_option.stdout == by_variable.stdout
    assert not {row["registry"] for row in json.loads(by_option.stdout)} & set(OTHER_NAMES)


def test_text_that_is_no_pair_is_refused(run: Callable[..., CompletedProcess[bytes]], sample_store: Path) -> None:
    """An alias without a registry is a slip, told in one line."""
    ended = run("query", "capacity-summary", "--store", sample_store, "--registry-alias", "only-one-name")
    assert ended.returncode == 2
    assert b"ALIAS=REGISTRY" in ended.stderr
