"""From the bytes of an answer to Python values, in bounded time and memory."""

import json
import zlib
from decimal import Decimal, InvalidOperation
from typing import Any

import requests

_CHUNK_BYTES = 64 * 1024
_LONGEST_INT = 1000
"""Digits. Longer ones become `Decimal`: Python refuses to read integers beyond 4300 digits, and so would the page."""


class BodyTooLarge(Exception):
    """The body exceeds the limit; reading on would fill the memory."""


class BodyBroken(Exception):
    """The body ended early, or is not what its headers say. Asking again may help."""


def read_body(response: requests.Response, *, limit: int) -> bytes:
    """The decompressed body. Raises `BodyBroken` or `BodyTooLarge`, and what the connection raises."""
    unpack = zlib.decompressobj(wbits=31) if response.headers.get("Content-Encoding", "").lower() == "gzip" else None
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        try:
            body += unpack.decompress(chunk, limit + 1 - len(body)) if unpack else chunk
        except zlib.error:
            raise BodyBroken("corrupt gzip") from None
        if len(body) > limit:
            raise BodyTooLarge
    if unpack and body and not unpack.eof:
        raise BodyBroken("gzip cut short")
    return bytes(body)


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
