"""What a view is made of, as plain data, and the columns several views share. Names and types follow DuckDB."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a view."""

    name: str
    type: str
    sentence: str


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, what a row is, a sentence, and its columns in order."""

    name: str
    grain: str
    sentence: str
    columns: tuple[Column, ...]


def text(name: str, sentence: str) -> Column:
    """Column of text."""
    return Column(name, "VARCHAR", sentence)


def number(name: str, sentence: str) -> Column:
    """Column of whole numbers: counts and bytes."""
    return Column(name, "BIGINT", sentence)


def flag(name: str, sentence: str) -> Column:
    """Column of yes or no."""
    return Column(name, "BOOLEAN", sentence)


def moment(name: str, sentence: str) -> Column:
    """Column of moments, in UTC."""
    return Column(name, "TIMESTAMP WITH TIME ZONE", sentence)


def texts(name: str, sentence: str) -> Column:
    """Column of lists of text."""
    return Column(name, "VARCHAR[]", sentence)


def pairs(name: str, sentence: str) -> Column:
    """Column of keys and values."""
    return Column(name, "MAP(VARCHAR, VARCHAR)", sentence)


CLUSTER = text("cluster", "Cluster the snapshot was taken of.")
SNAPSHOT_ID = text("snapshot_id", "Snapshot the row comes from.")
IMAGE_NAME = text("image_name", "Name of the Image: the digest of its manifest.")
UID = text("uid", "Changes when the object is deleted and imported again; the name does not.")
RESOURCE_VERSION = text("resource_version", "Version of the object on the server.")
REFERENCE = text("reference", "Pull reference as the object states it.")
REGISTRY = text("registry", "Registry host, lower-case; `docker.io` where the reference names none.")
REPOSITORY = text("repository", "Repository path of the first importer; null without a reference.")
REFERENCE_TAG = text("reference_tag", "Tag in the reference, if any.")
REFERENCE_DIGEST = text("reference_digest", "Digest in the reference, if any.")
MANIFEST_MEDIA_TYPE = text("manifest_media_type", "Media type of the manifest as the object states it.")
LAYER_ORDER_SOURCE = text(
    "layer_order_source",
    "Why the layers stand as they do: `annotation-ascending`, `annotation-descending`, `annotation-empty` (kept), "
    "`default-schema1` (kept), `default-reversed`, `default-unknown` (kept); null without layers.",
)
LAYER_COUNT = number("layer_count", "Layers in the list, repeats included.")
CONFIG_DIGEST = text("config_digest", "Digest of the config blob; null for an index and schema 1.")
RUN_AS_USER = text("run_as_user", "User, and optionally group, the process runs as; null means root.")
DECLARED_SIZE = number("declared_size_bytes", "Size the object declares: config and distinct layers; null if unknown.")
SIGNATURE_COUNT = number("signature_count", "Signatures recorded on the Image.")
SCHEMA1_SIGNATURE_COUNT = number(
    "schema1_signature_count", "Signatures inside a schema 1 manifest; not evidence of trust."
)
IS_MANAGED = flag(
    "is_managed", "Whether it was pushed to the integrated registry first; pushed after an import is not seen."
)
FIRST_SEEN_AT = moment("first_seen_at", "When the cluster first stored the digest.")
RAW_JSON = text("raw_json", "The whole object as it came.")

POSITION = Column("position", "INTEGER", "Position in the list, from 0.")
KEY = text("key", "Key.")
VALUE = text("value", "Value; may be empty.")
SIGNATURE_NAME = text("signature_name", "Name of the signature object.")

LAYER_DIGEST = text("layer_digest", "Digest of the layer.")
LAYER_POSITION = Column("position", "INTEGER", "Position from 0 = base.")
LAYER_MEDIA_TYPE = text("media_type", "Media type this object states for the layer.")
STATED_SIZE = number("stated_size_bytes", "Size this object states for the layer.")
IS_STATED_FOREIGN = flag("is_foreign", "Whether this object marks the layer as foreign: pulled from elsewhere.")
IS_REPEAT = flag("is_repeat", "Whether the image holds the same layer at a lower position already.")
LAYER_SIZE = number("size_bytes", "Largest size seen for the digest in the cluster; 0 when none is known.")
IS_SIZE_KNOWN = flag("is_size_known", "Whether any object states a size for the digest; 0 means unknown.")
IS_EMPTY_LAYER = flag("is_empty_layer", "Whether this is one of the well-known empty layers.")

LOGICAL = number("logical_bytes", "Bytes of the distinct layers of each image, summed over images.")
PHYSICAL = number("physical_bytes", "Bytes of its distinct layers, each once.")
EXCLUSIVE = number("exclusive_bytes", "Bytes of layers that nothing outside the row holds.")
SHARED = number("shared_bytes", "Bytes of its distinct layers that something outside the row holds as well.")
FOREIGN = number("foreign_bytes", "Bytes of its distinct foreign layers: pulled from elsewhere, not in the registry.")
DISTINCT_LAYER_COUNT = number("distinct_layer_count", "Distinct layers.")


def view(name: str, grain: str, sentence: str, *columns: Column) -> View:
    """View whose rows belong to a snapshot of a cluster."""
    return View(name, grain, sentence, (CLUSTER, SNAPSHOT_ID, *columns))


def key_values(name: str, what: str, sentence: str) -> View:
    """View of the keys and values an image carries."""
    return view(name, f"image × {what}", sentence, IMAGE_NAME, REGISTRY, REPOSITORY, KEY, VALUE)
