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
        return [layer["name"] for layer in self.entries(name)]

    def entries(self, name: str) -> list[dict[str, Any]]:
        """Layers of an image as the object states them, base first."""
        item = self.objects[name]
        layers = item.get("dockerImageLayers") or []
        order = (item["metadata"].get("annotations") or {}).get("image.openshift.io/dockerLayersOrder")
        is_old = order is None and item["dockerImageManifestMediaType"] in TOP_FIRST_BY_DEFAULT
        is_top_first = order == "descending" or is_old
        return layers[::-1] if is_top_first else layers

    def first_entries(self, name: str) -> dict[str, dict[str, Any]]:
        """Layers of an image by digest; of a repeated one the lowest counts."""
        return {layer["name"]: layer for layer in reversed(self.entries(name))}

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

    def foreign(self, names: Names) -> int:
        """Bytes of layers that all their holders among these images mark as foreign."""
        marks: dict[str, list[bool]] = defaultdict(list)
        for name in names & self.images:
            for digest, layer in self.first_entries(name).items():
                marks[digest].append(".foreign." in layer["mediaType"])
        return self.bytes_of({digest for digest, those in marks.items() if all(those)})

    def config(self, name: str) -> int | None:
        """Bytes of the config of an image: its text, or what the declared size has beyond the distinct layers."""
        item = self.objects[name]
        if "dockerImageConfig" in item:
            return len(item["dockerImageConfig"].encode())
        stated = [layer["size"] for layer in self.first_entries(name).values()]
        rest = item["dockerImageMetadata"]["Size"] - sum(stated)
        return rest if stated and min(stated) > 0 and 1 <= rest <= 1 << 20 else None

    def configs(self, names: Names) -> dict[str, int | None]:
        """Bytes by config digest, the largest that any of these images shows."""
        found: dict[str, int | None] = {}
        for name in names & self.images:
            digest, size = self.objects[name]["dockerImageMetadata"]["Id"], self.config(name)
            found[digest] = max(found.get(digest) or 0, size or 0) or None
        return found

    def manifest(self, name: str) -> int | None:
        """Bytes of a manifest: its text, or the most an index states."""
        text = self.objects[name].get("dockerImageManifest")
        entries = (entry for index in self.indexes for entry in self.objects[index]["dockerImageManifests"])
        stated = max((entry["manifestSize"] for entry in entries if entry["digest"] == name), default=0)
        return len(text.encode()) if text else stated or None

    def small_figures(self, names: Names) -> tuple[int, int, int]:
        """Foreign bytes, and bytes of distinct configs and of manifests, of a set of objects."""
        configs = sum(size or 0 for size in self.configs(names).values())
        return self.foreign(names), configs, sum(self.manifest(name) or 0 for name in names)

    def freed_configs(self, names: Names) -> int:
        """Bytes of configs that no image outside has."""
        kept, sizes = self.configs(self.images - names), self.configs(names)
        return sum(size or 0 for digest, size in sizes.items() if digest not in kept)

    def image_figures(self, name: str) -> tuple[int, int, int, int | None]:
        """Logical, exclusive, foreign and manifest bytes of an image or an index."""
        names = self.members(name) if name in self.indexes else {name}
        return self.bytes_of(self.held(names)), self.freed(names), self.foreign(names), self.manifest(name)

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
