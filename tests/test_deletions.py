"""Deletions in watch captures: they take part in deciding which state of an object counts."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from input_forms import compact, saved_list

from indexer.duplicates import Candidate, losers
from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource


def image(name, uid="u1", version="10", created="2024-01-01T00:00:00Z", reference="a/b"):
    """Write a small Image."""
    metadata = {"name": name, "uid": uid, "resourceVersion": version, "creationTimestamp": created}
    return {"kind": "Image", "metadata": metadata, "dockerImageReference": reference}


def event(type_, value):
    """Write a watch event."""
    return {"type": type_, "object": value}


def imported(tmp_path, *documents):
    """Import documents in their order and return the references by name."""
    for number, document in enumerate(documents):
        lines = document if isinstance(document, list) else [document]
        (tmp_path / f"{number}.json").write_bytes(b"\n".join(map(compact, lines)))
    paths = [str(tmp_path / f"{number}.json") for number in range(len(documents))]
    snapshot = ingest(FileSource(paths), tmp_path / "store", IngestOptions("c"))
    rows = duckdb.read_parquet([str(path) for path in snapshot.part_paths])
    return dict(rows.project("metadata.name, docker_image_reference").fetchall()), snapshot.receipt


def test_a_capture_after_a_list_takes_deleted_objects_away(tmp_path):
    """A list and what was watched after it: the deleted object is gone, the others stay."""
    deleted = event("DELETED", image("sha256:a", version="20"))
    found, receipt = imported(tmp_path, saved_list([image("sha256:a"), image("sha256:b")]), [deleted])
    assert found == {"sha256:b": "a/b"}
    assert (receipt.read_count, receipt.image_count, receipt.completeness) == (2, 1, "unproven")


def test_an_object_that_came_back_stays(tmp_path):
    """Deleted and imported again: another uid and a later time count, in whatever order the files are given."""
    capture = [
        event("DELETED", image("sha256:a", version="20")),
        event("ADDED", image("sha256:a", "u2", "21", "2024-02-01T00:00:00Z", "new/one")),
    ]
    for order in ([saved_list([image("sha256:a")]), capture], [capture, saved_list([image("sha256:a")])]):
        found, _ = imported(tmp_path, *order)
        assert found == {"sha256:a": "new/one"}


def test_an_older_deletion_does_not_count(tmp_path):
    """A capture from before a list takes nothing away from it."""
    found, _ = imported(tmp_path, [event("DELETED", image("sha256:a", version="5"))], saved_list([image("sha256:a")]))
    assert found == {"sha256:a": "a/b"}


@pytest.mark.parametrize("created", ["", "yesterday", "2024-99-99T00:00:00Z", "2024-01-01"])
def test_a_deletion_may_state_any_time(created, tmp_path):
    """Its time only decides between uids; one that is none is no error."""
    deleted = event("DELETED", image("sha256:a", version="20", created=created))
    assert imported(tmp_path, saved_list([image("sha256:a"), image("sha256:b")]), [deleted])[0] == {"sha256:b": "a/b"}


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_the_last_event_of_a_name_wins(are_deletions):
    """Events of one object with rising versions: an object is left exactly if the last one is no deletion."""
    position = 0
    candidates = []
    for version, is_deletion in enumerate(are_deletions):
        candidates.append(Candidate("a", position, "u", str(version), None, is_deletion))
        position += not is_deletion
    left = position - len(losers(candidates))
    assert left == (0 if are_deletions[-1] else 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.permutations([event("ADDED", image("sha256:a", version=str(n), reference=f"r/{n}")) for n in range(4)]))
def test_the_highest_version_wins_in_any_order(tmp_path, events):
    """Pieces of captures may be given in any order."""
    found, receipt = imported(tmp_path, events)
    assert found == {"sha256:a": "r/3"}
    assert receipt.duplicate_count == 3
