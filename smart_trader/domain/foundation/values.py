"""Values of a series from what a file holds: times, numbers, integers, flags and texts.

A file holds texts, `Number`s, flags, and whatever else JSON and Parquet know. Each function returns the value, or the
reason why it cannot be used. Standard library only.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from smart_trader.domain.foundation.series import Kind, Reason

BLANKS = " \t\r\n"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-5][0-9])?)?"
)
_NUMBER = re.compile(r"([+-]?)((?:0|[1-9][0-9]*)?)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_FLAGS = {"true": True, "false": False}
_LONGEST_EXPONENT = 9
_INT_END = 2**31


class Number(str):
    """A number as it is written."""

    __slots__ = ()


Value = datetime | float | int | bool | str


def value_of(kind: Kind, given: object) -> Value | Reason:
    """The value of a field of that kind, `given` as JSON or Parquet has it and not None."""
    match kind:
        case Kind.TEXT:
            return given if isinstance(given, str) and not isinstance(given, Number) else Reason.BAD_TYPE
        case Kind.TIME:
            return _time_given(given)
        case Kind.BOOLEAN:
            return given if isinstance(given, bool) else Reason.BAD_TYPE
    if not isinstance(given, Number):
        return Reason.BAD_TYPE
    return number_of(given) if kind is Kind.NUMBER else integer_of(given)


def value_in_cell(kind: Kind, cell: str) -> Value | Reason:
    """The value of a field of that kind in the cell of a CSV file, which is not empty."""
    match kind:
        case Kind.TEXT:
            return cell
        case Kind.TIME:
            return time_of(cell)
        case Kind.BOOLEAN:
            return _FLAGS.get(cell.strip(BLANKS).lower(), Reason.BAD_TYPE)
        case Kind.NUMBER:
            return number_of(cell)
        case Kind.INTEGER:
            return integer_of(cell)


def kind_of(given: Any, parse: Callable[[Kind, Any], Value | Reason]) -> Kind:
    """The kind of a value of which only the spelling is known, read by `parse`; a text if it is nothing else."""
    kinds = (Kind.NUMBER, Kind.BOOLEAN, Kind.TIME)
    return next((kind for kind in kinds if not isinstance(parse(kind, given), Reason)), Kind.TEXT)


def time_of(text: str) -> datetime | Reason:
    """A date with a time to the minute or finer, UTC without a zone; digits after the sixth of a second are cut."""
    plain = text.strip(BLANKS)
    if _TIME.fullmatch(plain) is None:
        return Reason.BAD_TIME
    try:
        at = datetime.fromisoformat(plain)
        if at.tzinfo is UTC:
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return Reason.BAD_TIME


def time_after_epoch(micros: int) -> datetime | Reason:
    """So many microseconds after 1970, as Parquet stores a time."""
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return Reason.BAD_TIME


def number_of(text: str) -> float | Reason:
    """A number in the syntax of JSON, or one that begins with a plus or a point."""
    plain = text.strip(BLANKS)
    found = _NUMBER.fullmatch(plain)
    if found is None or not (found[2] or found[3]):
        return Reason.NOT_FINITE if _NOT_FINITE.fullmatch(plain) else Reason.BAD_TYPE
    number = float(plain)
    return number + 0.0 if math.isfinite(number) else Reason.NOT_FINITE  # -0.0 becomes 0.0


def integer_of(text: str) -> int | Reason:
    """An integer of 32 bits, which may be written as 45.0 or 4.5e1."""
    number = number_of(text)
    if isinstance(number, Reason):
        return number
    if not _is_whole(text.strip(BLANKS)):
        return Reason.BAD_TYPE
    return int(number) if -_INT_END <= number < _INT_END else Reason.OUT_OF_RANGE


def _is_whole(text: str) -> bool:
    """Whether the digits of a number leave no fraction, however small."""
    found = _NUMBER.fullmatch(text)
    assert found is not None
    fraction = found[3] or ""
    digits = (found[2] + fraction).rstrip("0")
    if not digits:
        return True
    sign, exponent = found[4][:1] if found[4] else "", (found[4] or "0").lstrip("+-").lstrip("0") or "0"
    power = int(exponent[:_LONGEST_EXPONENT]) if len(exponent) <= _LONGEST_EXPONENT else 10**_LONGEST_EXPONENT
    trailing_zeros = len(found[2] + fraction) - len(digits)
    return len(fraction) - trailing_zeros <= (-power if sign == "-" else power)


def _time_given(given: object) -> datetime | Reason:
    if isinstance(given, datetime):
        return given
    return time_of(given) if isinstance(given, str) and not isinstance(given, Number) else Reason.BAD_TIME
