"""How the suite is spread over workers: a broken rule would cost minutes, and nothing else would tell."""

from __future__ import annotations

import subprocess
import sys

from conftest import PROJECT, TOGETHER

TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(8))
def test_one(number):
    print("by", os.environ["PYTEST_XDIST_WORKER"])
"""


def test_modules_that_share_fixtures_have_one_worker(tmp_path, environment) -> None:
    """Two workers run every test once; all of a group, in whichever module, run on one of them."""
    pytest_ini = f"[pytest]\npythonpath = {PROJECT} {PROJECT}/tests\n"
    (tmp_path / "pytest.ini").write_text(pytest_ini, encoding="utf-8")
    (tmp_path / "conftest.py").write_text("from indexer_conftest import pytest_xdist_make_scheduler", encoding="utf-8")
    ours = (PROJECT / "tests" / "conftest.py").read_text(encoding="utf-8")
    (tmp_path / "indexer_conftest.py").write_text(ours, encoding="utf-8")
    names = [name for name, group in TOGETHER.items() if group == "object storage"]
    for name in [*names, "test_other.py"]:
        (tmp_path / name).write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup", "-v"]
    kept = {key: value for key, value in environment.items() if not key.startswith("PYTEST_")}
    ended = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    passed = [line.split() for line in ended.stdout.splitlines() if " PASSED " in line]
    assert len(passed) == 8 * (len(names) + 1)
    workers = {worker for worker, *_, test in passed if test.partition("::")[0] in names}
    assert len(workers) == 1
