"""The receipt of a snapshot: what was read, how, and every part with its hash. Without it there is no snapshot."""

from __future__ import annotations

import datetime as dt

import msgspec

from indexer.errors import SnapshotError
from indexer.pages import Completeness, SkippedItem
from indexer.redaction import RedactionRecord
from indexer.schema import SCHEMA_VERSION

RECEIPT_NAME = "_receipt.json"
PART_ROWS = 10_000
"""Rows of a part, unless its bytes end it before; an unfinished run goes on from its last finished part."""


class Part(msgspec.Struct, frozen=True):
    """One Parquet file of a snapshot."""

    name: str
    row_count: int
    size_bytes: int
    sha256: str


class Receipt(msgspec.Struct, kw_only=True, frozen=True):
    """What a snapshot is made of and how far it can be trusted.

    `is_complete`: the whole resource was read. `completeness` says how that is known. `is_consistent`: all of it is
    of one moment. Counts are objects; `duplicate_count` objects lost to a newer one of the same name. `broken_at`
    is the key at which an inconsistent list went on from another moment. `redaction` is there where values of
    environment variables were replaced. `cluster_identity` is what the server tells of which cluster it is, whatever
    its name; older receipts have none. Times are UTC.
    """

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    cluster: str
    cluster_identity: str | None = None
    snapshot_id: str
    source: str
    server_version: str | None = None
    resource_versions: list[str] = []
    is_complete: bool
    is_consistent: bool
    completeness: Completeness
    expected_count: int | None = None
    read_count: int
    image_count: int
    duplicate_count: int = 0
    page_count: int = 0
    retry_count: int = 0
    expired_count: int = 0
    broken_at: str | None = None
    skipped_items: list[SkippedItem] = []
    redaction: RedactionRecord | None = None
    warnings: list[str] = []
    started_at: dt.datetime
    finished_at: dt.datetime
    parts: list[Part]

    def to_json(self) -> bytes:
        """Indented JSON, as it stands in the store."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_receipt(text: bytes, where: str) -> Receipt:
    """Parse a receipt. Raises `SnapshotError` when it is broken or written by a newer version."""
    try:
        version = msgspec.json.decode(text, type=_Version).schema_version
        if version > SCHEMA_VERSION:
            raise SnapshotError(
                f"{where} has schema version {version}; this version reads up to {SCHEMA_VERSION}.",
                hint="Upgrade image-indexer.",
            )
        return msgspec.json.decode(text, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotError(f"{where} is broken: {error}.", hint="Remove the snapshot and export again.") from error


class _Version(msgspec.Struct):
    schema_version: int
