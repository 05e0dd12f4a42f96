"""The byte figures once more, over parsed objects with plain dictionaries: nothing here knows the SQL.

Written from the rules alone: a digest has the largest size seen; an image holds its distinct layers; an index holds
what its present children hold; what is exclusive has no holder outside; an ancestor's layers begin another's.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Any

EMPTY_LAYERS = {
    "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4",
    "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}
TOP_FIRST_BY_DEFAULT = {
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
}
Names = set[str]


class Twin:
    """Figures of one cluster."""

    def __init__(self, objects: list[dict[str, Any]]) -> None:
        self.objects = {item["metadata"]["name"]: item for item in objects}
        self.indexes = {name for name, item in self.objects.items() if item.get("dockerImageManifests")}
        self.images = self.objects.keys() - self.indexes

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Largest size seen by layer digest."""
        sizes: dict[str, int] = defaultdict(int)
        for name in self.images:
            for layer in self.objects[name].get("dockerImageLayers") or []:
                sizes[layer["name"]] = max(sizes[layer["name"]], layer["size"])
        return sizes

    @cached_property
    def holders(self) -> dict[str, Names]:
        """Images by layer digest."""
        holders: dict[str, Names] = defaultdict(set)
        for name in self.images:
            for digest in self.layers(name):
                holders[digest].add(name)
        return holders

    def layers(self, name: str) -> list[str]:
        """Layer digests of an image, base first."""
        item = self.objects[name]
        digests = [layer["name"] for layer in item.get("dockerImageLayers") or []]
        order = (item["metadata"].get("annotations") or {}).get("image.openshift.io/dockerLayersOrder")
        is_old = order is None and item["dockerImageManifestMediaType"] in TOP_FIRST_BY_DEFAULT
        is_top_first = order == "descending" or is_old
        return digests[::-1] if is_top_first else digests

    def children(self, index: str) -> Names:
        """Digests that an index lists, present or not."""
        return {entry["digest"] for entry in self.objects[index]["dockerImageManifests"]}

    def members(self, index: str) -> Names:
        """Present descendants of an index, one nested index deep."""
        direct = self.children(index) & self.objects.keys()
        nested = {child for inner in direct & self.indexes for child in self.children(inner) if child != index}
        return direct | (nested & self.objects.keys())

    def held(self, names: Names) -> Names:
        """Layer digests that any of these images holds."""
        return {digest for name in names & self.images for digest in self.layers(name)}

    def bytes_of(self, digests: Names) -> int:
        """Sum the sizes of digests."""
        return sum(self.sizes[digest] for digest in digests)

    def logical(self, names: Names) -> int:
        """Sum over images of their distinct layers."""
        return sum(self.bytes_of(set(self.layers(name))) for name in names & self.images)

    def freed(self, names: Names) -> int:
        """Bytes of layers that no image outside holds."""
        return self.bytes_of({digest for digest in self.held(names) if self.holders[digest] <= names})

    def figures(self, names: Names) -> tuple[int, int, int, int]:
        """Logical, physical, exclusive and shared bytes of a set of images."""
        physical, exclusive = self.bytes_of(self.held(names)), self.freed(names)
        return self.logical(names), physical, exclusive, physical - exclusive

    def image_figures(self, name: str) -> tuple[int, int]:
        """Logical and exclusive bytes of an image or an index."""
        names = self.members(name) if name in self.indexes else {name}
        return self.bytes_of(self.held(names)), self.freed(names)

    def closed(self, names: Names) -> Names:
        """Return the set with all children that no kept index lists; nested indexes are settled first."""
        listed: dict[str, Names] = defaultdict(set)
        for index in self.indexes:
            for member in self.members(index):
                listed[member].add(index)
        chosen = names & self.objects.keys()
        going = chosen | {name for name in listed.keys() & self.indexes if listed[name] <= chosen}
        return going | {name for name in listed if listed[name] <= going}

    def place(self, name: str) -> tuple[str, str] | None:
        """Registry and repository of an object."""
        path = (self.objects[name].get("dockerImageReference") or "").partition("@")[0]
        if not path:
            return None
        registry, _, repository = path.partition("/")
        return registry, repository

    def groups(self, key: Any) -> dict[Any, Names]:
        """Names of objects by a key."""
        groups: dict[Any, Names] = defaultdict(set)
        for name in self.objects:
            groups[key(name)].add(name)
        return groups

    def solid(self, name: str) -> list[str]:
        """Layers without the empty ones, base first."""
        return [digest for digest in self.layers(name) if digest not in EMPTY_LAYERS]

    def ancestors(self, name: str) -> Names:
        """Images whose layers begin those of this one and are fewer."""
        own = self.solid(name)
        lists = ((other, self.solid(other)) for other in self.images)
        return {other for other, layers in lists if layers and layers == own[: len(layers)] and layers != own}
