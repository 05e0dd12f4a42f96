"""What a batch job reads beside the store: JSON lines, also for mistakes on its own command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from commands import export, run
from fleets import write_store

from indexer.loopback import LoopbackServer
from indexer.metrics import write_metrics
from indexer.sample import generate_images
from indexer.store import Store

MISTAKES = [
    (("--bogus",), "--bogus"),
    (("--limit", "many"), "--limit"),
    (("--limit", "0"), "--limit"),
    (("--on-expired", "hope"), "--on-expired"),
    (("--resource-version-match", "Exact"), "resourceVersion"),
    (("--metrics-file", "/no/such/folder/file"), "--metrics-file"),
    (("--cluster", "No Name"), "--cluster"),
    (("--kubeconfig", "x"), "--kubeconfig"),
]


@pytest.mark.parametrize(
    ("arguments", "says"), MISTAKES, ids=[says + str(number) for number, (_, says) in enumerate(MISTAKES)]
)
@pytest.mark.parametrize("form", [("--log-format", "json"), ("--log-format=json",)], ids=["two words", "one word"])
def test_mistakes_are_json_lines_too(tmp_path, arguments, says, form):
    """A command line that can't be used ends with 2 and one JSON object, before anything is asked of the server."""
    with LoopbackServer() as server:
        ended = run("export", "--server", server.url, "--store", tmp_path, *arguments, *form, output=tmp_path)
        assert not server.requests
    assert (ended.exit_code, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert json.loads(line)["level"] == "error"
    assert says in json.loads(line)["message"]


def test_store_that_can_not_be_written_is_found_before_the_first_request(tmp_path):
    """A store that is a file, or lies in one, ends the run with 2 at once."""
    (tmp_path / "file").touch()
    with LoopbackServer(generate_images(3, 1)) as server:
        for store in (tmp_path / "file", tmp_path / "file" / "below"):
            ended = export(server, store, output=tmp_path)
            assert (ended.exit_code, ended.stdout) == (2, "")
            assert "--store" in ended.stderr
        assert not server.requests


def test_failed_run_leaves_the_metrics_of_the_last_success(tmp_path):
    """A failure does not touch the metrics file, so that the time of the last success grows old in it."""
    metrics = tmp_path / "metrics.prom"
    metrics.write_text("of yesterday\n")
    with LoopbackServer() as server:
        url = server.url
    ended = run("export", "--server", url, "--store", tmp_path / "s", "--metrics-file", metrics, output=tmp_path)
    assert (ended.exit_code, metrics.read_text()) == (3, "of yesterday\n")


def test_metrics_have_the_bytes_of_the_summary(sample_catalog, tmp_path):
    """The figures for Prometheus are those `capacity-summary` gives, and 0 for a snapshot without Images."""
    [snapshot] = sample_catalog.store.latest()
    write_metrics([snapshot], sample_catalog.store.folder, tmp_path / "metrics.prom")
    [summary] = sample_catalog.query("capacity-summary").to_arrow_table().to_pylist()
    assert metric(tmp_path / "metrics.prom", "logical_bytes") == summary["logical_bytes"]
    assert metric(tmp_path / "metrics.prom", "physical_bytes") == summary["physical_bytes"]
    write_store(tmp_path / "empty", [])
    [empty] = Store(tmp_path / "empty").latest()
    write_metrics([empty], tmp_path / "empty", tmp_path / "metrics.prom")
    assert metric(tmp_path / "metrics.prom", "physical_bytes") == 0


def metric(path, name):
    """Value of a metric in a text file of Prometheus, as a whole number."""
    [line] = [line for line in path.read_text().splitlines() if line.startswith(f"image_indexer_{name}{{")]
    return int(float(line.split()[-1]))


def test_defect_is_a_json_line_too(tmp_path):
    """An exception nobody foresaw is one JSON object with its traceback, and exit code 1."""
    broken = (
        "from indexer.cli import ingesting, main\n"
        "def run_export(*_): raise RuntimeError('one\\ntwo')\n"
        "ingesting.run_export = run_export\n"
        "main()"
    )
    arguments = ("export", "--server", "http://127.0.0.1:1", "--store", str(tmp_path), "--log-format", "json")
    ended = subprocess.run([sys.executable, "-c", broken, *arguments], capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, json.loads(line)["level"]) == (1, "critical")
    assert "RuntimeError: one\ntwo" in json.loads(line)["traceback"]
