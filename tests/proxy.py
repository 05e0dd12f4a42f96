"""A forward proxy on loopback that knows CONNECT, for tests; with a password if it is told one."""

from __future__ import annotations

import base64
import socket
import socketserver
import threading
from contextlib import contextmanager, suppress


class _Tunnel(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().decode().split()
        headers = dict(header.decode().lower().rstrip().split(": ", 1) for header in iter(self.rfile.readline, b"\r\n"))
        if self.server.expected and headers.get("proxy-authorization") != self.server.expected.lower():
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.tunnelled.append(line[1])
        host, _, port = line[1].rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(target, self.connection))
            back.start()
            _copy(self.connection, target)
            back.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


def _copy(source, target):
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(user="", password=""):
    """Run a proxy; gives the server, whose `tunnelled` are the addresses asked for."""
    with _Server(("127.0.0.1", 0), _Tunnel) as server:
        secret = base64.b64encode(f"{user}:{password}".encode()).decode()
        server.expected = f"Basic {secret}" if user else ""
        server.tunnelled = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
