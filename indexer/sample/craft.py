"""A bench for single odd objects: sensible parts by default, so that each trap states only what is odd about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.sample import objects, signatures
from indexer.sample.dice import Dice, timestamp
from indexer.sample.objects import Object, Platform, Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.sample.openpgp import Signer

CRAFT_START = 1_715_760_000  # 2024-05-15T08:00:00Z
_HOUR = 3_600


class Craft:
    """Makes odd objects one after the other; times and resource versions go on from object to object."""

    def __init__(self, seed: str, signer: Signer) -> None:
        self.dice = Dice(seed)
        self.signer = signer
        self._count = 0
        self.base = objects.fresh_layers(self.dice, 2)

    @property
    def now(self) -> int:
        """When the last object was stored, in epoch seconds."""
        return CRAFT_START + self._count * 2 * _HOUR

    def stored(self) -> Stored:
        """Give the server's part of the next object's metadata."""
        self._count += 1
        return Stored(self.dice.uid(), 40_000 + 7 * self._count, timestamp(self.now))

    def layers(self, count: int = 2, media_type: str = objects.OCI_LAYER) -> list[Object]:
        """Layers that no other image has."""
        return objects.fresh_layers(self.dice, count, media_type)

    def image(
        self,
        repository: str,
        layers: Sequence[Object] | None = None,
        media_type: str = objects.OCI_MANIFEST,
        **odd: Any,
    ) -> Object:
        """Make an imported image of `repository` (registry and path), with what is odd about it.

        `odd` may hold name, reference, annotations (None for none), and of its metadata built_at, config, architecture
        and size.
        """
        layers = [*self.base, *self.layers(1)] if layers is None else list(layers)
        name = odd.get("name") or self.dice.digest()
        meta = objects.object_meta(name, self.stored(), odd.get("annotations", dict(objects.IMPORTED)))
        size = odd.get("size", objects.declared_size(layers, 1_500 + self.dice.below(4_000)))
        built_at = odd.get("built_at", timestamp(self.now - 5 * 24 * _HOUR))
        config = odd.get("config", {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["/bin/run"]})
        architecture = odd.get("architecture", "amd64")
        metadata = objects.image_metadata(self.dice.digest(), built_at, config, architecture, size)
        reference = odd.get("reference") or f"{repository}@{name}"
        return objects.image_object(meta, reference, metadata, layers, media_type)

    def index(
        self,
        repository: str,
        children: Sequence[tuple[str, Platform]],
        media_type: str = objects.OCI_INDEX,
        annotations: Object | None = None,
    ) -> Object:
        """Make an index over digests and the platforms it gives them."""
        child_type = objects.OCI_MANIFEST if media_type == objects.OCI_INDEX else objects.DOCKER_MANIFEST
        entries = [
            objects.child_entry(digest, platform, 500 + self.dice.below(900), child_type)
            for digest, platform in children
        ]
        meta = objects.object_meta(self.dice.digest(), self.stored(), annotations)
        return objects.index_object(meta, f"{repository}@{meta['name']}", entries, media_type)

    def signed(self, image: Object, **spelling: Any) -> Object:
        """`image` with a good signature for its own name and repository."""
        return image | {"signatures": [signatures.sign(image, "1.0", self.now, self.signer, **spelling)]}


def name_of(image: Object) -> str:
    """`metadata.name`."""
    name: str = image["metadata"]["name"]
    return name
