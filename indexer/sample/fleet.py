"""An endless, ordinary fleet: repositories that build again and again on a few bases, single- and multi-platform.

Memory does not grow with the number of images: what is kept is one record a repository (4,000 at most) and the layers
of the base images. Images come in the order in which the cluster stored them, not sorted by name.
"""

from __future__ import annotations

from itertools import islice
from math import isqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer.sample import manifests, objects, signatures
from indexer.sample.configs import application_config, dated_labels, sentence
from indexer.sample.dice import Dice, Weighted, timestamp
from indexer.sample.objects import Object, Platform, Stored
from indexer.sample.openpgp import ShapeSigner
from indexer.sample.vocabulary import APPLICATIONS, BASES, ORIGINS, Base, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.sample.openpgp import Signer

FIRST_STORED, LAST_STORED = 1_704_067_200, 1_793_404_800  # 2024-01-01 and 2026-10-31
_DAY = 86_400
# So tuned that some 85 % of the layers are in one image only and an image has about eight.
_MANAGED_SHARE, _REBASE_SHARE, _NEW_DEPENDENCIES_SHARE, _EMPTY_LAYERS_SHARE = 0.45, 0.25, 0.03, 0.1
_VERIFIED_SHARE = 0.33
_ARM64 = Platform("arm64", variant="v8")
_ATTESTATION = Platform("unknown", "unknown")


class Shares(NamedTuple):
    """How often the less ordinary happens, each from 0 to 1."""

    signed: float = 0.0
    kept_texts: float = 0.02
    missing_children: float = 0.03
    attestations: float = 0.3
    multi_platform: float = 0.15
    long_labels: float = 0.02


class BaseStream:
    """One base image through its versions; the layers of a version are made when first asked for."""

    def __init__(self, base: Base, parent: BaseStream | None, dice: Dice) -> None:
        self.base = base
        self.config = application_config(dice, base, base.path, is_managed=False)
        self.published = -1
        self._parent = parent
        self._dice = dice
        self._chains: dict[tuple[int, str, str], list[Object]] = {}

    def chain(self, version: int, architecture: str, media_type: str) -> list[Object]:
        """Give the layers of one version, base first; the same blobs under either media type."""
        key = (version, architecture, media_type)
        if key not in self._chains:
            below = self._parent.chain(version, architecture, media_type) if self._parent else []
            self._chains[key] = below + self._own(version, architecture, media_type)
        return self._chains[key]

    def _own(self, version: int, architecture: str, media_type: str) -> list[Object]:
        other = objects.DOCKER_LAYER if media_type == objects.OCI_LAYER else objects.OCI_LAYER
        known = self._chains.get((version, architecture, other))
        if known:
            return [entry | {"mediaType": media_type} for entry in known[-self.base.layer_count :]]
        return objects.fresh_layers(self._dice, self.base.layer_count, media_type)


class Repository:
    """One repository: what stays from build to build."""

    def __init__(self, origin: Origin, path: str, stream: BaseStream, config: Object) -> None:
        self.origin = origin
        self.reference = f"{origin.registry}/{path}"
        self.stream = stream
        self.config = config
        self.architectures: tuple[str, ...] = ("amd64",)
        self.is_docker_media = origin.is_docker_media
        self.is_managed = origin.is_managed
        self.annotations = objects.PUSHED if origin.is_managed else objects.IMPORTED
        self.base_version = 0
        self.build_count = 0
        self.dependencies: dict[str, list[Object]] = {}

    @property
    def layer_type(self) -> str:
        """The media type its builds give their layers."""
        return objects.DOCKER_LAYER if self.is_docker_media else objects.OCI_LAYER

    @property
    def manifest_type(self) -> str:
        """The media type of its manifests."""
        return objects.DOCKER_MANIFEST if self.is_docker_media else objects.OCI_MANIFEST


class Fleet:
    """The running state of one stream: clock, resource version, repositories."""

    def __init__(self, count: int, seed: int, repository_count: int, shares: Shares, signer: Signer) -> None:
        self.dice = Dice(seed)
        self._count = max(count, 1)
        self._shares = shares
        self._signer = signer
        self._stored_count = 0
        self._version_count = max(2, isqrt(self._count) // 20)
        self._streams = Weighted(self._make_streams(), flatness=0.6)
        self._repositories = Weighted([self._make_repository(rank) for rank in range(repository_count)], flatness=10.0)

    def images(self) -> Iterator[Object]:
        """Build without end."""
        while True:
            repository = self._repositories.draw(self.dice)
            yield from self._rebase(repository)
            yield from self._build(repository)

    @property
    def now(self) -> int:
        """When the cluster stores the next object, in epoch seconds; reaches the last day with the count."""
        return FIRST_STORED + (LAST_STORED - FIRST_STORED) * min(self._stored_count, self._count) // self._count

    def stored(self) -> Stored:
        """Give the server's part of the next object's metadata."""
        self._stored_count += 1
        return Stored(self.dice.uid(), 100_000 + 3 * self._stored_count, timestamp(self.now))

    def _make_streams(self) -> list[BaseStream]:
        streams: dict[str, BaseStream] = {}
        for base in sorted(BASES, key=lambda entry: entry.parent):
            streams[base.path] = BaseStream(base, streams.get(base.parent), self.dice)
        return [streams[base.path] for base in BASES]

    def _make_repository(self, rank: int) -> Repository:
        dice = self.dice
        stream = self._streams.draw(dice)
        origin = ORIGINS[0] if dice.random() < _MANAGED_SHARE else dice.pick(ORIGINS[1:])
        round_number, word = divmod(rank, len(APPLICATIONS))
        suffix = f"-{round_number + 1}" if round_number else ""
        path = f"{dice.pick(origin.organisations)}/{APPLICATIONS[word]}{suffix}"
        repository = Repository(origin, path, stream, application_config(dice, stream.base, path, origin.is_managed))
        if dice.random() < self._shares.multi_platform:
            repository.architectures = stream.base.architectures
        if dice.random() < self._shares.long_labels:
            repository.config["Labels"]["operators.example.com/bundle"] = sentence(dice, 1_500)
        return repository

    def _rebase(self, repository: Repository) -> Iterator[Object]:
        """Move to the base's current version now and then; a version's images are imported when first used."""
        stream = repository.stream
        current = self._stored_count * self._version_count // self._count
        if repository.build_count and self.dice.random() >= _REBASE_SHARE:
            return
        if repository.base_version != current:
            repository.base_version = current
            repository.dependencies.clear()
        if stream.published < current:
            stream.published = current
            origin = Origin(stream.base.registry, (), is_managed=False, is_docker_media=True)
            published = Repository(origin, stream.base.path, stream, stream.config)
            published.base_version, published.build_count = current, current
            published.architectures = stream.base.architectures
            yield from self._build(published, is_base=True)

    def _build(self, repository: Repository, *, is_base: bool = False) -> Iterator[Object]:
        repository.build_count += 1
        delay = self.dice.below(120) if repository.is_managed else self.dice.below(20 * _DAY)
        built = self.now - delay
        children: list[Object] = []
        for architecture in repository.architectures:
            layers = self._layers(repository, architecture, is_base)
            image = self._image(repository, architecture, layers, built)
            platform = _ARM64 if architecture == "arm64" else Platform(architecture)
            manifest_bytes = len(image.get("dockerImageManifest", "")) or 400 + 110 * len(layers)
            children.append(
                objects.child_entry(image["metadata"]["name"], platform, manifest_bytes, repository.manifest_type)
            )
            if len(repository.architectures) == 1 or self.dice.random() >= self._shares.missing_children:
                yield image
        if len(children) > 1:
            yield from self._index(repository, children)

    def _layers(self, repository: Repository, architecture: str, is_base: bool) -> list[Object]:
        dice, media_type = self.dice, repository.layer_type
        chain = repository.stream.chain(repository.base_version, architecture, media_type)
        if is_base:
            return chain
        dependencies = repository.dependencies.get(architecture)
        if dependencies is None or dice.random() < _NEW_DEPENDENCIES_SHARE:
            dependencies = objects.fresh_layers(dice, 3 + dice.below(2), media_type)
            repository.dependencies[architecture] = dependencies
        own = objects.fresh_layers(dice, 1 + int(dice.random() * 3.6), media_type)
        if dice.random() < _EMPTY_LAYERS_SHARE:
            empty = objects.layer(objects.EMPTY_BUILDKIT, 32, media_type)
            return [*chain, empty, *dependencies, *own, empty]
        return [*chain, *dependencies, *own]

    def _image(self, repository: Repository, architecture: str, layers: list[Object], built: int) -> Object:
        dice, name = self.dice, self.dice.digest()
        labels = dated_labels(dice, repository.config["Labels"], architecture, built, repository.build_count)
        config = repository.config | {"Labels": labels}
        size = objects.declared_size(layers, 1_400 + dice.below(6_000))
        metadata = objects.image_metadata(dice.digest(), timestamp(built), config, architecture, size)
        meta = objects.object_meta(name, self.stored(), repository.annotations)
        image = objects.image_object(meta, f"{repository.reference}@{name}", metadata, layers, repository.manifest_type)
        if dice.random() < self._shares.kept_texts:
            image = self._keep_texts(image, built)
        return self._signed(image, repository)

    def _keep_texts(self, image: Object, built: int) -> Object:
        layers, dice = image["dockerImageLayers"], self.dice
        steps = manifests.history(dice, layers, built - 3_600, steps_between=4 + dice.below(30))
        ids = manifests.diff_ids(dice, layers)
        image["metadata"]["annotations"] = objects.IMPORTED
        return manifests.keep(image, manifests.config_text(image["dockerImageMetadata"], steps, ids))

    def _index(self, repository: Repository, children: list[Object]) -> Iterator[Object]:
        if not repository.is_docker_media and self.dice.random() < self._shares.attestations:
            yield self._attestation(repository, children)
        annotations = objects.PUSHED_INDEX if repository.is_managed else None
        meta = objects.object_meta(self.dice.digest(), self.stored(), annotations)
        media_type = objects.DOCKER_LIST if repository.is_docker_media else objects.OCI_INDEX
        index = objects.index_object(meta, f"{repository.reference}@{meta['name']}", children, media_type)
        yield self._signed(index, repository)

    def _attestation(self, repository: Repository, children: list[Object]) -> Object:
        name = self.dice.digest()
        layers = [objects.layer(self.dice.digest(), 2_000 + self.dice.below(60_000), objects.IN_TOTO_LAYER)]
        size = objects.declared_size(layers, 167)
        metadata = objects.image_metadata(self.dice.digest(), None, None, "unknown", size)
        children.append(objects.child_entry(name, _ATTESTATION, 566))
        meta = objects.object_meta(name, self.stored(), repository.annotations)
        return objects.image_object(meta, f"{repository.reference}@{name}", metadata, layers)

    def _signed(self, image: Object, repository: Repository) -> Object:
        """With a signature in `Shares.signed` of all cases, a third of those with a person's verification."""
        if self.dice.random() >= self._shares.signed:
            return image
        kind = signatures.CLIENT_TYPE if repository.is_managed else signatures.IMPORTER_TYPE
        entry = signatures.sign(image, f"1.{repository.build_count}", self.now, self._signer, kind)
        if self.dice.random() < _VERIFIED_SHARE:
            entry = signatures.verified(entry, self.now + _DAY, self._signer)
        image["signatures"] = [entry]
        return image


def default_repository_count(count: int) -> int:
    """Repositories of a fleet of `count` images: one for forty, but 50 at least and 4,000 at most."""
    return min(max(50, count // 40), 4_000)


def generate_images(
    count: int, seed: int, *, repository_count: int | None = None, signer: Signer | None = None, **shares: Any
) -> Iterator[Object]:
    """`count` ordinary Image objects as items of a list page (no kind, no apiVersion), streamed.

    `shares` are the fields of `Shares`, e.g. `signed=0.33`. Signatures are made by `signer`; without one they have the
    right shape and say the right things, but no key verifies them, so a big fleet needs no cryptography library.
    """
    repositories = repository_count or default_repository_count(count)
    fleet = Fleet(count, seed, repositories, Shares(**shares), signer or ShapeSigner())
    return islice(fleet.images(), count)
