"""Making a staged snapshot visible: by a rename in a local store, by uploading in object storage, the receipt last.

Object storage has no rename of a folder, and needs none: without a receipt the parts are no snapshot, and a receipt is
one object, which the store shows whole or not at all. No two runs write the same object, since every snapshot's id is
its own; so nothing is lost by Arrow's file systems offering no conditional writes. Readers that know nothing of
receipts (Spark, Trino) see parts while they are uploaded; that is why all of them go up at the end, in one go.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from indexer.errors import IncompleteError, StoreError
from indexer.files import sync_folder, write_durably
from indexer.journal import JOURNAL_NAME
from indexer.places import WORK_FOLDER, Folder, RemotePath, file_sizes, for_each
from indexer.receipt import RECEIPT_NAME, Receipt
from indexer.store import is_published, withdraw

if TYPE_CHECKING:
    from pathlib import Path

_UPLOADS_AT_ONCE = 4
_WRITABLE = "_writable"


def publish(staging: Path, target: Folder, receipt: Receipt) -> None:
    """Publish what is staged together with its receipt, or nothing.

    Raises `OSError` for what a disk refuses, `IncompleteError` when object storage fails on the way.
    """
    if isinstance(target, RemotePath):
        _upload(staging, target, receipt)
        return
    write_durably(staging / RECEIPT_NAME, receipt.to_json())
    target.parent.mkdir(exist_ok=True)
    # The journal goes last: up to here the run can be resumed, and nothing after it needs room on the disk.
    (staging / JOURNAL_NAME).unlink(missing_ok=True)
    staging.rename(target)
    sync_folder(target.parent)


def prove_writable(store: Folder) -> None:
    """Put an empty object into a remote store: better refused before the work than after it. Raises `StoreError`."""
    if not isinstance(store, RemotePath):
        return
    try:
        (store / WORK_FOLDER / _WRITABLE).write_bytes(b"")
    except OSError as error:
        raise StoreError(
            f"Can't write to the store {store}: {error}.", hint="Check the address, the credentials and the network."
        ) from error


def _upload(staging: Path, target: RemotePath, receipt: Receipt) -> None:
    try:
        if is_published(target):
            raise StoreError(f"{target} is published already.", hint="Run again for a snapshot of its own.")
        _upload_parts(staging, target, receipt)
        _commit(target, receipt.to_json())
    except OSError as error:
        raise IncompleteError(
            f"{target} could not be uploaded, and nothing was published: {error}.",
            hint="Run again; an export goes on from what is staged on this machine.",
        ) from error


def _upload_parts(staging: Path, target: RemotePath, receipt: Receipt) -> None:
    target.remove()  # what an attempt left that was killed here
    names = [part.name for part in receipt.parts]
    try:
        target.mark()
        for_each(target, lambda name: (target / name).upload(staging / name), names, _UPLOADS_AT_ONCE)
        _check_sizes(target, receipt)
    except BaseException:
        with suppress(OSError):
            target.remove()
        raise


def _check_sizes(target: RemotePath, receipt: Receipt) -> None:
    if file_sizes(target) != {part.name: part.size_bytes for part in receipt.parts}:
        raise OSError("the sizes of the uploaded parts are not those of the files")


def _commit(target: RemotePath, content: bytes) -> None:
    """Put the receipt. An answer that was lost does not mean that nothing happened, so a failure is looked into."""
    try:
        (target / RECEIPT_NAME).write_bytes(content)
    except OSError:
        if not _stands(target / RECEIPT_NAME, content):
            with suppress(OSError):
                withdraw(target)
            raise


def _stands(receipt: RemotePath, content: bytes) -> bool:
    try:
        return receipt.read_bytes() == content
    except FileNotFoundError:
        return False
    except OSError as error:
        raise IncompleteError(
            f"The store does not answer, so it is not known whether {receipt.parent} was published: {error}.",
            hint="It is there whole or not at all: image-indexer snapshots list tells.",
        ) from error
