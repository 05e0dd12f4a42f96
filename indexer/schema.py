"""The Image object as plain data: every field of image.openshift.io/v1, its type and one sentence.

This is the source of truth. The Arrow schema of the Parquet parts (`arrow_schema`), the typed decoder (`decode`), the
data dictionary and the comments in the engine (`dictionary`) are derived from it, so a field is added here and
nowhere else. Column names are the API's own keys in snake_case, nested as in the API.

Source of names and meanings: openshift/api `image/v1/types.go` and `image/docker10/types_docker.go`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache

SCHEMA_VERSION = 1
"""Version of the Parquet columns. Older versions are read (missing columns are null), newer ones are refused."""


class Scalar(Enum):
    """Column types without parts."""

    STRING = "string"
    INTEGER = "int64"
    BOOLEAN = "bool"
    TIMESTAMP = "timestamp"
    """A moment in UTC with microseconds."""
    STRING_MAP = "map<string, string>"
    """A JSON object whose values are strings."""
    KEYS = "list<string>"
    """The keys of a JSON object whose values are always empty objects (`{"8080/tcp": {}}`)."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A JSON array of one type."""

    item: Scalar | Struct


@dataclass(frozen=True, slots=True)
class Struct:
    """A JSON object with known fields."""

    fields: tuple[Field, ...]


Type = Scalar | ListOf | Struct


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the API's key, its type and a sentence."""

    key: str
    type: Type
    sentence: str

    @property
    def name(self) -> str:
        """Column name: the key in snake_case (`publicKeyID` is `public_key_id`)."""
        return snake_case(self.key)


@cache
def snake_case(key: str) -> str:
    """Turn a key of the API into a column name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()


STRING, INTEGER, BOOLEAN, TIMESTAMP = Scalar.STRING, Scalar.INTEGER, Scalar.BOOLEAN, Scalar.TIMESTAMP
STRING_MAP, KEYS = Scalar.STRING_MAP, Scalar.KEYS

METADATA = Struct(
    (
        Field(
            "name", STRING, "Digest of the manifest, `sha256:` and 64 hex digits; hand-made objects may carry any name."
        ),
        Field("uid", STRING, "Changes when the object is deleted and imported again; the name does not."),
        Field("resourceVersion", STRING, "Opaque version of this object."),
        Field("creationTimestamp", TIMESTAMP, "When this cluster first stored the digest; not the build time."),
        Field("annotations", STRING_MAP, "Annotations of the object."),
        Field("labels", STRING_MAP, "Labels of the object (rare; container labels are in the config)."),
    )
)

CONTAINER_CONFIG = Struct(
    (
        Field("Hostname", STRING, "Host name of the container."),
        Field("Domainname", STRING, "Domain name of the container."),
        Field("User", STRING, "User, and optionally group, the process runs as."),
        Field("Memory", INTEGER, "Memory limit in bytes."),
        Field("MemorySwap", INTEGER, "Memory and swap limit in bytes."),
        Field("CpuShares", INTEGER, "Relative weight of processor time."),
        Field("Cpuset", STRING, "Processors the container may use."),
        Field("AttachStdin", BOOLEAN, "Whether standard input is attached."),
        Field("AttachStdout", BOOLEAN, "Whether standard output is attached."),
        Field("AttachStderr", BOOLEAN, "Whether standard error is attached."),
        Field("PortSpecs", ListOf(STRING), "Ports in the oldest notation."),
        Field("ExposedPorts", KEYS, "Ports the image declares, such as `8080/tcp`."),
        Field("Tty", BOOLEAN, "Whether a terminal is allocated."),
        Field("OpenStdin", BOOLEAN, "Whether standard input stays open."),
        Field("StdinOnce", BOOLEAN, "Whether standard input closes after the first client."),
        Field("Env", ListOf(STRING), "Environment, one `NAME=value` an entry; may hold secrets."),
        Field("Cmd", ListOf(STRING), "Default command or arguments of the entry point."),
        Field("Dns", ListOf(STRING), "Name servers."),
        Field("Image", STRING, "Image the container was made from, as the builder named it."),
        Field("Volumes", KEYS, "Paths declared as volumes."),
        Field("VolumesFrom", STRING, "Containers whose volumes are mounted."),
        Field("WorkingDir", STRING, "Working directory."),
        Field("Entrypoint", ListOf(STRING), "Entry point."),
        Field("NetworkDisabled", BOOLEAN, "Whether networking is off."),
        Field("SecurityOpts", ListOf(STRING), "Security options."),
        Field("OnBuild", ListOf(STRING), "Build steps for images built on this one."),
        Field("Labels", STRING_MAP, "Labels of the container image."),
    )
)

DOCKER_IMAGE_METADATA = Struct(
    (
        Field("kind", STRING, "`DockerImage`."),
        Field("apiVersion", STRING, "`image.openshift.io/1.0`, in old objects `1.0`."),
        Field("Id", STRING, "Config digest; in schema 1 the 64 hex digits of the v1 id; in an index its own digest."),
        Field("Parent", STRING, "Local image id of the builder, never the name of an Image."),
        Field("Comment", STRING, "Comment of the builder."),
        Field("Created", TIMESTAMP, "Build time from the config; for an index the moment the server stored it."),
        Field("Container", STRING, "Container the last build step ran in."),
        Field("ContainerConfig", CONTAINER_CONFIG, "Config of that container."),
        Field("DockerVersion", STRING, "Version of the builder."),
        Field("Author", STRING, "Author."),
        Field("Config", CONTAINER_CONFIG, "Config that a container of this image runs with; absent for an index."),
        Field("Architecture", STRING, "Architecture as the builder wrote it; absent for an index."),
        Field("Size", INTEGER, "Bytes of the config and of each distinct layer, once; absent or 0 when unknown."),
    )
)

LAYER = Struct(
    (
        Field("name", STRING, "Digest of the layer blob."),
        Field("size", INTEGER, "Bytes as stored in the registry (mostly compressed); 0 in old objects means unknown."),
        Field("mediaType", STRING, "Media type of the layer."),
    )
)

CHILD_MANIFEST = Struct(
    (
        Field("digest", STRING, "Digest of the child manifest, the name of its Image."),
        Field("mediaType", STRING, "Media type of the child manifest."),
        Field("manifestSize", INTEGER, "Bytes of the child manifest itself."),
        Field("architecture", STRING, "Architecture the index states."),
        Field("os", STRING, "Operating system the index states."),
        Field("variant", STRING, "Variant of the architecture the index states."),
    )
)

CONDITION = Struct(
    (
        Field("type", STRING, "In practice `Trusted` or `ForImage`."),
        Field("status", STRING, "`True`, `False` or `Unknown`."),
        Field("lastProbeTime", TIMESTAMP, "When the condition was last checked."),
        Field("lastTransitionTime", TIMESTAMP, "When the status last changed."),
        Field("reason", STRING, "Short reason."),
        Field("message", STRING, "Message for people."),
    )
)

SIGNATURE_METADATA = Struct(
    (
        Field("name", STRING, "Name of the image, `@`, name of the signature."),
        Field("annotations", STRING_MAP, "Annotations; the server rejects them today."),
        Field("labels", STRING_MAP, "Labels; the server rejects them today."),
        Field("creationTimestamp", TIMESTAMP, "When the signature was recorded on the Image."),
    )
)

SIGNATURE = Struct(
    (
        Field("apiVersion", STRING, "API version where the object states it."),
        Field("kind", STRING, "Kind where the object states it."),
        Field("metadata", SIGNATURE_METADATA, "Object metadata of the signature."),
        Field("type", STRING, "`AtomicImageV1` or `atomic`; both hold the same format."),
        Field("content", STRING, "Base64 of a binary OpenPGP signed message."),
        Field("conditions", ListOf(CONDITION), "Claims somebody with update rights wrote; not proof."),
        Field("created", TIMESTAMP, "Signing time, where a third party filled it."),
        Field("imageIdentity", STRING, "Identity of the image, where a third party filled it."),
        Field(
            "issuedBy",
            Struct(
                (
                    Field("commonName", STRING, "After a manual verification the signer's key id, 16 hex digits."),
                    Field("organization", STRING, "Organization of the issuer."),
                )
            ),
            "Issuer of the signing key.",
        ),
        Field(
            "issuedTo",
            Struct(
                (
                    Field("commonName", STRING, "Subject of the signing key."),
                    Field("organization", STRING, "Organization of the subject."),
                    Field("publicKeyID", STRING, "Key id, `0x` and at least 16 hex digits."),
                )
            ),
            "Subject of the signing key.",
        ),
        Field("signedClaims", STRING_MAP, "Claims of the signature, where a third party filled them."),
    )
)

IMAGE = Struct((
    Field("apiVersion", STRING, "API version where the object states it; absent on items of a list page."),
    Field("kind", STRING, "Kind where the object states it; absent on items of a list page."),
    Field("metadata", METADATA, "Object metadata."),
    Field("dockerImageReference", STRING, "Pull reference of the first repository that brought the digest in."),
    Field("dockerImageMetadata", DOCKER_IMAGE_METADATA, "Flattened, lossy copy of the image config."),
    Field("dockerImageMetadataVersion", STRING, "`1.0`; `pre012` marks lower-case keys; absent means `1.0`."),
    Field("dockerImageManifest", STRING, "Raw manifest; usually blank, the server drops it."),
    Field("dockerImageManifestMediaType", STRING, "Media type of the manifest."),
    Field("dockerImageConfig", STRING, "Raw image config; usually blank, the server drops it."),
    Field("dockerImageLayers", ListOf(LAYER), "Layers in stored order; absent for an index."),
    Field("dockerImageManifests", ListOf(CHILD_MANIFEST), "Children of an index."),
    Field("dockerImageSignatures", ListOf(STRING), "JWS signatures of schema 1; not evidence of trust."),
    Field("signatures", ListOf(SIGNATURE), "Atomic signatures recorded on the Image."),
))  # fmt: skip

SIGNATURE_READING = Struct(
    (
        Field("state", STRING, "`readable`, or why the content could not be read."),
        Field("content_size_bytes", INTEGER, "Bytes of the decoded content."),
        Field("claimed_reference", STRING, "Reference the payload claims; unverified."),
        Field("claimed_digest", STRING, "Manifest digest the payload claims; unverified."),
        Field("claimed_creator", STRING, "Program the payload names as its creator; unverified."),
        Field("claimed_at", TIMESTAMP, "Time the payload states; unverified."),
        Field("key_id", STRING, "Id of the signing key, 16 upper-case hex digits, as the packet states it."),
        Field("fingerprint", STRING, "Fingerprint of the signing key, upper-case hex, as the packet states it."),
        Field("public_key_algorithm", STRING, "Algorithm of the signing key."),
        Field("hash_algorithm", STRING, "Hash the signature is made over."),
        Field("signature_version", INTEGER, "Version of the signature packet."),
        Field("signature_created_at", TIMESTAMP, "When the signature packet says it was made; unverified."),
        Field("signature_expires_at", TIMESTAMP, "When the signature packet says it expires; unverified."),
    )
)

DERIVED_FIELDS = (
    Field(
        "signature_readings",
        ListOf(SIGNATURE_READING),
        "What each entry of `signatures` says of itself, read without a key, in the same order.",
    ),
    Field("raw_json", STRING, "The whole object as it came, unknown fields included."),
)
"""Columns that are not fields of the API: what SQL can't read, and the object itself."""

PART_FIELDS = (*IMAGE.fields, *DERIVED_FIELDS)
"""Columns of a Parquet part, one row an Image."""
