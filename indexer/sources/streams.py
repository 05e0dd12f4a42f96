"""Byte streams: one can look ahead in them, and what is compressed comes out plain, in bounded pieces."""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import sys
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from indexer.errors import DecodeError

if TYPE_CHECKING:
    from indexer.sources.limits import Budget

BLOCK_BYTES = 1 << 18
_XZ_MEMORY_BYTES = 128 << 20
"""xz -9 needs 65 MiB to unpack; a header may ask for 4 GiB."""

_ZSTD_WINDOW_BITS = 27
"""128 MiB, what the zstd command allows without being asked."""

_GZIP_WINDOW_BITS = 31
"""The largest window, with gzip's header and checksum around it."""

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


def as_utf8(stream: Stream, origin: str) -> Stream:
    """Return a stream without byte order mark, in UTF-8 also where the text is UTF-16 (as PowerShell writes)."""
    head = stream.peek(len(codecs.BOM_UTF8))
    if head.startswith(_UTF16_MARKS):
        return Stream(_FromUtf16(stream, origin))
    if head == codecs.BOM_UTF8:
        stream.read(len(head))
    return stream


class Decoder(Protocol):
    """What bz2, lzma and zstd have in common for one member of a stream."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before something goes in."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Put bytes in and take at most so many out."""


class _Unpacked:
    """The members of a compressed stream, one behind the other; zeros between them are padding."""

    def __init__(self, stream: Stream, kind: str, origin: str, budget: Budget) -> None:
        self._stream, self._kind, self._origin, self._budget = stream, kind, origin, budget
        self._decoder = _new_decoder(kind)
        self._input = b""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        try:
            block = self._next(min(size, BLOCK_BYTES))
        except _broken() as error:
            message = f"{self._origin} is broken or cut {self._kind}: {error}."
            raise DecodeError(message, hint="Fetch it again.") from error
        self._budget.unpack(len(block), self._origin)
        return block

    def _next(self, size: int) -> bytes:
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
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest and (block := self._stream.read(BLOCK_BYTES)):
            rest = block.lstrip(b"\0")
        if rest:
            self._decoder, self._input = _new_decoder(self._kind), rest
        return bool(rest)


class _GzipDecoder:
    """zlib's decoder of one member, shaped like the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=_GZIP_WINDOW_BITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        plain = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = not self._zlib.unconsumed_tail and len(plain) < max_length
        return plain


def _new_decoder(kind: str) -> Decoder:
    """Make a decoder with bounded memory. Not Arrow's: those lose memory each time a stream is broken."""
    if kind == "gzip":
        return _GzipDecoder()
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    if kind == "xz":
        return lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
    zstd = _zstd()
    limit = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_BITS}
    decoder: Decoder = zstd.ZstdDecompressor(options=limit)
    return decoder


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _broken() -> tuple[type[Exception], ...]:
    return (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, _zstd().ZstdError)


class _FromUtf16:
    def __init__(self, stream: Stream, origin: str) -> None:
        self._stream, self._origin = stream, origin
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
            raise DecodeError(f"{self._origin} is broken UTF-16: {error.reason}.", hint="Save it as UTF-8.") from error
