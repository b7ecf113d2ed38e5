"""A real S3 server on this machine, and a proxy in front of it that answers in its place, or loses answers."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from pyarrow.fs import S3FileSystem, copy_files
from typing_extensions import override

BINARY = Path(__file__).parents[2] / "build" / "store" / "versitygw-v1.8.0"
KEY, SECRET = "planted-key", "planted-secret-of-the-store"
BUCKET = "lake"


@dataclass
class Server:
    """versitygw over a folder: a folder in it is a bucket, and a file an object."""

    folder: Path
    secret: str = SECRET
    port: int = field(default_factory=lambda: free_port())
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def bucket(self) -> Path:
        return self.folder / BUCKET

    def start(self) -> None:
        self.bucket.mkdir(parents=True, exist_ok=True)
        environ = {"PATH": os.defpath, "ROOT_ACCESS_KEY_ID": KEY, "ROOT_SECRET_ACCESS_KEY": self.secret}
        command = [str(BINARY), "--port", f"127.0.0.1:{self.port}", "--quiet", "posix", str(self.folder)]
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def put(self, name: str, content: bytes) -> None:
        """Put an object into the bucket: a file that appears in its folder has no ETag."""
        with self._files().open_output_stream(f"{BUCKET}/{name}", compression=None) as stream:
            stream.write(content)

    def put_all(self, name: str, folder: Path) -> None:
        """Put the files of `folder` into the bucket, with their times, by which Delta dates its versions."""
        copy_files(str(folder), f"{BUCKET}/{name}", destination_filesystem=self._files())
        for file in filter(Path.is_file, folder.rglob("*")):
            time = file.stat().st_mtime_ns
            os.utime(self.bucket / name / file.relative_to(folder), ns=(time, time))

    def _files(self) -> S3FileSystem:
        host = f"127.0.0.1:{self.port}"
        return S3FileSystem(access_key=KEY, secret_key=self.secret, endpoint_override=host, scheme="http")

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """The server takes connections, and answers nothing."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


@dataclass
class Fault:
    """From the first PUT of an object on that has `since` in its name, requests with one of `methods` get this answer,
    or none for a status of 0; but for leases, so that the next run need not wait until one expires."""

    since: str
    methods: tuple[str, ...]
    status: int
    code: str = ""
    has_begun: bool = False

    def concerns(self, method: str, path: str) -> bool:
        self.has_begun = self.has_begun or (method == "PUT" and self.since in path)
        return self.has_begun and method in self.methods and "_lease" not in path


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server. `answers` are for the next PUTs: a status that is given in the server's place,
    also 200, or 0 for an answer that is lost. `fault` answers all requests from a moment on."""

    daemon_threads = True

    def __init__(self, server: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server, self.answers = server, list[int]()
        self.fault: Fault | None = None
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.answers.pop(0) if self.command == "PUT" and self.server.answers else None
        if answer:
            self._answer(answer, [("ETag", '"0"')], b"")
            return
        fault = self.server.fault
        if fault and fault.concerns(self.command, self.path):
            self._fail(fault)
            return
        connection = http.client.HTTPConnection(urlsplit(self.server.server.url).netloc, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if answer == 0:
            self._hang_up()
            return
        self._answer(response.status, response.getheaders(), content)

    def _fail(self, fault: Fault) -> None:
        if fault.status:
            said = f"<Error><Code>{fault.code}</Code><Message>no</Message></Error>"
            self._answer(fault.status, [("Content-Type", "application/xml")], said.encode())
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length":
                length = value  # of a HEAD too
            elif name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815 - the names are of http.server

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass
