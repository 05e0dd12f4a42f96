"""The HTTP side: connections, TLS, bodies in chunks, and whatever a fault does to them."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import sys
import threading
import uuid
import zlib
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self, cast

from indexer.loopback import forms, requests, router
from indexer.loopback.answers import Answer, Body
from indexer.loopback.faults import Fault
from indexer.loopback.store import ImageStore
from indexer.loopback.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from indexer.loopback.access import Access
    from indexer.loopback.faults import Script
    from indexer.loopback.requests import Request

# Bodies above these sizes are compressed (k8s.io/apiserver) and sent in chunks (Go's net/http and its proxy).
_COMPRESS_ABOVE_BYTES = 128 * 1024
_CHUNKED_ABOVE_BYTES = 4096
_GZIP = 16 + zlib.MAX_WBITS
_HONEST = Fault()
_HANGING_UP = (ConnectionError, TimeoutError, ssl.SSLError)


class LoopbackServer:
    """Serves Images on 127.0.0.1 and a free port, from entering until leaving the context.

    `images` is a store, or any iterable of objects for one. `script` may spoil answers, `access` checks credentials
    (None: everyone may read), `tls` makes it https. `requests` are those received so far, the last 10,000 at most;
    `failures` are exceptions of the server itself, which tests should find empty.
    """

    def __init__(
        self,
        images: ImageStore | Iterable[Mapping[str, Any]] = (),
        *,
        script: Script | None = None,
        access: Access | None = None,
        tls: ssl.SSLContext | None = None,
        bookmark_seconds: float = 60.0,
    ) -> None:
        self._is_own_store = not isinstance(images, ImageStore)
        self.store = images if isinstance(images, ImageStore) else ImageStore(images)
        self.script = script
        self.access = access
        self.bookmark_seconds = bookmark_seconds
        self.requests: deque[Request] = deque(maxlen=10_000)
        self.failures: list[BaseException] = []
        self.closing = threading.Event()
        self._watches: set[Watch] = set()
        self._counts = [0, 0]
        self._lock = threading.Lock()
        self._http = _HttpServer(self, tls)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="loopback server")
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, cutting whatever is under way, and wait for all threads."""
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self.stop_watches()
        self._http.hang_up()
        self._http.server_close()
        if self._is_own_store:
            self.store.close()

    def stop_watches(self) -> None:
        """End all watches cleanly, as a server that is rolled does."""
        with self.store.changed:
            for watch in self._watches:
                watch.is_stopped = True
            self.store.changed.notify_all()

    @property
    def watch_count(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def opened(self, watch: Watch) -> None:
        """Keep a watch until it is closed, so that it can be stopped."""
        with self.store.changed:
            self._watches.add(watch)
            watch.is_stopped = self.closing.is_set()

    def closed(self, watch: Watch) -> None:
        """Forget a watch."""
        with self.store.changed:
            self._watches.discard(watch)

    def number(self, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """Count and keep a request."""
        path, query = requests.split_target(target)
        request = requests.Request(0, 0, method, path, query, headers)
        with self._lock:
            self._counts[0] += 1
            self._counts[1] += request.is_list
            request = request._replace(number=self._counts[0], list_number=self._counts[1] if request.is_list else 0)
            self.requests.append(request)
        return request


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, owner: LoopbackServer, tls: ssl.SSLContext | None) -> None:
        self.owner = owner
        self._tls = tls
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls:
            # The handshake is left to the connection's own thread, or a silent client would block all others.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        error = sys.exception()
        if error and not isinstance(error, _HANGING_UP):
            self.owner.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 18

    @property
    def owner(self) -> LoopbackServer:
        return cast("_HttpServer", self.server).owner

    def log_message(self, *_: Any) -> None:
        """Stay quiet: `LoopbackServer.requests` is the log."""

    def _serve(self) -> None:
        owner = self.owner
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = owner.number(self.command, self.path, headers)
        owner.store.tick()
        fault = (owner.script and owner.script(request, owner.store)) or _HONEST
        self._pause(fault.delay_seconds)
        if fault.is_reset and fault.cut_share is None:
            self._abort(is_reset=True)
        else:
            self._answer(request, fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names the base class looks up

    def _answer(self, request: Request, fault: Fault) -> None:
        owner = self.owner
        refusal = owner.access.refusal(request, self.connection) if owner.access else None
        answer = fault.answer or refusal
        try:
            if answer is None and request.is_watch and request.method == "GET":
                self._watch(Watch(request, owner.store, owner.bookmark_seconds), fault)
                return
            answer = answer or router.answer(request, owner.store)
        except requests.Refused as refused:
            answer = refused.answer
        self.close_connection = self.close_connection or request.method not in {"GET", "HEAD"}
        self._send(request, answer, fault)

    def _watch(self, watch: Watch, fault: Fault) -> None:
        self.owner.opened(watch)
        try:
            self._head(Answer(200, b""), {"Transfer-Encoding": "chunked"})
            self.wfile.flush()
            for count, line in enumerate(watch.lines(), start=1):
                self._write(line, is_chunked=True)
                self.wfile.flush()
                if fault.end_after_events == count:
                    break
            self.wfile.write(b"0\r\n\r\n")
        finally:
            self.owner.closed(watch)

    def _send(self, request: Request, answer: Answer, fault: Fault) -> None:
        body = self._body(request, answer)
        is_big = body.size > _COMPRESS_ABOVE_BYTES
        is_zipped = is_big and "gzip" in request.header("accept-encoding")
        is_chunked = (body.size > _CHUNKED_ABOVE_BYTES or is_zipped) and self.request_version != "HTTP/1.0"
        headers = {"Transfer-Encoding": "chunked"} if is_chunked else {"Content-Length": str(body.size)}
        if is_big:
            headers["Vary"] = "Accept-Encoding"
        if is_zipped:
            headers["Content-Encoding"] = "gzip"
        self._head(answer, headers)
        if request.method == "HEAD":
            return
        is_cut = fault.cut_share is not None
        chunks = _cut(body, fault.cut_share) if fault.cut_share is not None else body.chunks
        if is_zipped:
            chunks = _zipped(chunks, is_whole=not is_cut)
        for chunk in chunks:
            for piece in _pieces(chunk, fault.bytes_per_second):
                self._write(piece, is_chunked=is_chunked)
                if fault.bytes_per_second:
                    self.wfile.flush()
                    self._pause(len(piece) / fault.bytes_per_second)
        if is_cut:
            self._abort(is_reset=fault.is_reset)
        elif is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _body(self, request: Request, answer: Answer) -> Body:
        body = answer.body if isinstance(answer.body, Body) else Body(len(answer.body), (answer.body,))
        is_for_people = request.header("user-agent").startswith(forms.PEOPLES_AGENTS)
        if answer.content_type == "application/json" and is_for_people:
            indented = forms.indented(b"".join(body.chunks))
            return Body(len(indented), (indented,))
        return body

    def _head(self, answer: Answer, headers: Mapping[str, str]) -> None:
        self.send_response_only(answer.status)
        self.send_header("Audit-Id", str(uuid.uuid4()))
        self.send_header("Cache-Control", "no-cache, private")
        if answer.is_from_image_server:
            self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Date", self.date_time_string())
        for key, value in (*answer.headers, *headers.items()):
            self.send_header(key, value)
        self.end_headers()

    def _write(self, chunk: bytes, *, is_chunked: bool) -> None:
        if not chunk:
            return
        if is_chunked:
            self.wfile.write(b"%x\r\n" % len(chunk))
            self.wfile.write(chunk)
            self.wfile.write(b"\r\n")
        else:
            self.wfile.write(chunk)

    def _pause(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the server."""
        if seconds and self.owner.closing.wait(seconds):
            raise ConnectionAbortedError

    def _abort(self, *, is_reset: bool) -> None:
        """End the connection in mid-answer: with what was written delivered, or with a TCP reset."""
        self.close_connection = True
        with suppress(OSError):
            self.wfile.flush()
            if is_reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())


def _cut(body: Body, share: float) -> Iterator[bytes]:
    left = int(body.size * share)
    for chunk in body.chunks:
        if left <= 0:
            return
        yield chunk[:left]
        left -= len(chunk)


def _zipped(chunks: Iterable[bytes], *, is_whole: bool) -> Iterator[bytes]:
    compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush(zlib.Z_FINISH if is_whole else zlib.Z_SYNC_FLUSH)


def _pieces(chunk: bytes, bytes_per_second: int) -> Iterator[bytes]:
    """Split a chunk into what a slow connection takes in a twentieth of a second; 0 is a fast one."""
    step = max(bytes_per_second // 20, 1) if bytes_per_second else max(len(chunk), 1)
    for start in range(0, len(chunk), step):
        yield chunk[start : start + step]
