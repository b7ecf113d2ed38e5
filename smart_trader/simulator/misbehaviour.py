"""The answers and connections of each fault."""

import contextlib
import gzip
import json
import time
from email.utils import formatdate
from functools import cache
from socket import socket
from typing import Any

from smart_trader.simulator.faults import Fault
from smart_trader.simulator.http import Listener, Request, Response, reset

CLOUDFLARE = b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>403</body></html>"
_HTML = {"Content-Type": "text/html"}
_LONG = 86_400.0
"""Seconds; longer than any client waits."""
_TOO_MUCH = 512 * 1024 * 1024
"""Bytes of a body that is too large to be read whole."""
_MESSAGES = {
    "400": (400, "address is invalid format"),
    "quota-400": (400, "Compute units usage limit exceeded"),
    "401": (401, "Your API key is either suspended or lacks sufficient permissions to access this resource"),
    "404": (404, "Not found"),
    "422": (422, "Unprocessable entity"),
    "500": (500, "Internal server error"),
    "success-false": (200, "Something went wrong"),
}


def faulty_response(fault: Fault, request: Request, right: Response, port: int) -> Response:
    """The answer of `fault` in place of the `right` one."""
    kind, head = fault.kind, dict(right.headers)
    if kind.startswith("429"):
        return too_many(kind.removeprefix("429-"), 1.0 if fault.seconds is None else fault.seconds, head)
    if kind in _MESSAGES:
        status, message = _MESSAGES[kind]
        return Response(status, json.dumps({"success": False, "message": message}).encode(), head)
    if kind in ("502", "503", "504"):
        return Response(int(kind), f"<html><body>{kind}</body></html>".encode(), head | _HTML)
    if kind == "redirect":
        # The same server under another name, so that `requests` shows a client that follows.
        return Response(302, b"", head | {"Location": f"http://localhost:{port}{request.path}"})
    if kind == "truncated-json":
        return Response(200, right.body[: len(right.body) // 2], head)
    if kind == "corrupt-gzip":
        # A valid head, then a block of a type that does not exist.
        return Response(200, gzip.compress(b"")[:10] + b"\xff" * 500, head | {"Content-Encoding": "gzip"})
    if kind == "gzip-bomb":
        return Response(200, _bomb(), head | {"Content-Encoding": "gzip"})
    if kind in ("endless-cursor", "endless-rows"):
        return Response(200, _endless(right.body, kind == "endless-rows"), head)
    return {
        "403": Response(403, CLOUDFLARE, head | _HTML),
        "html-200": Response(200, CLOUDFLARE, head | _HTML),
        "empty-200": Response(200, b"", head),
        "null-data": Response(200, b'{"success":true,"data":null}', head),
    }[kind]


def too_many(retry_after: str, seconds: float, head: dict[str, str]) -> Response:
    told = {
        "seconds": {"Retry-After": str(round(seconds))},
        "date": {"Retry-After": formatdate(time.time() + seconds, usegmt=True)},
        "none": dict[str, str](),
    }[retry_after]
    return Response(429, b'{"success":false,"message":"Too many requests"}', head | told)


def _endless(body: bytes, with_rows: bool) -> bytes:
    """The page with a flag for a next page, for ever: empty pages after the end, or the same rows again and again."""
    answer: dict[str, Any] = json.loads(body)
    answer["data"]["has_next"] = True
    if with_rows and not answer["data"]["items"]:
        answer["data"]["items"] = [{"tx_type": "swap"}] * 100
    return json.dumps(answer).encode()


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (_TOO_MUCH // 32)) * 32


def disturb_connection(fault: Fault, connection: socket, answer: bytes, listener: Listener) -> None:
    """Send `answer` with the fault of the connection, and close the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    half = head + b"\r\n\r\n" + body[: len(body) // 2]
    with contextlib.suppress(OSError):
        if fault.kind == "refused":
            listener.refuse(1.0 if fault.seconds is None else fault.seconds)
            reset(connection)
        elif fault.kind == "connect-timeout":
            listener.stall(3.0 if fault.seconds is None else fault.seconds)
            reset(connection)
        elif fault.kind == "read-timeout":
            listener.stopping.wait(fault.seconds or _LONG)
        elif fault.kind == "reset":
            connection.sendall(half)
            reset(connection)
        elif fault.kind == "cut-off":
            connection.sendall(half)
        elif fault.kind == "trickle":
            for position in range(len(answer)):
                connection.sendall(answer[position : position + 1])
                if listener.stopping.wait(fault.seconds or 0.2):
                    return
        else:
            _flood(connection, listener, with_length=fault.kind == "oversized")


def _flood(connection: socket, listener: Listener, *, with_length: bool) -> None:
    length = f"Content-Length: {_TOO_MUCH}\r\n" if with_length else "Connection: close\r\n"
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}\r\n".encode())
    block = b" " * 65536
    for _ in range(_TOO_MUCH // len(block)):
        connection.sendall(block)
        if listener.stopping.is_set():
            return
