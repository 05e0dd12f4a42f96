"""Checks, and the images a condition or a file names, as a user asks for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from indexer import queries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    Run = Callable[..., CompletedProcess[bytes]]


def _rows(ended: CompletedProcess[bytes]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(ended.stdout)
    return rows


def test_all_checks_have_a_row_and_a_failing_one_ends_in_exit_code_1(run: Run, sample_store: Path) -> None:
    """The sample has two sizes for one layer on purpose: the counts are written, and the exit code tells."""
    ended = run("check", "--store", sample_store, "--format", "json")
    rows = _rows(ended)
    assert [row["check"] for row in rows] == queries.names("check")
    assert {row["check"]: row["finding_count"] for row in rows}["conflicting-layer-sizes"] == 1
    assert ended.returncode == 1
    assert b"conflicting-layer-sizes" in ended.stderr


def test_warnings_alone_are_no_failure(run: Run, sample_store: Path) -> None:
    """A check of severity `warn` may find something."""
    ended = run("check", "dangling-children", "--store", sample_store, "--findings", "--format", "json")
    assert ended.returncode == 0
    assert {row["severity"] for row in _rows(ended)} == {"warn"}


def test_a_condition_and_a_file_of_names_pick_the_same_images(run: Run, sample_store: Path, tmp_path: Path) -> None:
    """`--where` and `-p images=@FILE` bind the same set, so they free the same bytes."""
    condition = "repository = 'prometheus/sync' AND kind = 'image'"
    statement = f"SELECT image_name FROM images WHERE {condition}"
    names = [row["image_name"] for row in _rows(run("sql", statement, "--store", sample_store, "--format", "json"))]
    (tmp_path / "names.txt").write_text("\n".join(map(str, names)) + "\n\n", encoding="utf-8")
    by_where = _rows(run("query", "reclaimable", "--where", condition, "--store", sample_store, "--format", "json"))
    by_file = _rows(
        run(
            *("query", "reclaimable", "-p", f"images=@{tmp_path / 'names.txt'}"),
            *("--store", sample_store, "--format", "json"),
        )
    )
    assert by_where == by_file
    assert by_where[0]["scope"] == "set"
    assert len(by_where) == len(names) + 1 > 2


def test_a_condition_that_holds_for_nothing_frees_nothing(run: Run, sample_store: Path) -> None:
    """No image is not the same as no criterion: the set is empty."""
    ended = run("query", "reclaimable", "--where", "false", "--store", sample_store, "--format", "json")
    assert [row["freed_bytes"] for row in _rows(ended)] == [0]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["query", "layer-sharing", "--where", "true"], 2, b"images"),
        (["query", "reclaimable", "--where", "nonsense = 1"], 1, b"nonsense"),
        (["query", "reclaimable", "-p", "images=@/nowhere/names.txt"], 2, b"/nowhere/names.txt"),
        (["check", "no-such-check"], 2, b"no-such-check"),
    ],
)
def test_misuse_is_named(run: Run, sample_store: Path, arguments: list[str], code: int, word: bytes) -> None:
    """A query without images, a wrong condition, a missing file and an unknown check each say so."""
    ended = run(*arguments, "--store", sample_store)
    assert ended.returncode == code
    assert word in ended.stderr
