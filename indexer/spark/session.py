"""A session of Spark that answers as DuckDB does, or an error that says what is missing.

Settings that change answers are ours; everything else (memory, parallelism, connectors) is the user's, by
`spark-defaults.conf` or `PYSPARK_SUBMIT_ARGS`, and only has other defaults. Java inherits the streams of the process
that starts it, so they are led away while it starts: standard output is for rows.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import IO, TYPE_CHECKING, Any

from indexer.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

LOCAL = "local[*]"
CONNECT_SECONDS = 5
WORKER_SECONDS = 60
END_SECONDS = 10

_ANSWERS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.variant.allowDuplicateKeys": "true",
}
_DEFAULTS = {
    "spark.app.name": "image-indexer",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
_INSTALL = "Install it with: pip install 'image-indexer[spark]'."


def start(master: str | None = None) -> SparkSession:
    """Start Spark on a master: `local[N]`, `spark://HOST:PORT`, `yarn`, `k8s://…`; by default what is configured.

    Without any configuration that is this machine. Raises `EngineError` where Spark or Java is not installed, and
    where the master can't be reached or has no worker for us.
    """
    for address in _addresses(master or ""):
        _check_reachable(*address)
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger

    # It prints every error of a statement as JSON, which is raised anyway.
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = not logger.isEnabledFor(logging.INFO)
    with _away_from_stdout() as said, _own_interrupts():
        try:
            session = _session(master)
        except (PySparkException, Py4JError, OSError, RuntimeError) as error:
            raise EngineError(
                f"Spark does not start: {reason(error)} {_last_words(said)}".strip(),
                hint="It needs Java 17 or newer (JAVA_HOME) and a master it can use: --master local[2].",
            ) from error
    _await_worker(session)
    return session


def answering(session: SparkSession) -> SparkSession:
    """Return a session beside one that runs, with views and settings of its own, that answers as DuckDB does."""
    own = session.newSession()
    for name, value in _ANSWERS.items():
        own.conf.set(name, value)
    return own


def stop(session: SparkSession) -> None:
    """End the session and the Java process that this one started for it."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway  # noqa: SLF001
    # After a signal in the midst of an answer the line to Java is of no use any more; its process ends all the same.
    with suppress(Py4JError, OSError, RuntimeError):
        session.stop()
    if process := getattr(gateway, "proc", None):
        gateway.shutdown()
        _end(process)
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001


def _end(process: subprocess.Popen[bytes]) -> None:
    """End Spark's Java: by closing its input, at which it cleans up."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def reason(error: BaseException) -> str:
    """Return what an error of Spark says, without its traces: of a chain in Java, the last cause."""
    java = getattr(error, "java_exception", None)
    while java is not None and java.getCause() is not None:
        java = java.getCause()
    said = str(error) if java is None else str(java.getMessage() or java.toString())
    return said.strip().partition("\n")[0].rstrip(".") + "."


def check_installed() -> None:
    """Raise `EngineError` where a package of the extra or Java is missing; modules beside this one import them."""
    try:
        import pyspark
        import sqlglot  # noqa: F401
    except ImportError as error:
        raise EngineError(f"Spark is not installed: {error}.", hint=_INSTALL) from error
    if int(pyspark.__version__.partition(".")[0]) < 4:  # noqa: PLR2004
        raise EngineError(f"pyspark {pyspark.__version__} is too old: 4 or newer is needed.", hint=_INSTALL)
    home = os.environ.get("JAVA_HOME")
    if not (Path(home) / "bin" / "java").exists() if home else shutil.which("java") is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise EngineError(
            f"Spark needs Java, and there is none {where}.", hint="Install a Java 17 runtime, or set JAVA_HOME."
        )


def _addresses(master: str) -> list[tuple[str, int]]:
    """Hosts and ports of a standalone master, which may have stand-ins: `spark://a:7077,b:7077`."""
    if not master.startswith("spark://"):
        return []
    places = [place.rpartition(":") for place in master.removeprefix("spark://").split(",")]
    if not all(host and port.isdigit() for host, _, port in places):
        raise EngineError(f"{master!r} is no address of a master.", hint="Write it as spark://HOST:PORT.")
    return [(host, int(port)) for host, _, port in places]


def _check_reachable(host: str, port: int) -> None:
    """Ask before Spark does: it would try for a minute."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise EngineError(
            f"No Spark master answers at {host}:{port}: {error.strerror or error}.",
            hint="Check --master and that the master runs, or use --master local[2].",
        ) from error


def _session(master: str | None) -> SparkSession:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    configuration = SparkConf()
    if master:
        configuration.setMaster(master)
    configuration.setIfMissing("spark.master", LOCAL)
    is_here = str(configuration.get("spark.master")).startswith("local")
    for name, value in (_DEFAULTS | (_LOOPBACK if is_here else {})).items():
        configuration.setIfMissing(name, value)
    return SparkSession.builder.config(conf=configuration).getOrCreate()


def _await_worker(session: SparkSession) -> None:
    """Wait for the first executor of a standalone master: without one, statements would wait for ever."""
    context: Any = session.sparkContext
    if not str(context.master).startswith("spark://"):
        return
    end = time.monotonic() + WORKER_SECONDS
    # The driver itself counts as one.
    while context._jsc.sc().getExecutorMemoryStatus().size() < 2:  # noqa: PLR2004, SLF001
        if time.monotonic() > end:
            session.stop()
            raise EngineError(
                f"No worker of {context.master} took the job within {WORKER_SECONDS} s.",
                hint="See on the master's page whether workers have free cores and memory; spark.executor.memory asks.",
            )
        time.sleep(0.1)


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Take SIGINT back: Spark's handler asks Java to cancel in the midst of another question, and breaks the line."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    if current_thread() is main_thread():
        signal.signal(signal.SIGINT, handler)


@contextmanager
def _away_from_stdout() -> Iterator[IO[bytes]]:
    """Lead both streams into a file while Java starts, which keeps them; with `-v`, to standard error."""
    sys.stdout.flush()
    with tempfile.TemporaryFile() as said:
        kept = os.dup(1), os.dup(2)
        try:
            os.dup2(kept[1] if logger.isEnabledFor(logging.INFO) else said.fileno(), 1)
            os.dup2(1, 2)
            yield said
        finally:
            for copy, stream in zip(kept, (1, 2), strict=True):
                os.dup2(copy, stream)
                os.close(copy)


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
