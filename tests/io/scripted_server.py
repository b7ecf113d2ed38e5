"""A server on loopback that answers as scripted, byte by byte: what a real one does on a bad day."""

import gzip
import json
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Reply = Callable[["Connection"], None]


class Request:
    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path = method, urlsplit(target).path
        self.query = dict(parse_qsl(urlsplit(target).query))
        self.headers, self.body = headers, body
        self.at = time.monotonic()


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Plays `script` reply by reply, then `otherwise` for ever."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.script: list[Reply] = []
        self.otherwise: Reply = answer({"success": True, "data": {"items": []}})
        self.requests: list[Request] = []
        self.connections = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_reply(self, request: Request) -> Reply:
        with self.lock:
            self.requests.append(request)
            return self.script.pop(0) if self.script else self.otherwise


class Connection(socketserver.StreamRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        with self.server.lock:
            self.server.connections += 1
        while (request := self._read()) is not None:
            try:
                self.last = request
                self.server.next_reply(request)(self)
            except OSError:
                return
            if self.wfile.closed:
                return

    def _read(self) -> Request | None:
        try:
            line = self.rfile.readline().decode()
        except OSError:
            return None
        if not line.strip():
            return None
        method, target, _ = line.split()
        headers = dict[str, str]()
        while header := self.rfile.readline().decode().rstrip("\r\n"):
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return Request(method, target, headers, self.rfile.read(int(headers.get("content-length", 0))))

    def send(self, data: bytes) -> None:
        self.wfile.write(data)

    def hang_up(self) -> None:
        self.wfile.close()
        self.connection.shutdown(socket.SHUT_RDWR)


def head(status: int, length: int, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def raw(content: bytes, status: int = 200, **headers: str) -> Reply:
    return lambda connection: connection.send(head(status, len(content), **headers) + content)


def answer(value: Any, status: int = 200, **headers: str) -> Reply:
    return raw(json.dumps(value).encode(), status, **headers)


def chunked(value: Any) -> Reply:
    content = json.dumps(value).encode()
    pieces = [content[i : i + 10] for i in range(0, len(content), 10)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return lambda connection: connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)


def gzipped(content: bytes) -> Reply:
    return raw(gzip.compress(content), Content_Encoding="gzip")


def truncated(content: bytes, keep: int) -> Reply:
    """Promises the whole and closes after `keep` bytes."""

    def play(connection: Connection) -> None:
        connection.send(head(200, len(content)) + content[:keep])
        connection.hang_up()

    return play


def cut_chunked(content: bytes) -> Reply:
    """Closes in the middle of a chunked body."""

    def play(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s" % (len(content) + 9, content))
        connection.hang_up()

    return play


def reset(connection: Connection) -> None:
    """A TCP reset after the first half of the body."""
    connection.send(head(200, 1000) + b'{"success"')
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.wfile.close()
    connection.connection.close()


def trickle(content: bytes, *, every: float, headers: str = "") -> Reply:
    """One byte at a time: the body, or without one the headers."""
    start = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode()
    slow = content or start

    def play(connection: Connection) -> None:
        connection.send(start if content else b"")
        for i in range(len(slow)):
            time.sleep(every)
            connection.send(slow[i : i + 1])

    return play


def silence(seconds: float) -> Reply:
    def play(connection: Connection) -> None:
        time.sleep(seconds)
        connection.hang_up()

    return play


def hang_up(connection: Connection) -> None:
    connection.hang_up()


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
