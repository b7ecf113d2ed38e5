"""Reading one field of an API row, its raw text, and the row that is rejected.

A row is whatever the JSON held; nothing about its shape is promised. Numbers with a point or an exponent are `Decimal`,
those that JSON does not know (NaN) are text. A reader returns None for what is missing and for what cannot be read;
where a row cannot do without the field, its parser raises `RejectedField`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

from smart_trader.domain.bronze.decimals import EXACT, PRICE, Scale, fitted
from smart_trader.domain.bronze.records import Rejected, RejectionReason, Source, reject
from smart_trader.domain.kernel.base58 import is_address, is_signature
from smart_trader.domain.kernel.money import RAW_LIMIT

FIRST_BLOCK = 1_584_282_000
"""March 2020: nothing on Solana is older. An earlier time is no time, such as the 0 that stands for "unknown"."""
YEAR_2100 = 4_102_444_800
"""Larger ones are milliseconds or microseconds. Which of them would be a guess."""
_RAW_DIGITS = len(str(RAW_LIMIT)) - 1

_is_integer = re.compile(r"-?[0-9]{1,1000}").fullmatch
_is_number = re.compile(r"-?[0-9]{1,1000}(\.[0-9]{1,1000})?([eE][+-]?[0-9]{1,9})?").fullmatch


class RejectedField(Exception):
    """Why a row is rejected: one word, the field, and what stood there."""

    def __init__(self, reason: RejectionReason, field: str, value: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = f"{field}: {json_text(value)[:200]}"


def rejected(
    item: Any, why: RejectedField, *, source: Source, at: datetime, wallet: str | None = None, token: str | None = None
) -> Rejected:
    """The row of `bronze.rejected_rows` that `item` makes because of `why`."""
    return reject(json_text(item), why.reason, why.detail, source=source, at=at, wallet=wallet, token=token)


def json_text(value: Any) -> str:
    """Compact JSON with sorted keys, ASCII only; a `Decimal` keeps its digits, which no JSON writer does for it."""
    try:
        return _text_of(value)
    except RecursionError:
        return '"nested too deeply"'


def address(value: Any, field: str) -> str:
    """Base58 of an account."""
    if type(value) is str and is_address(value):
        return value
    raise RejectedField(RejectionReason.NO_ADDRESS if value is None else RejectionReason.BAD_ADDRESS, field, value)


def signature(value: Any, field: str) -> str:
    """Base58 of a transaction's hash."""
    if type(value) is str and is_signature(value):
        return value
    raise RejectedField(RejectionReason.NO_TX_HASH if value is None else RejectionReason.BAD_TX_HASH, field, value)


def integer(value: Any) -> int | None:
    """An integer, or the text of one."""
    if type(value) is int:
        return value
    if type(value) is str and _is_integer(value):
        return int(value)
    return None


def number(value: Any) -> Decimal | None:
    """A number, or the text of one."""
    if type(value) is Decimal:
        return value
    if type(value) is int or (type(value) is str and _is_number(value)):
        return Decimal(value)
    return None


def whole(value: Any, limit: int) -> int | None:
    """A number without a fraction and below `limit` in magnitude, however it is written (`7`, `7.0`, `"7"`)."""
    if type(value) is not int:
        exact = number(value)
        if exact is None or exact.adjusted() > 20 or exact != exact.to_integral_value():
            return None
        value = int(exact)
    return value if -limit < value < limit else None


def figure(value: Any, scale: Scale) -> Decimal | None:
    """A display figure, rounded half up to its column; None where it does not fit."""
    return fitted(value if type(value) is Decimal else number(value), scale)


def decimals(value: Any) -> int | None:
    """Decimal places of a mint: a byte on the chain."""
    places = whole(value, 256)
    return None if places is None or places < 0 else places


def multiplier(item: dict[str, Any]) -> Decimal | None:
    """Units of 10^decimals base units of a scaled token, 0 where none is given; None where the token is not scaled."""
    if item.get("is_scaled_ui_token") is not True:
        return None
    given = figure(item.get("multiplier"), PRICE)
    return given if given is not None and given > 0 else Decimal(0)


def base_units(value: Any, field: str) -> int | None:
    """An exact count of base units: an integer or the text of one. A number with a point is none, since it went through
    a double (order books serve 16123000000.000002)."""
    if type(value) is Decimal and value.adjusted() >= _RAW_DIGITS:
        raise RejectedField(RejectionReason.TOO_LARGE, field, value)
    units = integer(value)
    return None if units is None else _fitting(units, field)


def base_units_of_units(units: Decimal, places: int, multiplier: Decimal | None, field: str) -> int:
    """`units` of a token in base units, a half away from zero. A `multiplier` is above 0, None where there is none."""
    tokens = units if multiplier is None else EXACT.divide(units, multiplier)
    if tokens.adjusted() + places >= _RAW_DIGITS:
        raise RejectedField(RejectionReason.TOO_LARGE, field, units)
    return _fitting(int(tokens.scaleb(places, EXACT).to_integral_value(ROUND_HALF_UP, EXACT)), field)


def _fitting(units: int, field: str) -> int:
    if -RAW_LIMIT < units < RAW_LIMIT:
        return units
    raise RejectedField(RejectionReason.TOO_LARGE, field, units)


def time(value: Any) -> datetime | None:
    """Unix seconds within what Solana can have seen."""
    seconds = whole(value, YEAR_2100)
    return None if seconds is None or seconds < FIRST_BLOCK else datetime.fromtimestamp(seconds, UTC)


def text(value: Any) -> str | None:
    """Text as served, without blanks around it. What no table can hold (NUL, half of a surrogate pair) becomes the
    replacement character."""
    if not isinstance(value, str):
        return None
    shown: str = value.strip()
    if shown.isascii() and "\0" not in shown:
        return shown
    shown = shown.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return shown.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _object_text(value: dict[str, Any]) -> str:
    return "{" + ",".join([f"{encode_basestring_ascii(k)}:{_text_of(value[k])}" for k in sorted(value)]) + "}"


def _list_text(value: list[Any]) -> str:
    return "[" + ",".join([_text_of(item) for item in value]) + "]"


_TEXT_OF: dict[type, Callable[[Any], str]] = {
    str: encode_basestring_ascii,
    int: str,
    Decimal: str,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
    dict: _object_text,
    list: _list_text,
}


def _text_of(value: Any) -> str:
    return _TEXT_OF[type(value)](value)
