"""Did earlier rankings hold? The verdict on one cohort, over all rankings that were graded (docs/evidence.md).

Integers throughout: microseconds, and for percentages and ratios millionths.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from smart_trader.domain.kernel.money import MICRO, round_half_away
from smart_trader.domain.kernel.performance import MICROSECONDS_PER_DAY
from smart_trader.domain.kernel.statistics import DECIMALS, Z_95, as_decimal, chance_of, round_decimal, square_root

_CLEAR = Decimal("0.01")
"""How likely chance alone may give what counts as shown: little, since the report is read again after every ranking."""


class Answer(StrEnum):
    """What the graded rankings say about the question whether a ranking is worth anything."""

    NONE_YET = "none yet"
    """No window is over."""
    TOO_FEW = "too few"
    """Of no ranking were enough wallets observed."""
    SHOWN = "shown"
    CONTRARY = "contrary"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class VerdictRules:
    """What a verdict takes; the defaults stand in conf/defaults.toml."""

    horizon_days: int
    revised_for: int
    """Microseconds after the end of a window in which wallets may still become observed."""
    min_observed_ratio: Fraction


class Graded(NamedTuple):
    """A graded ranking, as far as the verdict needs it."""

    ranked_at: int
    """Microseconds."""
    wallets: int
    observed: int
    other_wallets: int
    """Those outside the cohort."""
    other_observed: int
    excess_return: int | None
    excess_variance: int | None


class Verdict(NamedTuple):
    """The answer and what it rests on. The last four are None unless a ranking was `taken`."""

    answer: Answer
    taken: tuple[int, ...] = ()
    """`ranked_at` of the rankings that count, the oldest first."""
    mean_excess: int | None = None
    excess_low: int | None = None
    excess_high: int | None = None
    p_value: int | None = None


def verdict(graded: Sequence[Graded], now: int, rules: VerdictRules) -> Verdict:
    """The verdict at `now`, microseconds, by the rankings that were `graded`, the oldest first."""
    if not graded:
        return Verdict(Answer.NONE_YET)
    taken = _taken(graded, now, rules)
    if not taken:
        return Verdict(Answer.TOO_FEW)
    total, variance = _sums(taken)
    count, error = len(taken), square_root(Fraction(variance, MICRO))
    chance = chance_of(as_decimal(Fraction(total, MICRO)), error)
    mean, width = as_decimal(Fraction(total, MICRO * count)), DECIMALS.divide(DECIMALS.multiply(Z_95, error), count)
    return Verdict(
        _answer(total, chance),
        tuple(ranking.ranked_at for ranking in taken),
        round_half_away(total, count),
        round_decimal(DECIMALS.subtract(mean, width)),
        round_decimal(DECIMALS.add(mean, width)),
        round_decimal(chance),
    )


def _answer(total: int, chance: Decimal) -> Answer:
    if chance < _CLEAR and total > 0:
        return Answer.SHOWN
    return Answer.CONTRARY if chance > 1 - _CLEAR and total < 0 else Answer.NOT_SHOWN


def _taken(graded: Sequence[Graded], now: int, rules: VerdictRules) -> list[Graded]:
    """Rankings whose windows do not overlap. One that may still come to count stops the choice: it would change it."""
    taken: list[Graded] = []
    for ranking in graded:
        if taken and _days_between(taken[-1], ranking) < rules.horizon_days:
            continue
        if ranking.excess_return is not None and _is_ripe(ranking, rules):
            taken.append(ranking)
        elif _is_open(ranking, now, rules):
            break
    return taken


def _days_between(one: Graded, other: Graded) -> int:
    return other.ranked_at // MICROSECONDS_PER_DAY - one.ranked_at // MICROSECONDS_PER_DAY


def _is_ripe(ranking: Graded, rules: VerdictRules) -> bool:
    """Whether nearly all wallets are observed, inside and outside: those that are missing are not the best ones."""
    least = rules.min_observed_ratio
    return ranking.observed >= least * ranking.wallets and ranking.other_observed >= least * ranking.other_wallets


def _is_open(ranking: Graded, now: int, rules: VerdictRules) -> bool:
    """Whether wallets may still become observed."""
    if ranking.observed == ranking.wallets and ranking.other_observed == ranking.other_wallets:
        return False
    return now <= ranking.ranked_at + rules.horizon_days * MICROSECONDS_PER_DAY + rules.revised_for


def _sums(taken: Sequence[Graded]) -> tuple[int, Fraction]:
    """The sum of the excess returns, and its variance: that of the grades, or how much they differ if that is more."""
    returns = [ranking.excess_return or 0 for ranking in taken]
    total, count = sum(returns), len(taken)
    variance = Fraction(sum(ranking.excess_variance or 0 for ranking in taken))
    if count > 1:
        around_mean = sum(value * value for value in returns) - Fraction(total * total, count)
        variance = max(variance, count * around_mean / ((count - 1) * MICRO))
    return total, variance
