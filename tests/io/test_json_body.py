"""JSON bodies: exact numbers, whatever their size, what is no JSON, and no more bytes than the limit."""

import gzip
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.io.http.json_body import BodyBroken, BodyTooLarge, parse_json, read_body


def test_numbers_are_never_floats():
    value = parse_json(b"[1, 1.0, 1e2, 16123000000.000002, -0.0, NaN, Infinity, -Infinity, 1e400, 1e-400]")
    assert value == [
        1,
        Decimal("1.0"),
        Decimal("1e2"),
        Decimal("16123000000.000002"),
        Decimal("-0.0"),
        "NaN",
        "Infinity",
        "-Infinity",
        Decimal("1e400"),
        Decimal("1e-400"),
    ]
    assert not any(isinstance(number, float) for number in value)


@pytest.mark.parametrize(
    "number",
    [
        "1e999999999",
        "1e999999999999999999999999",
        "-1e-999999999999999999999",
        "9" * 5000,
        "9" * 1_000_000,
        "0." + "3" * 1_000_000,
    ],
)
def test_extreme_numbers_cost_neither_the_page_nor_time(number):
    started = time.monotonic()
    bad, good = parse_json(f"[{number}, 7]".encode())
    assert time.monotonic() - started < 1
    assert good == 7
    assert not isinstance(bad, float)


@pytest.mark.parametrize("body", [b"", b" ", b"{", b"{]", b"<html>", b"\xff\xff", b'{"a": 1} {"b": 2}', b"nul"])
def test_what_is_not_json(body):
    with pytest.raises(BodyBroken):
        parse_json(body)


class Answer:
    """A response of `requests`, as far as `read_body` looks at it; it counts what is read of it."""

    def __init__(self, content: Iterable[bytes], encoding: str = "gzip") -> None:
        self.headers, self.raw = {"Content-Encoding": encoding}, self
        self._content, self.sent = iter(content), 0

    def read1(self, amount: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        chunk = next(self._content, b"")
        self.sent += len(chunk)
        return chunk


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[i : i + size] for i in range(0, len(body), size))


LIMIT = 5000
PARTS = st.lists(st.binary(max_size=300), min_size=1, max_size=6)


@given(PARTS, st.integers(1, 200), st.sampled_from(["gzip", "x-gzip", " GZIP "]))
def test_a_gzip_body_of_any_number_of_members_is_read(parts, size, encoding):
    body = b"".join(map(gzip.compress, parts))
    assert read_body(Answer(pieces(body, size), encoding), limit=LIMIT) == b"".join(parts)


@given(PARTS, st.integers(1, 200), st.data())
def test_a_gzip_body_that_was_cut_or_goes_on_is_broken(parts, size, data):
    body = b"".join(map(gzip.compress, parts))
    ends = {len(b"".join(map(gzip.compress, parts[:count]))) for count in range(len(parts) + 1)}
    cut = data.draw(st.integers(1, len(body)))
    tail = data.draw(
        st.binary(min_size=cut == len(body) or cut in ends, max_size=50).filter(lambda t: t[:1] != b"\x1f")
    )
    with pytest.raises(BodyBroken, match="gzip"):
        read_body(Answer(pieces(body[:cut] + tail, size)), limit=LIMIT)


def going_on(chunk: bytes, first: bytes = b"") -> Iterator[bytes]:
    return chain([first] if first else [], repeat(chunk, 2000))


ENDLESS = {
    "plain": Answer(going_on(b" " * 1000), ""),
    "a bomb": Answer(pieces(gzip.compress(bytes(10**7)), 1000)),
    "a bomb in the second member": Answer(pieces(gzip.compress(b"[]") + gzip.compress(bytes(10**7)), 1000)),
    "empty members": Answer(going_on(gzip.compress(b"") * 40)),
    "a name that does not end": Answer(going_on(b"x" * 1000, b"\x1f\x8b\x08\x08" + bytes(6))),
    "empty blocks": Answer(going_on(b"\x00\x00\x00\xff\xff" * 200, b"\x1f\x8b\x08" + bytes(7))),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
def test_no_more_is_read_or_kept_than_the_limit(answer):
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            read_body(answer, limit=LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.sent <= LIMIT + 1000
    assert peak < 200_000  # the window of zlib among it


def test_what_follows_the_end_of_gzip_is_not_read():
    answer = Answer(going_on(b"garbage" * 100, gzip.compress(b"[]")))
    with pytest.raises(BodyBroken, match="gzip"):
        read_body(answer, limit=10**9)
    assert answer.sent < 2000
