"""Archives → their files, read in place: nothing is ever unpacked to a disk, so names in there can't hurt.

Links, devices, sparse files and what has no name (zipfile can't open it) come out without a stream.
"""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from indexer.errors import DecodeError, LimitError
from indexer.sources.streams import BLOCK_BYTES, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.sources.limits import Budget

_TAR_BLOCK_BYTES = 512
_TAR_HEADER_BYTES = 1 << 20
"""Headers before one member; extended ones may claim any length and tarfile reads them whole."""

_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_END = b"PK\x05\x06"
_ZIP64_END = b"PK\x06\x06"
_ZIP_TAIL_BYTES = (1 << 16) + 100
_ZIP_DIRECTORY_BYTES = 256 << 20
"""About 1.5 million members; zipfile reads the directory whole."""

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError)


class Member(NamedTuple):
    """A file in an archive: its path in there as it stands, and its bytes; None for what is no plain file."""

    path: str
    stream: Stream | None


def is_zip(head: bytes) -> bool:
    """Whether these first bytes are a zip's."""
    return head.startswith(_ZIP_MAGICS)


def is_tar(head: bytes) -> bool:
    """Whether these first bytes are the header of a tar: its checksum fits, with or without a magic."""
    if len(head) < _TAR_BLOCK_BYTES or not any(head[:100]):
        return False
    try:
        tarfile.TarInfo.frombuf(head[:_TAR_BLOCK_BYTES], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def tar_members(stream: Stream, origin: str) -> Iterator[Member]:
    """Yield the members in order; each must be read before the next is asked for.

    Raises `DecodeError` for a broken archive and for one without its end mark: it has been cut.
    """
    guard = _HeaderGuard(stream, origin)
    with _reading(origin, "tar"):
        archive = tarfile.open(fileobj=guard, mode="r|", bufsize=BLOCK_BYTES, tarinfo=_Entry)  # noqa: SIM115
    while True:
        with _reading(origin, "tar"), guard.in_headers():
            entry = archive.next()
        if entry is None:
            return
        archive.members = []  # type: ignore[attr-defined]
        if not entry.isdir():
            yield from _tar_member(archive, entry, origin)


def zip_members(file: BinaryIO, origin: str, budget: Budget) -> Iterator[Member]:
    """Yield the members of a seekable zip in the order of its directory. Raises `DecodeError` for a broken one."""
    _check_directory(file, origin)
    with _reading(origin, "zip"):
        archive = zipfile.ZipFile(file)
    for entry in archive.infolist():
        if entry.filename.endswith("/"):
            continue
        if not entry.filename or stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
            yield Member(entry.filename, None)
            continue
        if entry.flag_bits & 1:
            raise DecodeError(f"{origin} is encrypted.", hint="Unpack it with its password and import the files.")
        with _reading(origin, "zip"):
            plain = archive.open(entry)
        yield Member(entry.filename, Stream(_ZipMember(plain, f"{origin}!{entry.filename}", budget)))


class _Entry(tarfile.TarInfo):
    """A header. tarfile takes a cut or broken header for the end of the archive; here it is an error."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Entry:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"no end mark; {error}") from error


class _HeaderGuard(io.RawIOBase):
    """Bounds what is read between members; opening a tar reads its first header."""

    def __init__(self, stream: Stream, origin: str) -> None:
        super().__init__()
        self._stream, self._origin = stream, origin
        self._left_bytes: int | None = _TAR_HEADER_BYTES

    @contextmanager
    def in_headers(self) -> Iterator[None]:
        self._left_bytes = _TAR_HEADER_BYTES
        yield
        self._left_bytes = None

    def read(self, size: int = BLOCK_BYTES, /) -> bytes:
        """Pass bytes on."""
        block = self._stream.read(size)
        if self._left_bytes is not None:
            self._left_bytes -= len(block)
            if self._left_bytes < 0:
                raise LimitError(
                    f"{self._origin} has a member whose headers are larger than {_TAR_HEADER_BYTES} bytes."
                )
        return block


def _tar_member(archive: tarfile.TarFile, entry: tarfile.TarInfo, origin: str) -> Iterator[Member]:
    if not entry.isreg() or entry.issparse():
        yield Member(entry.name, None)
        return
    with _reading(origin, "tar"):
        plain = archive.extractfile(entry)
    content = _TarMember(plain, f"{origin}!{entry.name}")
    yield Member(entry.name, Stream(content))
    while content.read(BLOCK_BYTES):
        pass


class _TarMember:
    def __init__(self, plain: Any, origin: str) -> None:
        self._plain, self._origin = plain, origin

    def read(self, size: int, /) -> bytes:
        with _reading(self._origin, "tar"):
            block: bytes = self._plain.read(size)
        return block


class _ZipMember:
    def __init__(self, plain: Any, origin: str, budget: Budget) -> None:
        self._plain, self._origin, self._budget = plain, origin, budget

    def read(self, size: int, /) -> bytes:
        with _reading(self._origin, "zip"):
            block: bytes = self._plain.read(min(size, BLOCK_BYTES))
        self._budget.unpack(len(block), self._origin)
        return block


def _check_directory(file: BinaryIO, origin: str) -> None:
    """Refuse a directory that would fill the memory, before zipfile reads it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _ZIP_TAIL_BYTES))
    tail = file.read(_ZIP_TAIL_BYTES)
    end, end64 = tail.rfind(_ZIP_END), tail.rfind(_ZIP64_END)
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    if end64 >= 0:
        directory_bytes = int.from_bytes(tail[end64 + 40 : end64 + 48], "little")
    if directory_bytes > _ZIP_DIRECTORY_BYTES:
        raise LimitError(f"{origin} has too many members for a zip.", hint="Unpack it and import the folder.")


@contextmanager
def _reading(origin: str, kind: str) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        message = f"{origin} uses a {kind} compression that can't be read: {error}."
        raise DecodeError(message, hint="Unpack it and import the files.") from error
    except _BROKEN as error:
        raise DecodeError(f"{origin} is broken or cut {kind}: {error}.", hint="Fetch it again.") from error
