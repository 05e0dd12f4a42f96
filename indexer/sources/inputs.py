"""What the user named → documents: folders are walked, wrappers taken off by what is in them, never by their name."""

from __future__ import annotations

import io
import os
import stat
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from indexer.errors import ConfigurationError
from indexer.sources.archives import is_tar, is_zip, tar_members, zip_members
from indexer.sources.limits import exceeded
from indexer.sources.streams import Stream, compression, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.sources.archives import Member
    from indexer.sources.limits import Budget
    from indexer.sources.trouble import BadDocuments

STANDARD_INPUT = "-"
_HEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Document:
    """One file without its wrappers: where it came from, as a person would write it, and its bytes.

    `path` is its path within the folder or archive. `is_named`: the user named it, so that it must hold Images;
    what lies around in a folder or archive need not.
    """

    origin: str
    path: str
    stream: Stream
    is_named: bool


class Inputs:
    """Opens what the user named, one document after the other; each must be read before the next is asked for."""

    def __init__(self, budget: Budget, bad: BadDocuments) -> None:
        self.left_out_count = 0
        self._budget, self._bad = budget, bad

    def open(self, named: str) -> Iterator[Document]:
        """Yield the documents in a file, a folder or standard input.

        Raises `ConfigurationError` for what is not there or can't be read, `DecodeError` for broken wrappers.
        """
        if named == STANDARD_INPUT:
            stream = Stream(_Disk(sys.stdin.buffer, self._budget, named))
            yield from self._unwrap(Document(shown_name(named), "", stream, is_named=True), None, 0)
        elif _is_folder(path := Path(named)):
            yield from self._walk(path, shown_name(named))
        else:
            yield from self._open_file(path, shown_name(named), is_named=True)

    def _walk(self, folder: Path, origin: str) -> Iterator[Document]:
        for path in _files_in(folder):
            where = f"{origin}/{_printable(path.relative_to(folder).as_posix())}"
            if not stat.S_ISREG(path.lstat().st_mode):
                self.left_out_count += 1
                continue
            self._budget.open_member(where)
            with self._bad.met(where):
                yield from self._open_file(path, where, is_named=False)

    def _open_file(self, path: Path, origin: str, *, is_named: bool) -> Iterator[Document]:
        with _opening(path), path.open("rb", buffering=0) as file:
            stream = Stream(_Disk(file, self._budget, str(path)))
            yield from self._unwrap(Document(origin, origin, stream, is_named), file, 0)

    def _unwrap(self, document: Document, file: BinaryIO | None, nesting: int) -> Iterator[Document]:
        """Take wrappers off; `file` is there where the document lies plainly on a disk."""
        origin, head = document.origin, document.stream.peek(_HEAD_BYTES)
        if (kind := compression(head)) is not None:
            self._budget.nest(nesting + 1, origin)
            plain = unpacked(document.stream, kind, origin, self._budget)
            yield from self._unwrap(replace(document, stream=plain), None, nesting + 1)
        elif is_zip(head):
            content = self._seekable(document, file)
            yield from self._members(zip_members(content, origin, self._budget), origin, nesting + 1)
        elif is_tar(head):
            yield from self._members(tar_members(document.stream, origin), origin, nesting + 1)
        else:
            yield document

    def _members(self, members: Iterator[Member], origin: str, nesting: int) -> Iterator[Document]:
        self._budget.nest(nesting, origin)
        for member in members:
            where = f"{origin}!{_printable(member.path)}"
            self._budget.open_member(where)
            if member.stream is None:
                self.left_out_count += 1
                continue
            with self._bad.met(where):
                document = Document(where, member.path, member.stream, is_named=False)
                yield from self._unwrap(document, None, nesting)

    def _seekable(self, document: Document, file: BinaryIO | None) -> BinaryIO:
        """Return the zip as a file: the one on the disk, else its bytes in memory, up to a limit."""
        if file is not None and file.seekable():
            self._budget.read_bytes += file.seek(0, os.SEEK_END)
            return file
        limit = self._budget.limits.object_bytes
        content = document.stream.peek(limit + 1)
        if len(content) > limit:
            raise exceeded(document.origin, "is a large zip inside a stream", "object_bytes", limit)
        return io.BytesIO(content)


class _Disk:
    """Bytes as they lie on the disk, counted."""

    def __init__(self, file: BinaryIO, budget: Budget, name: str) -> None:
        self._file, self._budget, self._name = file, budget, name

    def read(self, size: int, /) -> bytes:
        with _opening(self._name):
            block = self._file.read(size) or b""
        self._budget.read_bytes += len(block)
        return block


def total_size_bytes(named: Sequence[str]) -> int | None:
    """Bytes of everything the user named, as it lies on the disk; None where that can't be known."""
    paths = [Path(name) for name in named if name != STANDARD_INPUT]
    is_known = len(paths) == len(named) and all(_is_folder(path) or path.is_file() for path in paths)
    return sum(map(_size_bytes, paths)) if is_known else None


def shown_name(named: str) -> str:
    """Name of an input in messages and receipts: without the folders it lies in."""
    return "standard input" if named == STANDARD_INPUT else _printable(Path(named).name or named)


def _printable(name: str) -> str:
    """Write bytes of a file name that are not UTF-8 as escapes; receipts could not hold them."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _is_folder(path: Path) -> bool:
    with _opening(path):
        return path.is_dir()


def _size_bytes(path: Path) -> int:
    if _is_folder(path):
        return sum(file.lstat().st_size for file in _files_in(path))
    return path.stat().st_size


def _files_in(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is no folder, in order; links are not followed."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if path == folder or (not path.is_symlink() and _is_folder(path)):
            with _opening(path):
                waiting.extend(sorted(path.iterdir(), reverse=True))
        else:
            yield path


@contextmanager
def _opening(name: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"Can't read {name}: {error.strerror or error}.", hint="Check the path.") from error
