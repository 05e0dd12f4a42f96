"""Odd layers: repeated, empty, foreign, of unknown or disputed size, in either order, with history that fits or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.sample import manifests, objects
from indexer.sample.craft import Craft, name_of
from indexer.sample.dice import timestamp
from indexer.sample.objects import Object, layer

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "quay.io/oddities/layers"


def repeated_and_empty(craft: Craft) -> Iterator[Object]:
    """T1, T2: a layer twice in one image; the three empty layers."""
    shared = craft.layers(1)[0]
    docker_empty = layer(objects.EMPTY_DOCKER, 32, objects.DOCKER_LAYER)
    buildkit_empty = layer(objects.EMPTY_BUILDKIT, 32)
    yield craft.image(REPOSITORY, [*craft.base, shared, buildkit_empty, shared, buildkit_empty])
    docker_layers = [docker_empty, *craft.layers(1, objects.DOCKER_LAYER), docker_empty]
    yield craft.image(REPOSITORY, docker_layers, objects.DOCKER_MANIFEST)
    yield craft.image(REPOSITORY, [*craft.base, layer(objects.EMPTY_BYTES, 0), *craft.layers(1)])
    yield craft.image(REPOSITORY, [buildkit_empty])


def compressions(craft: Craft) -> Iterator[Object]:
    """T3, T5, T28: uncompressed layers (diff id = digest), and one content under a gzip and a zstd digest."""
    tar = [layer(craft.dice.digest(), 180_000_000 + step, objects.OCI_TAR_LAYER) for step in range(2)]
    yield _kept(craft, tar, manifests.diff_ids(craft.dice, tar))
    yield craft.image(REPOSITORY, craft.layers(2, objects.DOCKER_TAR_LAYER), objects.DOCKER_MANIFEST)
    same_content = craft.dice.digest()
    for media_type, size in ((objects.OCI_LAYER, 41_000_000), (objects.OCI_ZSTD_LAYER, 36_500_000)):
        yield _kept(craft, [layer(craft.dice.digest(), size, media_type)], [same_content])


def disputed(craft: Craft) -> Iterator[Object]:
    """T4: one digest under two media types, with two sizes, with size 0 in an old object."""
    digest = craft.dice.digest()
    yield craft.image(REPOSITORY, [layer(digest, 20_000_000)])
    yield craft.image(REPOSITORY, [layer(digest, 20_000_000, objects.DOCKER_LAYER)], objects.DOCKER_MANIFEST)
    yield craft.image(REPOSITORY, [*craft.layers(1), layer(digest, 19_999_488)])
    known = layer(craft.dice.digest(), 7_000_000, objects.DOCKER_LAYER)
    yield craft.image(REPOSITORY, [known], objects.DOCKER_MANIFEST)
    old = known | {"size": 0, "mediaType": objects.SCHEMA1_LAYER}
    yield craft.image(REPOSITORY, [old], objects.DOCKER_SCHEMA1, size=0)
    unknown = layer(craft.dice.digest(), 0, objects.SCHEMA1_LAYER)
    yield craft.image(REPOSITORY, [unknown, *craft.layers(1, objects.SCHEMA1_LAYER)], objects.DOCKER_SCHEMA1)


def declared_sizes(craft: Craft) -> Iterator[Object]:
    """`Size` that no formula gives: absent, smaller than the layers, much larger, and layers above 1 GB."""
    yield craft.image(REPOSITORY, size=0)
    small = craft.image(REPOSITORY)
    small["dockerImageMetadata"]["Size"] //= 2
    yield small
    large = craft.image(REPOSITORY)
    large["dockerImageMetadata"]["Size"] *= 3
    yield large
    yield craft.image(REPOSITORY, [layer(craft.dice.digest(), 4_294_967_301), *craft.layers(1)])


def windows(craft: Craft) -> Iterator[Object]:
    """T6, T12: Windows images, with a foreign base layer (before 2023) and with an ordinary one."""
    config = {
        "Cmd": ["c:\\windows\\system32\\cmd.exe"],
        "WorkingDir": "C:\\app",
        "Entrypoint": ["C:\\Monitor.exe", "w3svc"],
    }
    shell = {"Entrypoint": ["powershell -Command $ErrorActionPreference = 'Stop'; Start-Service w3svc"]}
    foreign = layer(craft.dice.digest(), 1_718_332_879, objects.DOCKER_FOREIGN_LAYER)
    for _ in range(2):
        layers = [foreign, *craft.layers(1, objects.DOCKER_LAYER)]
        yield craft.image(REPOSITORY, layers, objects.DOCKER_MANIFEST, config=config, annotations=dict(objects.PUSHED))
    oci_foreign = layer(craft.dice.digest(), 118_000_000, objects.OCI_FOREIGN_LAYER)
    yield craft.image(REPOSITORY, [oci_foreign, *craft.layers(1)], config={"Cmd": ["cmd.exe"]})
    yield craft.image(REPOSITORY, config=shell)


def order(craft: Craft) -> Iterator[Object]:
    """T11: the order annotation ascending, descending, empty and absent, with and without the manifest."""
    for value in ("ascending", "descending", ""):
        yield craft.image(REPOSITORY, annotations={objects.ORDER_ANNOTATION: value})
    top_first = [*craft.layers(2, objects.DOCKER_LAYER), *craft.base[::-1]]
    yield craft.image(REPOSITORY, top_first, objects.DOCKER_MANIFEST, annotations=None)
    yield craft.image(REPOSITORY, top_first[1:], objects.DOCKER_MANIFEST, annotations={})
    yield craft.image(REPOSITORY, craft.layers(3), annotations=None, media_type="")
    for marks in ({objects.ORDER_ANNOTATION: "descending"}, {"openshift.io/image.managed": "true"}):
        layers = [*craft.base, *craft.layers(1)]
        image = _kept(craft, layers, manifests.diff_ids(craft.dice, layers))
        image["metadata"]["annotations"] = marks
        yield image | {"dockerImageLayers": layers[::-1]}


def scratch(craft: Craft) -> Iterator[Object]:
    """FROM scratch without content: `dockerImageLayers` absent, empty and null."""
    spellings: list[Any] = ["absent", [], None]
    for spelling in spellings:
        image = craft.image("quay.io/oddities/scratch", [])
        if spelling == "absent":
            del image["dockerImageLayers"]
        else:
            image["dockerImageLayers"] = spelling
        yield image


def histories(craft: Craft) -> Iterator[Object]:
    """T27: a history that matches its layers, a squashed one, one of the top only, and none."""
    empty = layer(objects.EMPTY_BUILDKIT, 32)
    layers = [*craft.base, empty, *craft.layers(2), empty]
    for is_matching in (True, False):
        steps = manifests.history(craft.dice, layers if is_matching else layers[:1], craft.now - 90_000, 3)
        yield _kept(craft, layers, manifests.diff_ids(craft.dice, layers), steps)
    squashed = craft.layers(1)
    steps = manifests.history(craft.dice, layers, craft.now - 90_000)
    yield _kept(craft, squashed, manifests.diff_ids(craft.dice, squashed), steps)
    yield _kept(craft, squashed, manifests.diff_ids(craft.dice, squashed), [])


def exclusive_pair(craft: Craft) -> Iterator[Object]:
    """T8: two images that share a layer with each other only, and one that is contained in another."""
    pair = craft.layers(2)
    yield craft.image(REPOSITORY, [*pair, *craft.layers(1)])
    yield craft.image(REPOSITORY, pair)


def _kept(craft: Craft, layers: list[Object], ids: list[str], steps: list[Object] | None = None) -> Object:
    image = craft.image("quay.io/oddities/restored", layers, built_at=timestamp(craft.now - 86_400))
    if steps is None:
        steps = manifests.history(craft.dice, layers, craft.now - 90_000, 2)
    return manifests.keep(image, manifests.config_text(image["dockerImageMetadata"], steps, ids))


def shared_children(craft: Craft) -> Iterator[Object]:
    """T9, T10: one child of two indexes, children that are missing, and an index in an index."""
    repository = "quay.io/oddities/shared"
    amd64, arm64 = craft.image(repository), craft.image(repository, architecture="arm64")
    yield from (amd64, arm64)
    platforms = [(name_of(amd64), objects.Platform("amd64")), (name_of(arm64), objects.Platform("arm64", variant="v8"))]
    missing = (craft.dice.digest(), objects.Platform("s390x"))
    inner = craft.index(repository, platforms)
    yield inner
    yield craft.index(repository, [platforms[0], missing])
    yield craft.index(repository, [(name_of(inner), objects.Platform("amd64")), missing])
    yield craft.index(repository, [(craft.dice.digest(), objects.Platform("amd64")), missing], objects.DOCKER_LIST)


TRAPS = (
    repeated_and_empty,
    compressions,
    disputed,
    declared_sizes,
    windows,
    order,
    scratch,
    histories,
    exclusive_pair,
    shared_children,
)
