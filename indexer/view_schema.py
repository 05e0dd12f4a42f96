"""The views as plain data: grain, columns, types and one sentence each (a contract with users' SQL).

The SQL of a view stands in `queries/views/<name>.sql`; a test checks that it yields these columns in this order.
Comments in the engine and the data dictionary are derived from here.
"""

from __future__ import annotations

from indexer import view_columns as shared
from indexer.signature_views import IMAGE_SIGNATURES, SIGNATURE_CLAIMS, SIGNATURE_CONDITIONS
from indexer.view_columns import Column, View, flag, key_values, moment, number, pairs, text, texts, view

__all__ = ["VIEWS", "Column", "View"]


ARCHITECTURE_SPELLINGS = View(
    "architecture_spellings",
    "spelling",
    "Spellings of architectures and variants that mean another one.",
    (
        text("spelling", "Architecture, slash, variant in lower case; the variant may be empty."),
        text("architecture", "Architecture it means."),
        text("variant", "Variant it means; null for the default."),
    ),
)

SNAPSHOT_SERIES = view(
    "snapshot_series",
    "snapshot",
    "Snapshots as a series in time: which can be set against each other.",
    moment("taken_at", "When reading the source began."),
    text("state", "`compared`, or why it can't be: `partial` or `inconsistent`."),
    text("previous_snapshot_id", "The compared snapshot of the cluster before it; null for the first."),
    flag("is_newest", "Whether it is the newest compared snapshot of its cluster."),
)

IMAGE_OBJECTS = view(
    "image_objects",
    "image",
    "Each Image object by itself: fields named, reference parsed, kind of manifest told. What other objects say of it "
    "is in `images`.",
    shared.IMAGE_NAME,
    shared.UID,
    shared.RESOURCE_VERSION,
    shared.REFERENCE,
    shared.REGISTRY,
    shared.REPOSITORY,
    shared.REFERENCE_TAG,
    shared.REFERENCE_DIGEST,
    shared.MANIFEST_MEDIA_TYPE,
    shared.LAYER_ORDER_SOURCE,
    Column("layers", 'STRUCT("name" VARCHAR, size BIGINT, media_type VARCHAR)[]', "Layers in stored order."),
    shared.LAYER_COUNT,
    text("layers_digest", "Stands for the list of layers, base first: equal digests are equal lists; null without."),
    Column(
        "children",
        "STRUCT(digest VARCHAR, media_type VARCHAR, manifest_size BIGINT, architecture VARCHAR, os VARCHAR, "
        "variant VARCHAR)[]",
        "Entries of an index.",
    ),
    shared.CONFIG_DIGEST,
    text("artifact_type", "What an artifact is, by its own layers and config; null for images and indexes."),
    text("stated_architecture", "Architecture as the image's metadata states it."),
    text("config_architecture", "Architecture in the kept config, as written."),
    text("config_os", "Operating system in the kept config, as written."),
    text("config_variant", "Variant in the kept config, as written."),
    text("label_architecture", "Architecture in the image's labels, as written."),
    flag("looks_like_windows", "Whether layers or paths are those of Windows."),
    pairs("labels", "Labels of the container image."),
    pairs("annotations", "Annotations of the Image object."),
    texts("env", "Environment, one `NAME=value` an entry; may hold secrets."),
    texts("exposed_ports", "Ports the image declares, such as `8080/tcp`."),
    texts("entrypoint", "Entry point."),
    texts("cmd", "Default command or arguments of the entry point."),
    text("working_dir", "Working directory."),
    shared.RUN_AS_USER,
    text("manifest_text", "Manifest as it was kept, whether or not it is valid."),
    text("config_text", "Config as it was kept, whether or not it is valid."),
    text("manifest_json", "Manifest, where it was kept and is valid JSON."),
    text("config_json", "Config, where it was kept and is valid JSON."),
    number("kept_manifest_bytes", "Bytes of the manifest, where it was kept."),
    number("kept_config_bytes", "Bytes of the config, where it was kept."),
    shared.DECLARED_SIZE,
    shared.SIGNATURE_COUNT,
    shared.SCHEMA1_SIGNATURE_COUNT,
    flag("is_index", "Whether it is an index (manifest list)."),
    flag("has_config", "Whether the metadata tells how the image runs."),
    flag("is_schema1", "Whether the manifest is of schema 1."),
    flag("is_stored_top_first", "Whether the stored order of layers has to be reversed."),
    shared.IS_MANAGED,
    shared.FIRST_SEEN_AT,
    moment("stated_created_at", "Creation time in the metadata: of an index the moment it was stored."),
    shared.RAW_JSON,
)

STATED_LAYERS = view(
    "stated_layers",
    "image × position, base first",
    "Layers of each image and artifact as the object itself states them; `image_layers` adds what the others know.",
    shared.IMAGE_NAME,
    shared.REGISTRY,
    shared.REPOSITORY,
    shared.LAYER_POSITION,
    shared.LAYER_DIGEST,
    shared.LAYER_MEDIA_TYPE,
    shared.STATED_SIZE,
    flag("is_without_bytes", "Whether this is the blob of 0 bytes; null without a digest."),
    shared.IS_EMPTY_LAYER,
    shared.IS_STATED_FOREIGN,
    shared.IS_REPEAT,
    shared.IS_MANAGED,
)

IMAGE_LAYERS = view(
    "image_layers",
    "image × position, base first",
    "Layers of each image and artifact in order, repeats included.",
    shared.IMAGE_NAME,
    shared.REGISTRY,
    shared.REPOSITORY,
    shared.LAYER_POSITION,
    shared.LAYER_DIGEST,
    shared.LAYER_MEDIA_TYPE,
    shared.LAYER_SIZE,
    shared.STATED_SIZE,
    shared.IS_SIZE_KNOWN,
    shared.IS_EMPTY_LAYER,
    shared.IS_STATED_FOREIGN,
    shared.IS_REPEAT,
    shared.IS_MANAGED,
)

LAYERS = view(
    "layers",
    "cluster × layer digest",
    "Every distinct layer and who holds it.",
    shared.LAYER_DIGEST,
    shared.LAYER_SIZE,
    number("smallest_stated_size_bytes", "Smallest size stated for the digest."),
    number("image_count", "Images and artifacts that hold the layer."),
    number("repository_count", "Repositories among them; images without a reference count as one."),
    number("reference_count", "References to the layer, repeats inside an image included."),
    shared.IS_SIZE_KNOWN,
    flag("has_size_conflict", "Whether objects state different sizes for the digest, 0 included."),
    shared.IS_EMPTY_LAYER,
    flag("is_foreign", "Whether every holder marks it as foreign: pulled from elsewhere, not in the registry."),
)

SNAPSHOT_TOTALS = view(
    "snapshot_totals",
    "snapshot",
    "What each snapshot holds as a whole; totals of large and of remote ones are kept.",
    number("image_count", "Image objects in the snapshot."),
    shared.DISTINCT_LAYER_COUNT,
    shared.LOGICAL,
    shared.PHYSICAL,
)

IMAGE_MANIFESTS = view(
    "image_manifests",
    "index × child",
    "Children of each index, attestations included.",
    shared.IMAGE_NAME,
    shared.REGISTRY,
    shared.REPOSITORY,
    shared.POSITION,
    text("child_digest", "Digest of the child manifest: the name of its Image."),
    text("media_type", "Media type of the child manifest."),
    text("platform", "Platform the index states, normalised: `os/architecture` or `os/architecture/variant`."),
    text("architecture", "Architecture the index states, normalised."),
    text("os", "Operating system the index states, normalised."),
    text("variant", "Variant the index states, normalised."),
    text("raw_architecture", "Architecture as the index spells it."),
    text("raw_variant", "Variant as the index spells it."),
    number("manifest_size_bytes", "Bytes of the child manifest itself; null when unknown."),
    flag("is_attestation", "Whether the child is a build attestation, not an image."),
    flag("is_present", "Whether the child's Image is in the same snapshot."),
    flag("is_present_index", "Whether the child's Image is in the same snapshot and is an index itself."),
)

INDEX_MEMBERS = view(
    "index_members",
    "index × present descendant",
    "Present children of each index, and those of an index nested in it.",
    shared.IMAGE_NAME,
    text("member_name", "Name of the child's Image."),
    flag("is_index", "Whether the member is a nested index, which holds no layers itself."),
)

IMAGE_SIZES = view(
    "image_sizes",
    "image",
    "Bytes of each image; an index counts over its present children.",
    shared.IMAGE_NAME,
    number("logical_bytes", "Bytes of its distinct layers."),
    number("exclusive_bytes", "Bytes of layers only it holds (an index: only its present children)."),
    number("shared_bytes", "Logical bytes without the exclusive ones."),
    shared.FOREIGN,
    shared.CONFIG_DIGEST,
    number("config_bytes", "Bytes of the config blob; null when they can't be told."),
    number("manifest_bytes", "Bytes of the manifest, if kept or stated by an index; null when unknown."),
    shared.DISTINCT_LAYER_COUNT,
    number("unknown_size_layer_count", "Distinct layers nobody states a size for: they count 0 bytes."),
    number("child_count", "Distinct children an index lists."),
    number("present_child_count", "Children whose Image is in the same snapshot."),
)

REPOSITORIES = view(
    "repositories",
    "cluster × repository",
    "Bytes of each repository; images without a reference are one repository.",
    shared.REGISTRY,
    shared.REPOSITORY,
    number("image_count", "Image objects, indexes and artifacts included."),
    number("index_count", "Indexes among them."),
    shared.DISTINCT_LAYER_COUNT,
    shared.LOGICAL,
    shared.PHYSICAL,
    shared.EXCLUSIVE,
    shared.SHARED,
    shared.FOREIGN,
    moment("first_seen_at", "When the cluster first stored one of its images."),
    moment("last_seen_at", "When the cluster first stored the newest of its images."),
)

IMAGE_ENV = view(
    "image_env",
    "image × name",
    "Environment of the container; may hold secrets.",
    shared.IMAGE_NAME,
    shared.REGISTRY,
    shared.REPOSITORY,
    text("key", "Name of the variable."),
    text("value", "Value, the last one where a name repeats; null for an entry without an equals sign."),
)

IMAGE_HISTORY = view(
    "image_history",
    "image × step",
    "Build steps, where the config (schema 1: the manifest) was kept.",
    shared.IMAGE_NAME,
    Column("position", "INTEGER", "Position of the step, from 0 = first."),
    text("layer_digest", "Layer the step made; null for steps without one or when the two can't be matched."),
    text("created_by", "Command of the step."),
    flag("is_empty_layer", "Whether the step changed no files."),
    moment("created_at", "When the step ran."),
)

IMAGES = view(
    "images",
    "image",
    "Every Image object: plain images, indexes and artifacts.",
    shared.IMAGE_NAME,
    shared.UID,
    shared.RESOURCE_VERSION,
    shared.REFERENCE,
    shared.REGISTRY,
    shared.REPOSITORY,
    shared.REFERENCE_TAG,
    shared.REFERENCE_DIGEST,
    text("kind", "`image`, `index` or `artifact`."),
    text("artifact_type", "What an artifact is: `attestation`, `cosign-signature`, `helm-chart`, …, `other`."),
    shared.MANIFEST_MEDIA_TYPE,
    text("platform", "`os/architecture` or `os/architecture/variant`; null when either is unknown, and for an index."),
    text("architecture", "Architecture, normalised (`amd64`, `arm64`); null when unknown, and for an index."),
    text("os", "Operating system, normalised; null when unknown, and for an index."),
    text("variant", "Variant of the architecture, normalised; null for the default one."),
    text("platform_source", "Evidence for the platform: `index`, `config`, `metadata`, `label`, `unknown`."),
    text("os_source", "Evidence for the operating system: `index`, `config`, `inferred`, `assumed`, `unknown`."),
    text("raw_architecture", "Architecture as the evidence spells it."),
    shared.CONFIG_DIGEST,
    shared.LAYER_ORDER_SOURCE,
    shared.RUN_AS_USER,
    shared.DECLARED_SIZE,
    shared.LAYER_COUNT,
    shared.SIGNATURE_COUNT,
    shared.SCHEMA1_SIGNATURE_COUNT,
    shared.IS_MANAGED,
    flag("is_signed", "Whether a signature is recorded; says nothing of its worth."),
    flag("is_trusted", "Whether a signature's newest Trusted and ForImage conditions are True: a claim, not proof."),
    flag("is_signed_via_index", "Whether an index that lists it has a signature recorded."),
    flag("has_readable_signature", "Whether a signature's payload can be read."),
    flag("has_signature_for_it", "Whether a signature claims the digest of this Image: a claim, not proof."),
    flag("has_matching_identity", "Whether a signature claims the repository of this Image: a claim, not proof."),
    flag("is_verified", "Whether a key of the keyring made a signature recorded on it; null without a keyring."),
    flag(
        "is_validly_signed",
        "Whether one signature is all of it: readable, for this digest and repository, made by a key of the keyring; "
        "null without a keyring.",
    ),
    flag("is_validly_signed_via_index", "Whether an index that lists it is; null without a keyring."),
    flag("is_in_index", "Whether an index of the same snapshot lists it."),
    flag("is_built_at_sentinel", "Whether the stated build time is a placeholder of reproducible builds."),
    shared.FIRST_SEEN_AT,
    moment("built_at", "Build time; of an index that of its newest present child. Null for placeholder dates."),
    shared.RAW_JSON,
)

IMAGE_CHAINS = view(
    "image_chains",
    "image × layer that is not empty, base first",
    "The layers of each image up to a position, as one digest: equal digests are equal lists.",
    shared.IMAGE_NAME,
    Column("depth", "INTEGER", "Layers up to here, empty ones left out, from 1."),
    shared.LAYER_DIGEST,
    text("chain_digest", "Stands for the list of layers up to here."),
    flag("is_top", "Whether this is the last layer, so that the digest stands for the whole image."),
)

IMAGE_ANCESTORS = view(
    "image_ancestors",
    "image × ancestor",
    "Images of the snapshot whose layers, empty ones left out, begin the layers of another image.",
    shared.IMAGE_NAME,
    text("ancestor_name", "Name of the ancestor's Image."),
    Column("common_layer_count", "INTEGER", "Layers of the ancestor, empty ones left out."),
    Column("added_layer_count", "INTEGER", "Layers the image adds, empty ones left out."),
    flag("is_nearest", "Whether no other ancestor has more layers; ties are kept."),
)

VIEWS: tuple[View, ...] = (
    ARCHITECTURE_SPELLINGS,
    SNAPSHOT_SERIES,
    IMAGE_OBJECTS,
    STATED_LAYERS,
    IMAGE_LAYERS,
    LAYERS,
    SNAPSHOT_TOTALS,
    IMAGE_MANIFESTS,
    INDEX_MEMBERS,
    IMAGE_SIZES,
    REPOSITORIES,
    SIGNATURE_CONDITIONS,
    IMAGE_SIGNATURES,
    SIGNATURE_CLAIMS,
    IMAGES,
    key_values("image_labels", "key", "Labels of the container image."),
    key_values("image_annotations", "key", "Annotations of the Image object."),
    IMAGE_ENV,
    IMAGE_HISTORY,
    IMAGE_CHAINS,
    IMAGE_ANCESTORS,
)
"""Every view; a view is read only by those behind it, so this is the order they are created in."""
