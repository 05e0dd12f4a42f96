"""Time and peak memory of a live export, beside a bare loop that reads the bytes of the same pages and keeps nothing.

python tests/benchmarks/export.py --images 20000 --runs 3 --json figures.json

The server runs in a process of its own. Each client runs once before the runs that count, and the bytes of every answer
are kept, gzip, chunks and all: from then on the server only sends them again, so that it is not what is measured. With
`--pause` it waits before each answer, as a real one does while it gathers a page: an export decodes meanwhile.

The loop is urllib3 on one connection, which unpacks pages as the export does; curl is started once a page. Both look
for the continue token and for nothing else. Figures are those of the client's process alone, start-up apart; the ratio
is to the loop.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measuring

IMAGES_PATH = "/apis/image.openshift.io/v1/images"
AGENT = "image-indexer-benchmark"
LOOP = "urllib3, one connection"
OURS = "image-indexer export"
TOKEN = re.compile(rb'"continue":"([^"]+)"')


class Answers(socketserver.StreamRequestHandler):
    """Sends the kept answer to a request; one that is new is asked of the real server first, and kept."""

    disable_nagle_algorithm = True

    def handle(self):
        """Answer requests without a body until the client goes."""
        while head := b"".join(itertools.takewhile(lambda line: line.strip(), self.rfile)):
            if head not in self.server.kept:
                self.server.kept[head] = answer_of(self.server.origin, head)
            time.sleep(self.server.pause_seconds)
            self.connection.sendall(self.server.kept[head])


def answer_of(origin, head):
    """Ask a server; gives the bytes of its answer."""
    with socket.create_connection(origin) as connection:
        connection.sendall(head + b"Connection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def serve(image_count, pause_seconds):
    """Serve generated images until stdin ends; prints the address, and for every line how many answers are kept."""
    from indexer.loopback import LoopbackServer
    from indexer.sample import generate_images

    with (
        LoopbackServer(generate_images(image_count, 3)) as origin,
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answers) as server,
    ):
        server.daemon_threads, server.kept, server.pause_seconds = True, {}, pause_seconds
        server.origin = ("127.0.0.1", urllib.parse.urlsplit(origin.url).port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        for _ in sys.stdin:
            print(len(server.kept), flush=True)
        server.shutdown()


def next_token(head):
    """Find the continue token: the metadata of a list come before its items."""
    found = TOKEN.search(head[:4096])
    return found.group(1).decode() if found else None


def by_urllib3(url, limit):
    """Fetch all pages over one connection; gives their bytes."""
    import urllib3

    token, size_bytes = "", 0
    with urllib3.PoolManager() as pool:
        while token is not None:
            query = {"limit": str(limit)} | ({"continue": token} if token else {})
            headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
            body = pool.request("GET", url + IMAGES_PATH, fields=query, headers=headers).data
            token, size_bytes = next_token(body), size_bytes + len(body)
    return size_bytes


def by_curl(url, limit):
    """Fetch all pages with a curl each; gives their bytes."""
    token, size_bytes = "", 0
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page"
        while token is not None:
            address = f"{url}{IMAGES_PATH}?limit={limit}" + (f"&continue={token}" if token else "")
            options = ("-sS", "--compressed", "-A", AGENT, "-o", page, address)
            subprocess.run(["/usr/bin/env", "curl", *options], check=True)
            size_bytes += page.stat().st_size
            with page.open("rb") as file:
                token = next_token(file.read(4096))
    return size_bytes


def by_export(url, limit):
    """Publish a snapshot with the command's own code; gives its bytes."""
    from indexer.cli import cli

    with tempfile.TemporaryDirectory() as store:
        options = ("export", "--server", url, "--limit", str(limit), "--store", store, "--cluster", "benchmark")
        cli.main(options, standalone_mode=False)
        return sum(path.stat().st_size for path in Path(store).rglob("*.parquet"))


CLIENTS = {
    LOOP: (by_urllib3, ("urllib3",)),
    "curl, one process a page": (by_curl, ()),
    OURS: (by_export, ("indexer.cli.exporting", "kubernetes.config", "pyarrow.parquet", "stamina")),
}
"""Each with the modules it needs, which are imported before the clock runs."""


def fetch(name, url, limit):
    """Be one of the clients that are measured."""
    function, modules = CLIENTS[name]
    for module in modules:
        importlib.import_module(module)
    measuring.work(function, url, limit)


def kept_count(server):
    """Ask how many answers the server keeps."""
    print(file=server.stdin, flush=True)
    return int(server.stdout.readline())


def measure(image_count, limit, run_count=1, names=tuple(CLIENTS), pause_seconds=0.0):
    """Measure clients that fetch everything from one server; gives their figures by name."""
    command = [sys.executable, __file__, "--serve", str(image_count), "--pause", str(pause_seconds)]
    environment = {**os.environ, "PYTHONPATH": str(measuring.ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as server:
        url = server.stdout.readline().strip()
        client = (__file__, "--url", url, "--limit", limit, "--by")
        for name in names:
            measuring.one_run((*client, name))
        kept_before = kept_count(server)
        figures = {name: measuring.measured((*client, name), run_count) for name in names}
        assert kept_count(server) == kept_before, "some answers were new: the server was measured as well"
        server.stdin.close()
    return figures


def report(image_count, limit, results):
    """Write the figures as a table of Markdown."""
    print(f"\n{image_count:,} generated Images in pages of {limit}; {measuring.machine()}\n")
    print("| client | seconds | ratio | images/s | CPU seconds | ratio | peak MiB | output MB |")
    print("|---|---|---|---|---|---|---|---|")
    loop = results[LOOP]
    for name, taken in results.items():
        cells = [
            *(f"{taken.seconds:.2f}", f"{taken.seconds / loop.seconds:.2f}", f"{image_count / taken.seconds:,.0f}"),
            *(f"{taken.cpu_seconds:.2f}", f"{taken.cpu_seconds / loop.cpu_seconds:.2f}", f"{taken.peak_mib:.0f}"),
        ]
        print(f"| {name} | {' | '.join(cells)} | {taken.note or f'{taken.output_bytes / 1e6:.1f}'} |", flush=True)


def main():
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, action="append")
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds the server takes for an answer before it sends"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", help="keep the figures here")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--by", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.pause)
    elif options.by:
        fetch(options.by, options.url, options.limit)
    else:
        compare(options)


def compare(options):
    """Measure and report."""
    kept = {}
    for image_count in options.images or [20_000]:
        results = measure(image_count, options.limit, options.runs, pause_seconds=options.pause)
        report(image_count, options.limit, results)
        kept[f"{image_count:,} generated Images"] = results
    if options.json:
        measuring.save(options.json, kept)


if __name__ == "__main__":
    main()
