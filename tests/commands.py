"""The command line in a process of its own, forked from one that has imported everything: quick to start, real to kill.

What a test learns of a run is what a batch job would: exit code, stdout, stderr and the store.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "duckdb",
        "indexer.catalog",
        "indexer.cli.ingesting",
        "indexer.cli.write",
        "indexer.cluster.pool",
        "indexer.metrics",
        "kubernetes.client.rest",
        "kubernetes.config",
        "prometheus_client",
        "pyarrow.compute",
        "pyarrow.parquet",
        "pytest",
        "yaml",
    ]
)
_STARTING = threading.Lock()
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code (negative: the signal that killed it) and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def receipt(self):
        """Receipt on stdout."""
        return json.loads(self.stdout)


class Command:
    """A command under way. `output` is a folder for its stdout and stderr."""

    def __init__(self, arguments, output, environment=None, before=None):
        self._output = Path(tempfile.mkdtemp(dir=output))
        whole = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        whole |= {"HOME": str(self._output), "TMPDIR": str(self._output), **(environment or {})}
        arguments = [str(argument) for argument in arguments]
        self._process = _CONTEXT.Process(target=_run, args=(arguments, self._output, whole, before))
        with _STARTING:
            self._process.start()
            # Threads that start and wait at once must not find each other's processes to collect.
            multiprocessing.process._children.discard(self._process)

    def send(self, number):
        """Send a signal, unless the command has ended."""
        if self._process.is_alive():
            os.kill(self._process.pid, number)

    def kill_after(self, seconds):
        """Kill it at a moment, unless it ends before; tell whether it had to be killed."""
        self._process.join(seconds)
        self.send(signal.SIGKILL)
        return self.wait().exit_code == -signal.SIGKILL

    def wait(self, seconds=60):
        """Wait for the end."""
        self._process.join(seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
            raise TimeoutError(self.said())
        return Ended(self._process.exitcode, self._text("stdout"), self._text("stderr"))

    def said(self):
        """Return what it has written to stderr so far."""
        return self._text("stderr")

    def _text(self, name):
        path = self._output / name
        return path.read_text() if path.exists() else ""

    def wait_for(self, condition, seconds=30):
        """Wait until something is true, or fail if the command ends before."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self._process.is_alive(), self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.005)


def run(*arguments, output, environment=None, before=None):
    """Run a command to its end."""
    return Command(arguments, output, environment, before).wait()


def export(server, store, *arguments, output=None, **more):
    """Export a loopback server to its end; the receipt goes to stdout."""
    where = ("--server", server.url, "--store", store, "--cluster", "lab", "--receipt")
    return run("export", *where, *arguments, output=output or Path(store).parent, **more)


def service_account_in(folder):
    """Let the files of a pod's service account lie elsewhere."""
    from indexer.cluster import login

    login.connect_in_cluster = functools.partial(login.connect_in_cluster, folder=Path(folder))


def _run(arguments, output, environment, before):
    from indexer.cli import main

    # The fork server's own handlers and streams are not what a shell hands over.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in ((1, "stdout"), (2, "stderr")):
        descriptor = os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv = ["image-indexer", *arguments]
    if before:
        before()
    main()
