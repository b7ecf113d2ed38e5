"""As much HTTP/1.1 as a test server needs that can also break the protocol."""

import contextlib
import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
            422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
            503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip
_MAX_BODY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The JSON value of the body. Raises ValueError if it is no JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self, request: Request) -> bytes:
        """Head and body, compressed if the client accepts that and the body is large enough."""
        body, extra = self.body, {"Content-Type": "application/json; charset=utf-8"} | dict(self.headers)
        accepts_gzip = "gzip" in request.headers.get("accept-encoding", "")
        if accepts_gzip and len(body) > 1400 and "Content-Encoding" not in extra:
            body, extra["Content-Encoding"] = gzip.compress(body, compresslevel=1, mtime=0), "gzip"
        extra.setdefault("Content-Length", str(len(body)))
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in extra.items()]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def read_request(stream: BufferedReader) -> Request | None:
    """The next request of a connection; None at its end or for invalid bytes."""
    words = stream.readline(65536).split()
    if len(words) != 3:
        return None
    headers = {}
    while (line := stream.readline(65536)).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if length > _MAX_BODY:
        return None
    parts = urlsplit(words[1].decode("latin-1"))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(words[0].decode("latin-1"), parts.path, query, headers, stream.read(length))


class Listener:
    """Accepts connections on 127.0.0.1, each served by a thread. Can also refuse or ignore them for a while."""

    def __init__(self, port: int, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = _listening(port)
        self.port: int = self._socket.getsockname()[1]
        self.stopping = threading.Event()
        self._connections = set[socket.socket]()
        self._lock = threading.Lock()
        self._outage: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._accept, name="simulator", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join()
        self._socket.close()
        self._hang_up()

    def refuse(self, seconds: float) -> None:
        """Close all connections and refuse new ones for `seconds`."""

        def away() -> None:
            self._socket.close()
            self._hang_up()
            self.stopping.wait(seconds)
            self._socket = _listening(self.port)

        self._outage = away

    def stall(self, seconds: float) -> None:
        """Close all connections and neither accept nor refuse new ones for `seconds`."""

        def silent() -> None:
            self._hang_up()
            self._socket.listen(0)
            # With a full queue the system drops further connections.
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
            self.stopping.wait(seconds)
            for filler in fillers:
                filler.close()
            self._socket.listen(128)

        self._outage = silent

    def _accept(self) -> None:
        while not self.stopping.is_set():
            outage, self._outage = self._outage, None
            if outage is not None:
                outage()
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve_one, args=(connection,), name="simulator", daemon=True).start()

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            # Either side may close at any moment.
            with contextlib.suppress(OSError, ValueError):
                self._serve(connection)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _hang_up(self) -> None:
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    listener.settimeout(0.05)
    return listener


def reset(connection: socket.socket) -> None:
    """End the connection with a reset instead of a normal end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
