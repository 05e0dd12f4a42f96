"""Time and peak memory of an export, beside curl and a bare loop of urllib3 that fetch the same pages.

python tests/benchmarks/export.py --images 10000 --images 200000

The server runs in a process of its own and streams the objects from the generator into a temporary file first. curl
is started once a page; it and urllib3 throw away what they read but for the continue token. Figures are those of the
client's process alone.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES_PATH = "/apis/image.openshift.io/v1/images"
AGENT = "image-indexer-benchmark"
WAYS = ("curl, one process a page", "urllib3, one connection", "image-indexer export")
TOKEN = re.compile(rb'"continue":"([^"]+)"')


@dataclass(frozen=True)
class Figures:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def serve(image_count):
    """Serve generated images until stdin ends; prints the address."""
    from indexer.loopback import LoopbackServer
    from indexer.sample import generate_images

    with LoopbackServer(generate_images(image_count, 3)) as server:
        print(server.url, flush=True)
        sys.stdin.read()


def next_token(head):
    """Find the continue token: the metadata of a list come before its items."""
    found = TOKEN.search(head[:4096])
    return found.group(1).decode() if found else None


def by_urllib3(url, limit):
    """Fetch all pages over one connection."""
    import urllib3

    token, size_bytes = "", 0
    with urllib3.PoolManager() as pool:
        while token is not None:
            query = {"limit": str(limit)} | ({"continue": token} if token else {})
            headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
            body = pool.request("GET", url + IMAGES_PATH, fields=query, headers=headers).data
            token, size_bytes = next_token(body), size_bytes + len(body)
    print(size_bytes)


def by_curl(url, limit):
    """Fetch all pages with a curl each."""
    token = ""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page"
        while token is not None:
            more = f"&continue={token}" if token else ""
            address = f"{url}{IMAGES_PATH}?limit={limit}{more}"
            subprocess.run(
                ["/usr/bin/env", "curl", "-sS", "--compressed", "-A", AGENT, "-o", page, address], check=True
            )
            with page.open("rb") as file:
                token = next_token(file.read(4096))


def measured(*command):
    """Run a command; gives its figures, those of its children included."""
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Figures(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(image_count, limit, ways=WAYS):
    """Measure ways to fetch everything from one server; gives their figures by name."""
    itself = Path(__file__)
    command = [sys.executable, itself, "--serve", str(image_count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        tempfile.TemporaryDirectory() as store,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as server,
    ):
        url = server.stdout.readline().strip()
        export = ("-c", "from indexer.cli import main; main()", "export", "--server", url, "--limit", limit)
        fetch = (itself, "--url", url, "--limit", limit, "--by")
        commands = {
            WAYS[0]: (*fetch, "curl"),
            WAYS[1]: (*fetch, "urllib3"),
            WAYS[2]: (*export, "--store", store),
        }
        figures = {name: measured(*command) for name, command in commands.items() if name in ways}
        server.stdin.close()
    return figures


def report(results, limit):
    """Write the figures as a table of Markdown."""
    print(f"| Images (pages of {limit}) | client | seconds | images/s | CPU seconds | peak MiB |")
    print("|---|---|---|---|---|---|")
    for image_count, figures in results.items():
        for name, taken in figures.items():
            rate = f"{image_count / taken.seconds:,.0f}"
            cells = (f"{image_count:,}", name, f"{taken.seconds:.1f}", rate, f"{taken.cpu_seconds:.1f}")
            print(f"| {' | '.join(cells)} | {taken.peak_mib:.0f} |")


def main():
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, action="append")
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--by", choices=("curl", "urllib3"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    elif options.by:
        {"curl": by_curl, "urllib3": by_urllib3}[options.by](options.url, options.limit)
    else:
        counts = options.images or [10_000, 200_000]
        report({count: measure(count, options.limit) for count in counts}, options.limit)


if __name__ == "__main__":
    main()
