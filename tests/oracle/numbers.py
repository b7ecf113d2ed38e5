"""Rounding and hashing of the oracle: fractions in, decimals of a fixed number of digits out."""

import hashlib
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

Row = dict[str, Any]

USD_DIGITS = 9
PERCENT_DIGITS = 6
SCORE_DIGITS = 4
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


def fraction(number: Decimal | Fraction | int | None) -> Fraction | None:
    return None if number is None else Fraction(number)


def rounded(exact: Fraction, digits: int) -> Decimal:
    """Half away from zero. Built from its digits, because decimal arithmetic rounds to its context."""
    units = floor(abs(exact) * 10**digits + Fraction(1, 2))
    sign = 1 if exact < 0 and units else 0
    return Decimal((sign, tuple(int(digit) for digit in str(units)), -digits))


def usd(exact: Fraction) -> Decimal:
    return rounded(exact, USD_DIGITS)


def percent(exact: Fraction) -> Decimal:
    """Also ratios and hours: everything stored with six decimals."""
    return rounded(exact, PERCENT_DIGITS)


def quotient(dividend: Fraction | int, divisor: Fraction | int) -> Decimal | None:
    return percent(Fraction(dividend) / divisor) if divisor else None


def id_of(*parts: object) -> str:
    text = "|".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()
