"""Notebooks run from top to bottom on the sample, and are committed without results."""

from __future__ import annotations

import re
from pathlib import Path

import nbclient
import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
pytestmark = pytest.mark.slow


@pytest.fixture(params=NAMES)
def notebook(request):
    """Read each notebook in turn."""
    return nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)


@pytest.mark.filterwarnings("default")
def test_notebook_runs_on_the_sample(notebook, sample_catalog, monkeypatch) -> None:
    """Every cell runs, for the store and the cluster that the environment names, and the last one shows something."""
    monkeypatch.setenv("IMAGE_INDEXER_STORE", str(sample_catalog.store.folder))
    monkeypatch.setenv("IMAGE_INDEXER_CLUSTER", "sample")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    resources = {"metadata": {"path": str(FOLDER)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert cells[-1].outputs


def test_notebook_is_committed_without_results(notebook) -> None:
    """Outputs and counters would change with every run and may tell of somebody's cluster."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_notebook_has_parameters_and_no_long_sql(notebook) -> None:
    """One cell is tagged as parameters; SQL is a line or a canned query, so that it is tested where it stands."""
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert {"store", "cluster"} <= set(re.findall(r"^(\w+) =", tagged[0].source, re.MULTILINE))
    for cell in notebook.cells:
        assert not re.search(r'"""[^"]*\bSELECT\b', cell.source)
