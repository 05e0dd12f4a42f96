"""Byte streams: one can look ahead in them, and what is compressed comes out plain, in bounded pieces."""

from __future__ import annotations

import codecs
import io
import lzma
from typing import TYPE_CHECKING, Any, Protocol

from indexer.errors import DecodeError

if TYPE_CHECKING:
    from indexer.sources.limits import Budget

BLOCK_BYTES = 1 << 18
_XZ_MEMORY_BYTES = 128 << 20
"""xz -9 needs 65 MiB to unpack; a header may ask for 4 GiB."""

_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
)
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ByteStream(Protocol):
    """What can be read to its end; `read` may return fewer bytes than asked for, none only at the end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""


class Stream(io.RawIOBase):
    """A byte stream that can be looked into before it is read; a file to libraries that want one."""

    def __init__(self, source: ByteStream) -> None:
        super().__init__()
        self._source = source
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end, and leave them there."""
        blocks = [self._ahead]
        missing = size - len(self._ahead)
        while missing > 0 and (block := self._source.read(max(missing, BLOCK_BYTES))):
            blocks.append(block)
            missing -= len(block)
        self._ahead = b"".join(blocks)
        return self._ahead[:size]

    def read(self, size: int = BLOCK_BYTES, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        if not self._ahead:
            return self._source.read(size)
        block, self._ahead = self._ahead[:size], self._ahead[size:]
        return block

    def readable(self) -> bool:
        """Say that this is for reading."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def compression(head: bytes) -> str | None:
    """Name of the compression these first bytes show."""
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


def unpacked(stream: Stream, kind: str, origin: str, budget: Budget) -> Stream:
    """Return a stream of what is in a compressed one. Reading it raises `DecodeError` for broken or cut input."""
    return Stream(_Unpacked(stream, kind, origin, budget))


def as_utf8(stream: Stream) -> Stream:
    """Return a stream without byte order mark, in UTF-8 also where the text is UTF-16 (as PowerShell writes)."""
    head = stream.peek(len(codecs.BOM_UTF8))
    if head.startswith(_UTF16_MARKS):
        return Stream(_FromUtf16(stream))
    if head == codecs.BOM_UTF8:
        stream.read(len(head))
    return stream


class _Unpacked:
    def __init__(self, stream: Stream, kind: str, origin: str, budget: Budget) -> None:
        self._plain = _XzStream(stream) if kind == "xz" else _arrow_stream(stream, kind)
        self._kind, self._origin, self._budget = kind, origin, budget

    def read(self, size: int, /) -> bytes:
        try:
            block = self._plain.read(min(size, BLOCK_BYTES))
        except (OSError, EOFError, lzma.LZMAError) as error:
            message = f"{self._origin} is broken or cut {self._kind}: {error}."
            raise DecodeError(message, hint="Fetch it again.") from error
        self._budget.unpack(len(block), self._origin)
        return block


def _arrow_stream(stream: Stream, kind: str) -> ByteStream:
    """Use Arrow's reader: it takes concatenated members and notices a cut."""
    import pyarrow as pa

    plain: ByteStream = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), kind)
    return plain


class _XzStream:
    """xz with bounded memory; `lzma.LZMAFile` takes no bound."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
        self._input = b""

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decoder.eof and not self._begin_member():
                return b""
            if self._decoder.needs_input and not self._input:
                self._input = self._stream.read(BLOCK_BYTES)
                if not self._input:
                    raise EOFError("it ends too early")
            block, self._input = self._input, b""
            if plain := self._decoder.decompress(block, size):
                return plain

    def _begin_member(self) -> bool:
        """Go on with a member behind the last one; zeros between them are padding."""
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest and (block := self._stream.read(BLOCK_BYTES)):
            rest = block.lstrip(b"\0")
        self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES) if rest else self._decoder
        self._input = rest
        return bool(rest)


class _FromUtf16:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-16")()

    def read(self, size: int, /) -> bytes:
        while block := self._stream.read(max(size, 2)):
            if text := self._decode(block):
                return text.encode()
        return self._decode(b"", is_last=True).encode()

    def _decode(self, block: bytes, *, is_last: bool = False) -> str:
        try:
            return self._decoder.decode(block, is_last)
        except UnicodeDecodeError as error:
            raise DecodeError(f"The input is broken UTF-16: {error.reason}.", hint="Save it as UTF-8.") from error
