"""From the bytes of an answer to Python values, in bounded time and memory."""

import json
import zlib
from decimal import Decimal, InvalidOperation
from typing import Any

import requests

_CHUNK_BYTES = 64 * 1024
_GZIP, _PLAIN = ("gzip", "x-gzip"), ("", "identity")
_LONGEST_INT = 1000
"""Digits. Longer integers become `Decimal`: Python refuses integers beyond 4300 digits, so the page would fail."""


class BodyTooLarge(Exception):
    """The body exceeds the limit; reading on would fill the memory."""


class BodyBroken(Exception):
    """The body ended early, or contradicts its headers. A retry may help."""


def read_body(response: requests.Response, *, limit: int) -> bytes:
    """The decompressed body. `limit` bounds its bytes as sent and decompressed: a small gzip can hold a huge body.

    Raises `BodyBroken` or `BodyTooLarge`, and what the connection raises.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _GZIP + _PLAIN:
        raise BodyBroken("a body in an encoding other than gzip, which was not asked for")
    unpack = _Gunzip() if encoding in _GZIP else None
    body = bytearray()
    received = 0
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        received += len(chunk)
        body += unpack.read(chunk, limit + 1 - len(body)) if unpack else chunk
        if max(received, len(body)) > limit:
            raise BodyTooLarge
    if unpack and received and not unpack.is_at_an_end:
        raise BodyBroken("gzip cut short")
    return bytes(body)


class _Gunzip:
    """Decompresses a body of one or several members (RFC 1952)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def is_at_an_end(self) -> bool:
        """Whether the body may end here."""
        return self._member.eof

    def read(self, chunk: bytes, at_most: int) -> bytes:
        """The bytes that `chunk` adds, at most `at_most`; the caller stops after that many."""
        added = bytearray()
        while chunk and len(added) < at_most:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            try:
                added += self._member.decompress(chunk, at_most - len(added))
            except zlib.error:
                raise BodyBroken("corrupt gzip") from None
            chunk = self._member.unused_data
        return bytes(added)


def parse_json(body: bytes) -> Any:
    """The value in `body`, without any float: numbers with a point or an exponent are `Decimal`, NaN and Infinity and
    numbers too extreme for `Decimal` stay text, so that one bad number spoils its row and not the page.

    Raises `BodyBroken` if it is not JSON, `RecursionError` if it is nested beyond reason.
    """
    try:
        return json.loads(body, parse_float=_decimal, parse_int=_integer, parse_constant=str)
    except ValueError:  # malformed JSON, or malformed UTF-8
        raise BodyBroken(_not_json(body)) from None


def _decimal(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INT else Decimal(text)


def _not_json(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    if not start:
        return "an empty body"
    return "HTML instead of JSON" if start.startswith(b"<") else "a body that is not JSON"
