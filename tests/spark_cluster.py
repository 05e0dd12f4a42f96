"""A standalone Spark on loopback: one master and two workers, processes of this one, with little memory."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

WORKERS = 2
_START_SECONDS = 60
_ADDRESS = re.compile(r"Starting Spark master at (spark://\S+)")
# Short lives: what compiles in depth and collects in parallel costs more than it saves.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
_SETTINGS = {
    "spark.cores.max": str(WORKERS),
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": _JAVA,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.executor.extraJavaOptions": _JAVA,
    "spark.executor.memory": "600m",
    "spark.master.rest.enabled": "false",
    "spark.shuffle.service.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
}
"""What tests set for master, workers and driver alike, in place of a user's spark-defaults.conf."""


@contextmanager
def spark_cluster(folder: Path):
    """Run it; gives the address of its master and the environment of drivers, two of which find room at once."""
    settings = folder / "conf"
    settings.mkdir(parents=True)
    lines = [f"{name} {value}" for name, value in _SETTINGS.items()]
    (settings / "spark-defaults.conf").write_text("\n".join(lines), encoding="utf-8")
    environment = {
        "SPARK_CONF_DIR": str(settings),
        "SPARK_DAEMON_JAVA_OPTS": _JAVA,
        "SPARK_DAEMON_MEMORY": "160m",
        "SPARK_LOCAL_DIRS": str(folder / "scratch"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_PID_DIR": str(folder),
    }
    processes = []
    try:
        processes.append(_start("master.Master", environment, folder / "master.log", "--port", "0"))
        address = _await_line(processes[0], folder / "master.log", _ADDRESS)
        for number in range(WORKERS):
            options = ["--cores", "2", "--memory", "1300m", "--work-dir", folder / f"worker-{number}", address]
            processes.append(_start("worker.Worker", environment, folder / f"worker-{number}.log", *options))
        for number, process in enumerate(processes[1:]):
            _await_line(process, folder / f"worker-{number}.log", re.compile(r"(Successfully registered with master)"))
        yield address, environment
    finally:
        # Workers first: they end their executors.
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait()


def _start(daemon, environment, log, *options):
    import pyspark

    home = Path(pyspark.__file__).parent
    command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{daemon}", "--host", "127.0.0.1"]
    command += ["--webui-port", "0", *options]
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(word) for word in command],
            stdout=output,
            stderr=output,
            env=os.environ | environment | {"SPARK_HOME": str(home)},
        )


def _await_line(process, log, pattern):
    """Wait until a daemon has said something."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if found := pattern.search(log.read_text(encoding="utf-8", errors="replace")):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"{log.name}: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
