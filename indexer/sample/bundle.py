"""The bundled sample: an ordinary fleet plus everything odd, by settings that are data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from indexer.sample import traps_layers, traps_platform, traps_schema1, traps_signature, traps_text
from indexer.sample.craft import Craft
from indexer.sample.fleet import generate_images
from indexer.sample.openpgp import ShapeSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from indexer.sample.objects import Object
    from indexer.sample.openpgp import Signer

TRAPS: tuple[Callable[[Craft], Iterator[Object]], ...] = (
    *traps_layers.TRAPS,
    *traps_platform.TRAPS,
    *traps_text.TRAPS,
    *traps_schema1.TRAPS,
    *traps_signature.TRAPS,
)


@dataclass(frozen=True)
class Settings:
    """What the sample is made of. `count` objects are ordinary, `shares` are as of `generate_images`."""

    seed: int
    count: int
    repository_count: int
    page_limit: int
    resource_version: int
    key_created_at: int
    shares: dict[str, Any] = field(default_factory=dict)


def read_settings(path: Path | Traversable) -> Settings:
    """Read settings from a TOML file."""
    return Settings(**tomllib.loads(path.read_text(encoding="utf-8")))


def odd_images(seed: int, signer: Signer | None = None) -> Iterator[Object]:
    """At least one object for everything that is odd about real Images."""
    craft = Craft(f"odd images of {seed}", signer or ShapeSigner())
    for trap in TRAPS:
        yield from trap(craft)


def bundled_sample(settings: Settings, signer: Signer | None = None) -> list[Object]:
    """All objects of the sample, sorted by name as a server lists them."""
    ordinary = generate_images(
        settings.count,
        settings.seed,
        repository_count=settings.repository_count,
        signer=signer,
        **settings.shares,
    )
    images = [*ordinary, *odd_images(settings.seed, signer)]
    return sorted(images, key=lambda image: str(image["metadata"]["name"]))
