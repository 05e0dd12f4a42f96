"""The views as plain data: grain, columns, types and one sentence each (a contract with users' SQL).

The SQL of a view stands in `queries/views/<name>.sql`; the engine checks that it yields these columns. Comments in
the engine and the data dictionary are derived from here. Names and types follow DuckDB.
"""

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


CLUSTER = Column("cluster", "VARCHAR", "Cluster the snapshot was taken of.")
SNAPSHOT_ID = Column("snapshot_id", "VARCHAR", "Snapshot the row comes from.")
IMAGE_NAME = Column("image_name", "VARCHAR", "Name of the Image: the digest of its manifest.")
SIGNATURE_NAME = Column("signature_name", "VARCHAR", "Name of the signature object.")
LAYER_DIGEST = Column("layer_digest", "VARCHAR", "Digest of the layer.")
POSITION = Column("position", "INTEGER", "Position in the list, from 0.")
KEY = Column("key", "VARCHAR", "Key.")
VALUE = Column("value", "VARCHAR", "Value; may be empty.")
LAYER_SIZE = Column("size_bytes", "BIGINT", "Largest size seen for the digest in the cluster; 0 when none is known.")
REGISTRY = Column("registry", "VARCHAR", "Registry host, lower-case; `docker.io` where the reference names none.")
REPOSITORY = Column("repository", "VARCHAR", "Repository path of the first importer; null without a reference.")
LOGICAL = Column("logical_bytes", "BIGINT", "Bytes of the distinct layers of each image, summed over images.")
EXCLUSIVE = Column("exclusive_bytes", "BIGINT", "Bytes of layers that nothing outside the row uses.")
SHARED = Column("shared_bytes", "BIGINT", "Bytes of layers that something outside the row uses as well.")
IS_EMPTY_LAYER = Column("is_empty_layer", "BOOLEAN", "Whether this is one of the well-known empty layers.")
IS_FOREIGN = Column(
    "is_foreign", "BOOLEAN", "Whether the layer is foreign: pulled from elsewhere, not in the registry."
)


def _view(name: str, grain: str, sentence: str, *columns: Column) -> View:
    return View(name, grain, sentence, (CLUSTER, SNAPSHOT_ID, *columns))


def _pairs(name: str, what: str, sentence: str) -> View:
    return _view(name, f"image × {what}", sentence, IMAGE_NAME, KEY, VALUE)


IMAGES = _view(
    "images",
    "image",
    "Every Image object: plain images, indexes and artifacts.",
    IMAGE_NAME,
    Column("uid", "VARCHAR", "Changes when the object is deleted and imported again."),
    Column("resource_version", "VARCHAR", "Version of the object on the server."),
    Column("first_seen_at", "TIMESTAMP WITH TIME ZONE", "When the cluster first stored the digest."),
    Column("reference", "VARCHAR", "Pull reference as the object states it."),
    REGISTRY,
    REPOSITORY,
    Column("reference_tag", "VARCHAR", "Tag in the reference, if any."),
    Column("reference_digest", "VARCHAR", "Digest in the reference, if any."),
    Column("kind", "VARCHAR", "`image`, `index` or `artifact`."),
    Column("artifact_type", "VARCHAR", "What an artifact is: `attestation`, `cosign-signature`, `helm-chart`, …."),
    Column("manifest_media_type", "VARCHAR", "Media type of the manifest as the object states it."),
    Column("built_at", "TIMESTAMP WITH TIME ZONE", "Build time of an image; null for an index and for sentinel dates."),
    Column("is_built_at_sentinel", "BOOLEAN", "Whether the stated build time is a placeholder of reproducible builds."),
    Column("architecture", "VARCHAR", "Architecture, normalised (`amd64`, `arm64`); null when unknown."),
    Column("os", "VARCHAR", "Operating system, normalised; null when unknown."),
    Column("variant", "VARCHAR", "Variant of the architecture, normalised; null when it has none."),
    Column(
        "platform_source", "VARCHAR", "Evidence for the platform: `index`, `config`, `metadata`, `label`, `unknown`."
    ),
    Column("os_source", "VARCHAR", "Evidence for the operating system: `index`, `config`, `inferred`, `assumed`."),
    Column("raw_architecture", "VARCHAR", "Architecture as the evidence spells it."),
    Column("config_digest", "VARCHAR", "Digest of the config blob; null for an index and schema 1."),
    Column("declared_size_bytes", "BIGINT", "Size the object declares: config and distinct layers; null when unknown."),
    Column("layer_count", "BIGINT", "Layers in the list, repeats included."),
    Column("layer_order_source", "VARCHAR", "Rule by which layers were put base first; null without layers."),
    Column("schema1_signature_count", "BIGINT", "Signatures inside a schema 1 manifest; not evidence of trust."),
    Column("signature_count", "BIGINT", "Signatures recorded on the Image."),
    Column("is_managed", "BOOLEAN", "Whether it was pushed to the integrated registry first."),
    Column("is_signed", "BOOLEAN", "Whether a signature is recorded; says nothing of its worth."),
    Column("is_trusted", "BOOLEAN", "Whether the newest Trusted and ForImage conditions are True: a claim, not proof."),
    Column("is_signed_via_index", "BOOLEAN", "Whether an index that lists it has a signature recorded."),
    Column("raw_json", "VARCHAR", "The whole object as it came."),
)

IMAGE_LAYERS = _view(
    "image_layers",
    "image × position, base first",
    "Layers of each image in order, repeats included.",
    IMAGE_NAME,
    Column("position", "INTEGER", "Position from 0 = base."),
    LAYER_DIGEST,
    LAYER_SIZE,
    Column("is_size_known", "BOOLEAN", "Whether any object states a size above 0 for the digest."),
    Column("stated_size_bytes", "BIGINT", "Size this object states for the layer."),
    Column("media_type", "VARCHAR", "Media type this object states for the layer."),
    IS_EMPTY_LAYER,
    IS_FOREIGN,
)

IMAGE_MANIFESTS = _view(
    "image_manifests",
    "index × child",
    "Children of each index, attestations included.",
    IMAGE_NAME,
    POSITION,
    Column("child_digest", "VARCHAR", "Digest of the child manifest: the name of its Image."),
    Column("media_type", "VARCHAR", "Media type of the child manifest."),
    Column("manifest_size_bytes", "BIGINT", "Bytes of the child manifest itself."),
    Column("architecture", "VARCHAR", "Architecture the index states, normalised."),
    Column("os", "VARCHAR", "Operating system the index states, normalised."),
    Column("variant", "VARCHAR", "Variant the index states, normalised."),
    Column("is_attestation", "BOOLEAN", "Whether the child is a build attestation, not an image."),
    Column("is_present", "BOOLEAN", "Whether the child's Image is in the same snapshot."),
)

IMAGE_SIGNATURES = _view(
    "image_signatures",
    "image × signature",
    "Signatures recorded on each Image, with what they claim; nothing here is verified.",
    IMAGE_NAME,
    POSITION,
    SIGNATURE_NAME,
    Column("type", "VARCHAR", "`AtomicImageV1` or `atomic`."),
    Column("content_size_bytes", "BIGINT", "Bytes of the decoded content."),
    Column("created_at", "TIMESTAMP WITH TIME ZONE", "Signing time, where a third party filled it."),
    Column("image_identity", "VARCHAR", "Identity of the image, where a third party filled it."),
    Column("issued_by_common_name", "VARCHAR", "Issuer; after a manual verification the signer's key id."),
    Column("issued_by_organization", "VARCHAR", "Organization of the issuer."),
    Column("issued_to_common_name", "VARCHAR", "Subject of the signing key."),
    Column("issued_to_organization", "VARCHAR", "Organization of the subject."),
    Column("issued_to_public_key_id", "VARCHAR", "Key id of the subject."),
    Column("recorded_at", "TIMESTAMP WITH TIME ZONE", "When the signature was recorded on the Image."),
    Column("reading_state", "VARCHAR", "`readable`, or why the content could not be read."),
    Column("claimed_reference", "VARCHAR", "Reference the payload claims."),
    Column("claimed_digest", "VARCHAR", "Manifest digest the payload claims."),
    Column("claimed_creator", "VARCHAR", "Program the payload names as its creator."),
    Column("claimed_at", "TIMESTAMP WITH TIME ZONE", "Time the payload states."),
    Column("key_id", "VARCHAR", "Id of the signing key, 16 upper-case hex digits."),
    Column("fingerprint", "VARCHAR", "Fingerprint of the signing key."),
    Column("public_key_algorithm", "VARCHAR", "Algorithm of the signing key."),
    Column("signature_created_at", "TIMESTAMP WITH TIME ZONE", "When the packet says the signature was made."),
    Column("signature_expires_at", "TIMESTAMP WITH TIME ZONE", "When the packet says the signature expires."),
    Column(
        "is_for_this_image", "BOOLEAN", "Whether the claimed digest is the name of the Image; null when unreadable."
    ),
)

SIGNATURE_CONDITIONS = _view(
    "signature_conditions",
    "signature × condition",
    "Conditions of signatures: what somebody with update rights wrote.",
    IMAGE_NAME,
    SIGNATURE_NAME,
    POSITION,
    Column("type", "VARCHAR", "In practice `Trusted` or `ForImage`."),
    Column("status", "VARCHAR", "`True`, `False` or `Unknown`."),
    Column("reason", "VARCHAR", "Short reason."),
    Column("message", "VARCHAR", "Message for people."),
    Column("last_probe_at", "TIMESTAMP WITH TIME ZONE", "When the condition was last checked."),
    Column("last_transition_at", "TIMESTAMP WITH TIME ZONE", "When the status last changed."),
)

SIGNATURE_CLAIMS = _view(
    "signature_claims",
    "signature × claim",
    "Signed claims, where a third party filled them.",
    IMAGE_NAME,
    SIGNATURE_NAME,
    KEY,
    VALUE,
)

IMAGE_HISTORY = _view(
    "image_history",
    "image × step",
    "Build steps, where the config was kept.",
    IMAGE_NAME,
    Column("position", "INTEGER", "Position of the step, from 0 = first."),
    Column(
        "layer_digest", "VARCHAR", "Layer the step made; null for steps without one or when the two can't be matched."
    ),
    Column("created_at", "TIMESTAMP WITH TIME ZONE", "When the step ran."),
    Column("created_by", "VARCHAR", "Command of the step."),
    Column("is_empty_layer", "BOOLEAN", "Whether the step made no layer."),
)

LAYERS = _view(
    "layers",
    "cluster × layer digest",
    "Every distinct layer and who holds it.",
    LAYER_DIGEST,
    LAYER_SIZE,
    Column("image_count", "BIGINT", "Images and artifacts that hold the layer."),
    Column("repository_count", "BIGINT", "Repositories among them; images without a reference count as one."),
    Column("reference_count", "BIGINT", "References to the layer, repeats inside an image included."),
    Column("has_size_conflict", "BOOLEAN", "Whether objects state different sizes for the digest."),
    IS_EMPTY_LAYER,
    IS_FOREIGN,
)

IMAGE_SIZES = _view(
    "image_sizes",
    "image",
    "Bytes of each image; an index counts over its present children.",
    IMAGE_NAME,
    Column("logical_bytes", "BIGINT", "Bytes of its distinct layers."),
    Column("exclusive_bytes", "BIGINT", "Bytes of layers only it holds (an index: only its present children)."),
    Column("shared_bytes", "BIGINT", "Logical bytes without the exclusive ones."),
)

REPOSITORIES = _view(
    "repositories",
    "cluster × repository",
    "Bytes of each repository; images without a reference are one repository.",
    REGISTRY,
    REPOSITORY,
    Column("image_count", "BIGINT", "Image objects, indexes and artifacts included."),
    LOGICAL,
    Column("physical_bytes", "BIGINT", "Bytes of its distinct layers, each once."),
    EXCLUSIVE,
    SHARED,
)

SNAPSHOTS = _view(
    "snapshots",
    "snapshot",
    "Receipts of the snapshots behind the views.",
    Column("taken_at", "TIMESTAMP WITH TIME ZONE", "When reading the source began."),
    Column("is_complete", "BOOLEAN", "Whether the whole resource was read."),
    Column("is_consistent", "BOOLEAN", "Whether all of it is of one moment."),
    Column("completeness", "VARCHAR", "How completeness is known: `proven`, `unproven` or `partial`."),
    Column("image_count", "BIGINT", "Image objects in the snapshot."),
    Column("duplicate_count", "BIGINT", "Objects that gave way to another of the same name."),
    Column("skipped_count", "BIGINT", "Items left out because they could not be read."),
    Column("stored_bytes", "BIGINT", "Bytes of the snapshot's Parquet parts."),
    Column("source", "VARCHAR", "Where the objects came from."),
    Column("server_version", "VARCHAR", "Version the server told."),
    Column("resource_version", "VARCHAR", "Resource versions of the list."),
    Column("tool_version", "VARCHAR", "Version of image-indexer that wrote it."),
    Column("schema_version", "INTEGER", "Version of the Parquet columns."),
)

VIEWS: tuple[View, ...] = (
    IMAGES,
    IMAGE_LAYERS,
    IMAGE_MANIFESTS,
    IMAGE_SIGNATURES,
    SIGNATURE_CONDITIONS,
    SIGNATURE_CLAIMS,
    _pairs("image_labels", "key", "Labels of the container image."),
    _pairs("image_annotations", "key", "Annotations of the Image object."),
    _pairs("image_env", "key", "Environment of the container, last value wins; may hold secrets."),
    IMAGE_HISTORY,
    LAYERS,
    IMAGE_SIZES,
    REPOSITORIES,
)
"""Every view, in the order the dictionary lists them."""
