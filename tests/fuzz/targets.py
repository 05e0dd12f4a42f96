"""What is fuzzed: each target takes any bytes and may raise nothing but the errors of the tree, in bounded time."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from indexer.decode import BadItems, decode_page
from indexer.errors import DataError
from indexer.pages import Page
from indexer.redaction import Redactor
from indexer.signature import read_blob
from indexer.sources.files import FileSource
from indexer.sources.inputs import Document
from indexer.sources.limits import InputLimits
from indexer.sources.streams import Stream
from indexer.sources.yaml_pieces import yaml_pieces

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = InputLimits(unpacked_bytes=8 << 20, members=1000, object_bytes=1 << 20)
LONGEST_SECONDS = 5.0


class TooSlowError(AssertionError):
    """A target took longer than an input of a few kilobytes may take."""


def fuzz_decode(data: bytes) -> None:
    """Decode an object, also redacted, with bad items skipped and not."""
    page = Page("x", [data])
    decode_page(page, BadItems(skip=True), Redactor(["all"], b"k" * 16).redact)
    decode_page(page)


def fuzz_json(data: bytes) -> None:
    """Take a document apart as the user's own file, and decode what is in it."""
    _import(data, is_named=True)


def fuzz_yaml(data: bytes) -> None:
    """Take YAML apart."""
    for _ in yaml_pieces(Stream(io.BytesIO(data)), "x", LIMITS):
        pass


def fuzz_archive(data: bytes) -> None:
    """Unwrap, take apart and decode, as something in a folder."""
    _import(data, is_named=False)


def fuzz_signature(data: bytes) -> None:
    """Read a signature blob."""
    read_blob(data)


def _import(data: bytes, *, is_named: bool) -> None:
    source = FileSource([], LIMITS, skip_bad_items=True)
    document = Document("x", "images/x", Stream(_Disk(data, source)), is_named)
    source._inputs.open = lambda _: source._inputs._unwrap(document, None, 0)  # type: ignore[method-assign]
    source.paths = ("x",)
    for page in source.pages():
        decode_page(page, BadItems(skip=True))


class _Disk(io.BytesIO):
    """Bytes that are accounted for as if they were read from a disk."""

    def __init__(self, data: bytes, source: FileSource) -> None:
        super().__init__(data)
        source._budget.read_bytes += len(data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "decode": fuzz_decode,
    "json": fuzz_json,
    "yaml": fuzz_yaml,
    "archive": fuzz_archive,
    "signature": fuzz_signature,
}


def run(name: str, data: bytes) -> bool:
    """Run a target once; return whether the input was taken. Anything but an error of the tree comes out."""
    started = time.monotonic()
    try:
        TARGETS[name](data)
    except DataError:
        return False
    else:
        return True
    finally:
        if time.monotonic() - started > LONGEST_SECONDS:
            raise TooSlowError(name)
