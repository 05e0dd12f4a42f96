"""What the tests of hostile inputs share."""

from __future__ import annotations

from input_forms import compact

from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource
from indexer.sources.limits import InputLimits

MEBI = 1 << 20


def load(path, store, *, skip=False, **limits):
    """Import one path."""
    source = FileSource([str(path)], InputLimits(**limits), skip_bad_items=skip)
    return ingest(source, store, IngestOptions("c", skip_bad_items=skip))


def write(tmp_path, content, name="input"):
    """Write a file and return its path."""
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def files_below(folder):
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def one_image(**fields):
    """Write an Image as text, with fields of one's own."""
    return compact({"kind": "Image", "metadata": {"name": "sha256:1"}, **fields})
