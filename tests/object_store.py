"""A real object store on loopback that speaks the protocol of S3, and a proxy in front of it that makes it fail."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pyarrow import fs

from indexer.places import WORK_FOLDER, RemotePath

ACCESS_KEY, SECRET_KEY, BUCKET = "test-access", "test-secret", "index"
_SERVICES = ("master.port", "volume.port", "filer.port", "s3.port")
_ALLOWED = ("Admin", "Read", "Write", "List")
_SLOW_SECONDS = 0.1
_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


def program():
    """Return the path of the server, which a package of the test group brings; None where it has none to offer."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def variables(port):
    """Environment of a client of the store at this port of loopback."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def filesystem(port):
    """Return Arrow's file system of the store at this port, to look into it and to spoil it."""
    return fs.S3FileSystem(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region="us-east-1",
        scheme="http",
        endpoint_override=f"127.0.0.1:{port}",
        allow_bucket_creation=True,
    )


@contextmanager
def object_store():
    """Run a store with one bucket; gives the port of loopback at which it speaks S3."""
    with tempfile.TemporaryDirectory(prefix="image-indexer-s3-") as folder:
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": _ALLOWED,
        }
        settings = Path(folder) / "identities.json"
        settings.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        ports = _free_ports(2 * len(_SERVICES))
        command = [program(), "-logtostderr=true", "server", f"-dir={folder}", "-filer", "-s3"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={settings}", "-master.telemetry=false"]
        command += ["-volume.max=50", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        for name, port, internal in zip(_SERVICES, ports[::2], ports[1::2], strict=True):
            command += [f"-{name}={port}", f"-{name}.grpc={internal}"]
        with (Path(folder) / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                _await_bucket(process, ports[-2], Path(folder) / "log")
                yield ports[-2]
            finally:
                process.kill()


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _await_bucket(process, port, log):
    """Wait until the store keeps what is put into it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            store = filesystem(port)
            store.create_dir(BUCKET)
            with store.open_output_stream(f"{BUCKET}/ready") as stream:
                stream.write(b"yes")
            store.delete_file(f"{BUCKET}/ready")
        except OSError:
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.1)
        else:
            return


@dataclass
class Asked:
    """A request as the proxy saw it; `sent_bytes` went back to the client."""

    method: str
    path: str
    sent_bytes: int = 0


@dataclass
class FaultyProxy:
    """What a proxy saw and what it does.

    `fault` is asked for each request and answers None or what shall happen: `refuse` (503 SlowDown), `fail` (500),
    `drop` (the connection breaks before the store hears of it), `lose` (the store does it and the answer is lost),
    `cut` (half of the answer arrives), `deny` (403), `slow` (a while passes before the store hears of it, and again
    before the client hears of the store). `behind` is the store's own port.
    """

    behind: int
    port: int = 0
    fault: object = None
    asked: list = field(default_factory=list)

    def paths(self, method):
        """Return what was asked for with a method, in order."""
        return [request.path for request in self.asked if request.method == method]

    @property
    def sent_bytes(self):
        """Bytes that went back to clients."""
        return sum(request.sent_bytes for request in self.asked)

    def url(self, name):
        """Return the address of a store; through the proxy, as the environment says."""
        return f"s3://{BUCKET}/{name}"

    def straight(self, name):
        """Return the folder of the same store, reached past the proxy."""
        return RemotePath(self.url(name), filesystem(self.behind), f"{BUCKET}/{name}")

    def objects(self, name):
        """Return the objects of a store, but for its work folder."""
        below = fs.FileSelector(f"{BUCKET}/{name}", recursive=True, allow_not_found=True)
        found = filesystem(self.behind).get_file_info(below)
        names = [info.path.removeprefix(f"{BUCKET}/{name}/") for info in found if info.type == fs.FileType.File]
        return sorted(path for path in names if not path.startswith(WORK_FOLDER))


@contextmanager
def faulty_proxy(port, fault=lambda _: None):
    """Run a proxy in front of the store at a port."""
    proxy = FaultyProxy(port, fault=fault)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        proxy.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def _answer(self):
        body = self._body()
        asked = Asked(self.command, self.path)
        self.proxy.asked.append(asked)
        fault = self.proxy.fault(asked)
        refusals = {"refuse": (503, "SlowDown"), "fail": (500, "InternalError"), "deny": (403, "AccessDenied")}
        if fault in refusals:
            self._refuse(*refusals[fault])
        elif fault == "drop":
            self._break()
        else:
            pause = _SLOW_SECONDS if fault == "slow" else 0
            time.sleep(pause)
            self._pass_on(asked, body, fault, pause)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - the names http.server calls

    def _body(self):
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _refuse(self, status, code):
        text = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _pass_on(self, asked, body, fault, pause):
        back = http.client.HTTPConnection("127.0.0.1", self.proxy.behind, timeout=60)
        try:
            self._send(back, body)
            answer = back.getresponse()
            content = answer.read()
        finally:
            back.close()
        time.sleep(pause)
        if fault == "lose":
            self._break()
            return
        self._give_back(asked, answer, content, is_cut=fault == "cut" and len(content) > 1)

    def _send(self, back, body):
        """Pass the request on as it came: what is signed must not change."""
        back.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {*_HOP_BY_HOP, "content-length", "expect"}:
                back.putheader(name, value)
        back.putheader("Content-Length", str(len(body)))
        back.endheaders(body)

    def _give_back(self, asked, answer, content, *, is_cut):
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {*_HOP_BY_HOP, "content-length"}:
                self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        sent = content[: len(content) // 2] if is_cut else content
        asked.sent_bytes = len(sent)
        if self.command != "HEAD":
            with suppress(OSError):
                self.wfile.write(sent)
        if is_cut:
            self._break()

    def _break(self):
        self.close_connection = True
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        """Say nothing."""
