"""Which figures the report has, in order. A new figure is an entry here; its numbers come from a canned query."""

from __future__ import annotations

from indexer.report import findings, pictures
from indexer.report.figures import CHECKS, PLACE, Figure, Section

BASIS = "completeness"
"""The query that says what all others are based on; it stands at the top of the page."""

_SUMMARY = Section(
    "summary",
    "At a glance",
    "Image objects say which layers an image has and how large they are. A layer that many images share is stored "
    "once, so what images hold (logical bytes) is more than what they occupy (physical bytes).",
    (
        Figure(
            "capacity-summary",
            "Headline figures",
            "Over the snapshots named above. Physical bytes are an upper bound of what the registry's disk holds for "
            "these images: foreign layers, told apart, lie elsewhere, and imported images may never have been pulled "
            "through.",
            (
                "physical_bytes",
                "logical_bytes",
                "dedup_ratio",
                "exclusive_bytes",
                "image_count",
                "index_count",
                "artifact_count",
                "repository_count",
                "distinct_layer_count",
                "foreign_bytes",
                "unknown_size_layer_count",
                "unsigned_count",
            ),
            form="tiles",
            tell=findings.summary,
        ),
    ),
)

_BYTES = Section(
    "bytes",
    "Where the bytes are",
    "Exclusive bytes are layers nothing outside the row holds: they go away with it. Shared bytes stay as long as "
    "anything else needs them, so shared and physical bytes do not add up over rows; exclusive bytes do.",
    (
        Figure(
            "capacity-by-registry",
            "Registries",
            "The registry an image was first imported from or pushed to.",
            ("registry", "repository_count", "image_count", "physical_bytes", "exclusive_bytes", "shared_bytes"),
            tell=findings.largest_registry,
            draw=pictures.exclusive_and_shared("registry"),
        ),
        Figure(
            "capacity-by-repository",
            "Repositories",
            "Largest first. Deleting every image of a repository would free its exclusive bytes.",
            (PLACE, "image_count", "physical_bytes", "exclusive_bytes", "shared_bytes", "dedup_ratio"),
            tell=findings.largest_repositories,
            draw=pictures.exclusive_and_shared("registry", "repository"),
        ),
    ),
)

_FLEET = Section(
    "fleet",
    "Clusters",
    "Every cluster has a registry of its own, so bytes add up over clusters, and a layer that two clusters need is "
    "stored twice.",
    (
        Figure(
            "capacity-by-cluster",
            "Each cluster",
            "Also elsewhere: layers that another of these clusters stores as well.",
            ("cluster", "image_count", "logical_bytes", "physical_bytes", "also_elsewhere_bytes", "dedup_ratio"),
        ),
        Figure(
            "fleet-layers",
            "The same layers across clusters",
            "By the number of clusters that store a layer. Repeated bytes are what one registry for all would spare.",
            ("clusters_per_layer", "layer_count", "distinct_bytes", "physical_bytes", "repeated_bytes"),
        ),
        Figure(
            "layers-between-clusters",
            "Clusters that hold the same",
            "Pairs by the bytes of the layers both store. A layer of ten clusters shows in each of their pairs, so "
            "rows do not add up.",
            ("cluster", "other_cluster", "shared_layer_count", "shared_bytes", "shared_share"),
        ),
    ),
    is_of_fleet=True,
)

_SHARING = Section(
    "sharing",
    "Layer sharing",
    "Sharing is what a common base image buys. Layers of one image only are where the registry grows.",
    (
        Figure(
            "layer-sharing-histogram",
            "Images per layer",
            "Layers by the number of images that hold them; physical bytes count a layer once, logical bytes once for "
            "each image.",
            ("images_per_layer", "layer_count", "layer_share", "physical_bytes", "logical_bytes"),
            tell=findings.sharing,
            draw=pictures.sharing_histogram,
        ),
        Figure(
            "layer-sharing",
            "Layers that save the most",
            "Saved bytes are what the layer would take besides, if each image that holds it had a copy of its own.",
            ("layer_digest", "size_bytes", "image_count", "repository_count", "saved_bytes"),
            tell=findings.saved,
        ),
        Figure(
            "sharing-between-repositories",
            "Repositories that share",
            "Pairs by the bytes of the layers both hold. A layer of ten repositories shows in each of their pairs, so "
            "rows do not add up.",
            ("repository", "other_repository", "shared_layer_count", "shared_bytes", "shared_share"),
        ),
    ),
)

_RECLAIM = Section(
    "reclaim",
    "What could be freed",
    "Each row is for itself: bytes that two images share with nobody else are freed only if both go, and show in "
    "neither row. For a set of images ask: image-indexer query reclaimable.",
    (
        Figure(
            "largest-images",
            "Images with the most exclusive bytes",
            "What deleting this one image would free. An index counts over its children.",
            ("image_name", PLACE, "kind", "platform", "exclusive_bytes", "logical_bytes", "first_seen_at"),
            order=lambda row: (-row["exclusive_bytes"], row["image_name"]),
        ),
        Figure(
            "stale-images",
            "Old images",
            "First stored a year ago or earlier, most exclusive bytes first. They may still run: the snapshot knows no "
            "pods.",
            ("image_name", PLACE, "platform", "age_days", "exclusive_bytes", "logical_bytes", "is_in_index"),
            tell=findings.stale,
            nothing="No image is older than a year.",
        ),
        Figure(
            "heaviest-layers",
            "Heaviest layers",
            "Single layers worth looking into: packed data, caches left behind.",
            ("layer_digest", "size_bytes", "image_count", "first_repository", "created_by"),
        ),
        Figure(
            "duplicate-images",
            "Duplicate images",
            "The same layers in the same order under several digests. They cost little storage, but scans, signatures "
            "and pulls of each.",
            ("image_name", PLACE, "layers_digest", "duplicate_count", "logical_bytes", "has_common_config"),
            tell=findings.duplicates,
        ),
    ),
)

_GROWTH = Section(
    "growth",
    "Growth and age",
    "From the times at which the cluster first stored each image, within one snapshot. What was deleted since does not "
    "show, so early months look smaller than they were.",
    (
        Figure(
            "growth-by-month",
            "Growth by month",
            "New bytes are layers that came with the month's images, each once; a layer comes with the first image "
            "that holds it. The last month is not over.",
            ("month", "image_count", "new_layer_count", "new_bytes", "cumulative_bytes"),
            tell=findings.growth,
            draw=pictures.growth,
            order=lambda row: (row["month"] is not None, row["month"] or "", row["cluster"]),
            is_series=True,
        ),
        Figure(
            "images-by-age",
            "Age",
            "By the time the cluster first stored an image, which is what pruning goes by, and by the time it was "
            "built, where that is known.",
            ("age_class", "first_seen_count", "first_seen_bytes", "built_count"),
            tell=findings.ages,
            draw=pictures.ages,
        ),
    ),
)

_ARCHITECTURES = Section(
    "architectures",
    "Architectures",
    "A repository has a platform if one of its indexes lists it or one of its single images runs on it.",
    (
        Figure(
            "architecture-coverage",
            "Coverage matrix",
            "Repositories that lack a required platform come first, those with most images before others.",
            (PLACE, "image_count"),
            parameters={"required": "required"},
            order=lambda row: (row["is_covered"], -row["image_count"], row["registry"] or "", row["repository"] or ""),
            tell=findings.coverage,
            form="matrix",
        ),
        Figure(
            "missing-children",
            "Children that are missing",
            "An index lists these images and the cluster does not have them: a node of that platform can't pull them "
            "through.",
            ("image_name", PLACE, "platform", "child_digest", "present_child_count", "child_count"),
            keep=lambda row: not row["is_attestation"],
            nothing="Every child an index lists is there.",
        ),
    ),
)

_SIGNATURES = Section(
    "signatures",
    "Signatures",
    "Signatures recorded on Image objects. The levels prove different things; a missing record is no proof that an "
    "image is unsigned, since sigstore signatures lie in the registry and not on the object.",
    (
        Figure(
            "signature-coverage",
            "Coverage by registry",
            "Signed: a signature is recorded. For image: its payload claims this digest. Trusted: somebody set the "
            "conditions, which is a claim. Via index: only an index that lists the image is signed.",
            (
                "registry",
                "image_count",
                "signed_count",
                "for_image_count",
                "trusted_count",
                "via_index_count",
                "unsigned_count",
                "signed_share",
            ),
            fixed={"by": "registry"},
            order=lambda row: (-row["image_count"], row["registry"] or ""),
            tell=findings.signed,
            draw=pictures.signature_levels,
        ),
        Figure(
            "signers",
            "Signers",
            "Keys that signatures name. Without a keyring a key is a claim of whoever wrote the signature.",
            ("key_id", "user_id", "signature_count", "image_count", "registries", "verified_count", "mismatch_count"),
            nothing="No signatures are recorded.",
        ),
        Figure(
            "signature-mismatches",
            "Signatures that do not fit their image",
            "For another digest, for another repository, or naming another key than the recorded issuer. A mirror or a "
            "rename makes the second look the same as an attack.",
            ("image_name", "mismatch", "reference", "claimed_reference", "claimed_digest", "key_id"),
            nothing="Every signature that can be read fits its image.",
        ),
    ),
)

_QUALITY = Section(
    "quality",
    "Completeness and quality",
    "What the figures are based on. Of a partial snapshot they say only what was read.",
    (
        Figure(
            BASIS,
            "Snapshots",
            "Complete: the whole resource was read. Of one moment: all pages show the same state of the cluster. "
            "Unproven: a saved list can be cut without a sign.",
            (
                "cluster",
                "snapshot_id",
                "taken_at",
                "is_complete",
                "is_consistent",
                "completeness",
                "image_count",
                "duplicate_count",
                "skipped_count",
            ),
            tell=findings.completeness,
            nothing="There is no complete snapshot.",
        ),
        Figure(
            CHECKS,
            "Findings of the checks",
            "What does not fit in the objects. The rows behind a count: image-indexer check NAME --findings.",
            ("severity", "title", "finding_count", "check"),
            tell=findings.quality,
            keep=lambda row: row["finding_count"] > 0,
            order=lambda row: (row["severity"], -row["finding_count"], row["check"]),
            nothing="No check found anything.",
        ),
    ),
)

SECTIONS = (_SUMMARY, _FLEET, _BYTES, _SHARING, _RECLAIM, _GROWTH, _ARCHITECTURES, _SIGNATURES, _QUALITY)
