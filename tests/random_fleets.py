"""Random fleets for hypothesis: few layers and images, so that all is shared, repeated, nested and missing."""

from __future__ import annotations

from fleets import DOCKER_IMAGE, FOREIGN_LAYER, LAYERS_ORDER, OCI_IMAGE, SCHEMA1, digest, image, index
from hypothesis import strategies as st

EMPTY_LAYER = "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"
WORDS = [f"image-{number}" for number in range(9)]
LISTS = [f"list-{number}" for number in range(4)]
PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm64/v8", "linux/arm/v7", "windows/amd64", "linux/s390x"]

repositories = st.sampled_from(["quay.io/a/one", "quay.io/a/two", "registry.example.com/a/one", None])
sizes = st.sampled_from([0, 1, 10, 100, 1000])
layers = st.lists(st.tuples(st.sampled_from("abcdefg"), sizes), max_size=6)
orders = st.sampled_from(["ascending", "descending", "", None])
media_types = st.sampled_from([OCI_IMAGE, DOCKER_IMAGE, SCHEMA1, "application/vnd.example"])


@st.composite
def images(draw, word):
    """Draw an image of that name."""
    order = draw(orders)
    annotations = {} if order is None else {LAYERS_ORDER: order}
    if draw(st.booleans()):
        annotations["openshift.io/image.managed"] = "true"
    made = image(word, *draw(layers), repository=draw(repositories), annotations=annotations)
    made["dockerImageManifestMediaType"] = draw(media_types)
    if draw(st.booleans()):
        made["dockerImageLayers"].insert(0, {"name": EMPTY_LAYER, "size": 32, "mediaType": "x"})
    foreign = {digest(letter) for letter in draw(st.sets(st.sampled_from("abc")))}
    for layer in made["dockerImageLayers"]:
        layer["mediaType"] = FOREIGN_LAYER if layer["name"] in foreign else layer["mediaType"]
    return made


@st.composite
def with_small_blobs(draw, made):
    """Draw what tells the size of config and manifest: a shared config, the declared size, kept texts."""
    distinct = {layer["name"]: layer["size"] for layer in made["dockerImageLayers"]}
    config_bytes = draw(st.sampled_from([0, 1, 700, 2_000_000]))
    made["dockerImageMetadata"] |= {"Size": sum(distinct.values()) + config_bytes}
    if draw(st.booleans()):
        made["dockerImageMetadata"]["Id"] = digest(draw(st.sampled_from(["config 1", "config 2"])))
    if draw(st.booleans()):
        made["dockerImageConfig"] = draw(st.sampled_from(['{"author":"Åsa"}', '{"author":"me"}']))
    if draw(st.booleans()):
        made["dockerImageManifest"] = '{"note":"é"}'
    return made


@st.composite
def based_images(draw, words):
    """Draw images of which some begin with the layers of an earlier one, so that there is lineage."""
    made = []
    for word in words:
        item = draw(images(word))
        if made and draw(st.booleans()):
            base = draw(st.sampled_from(made))
            marks = {layer["name"]: layer["mediaType"] for layer in base["dockerImageLayers"]}
            own = [
                layer | {"mediaType": marks.get(layer["name"], layer["mediaType"])}
                for layer in item["dockerImageLayers"]
            ]
            item["dockerImageLayers"] = base["dockerImageLayers"] + own
            item["metadata"]["annotations"] = dict(base["metadata"]["annotations"])
            item["dockerImageManifestMediaType"] = base["dockerImageManifestMediaType"]
        made.append(draw(with_small_blobs(item)))
    return made


@st.composite
def fleets(draw):
    """Draw images, and indexes that list some of them, each other, and children that are missing."""
    made = draw(based_images(draw(st.lists(st.sampled_from(WORDS), unique=True, max_size=7))))
    lists = draw(st.lists(st.sampled_from(LISTS), unique=True, max_size=3))
    # An index lists only those before it among the lists, as digests allow no cycles, and nests one deep.
    for number, word in enumerate(lists):
        listed = st.sampled_from(WORDS + lists[:1] * bool(number))
        children = draw(st.lists(st.tuples(listed, st.sampled_from(PLATFORMS)), min_size=1, max_size=4))
        made.append(index(word, *children, repository=draw(repositories)))
        for entry in made[-1]["dockerImageManifests"]:
            entry["manifestSize"] = draw(st.sampled_from([0, 500, 900]))
    return made


chosen_names = st.sets(st.sampled_from(WORDS + LISTS)).map(lambda words: {digest(word) for word in words})
