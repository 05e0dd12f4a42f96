"""Files from real clusters and projects import whole, or are refused for a reason that is listed here."""

from __future__ import annotations

import re

import pytest

from indexer.errors import DecodeError
from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource

NAMELESS = re.compile(r"ruby-new-app|expected_with_template|pipeline_(?:no_label|v4\.1[01])_istag")
"""Fixtures whose embedded Images have no name: they are errors unless bad items are skipped."""

MOCK = re.compile(r"commitexporter_github")
"""The configuration of a mock server: its Images are texts within answers within routes."""


def load(path, store, *, skip=False):
    """Import one path."""
    return ingest(FileSource([str(path)], skip_bad_items=skip), store, IngestOptions("c", skip_bad_items=skip)).receipt


def test_every_raw_file_imports_whole(shared, tmp_path):
    """All but the listed ones are read to their end without skipping anything."""
    for number, path in enumerate(sorted((shared / "data" / "genuine" / "raw").iterdir())):
        if MOCK.search(path.name):
            with pytest.raises(DecodeError, match="holds no Image objects"):
                load(path, tmp_path / str(number))
        elif NAMELESS.search(path.name):
            with pytest.raises(DecodeError, match=r"has no metadata\.name"):
                load(path, tmp_path / str(number))
        else:
            receipt = load(path, tmp_path / str(number))
            assert receipt.image_count > 0, path.name
            assert receipt.skipped_items == []


def test_recorded_lists_are_proven(shared, tmp_path):
    """The bodies of real list answers show by themselves that they are whole."""
    paths = sorted((shared / "data" / "genuine" / "raw").glob("*.response0.json.gz"))
    assert len(paths) == 14
    for path in paths:
        receipt = load(path, tmp_path / path.name)
        assert (receipt.completeness, receipt.image_count) == ("proven", receipt.expected_count)


def test_all_genuine_objects_but_the_nameless(shared, tmp_path):
    """876 objects of 708 names; the six without a name are named in the receipt."""
    receipt = load(shared / "data" / "genuine" / "images.ndjson.gz", tmp_path, skip=True)
    assert (receipt.read_count, receipt.image_count, len(receipt.skipped_items)) == (870, 708, 6)


def test_an_inspect_archive_of_a_real_server(shared, tmp_path):
    """Every Image in the tree is there; the other files around them are passed over."""
    receipt = load(shared / "data" / "inspect-small.tar.gz", tmp_path)
    assert (receipt.image_count, receipt.completeness, receipt.is_complete) == (60, "unproven", True)


def test_the_slice_in_a_folder(shared, tmp_path):
    """Four pages in a folder are one proven list."""
    receipt = load(shared / "data" / "slice" / "pages", tmp_path)
    assert (receipt.image_count, receipt.expected_count, receipt.completeness) == (1542, 1542, "proven")


def test_recorded_watches(shared, tmp_path):
    """A capture of a real watch ends with the newest state of each object; one that was deleted at last is gone."""
    counts = {"b-watch-bookmarks.ndjson": (2, 0), "b-watch-rv-compacted.ndjson": (4, 2)}
    for name, (read_count, image_count) in counts.items():
        receipt = load(shared / "samples" / "apiserver" / name, tmp_path / name)
        assert (receipt.read_count, receipt.image_count) == (read_count, image_count)
        assert receipt.completeness == "partial"
