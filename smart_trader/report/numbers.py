"""Figures as text for people, always rounded down, so that none looks better than it is."""

from datetime import datetime
from decimal import ROUND_FLOOR, Context, Decimal

_WIDE = Context(prec=100)
_MINUS = "\N{MINUS SIGN}"
_CENT = Decimal("0.01")
_BIG = ((10**15, "Qn"), (10**12, "T"), (10**9, "B"))


def money(value: Decimal, *, signed: bool = False) -> str:
    """US dollars: cents below a thousand, whole dollars above. `signed` puts a + before gains."""
    sign = _MINUS if value < 0 else "+" if signed and value > 0 else ""
    if 0 < value < _CENT:
        return "<$0.01"
    size = abs(floor(value, 2 if abs(value) < 1000 else 0))
    for unit, name in _BIG[1:]:
        if unit <= size < 1000 * unit:
            return f"{sign}${abs(floor(value / unit, 2)):,} {name}"
    return f"{sign}${size:.2e}" if size >= 10**15 else f"{sign}${size:,}"


def percent(value: Decimal, *, signed: bool = False) -> str:
    """One decimal below a thousand percent."""
    return f"{_number(value, 1 if abs(value) < 1000 else 0, signed=signed)} %"


def share(value: Decimal) -> str:
    """A ratio as percent."""
    return percent(100 * value)


def decimal(value: Decimal, places: int) -> str:
    """A plain number with that many places."""
    return _number(value, places)


def price(value: Decimal) -> str:
    """US dollars of one token, with four leading digits: a token can cost a billionth of a dollar."""
    if not value:
        return "$0"
    places = 2 if value >= 100 else 3 - value.adjusted()
    digits = f"{floor(value, places):,f}"
    return "$" + (digits.rstrip("0").rstrip(".") if "." in digits else digits)


def quantity(raw: Decimal, decimals: int | None, multiplier: Decimal | None) -> str:
    """Units of `raw` base units, or the base units if nobody knows the decimals or the `multiplier`, which is then 0.

    10^`decimals` base units are `multiplier` units, one without it.
    """
    if decimals is None or multiplier == 0:
        return f"{_short(raw)} base units"
    tokens = Decimal(raw).scaleb(-decimals, _WIDE)
    return _short(tokens if multiplier is None else _WIDE.multiply(tokens, multiplier))


def hours(value: Decimal) -> str:
    """A time span in the largest unit that it fills."""
    for size, unit in ((24, "d"), (1, "h")):
        if value >= size:
            return f"{floor(value / size, 1)} {unit}"
    return f"{floor(60 * value, 1)} min"


def moment(time: datetime) -> str:
    """The time to the minute, without a zone: every time on the page is UTC."""
    return f"{time:%Y-%m-%d %H:%M}"


def floor(value: Decimal, places: int) -> Decimal:
    """Rounded towards minus infinity, from the exact value."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR, _WIDE)


def exact(value: Decimal | int) -> str:
    """Every digit, without an exponent and without zeros at the end."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: Decimal, places: int, *, signed: bool = False) -> str:
    cut = floor(value, places)
    sign = _MINUS if cut < 0 else "+" if signed and value > 0 else ""
    return f"{sign}{abs(cut):,}" if abs(cut) < 10**9 else f"{sign}{abs(cut):.2e}"


def _short(value: Decimal) -> str:
    if value and value < _CENT:
        return f"{value:.2e}"
    for unit, name in _BIG:
        if value >= unit:
            return f"{floor(value / unit, 2):,} {name}" if value < 10000 * unit else f"{value:.2e}"
    return f"{floor(value, 0 if value >= 1000 else 2):,}"
