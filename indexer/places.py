"""Folders of a store, local or in object storage, and where work on a remote store stands on this machine.

A local folder is a `pathlib.Path`. A remote one has the same methods, those the store needs, each of which is one
request; what a listing has told of a path is not asked again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from indexer import object_storage
from indexer.files import writing_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from io import BufferedReader

    from pyarrow.fs import FileInfo, FileSystem

Given = TypeVar("Given")
Made = TypeVar("Made")

WORK_FOLDER = "_work"
PARALLEL_REQUESTS = 16
_COPIED_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A folder or an object in object storage. `url` is how it is shown, `key` its path in the file system.

    What a method can't do raises `OSError`, as with a local path; what is not there `FileNotFoundError`.
    """

    url: str
    filesystem: FileSystem = field(repr=False)
    key: str
    _listed: FileInfo | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.url}/{name}", self.filesystem, f"{self.key}/{name}")

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> RemotePath:
        """Folder it is in."""
        return RemotePath(self.url.rpartition("/")[0], self.filesystem, self.key.rpartition("/")[0])

    def iterdir(self) -> Iterator[RemotePath]:
        """Yield what is in the folder: one listing with a delimiter for each thousand names."""
        from pyarrow.fs import FileSelector

        for info in self.filesystem.get_file_info(FileSelector(self.key)):
            yield replace(self / info.base_name, _listed=info)

    def mark(self) -> None:
        """Make the folder show in listings where it needs an object of its own for that, as in Google's storage."""
        if self.filesystem.type_name == "gcs":
            self.filesystem.create_dir(self.key, recursive=True)

    def exists(self) -> bool:
        """Whether there is such a folder or object."""
        return self.is_dir() or self.is_file()

    def is_dir(self) -> bool:
        """Whether objects stand below it."""
        from pyarrow.fs import FileType

        return bool(self._info().type == FileType.Directory)

    def is_file(self) -> bool:
        """Whether it is an object."""
        from pyarrow.fs import FileType

        return bool(self._info().type == FileType.File)

    def size_bytes(self) -> int:
        """Size of an object."""
        return int(self._info().size or 0)

    def changed_at(self) -> dt.datetime:
        """When an object was put, by the clock of the store."""
        moment: dt.datetime | None = self._info().mtime
        return moment or dt.datetime.now(dt.UTC)

    def open(self) -> BufferedReader:
        """Open an object for reading; parts of it are fetched as they are asked for."""
        opened: BufferedReader = self.filesystem.open_input_file(self.key)
        return opened

    def read_bytes(self) -> bytes:
        """Return the content of an object."""
        with self.filesystem.open_input_stream(self.key) as stream:
            content: bytes = stream.read()
        return content

    def write_bytes(self, content: bytes) -> None:
        """Put an object, whole or not at all; one of this name is replaced."""
        with self.filesystem.open_output_stream(self.key) as stream:
            stream.write(content)

    def upload(self, path: Path) -> None:
        """Put a file as an object."""
        with path.open("rb") as file, self.filesystem.open_output_stream(self.key) as stream:
            shutil.copyfileobj(file, stream, _COPIED_BYTES)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Delete an object."""
        with suppress(*([FileNotFoundError] if missing_ok else [])):
            self.filesystem.delete_file(self.key)

    def remove(self) -> None:
        """Delete everything below it; nothing there is no error."""
        # A folder that is missing is an error of another kind in each store; Google's misses its mark after the rest.
        if self.is_dir():
            with suppress(FileNotFoundError):
                self.filesystem.delete_dir(self.key)

    def _info(self) -> FileInfo:
        return self._listed or self.filesystem.get_file_info(self.key)


Folder: TypeAlias = Path | RemotePath
"""Where a store, a snapshot or a part stands."""

Location: TypeAlias = str | Folder
"""What names a store: a path, an address such as `s3://bucket/folder`, or its folder."""


def folder_at(location: Location) -> Folder:
    """Return the folder of a location: an absolute path, or the remote folder of an address."""
    if isinstance(location, RemotePath):
        return location
    if not object_storage.is_url(location):
        return Path(location).absolute()
    filesystem, key = object_storage.connect(str(location))
    return RemotePath(str(location).rstrip("/"), filesystem, key)


def file_sizes(folder: Folder) -> dict[str, int]:
    """Names and bytes of the files of a folder; of a remote one by a single listing."""
    if isinstance(folder, RemotePath):
        return {path.name: path.size_bytes() for path in folder.iterdir() if path.is_file()}
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}


def open_file(path: Folder) -> BufferedReader:
    """Open a file of a store for reading."""
    return path.open() if isinstance(path, RemotePath) else path.open("rb")


def for_each(
    folder: Folder, act: Callable[[Given], Made], given: Iterable[Given], at_once: int = PARALLEL_REQUESTS
) -> list[Made]:
    """Do something to each, several at a time where each waits for a remote store; results in the order given."""
    if not isinstance(folder, RemotePath):
        return [act(item) for item in given]
    with ThreadPoolExecutor(at_once, "object-storage") as pool:
        return list(pool.map(act, given))


def cache_folder() -> Path:
    """`$IMAGE_INDEXER_CACHE`, else `image-indexer` in the user's cache folder (XDG base directories)."""
    if named := os.environ.get("IMAGE_INDEXER_CACHE"):
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "image-indexer"


def work_folder(store: Folder) -> Path:
    """Folder for staging, journals and locks: in a local store itself, for a remote one in this machine's cache."""
    if isinstance(store, Path):
        return store / WORK_FOLDER
    return cache_folder() / WORK_FOLDER / hashlib.sha256(store.url.encode()).hexdigest()[:16]


def staging_for(store: Folder) -> AbstractContextManager[None]:
    """Turn what the disk under the work folder refuses into our errors: see `files.writing_to`."""
    if isinstance(store, Path):
        return writing_to(store)
    return writing_to(work_folder(store), "the work folder", "$IMAGE_INDEXER_CACHE")
