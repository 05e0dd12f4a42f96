"""ImageList pages as a server answers them, as bytes and as the committed files."""

from __future__ import annotations

import base64
import gzip
from itertools import islice
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from indexer.sample.objects import Object


def continue_token(resource_version: int, last_name: str) -> str:
    """Make the token for the page after `last_name`: unpadded base64url of JSON (k8s.io/apiserver, pkg/storage)."""
    token = {"v": "meta.k8s.io/v1", "rv": resource_version, "start": f"/{last_name}\0"}
    return base64.urlsafe_b64encode(orjson.dumps(token)).decode().rstrip("=")


def list_page(items: Sequence[Object], resource_version: int, remaining_count: int) -> bytes:
    """One ImageList; `remaining_count` objects follow, and none is the end of the list."""
    metadata: Object = {"resourceVersion": str(resource_version)}
    if remaining_count:
        metadata["continue"] = continue_token(resource_version, items[-1]["metadata"]["name"])
        metadata["remainingItemCount"] = remaining_count
    page = {"kind": "ImageList", "apiVersion": "image.openshift.io/v1", "metadata": metadata, "items": items}
    return orjson.dumps(page)


def list_pages(
    images: Iterable[Object], resource_version: int, limit: int, *, count: int | None = None
) -> Iterator[bytes]:
    """Lay out `images` as the pages of one list, in the order in which they come: sort them by name first.

    With `count`, the number of `images`, a stream of any length takes the memory of one page.
    """
    if count is None:
        images = list(images)
        count = len(images)
    rest = iter(images)
    while items := list(islice(rest, limit)):
        count -= len(items)
        yield list_page(items, resource_version, count)


def write_pages(pages: Iterable[bytes], folder: Path) -> list[Path]:
    """Replace the pages in `folder`; equal pages give equal files, because no time is written."""
    for stale in folder.glob("page-*.json.gz"):
        stale.unlink()
    written = []
    for number, page in enumerate(pages, start=1):
        path = folder / f"page-{number:05}.json.gz"
        path.write_bytes(gzip.compress(page, compresslevel=9, mtime=0))
        written.append(path)
    return written
