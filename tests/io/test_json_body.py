"""JSON bodies: exact numbers, whatever their size, and what is no JSON."""

import time
from decimal import Decimal

import pytest

from smart_trader.io.json_body import BodyBroken, parse_json


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
