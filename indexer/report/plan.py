"""Which figures the report has, in order. A new figure is an entry here; its numbers come from a canned query."""

from __future__ import annotations

from indexer.report import findings, pictures
from indexer.report.figures import PLACE, Figure, Section

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

SECTIONS = (_SUMMARY, _SHARING, _ARCHITECTURES, _SIGNATURES)
