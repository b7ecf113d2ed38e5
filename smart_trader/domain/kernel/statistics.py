"""Roots, the normal distribution and rank correlation, exact up to the last step: no floats."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from itertools import groupby

from smart_trader.domain.kernel.money import MICRO

Z_95 = Decimal("1.959963984540054")
"""97.5 % of the normal distribution lie below it: half the width of an interval of 95 %, in standard errors."""

DECIMALS = Context(prec=60)
"""Results have so many digits."""
_WIDE = Context(prec=130)
_ROOT_OF_2_PI = _WIDE.sqrt(
    Decimal(
        "6.283185307179586476925286766559005768394338798750211641949889184615632812572417997256069650684234135964296173026"
    )
)
_HALF = Decimal("0.5")
_NEGLIGIBLE = Decimal("1e-70")
_FARTHEST = 16
"""Less than 10^-56 lies beyond it."""


def as_decimal(number: Fraction) -> Decimal:
    """`number` to 60 digits."""
    return DECIMALS.divide(Decimal(number.numerator), Decimal(number.denominator))


def square_root(number: Fraction) -> Decimal:
    """The root to 60 digits; `number` is not below zero."""
    return DECIMALS.plus(_WIDE.sqrt(_WIDE.divide(Decimal(number.numerator), Decimal(number.denominator))))


def round_decimal(number: Decimal, unit: int = MICRO) -> int:
    """`number` in parts of 1/`unit`, rounded half away from zero."""
    return int(DECIMALS.multiply(number, Decimal(unit)).to_integral_value(ROUND_HALF_UP))


def normal_cdf(z: Decimal) -> Decimal:
    """Which share of the standard normal distribution lies below `z`, to 50 digits or more after the point.

    Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/(3 x 5) + ...), all terms of one sign: Marsaglia, G. (2004), Journal of
    Statistical Software 11(4).
    """
    if abs(z) > _FARTHEST:
        return Decimal(int(z > 0))
    with localcontext(_WIDE):
        square, odd = z * z, 1
        term = total = z
        while abs(term) > _NEGLIGIBLE:
            odd += 2
            term = term * square / odd
            total += term
        share = _HALF + total * (-square / 2).exp() / _ROOT_OF_2_PI
    return DECIMALS.plus(share)


def chance_of(value: Decimal, error: Decimal) -> Decimal:
    """How likely chance alone gives `value` or more, where the truth is 0 and `error` the standard error of `value`.

    One half where the error is 0: nothing is known then.
    """
    if not error:
        return _HALF
    return DECIMALS.subtract(Decimal(1), normal_cdf(DECIMALS.divide(value, error)))


def rank_correlation(ones: Sequence[int], others: Sequence[int]) -> int | None:
    """Spearman's correlation in millionths, equal values sharing the mean of their ranks; None if either is constant.

    Spearman, C. (1904), American Journal of Psychology 15.
    """
    one, other = _deviations(ones), _deviations(others)
    together = sum(a * b for a, b in zip(one, other, strict=True))
    squares = sum(a * a for a in one) * sum(b * b for b in other)
    if not squares:
        return None
    return round_decimal(DECIMALS.divide(Decimal(together), square_root(Fraction(squares))))


def _deviations(values: Sequence[int]) -> list[int]:
    """Twice the distance of each value's rank from the mean rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, start = [0] * len(values), 0
    for _, group in groupby(order, key=values.__getitem__):
        equals = list(group)
        end = start + len(equals)
        for place in equals:
            found[place] = start + end - len(values)
        start = end
    return found
