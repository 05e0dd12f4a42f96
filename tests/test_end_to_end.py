"""The whole chain as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.resources import resource_folder
from indexer.store import Store

SAMPLE = resource_folder("data") / "sample"
_AS_INSTALLED = 'import sys; sys.argv[0] = "{}"; from indexer.cli import main; main()'
COMMAND = [sys.executable, "-c", "from indexer.cli import main; main()"]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Run `demo` once; return its store and what it said."""
    store = tmp_path_factory.mktemp("demo") / "store"
    return store, _run("demo", "--store", str(store))


def test_demo_serves_exports_publishes_and_reports(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """`demo` publishes one complete, consistent snapshot and prints the summary and the three reports."""
    store, result = demo
    assert result.returncode == 0, result.stderr
    for name in ("capacity-summary", "layer-sharing", "architecture-coverage", "unsigned-images"):
        assert f"{name} (" in result.stdout
    (snapshot,) = Store(store).latest()
    assert (snapshot.receipt.is_complete, snapshot.receipt.is_consistent) == (True, True)
    assert snapshot.receipt.page_count == 5
    assert snapshot.receipt.expected_count == snapshot.receipt.image_count > 2000
    assert [line for line in result.stderr.splitlines() if not line.startswith("image-indexer: ")] == []


@pytest.mark.parametrize("is_on_path", [True, False])
def test_demo_names_commands_that_work_as_printed(tmp_path: Path, is_on_path: bool) -> None:
    """What to try next is spelled so that it can be pasted, also where the command is not on the shell's path."""
    command = tmp_path / "bin" / "image-indexer"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c '{_AS_INSTALLED.format(command)}' \"$@\"\n", encoding="utf-8"
    )
    command.chmod(0o755)
    path = f"{command.parent}:/usr/bin:/bin" if is_on_path else "/usr/bin:/bin"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[1])}
    whole = {"capture_output": True, "text": True, "cwd": tmp_path, "env": environment}
    said = subprocess.run([command, "demo", "--store", "my store"], check=True, **whole).stderr.splitlines()
    tries = [line.removeprefix("image-indexer: ").strip() for line in said if " --store 'my store'" in line]
    assert len(tries) == 3
    for line in tries:
        assert subprocess.run(["/bin/sh", "-c", line], check=True, **whole).stdout


def test_demo_can_be_repeated(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """A second run adds a snapshot beside the first, and answers come from the newer one."""
    store, _ = demo
    (before,) = Store(store).snapshots()
    assert _run("demo", "--store", str(store)).returncode == 0
    assert len(Store(store).snapshots()) == 2
    (newest,) = Store(store).latest()
    answer = json.loads(_run("query", "capacity-summary", "--store", str(store), "--format", "json").stdout)[0]
    assert answer["image_count"] == newest.receipt.image_count
    assert newest.snapshot_id != before.snapshot_id


def test_export_and_import_of_the_same_objects_give_the_same_answers(
    demo: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Nothing behind a source knows which it was: the live list and its saved pages answer alike."""
    pages = sorted(str(path) for path in SAMPLE.glob("page-*.json.gz"))
    assert _run("import", *pages, "--store", str(tmp_path / "files"), "--cluster", "sample").returncode == 0
    answers = []
    for store in (demo[0], tmp_path / "files"):
        text = _run("query", "layer-sharing", "--store", str(store), "--format", "json").stdout
        rows = json.loads(text)
        for row in rows:
            del row["snapshot_id"]
        answers.append(rows)
    assert answers[0] == answers[1] != []
