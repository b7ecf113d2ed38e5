"""Roots, the normal distribution and rank correlation: against scipy, and against series of another kind."""

from decimal import Decimal
from fractions import Fraction
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.kernel.money import MICRO
from smart_trader.domain.kernel.statistics import (
    Z_95,
    as_decimal,
    chance_of,
    normal_cdf,
    rank_correlation,
    round_decimal,
    square_root,
)
from tests.oracle import grading as oracle

_points = st.fractions(-17, 17, max_denominator=10**6)


@given(_points)
@example(Fraction(0))
@example(Fraction(16))
@example(Fraction(-16))
def test_the_normal_distribution_has_50_digits(stats: ModuleType, z: Fraction) -> None:
    share = normal_cdf(as_decimal(z))
    assert abs(Fraction(share) - oracle.normal(z)) < Fraction(1, 10**50)
    assert float(share) == pytest.approx(stats.norm.cdf(float(z)), rel=1e-12, abs=1e-55)
    assert abs(Fraction(normal_cdf(as_decimal(-z))) + Fraction(share) - 1) < Fraction(1, 10**50)


def test_known_points_of_the_normal_distribution() -> None:
    assert normal_cdf(Decimal(0)) == Decimal("0.5")
    assert round_decimal(normal_cdf(Z_95), 10**15) == 975 * 10**12
    assert (normal_cdf(Decimal(40)), normal_cdf(Decimal(-40))) == (1, 0)


@given(st.fractions(0, 10**30, max_denominator=10**40))
def test_a_root_has_50_digits(square: Fraction) -> None:
    root = Fraction(square_root(square))
    assert abs(root * root - square) <= square / 10**58


def test_nothing_is_known_where_the_error_is_0() -> None:
    assert chance_of(Decimal(7), Decimal(0)) == Decimal("0.5")


@pytest.mark.parametrize(
    ("number", "expected"), [("0.0000005", 1), ("-0.0000005", -1), ("0.00000049999", 0), ("2.5", 2_500_000)]
)
def test_half_is_rounded_away_from_zero(number: str, expected: int) -> None:
    assert round_decimal(Decimal(number)) == expected


_values = st.integers(-3, 3) | st.integers(-(10**30), 10**30)


@given(st.lists(st.tuples(_values, _values), min_size=2, max_size=40))
def test_rank_correlation_is_spearmans(stats: ModuleType, pairs: list[tuple[int, int]]) -> None:
    ones, others = ([pair[side] for pair in pairs] for side in (0, 1))
    found = rank_correlation(ones, others)
    expected = oracle.spearman([Decimal(value) for value in ones], [Decimal(value) for value in others])
    assert (None if found is None else Fraction(found, MICRO)) == (None if expected is None else Fraction(expected))
    if found is not None:
        # As ranks, since scipy takes doubles, among which neighbours of 30 digits are one.
        ranks = [[sorted(set(values)).index(value) for value in values] for values in (ones, others)]
        assert found / MICRO == pytest.approx(stats.spearmanr(*ranks).statistic, abs=1e-6)
