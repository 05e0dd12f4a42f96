"""Odd platforms and objects that are no runnable images: spellings, disagreement, attestations, artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.sample import manifests, objects
from indexer.sample.craft import Craft, name_of
from indexer.sample.objects import Object, Platform, layer

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "quay.io/oddities/platforms"


def evidence(craft: Craft) -> Iterator[Object]:
    """T12: the platform only in the config, only in a label, nowhere, or in other people's spelling."""
    image = craft.image(REPOSITORY, architecture="arm64")
    ids = manifests.diff_ids(craft.dice, image["dockerImageLayers"])
    yield manifests.keep(image, manifests.config_text(image["dockerImageMetadata"], [], ids, variant="v8"))
    windows = craft.image(REPOSITORY)
    extra = {"os": "windows", "os.version": "10.0.17763.4737"}
    yield manifests.keep(windows, manifests.config_text(windows["dockerImageMetadata"], [], ids, **extra))
    yield craft.image(REPOSITORY, architecture="", config={"Labels": {"architecture": "ppc64le"}})
    yield craft.image(REPOSITORY, architecture="", config={"Cmd": ["/bin/run"]})


def spellings(craft: Craft) -> Iterator[Object]:
    """T13: architectures as `uname` and Debian write them, arm with and without variant, upper case."""
    for spelling in (
        "x86_64",
        "x86-64",
        "aarch64",
        "AMD64",
        "i386",
        "386",
        "armhf",
        "armel",
        "arm",
        "riscv64",
        "mips64le",
    ):
        yield craft.image(REPOSITORY, architecture=spelling)
    platforms = [
        Platform("arm", variant="v7"),
        Platform("arm", variant="v6"),
        Platform("arm", variant="7"),
        Platform("arm"),
        Platform("arm64", variant="8"),
        Platform("aarch64", variant="v8"),
        Platform("amd64", variant="v3"),
        Platform("x86_64"),
        Platform("amd64", "macos"),
        Platform("amd64", "windows"),
    ]
    children = [craft.image(REPOSITORY, architecture=platform.architecture) for platform in platforms]
    yield from children
    yield craft.index(
        REPOSITORY, [(name_of(child), platform) for child, platform in zip(children, platforms, strict=True)]
    )


def disagreement(craft: Craft) -> Iterator[Object]:
    """T14: an arm64 image whose config says amd64, and a child that two indexes give two platforms."""
    child = craft.image(REPOSITORY, architecture="amd64", config={"Labels": {"architecture": "aarch64"}})
    yield child
    for platform in (Platform("arm64", variant="v8"), Platform("arm", variant="v7")):
        yield craft.index(REPOSITORY, [(name_of(child), platform)])


def attestations(craft: Craft) -> Iterator[Object]:
    """T15: BuildKit attestations, one of them missing and one in no index."""
    image = craft.image(REPOSITORY)
    present, stray = (
        _artifact(craft, objects.IN_TOTO_LAYER, "unknown"),
        _artifact(craft, objects.IN_TOTO_LAYER, "unknown"),
    )
    unknown = Platform("unknown", "unknown")
    yield from (image, present, stray)
    children = [(name_of(image), Platform("amd64")), (name_of(present), unknown), (craft.dice.digest(), unknown)]
    yield craft.index(REPOSITORY, children)


def artifacts(craft: Craft) -> Iterator[Object]:
    """T15: a cosign signature, an SBOM, a Helm chart and an artifact with the empty config."""
    yield _artifact(craft, objects.COSIGN_LAYER, "", "quay.io/oddities/signed")
    yield _artifact(craft, "text/spdx+json", "", "quay.io/oddities/signed")
    yield _artifact(craft, objects.HELM_LAYER, "", "ghcr.io/example/charts/shop")
    yield _artifact(craft, "application/vnd.oci.empty.v1+json", "", "quay.io/oddities/policy", size=0)


def _artifact(craft: Craft, media_type: str, architecture: str, repository: str = REPOSITORY, **odd: Any) -> Object:
    content = [layer(craft.dice.digest(), 300 + craft.dice.below(30_000), media_type)]
    return craft.image(repository, content, built_at=None, config=None, architecture=architecture, **odd)


TRAPS = (evidence, spellings, disagreement, attestations, artifacts)
