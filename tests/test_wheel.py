"""The wheel, installed away from the checkout, has everything: SQL, sample, command, types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from indexer import queries
from indexer.view_schema import VIEWS

PROJECT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel without fetching anything."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with the pinned versions into a fresh environment; return its folder of commands."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--constraint", PROJECT / "constraints.txt", wheel], check=True, cwd=folder)
    return folder / "bin"


def test_the_wheel_has_the_sql_the_sample_and_the_types(wheel: Path) -> None:
    """Files from outside the package ship inside it, and nothing of the tests does."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"indexer/_bundled/queries/{name}.sql" for name in queries.names()} <= names
    assert {f"indexer/_bundled/queries/views/{view.name}.sql" for view in VIEWS} <= names
    assert {"indexer/_bundled/data/sample/page-00001.json.gz", "indexer/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "queries/", "data/"))]


def _run(installed: Path, cwd: Path, *arguments: object) -> bytes:
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "IMAGE_INDEXER_STORE"}}
    command = [str(installed / "image-indexer"), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, check=False, cwd=cwd, env=kept, timeout=300)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


def test_the_installed_command_lists_and_runs_the_queries(installed: Path, tmp_path: Path) -> None:
    """Away from the checkout, the bundled sample is imported and the queries answer."""
    listed = json.loads(_run(installed, tmp_path, "query", "--format", "json"))
    assert [row["name"] for row in listed] == queries.names()
    where = "import indexer.resources as r; print(r.resource_folder('data'))"
    python = [str(installed / "python"), "-I", "-c", where]
    data = Path(subprocess.run(python, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.strip())
    assert PROJECT not in data.parents
    _run(installed, tmp_path, "import", *sorted((data / "sample").glob("page-*.gz")), "--store", "s", "--cluster", "c")
    (summary,) = json.loads(_run(installed, tmp_path, "query", "capacity-summary", "--store", "s", "--format", "json"))
    assert summary["image_count"] > 2000
    assert _run(installed, tmp_path, "schema", "layers").startswith(b"### `layers`")


def test_the_installed_demo_runs(installed: Path, tmp_path: Path) -> None:
    """The whole chain over HTTP on loopback needs nothing of the checkout."""
    assert b"capacity-summary" in _run(installed, tmp_path, "demo", "--store", "demo-store")
