"""Recorded answers of real API servers: what was asked, and what matters of the answer."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

# The others are ids, dates and lengths.
HEADERS_THAT_MATTER = ("content-type", "retry-after", "vary", "content-encoding", "x-content-type-options")


@dataclass
class Recorded:
    """A recorded request and its answer; `body` is None where it was too large to keep."""

    method: str
    target: str
    headers: dict[str, str]
    status: int
    answer_headers: dict[str, str]
    cache_control: list[str]
    body: bytes | None


def read_recorded(folder: Path, name: str) -> Recorded:
    """Read one recorded exchange."""
    command = shlex.split((folder / f"{name}.req").read_text())
    urls = [word for word in command if word.startswith("https://")]
    parts = urlsplit(urls[0])
    pairs = [command[at + 1].partition(": ") for at, word in enumerate(command) if word == "-H"]
    headers = {key.lower(): re.sub(r"\$\(cat pki/token\.(\w+)\)", r"\1", value) for key, _, value in pairs}
    lines = (folder / f"{name}.headers").read_text().splitlines()
    if "--cert" in command:
        headers["authorization"] = "Bearer admin"
    answer = [(key.lower(), value) for key, _, value in (line.partition(": ") for line in lines[1:])]
    return Recorded(
        "HEAD" if "-I" in command else "GET",
        f"{parts.path}?{parts.query}" if parts.query else parts.path,
        headers,
        int(lines[0].split()[1]),
        {key: value for key, value in answer if key in HEADERS_THAT_MATTER},
        sorted({value for key, value in answer if key == "cache-control"}),
        _body(folder, name),
    )


def _body(folder: Path, name: str) -> bytes | None:
    for suffix in ("json", "ndjson", "ndjson.gz", "txt"):
        path = folder / f"{name}.{suffix}"
        if path.exists():
            return gzip.decompress(path.read_bytes()) if suffix.endswith("gz") else path.read_bytes()
    return None


def shape(text: bytes):
    """Reduce a body to what it is made of: plain text as it is, Status with its words, lists with their keys."""
    try:
        document = json.loads(text)
    except ValueError:
        return text.decode()
    if document.get("kind") == "Status" or "reason" in document:
        return document | {"metadata": sorted(document["metadata"])}
    items = document.get("items") or document.get("rows") or []
    return {
        "keys": list(document),
        "kind": (document.get("kind"), document.get("apiVersion")),
        "metadata": sorted(document.get("metadata", {})),
        "items": sorted({key for item in items for key in item if key in {"kind", "apiVersion", "cells", "object"}}),
    }


def event_shapes(text: bytes):
    """Reduce a watch to its kinds of events and the keys of their objects."""
    events = [json.loads(line) for line in text.splitlines() if line]
    return {(event["type"], tuple(list(event["object"])[:3])) for event in events}
