"""What came after a ranking: the figures of a cohort, and how far it did better than the rest (docs/evidence.md).

Integers throughout: nano-dollars, and for percentages and ratios millionths. Sums over wallets and over tokens can be
taken anywhere and added up here: `Contrast` and `ExcessSums` make the excess of them, with nothing rounded in between.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from smart_trader.domain.kernel.money import MICRO, USD_LIMIT, round_half_away
from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.domain.kernel.statistics import (
    DECIMALS,
    Z_95,
    as_decimal,
    chance_of,
    rank_correlation,
    round_decimal,
    square_root,
)

_PERCENT = 100 * MICRO
"""The whole, where percentages count millionths."""
QUARTILES = 4


class Cohort(StrEnum):
    """Wallets of a ranking that are graded together, each against all others of that ranking."""

    RANKED = "ranked"
    RECOMMENDED = "recommended"
    WATCHED = "watched"
    SKILLED = "skilled"
    ELITE = PerformanceTier.ELITE.value
    STRONG = PerformanceTier.STRONG.value
    PROMISING = PerformanceTier.PROMISING.value
    QUALIFIED = PerformanceTier.QUALIFIED.value


@dataclass(frozen=True, slots=True)
class GradingRules:
    """Thresholds of a grade; the defaults stand in conf/defaults.toml under `evaluate`."""

    min_observed: int
    """Rates, means and the correlation of fewer observed wallets are unknown."""
    max_return_percent: Fraction
    """What a wallet gained beyond this return counts as this much."""
    min_active: int = 20
    """The excess is unknown with fewer active wallets inside the cohort, or outside of it."""
    min_watched: int = 5
    """The same for the inside of `watched`, which is a short list by itself."""

    def least_inside(self, cohort: Cohort) -> int:
        return self.min_watched if cohort is Cohort.WATCHED else self.min_active


class FollowedWallet(NamedTuple):
    """A wallet that is followed up: what following it brought, None where nobody observed it."""

    is_observed: bool
    score: int
    invested: int | None
    pnl: int | None
    percent: int | None
    """Millionths of a percent of what was invested; None where nothing was."""


class CohortFigures(NamedTuple):
    """Counts, sums and rates of a cohort, named as the columns of `gold.grades`."""

    wallets: int
    observed: int
    active: int
    profitable: int
    hit_rate: int | None
    mean_return: int | None
    median_return: int | None
    invested_usd: int | None
    """None where the sum does not fit its column."""
    follow_pnl_usd: int | None
    rank_correlation: int | None


class Excess(NamedTuple):
    """How far a cohort did better than the rest, named as the columns of `gold.grades`."""

    excess_return: int | None = None
    excess_variance: int | None = None
    tokens: int | None = None
    excess_low: int | None = None
    excess_high: int | None = None
    p_value: int | None = None


class Stratum(NamedTuple):
    """Active wallets of one quartile of holding times, seen from one cohort."""

    inside: int
    outside: int
    gain: int
    """Sum of the gains of all of them."""


class TokenSums(NamedTuple):
    """What the wallets of one quartile made in a token, on one side of a cohort: sums of `token_parts`."""

    quartile: int
    is_inside: bool
    share: int
    gain: int


class ExcessSums(NamedTuple):
    """Sums over tokens of e_t, as the integers that `Contrast` makes of them."""

    total: int = 0
    squares: int = 0
    tokens: int = 0
    """Those whose e_t is not 0."""

    def with_token(self, e_t: int) -> "ExcessSums":
        return ExcessSums(self.total + e_t, self.squares + e_t * e_t, self.tokens + (e_t != 0))

    def plus(self, others: "ExcessSums") -> "ExcessSums":
        return ExcessSums(self.total + others.total, self.squares + others.squares, self.tokens + others.tokens)


def cohort_figures(cohort: Cohort, wallets: Sequence[FollowedWallet], rules: GradingRules) -> CohortFigures:
    """Figures of the wallets of `cohort`. A silent wallet counts with a return of 0."""
    observed = [wallet for wallet in wallets if wallet.is_observed]
    most = rules.max_return_percent * MICRO
    returns = sorted(wallet.percent or 0 for wallet in observed)
    clipped = [value if value <= most else int(most) for value in returns]
    profitable = sum((wallet.pnl or 0) > 0 for wallet in observed)
    is_enough = len(observed) >= max(1, rules.min_observed)
    return CohortFigures(
        wallets=len(wallets),
        observed=len(observed),
        active=sum((wallet.invested or 0) > 0 for wallet in observed),
        profitable=profitable,
        hit_rate=round_half_away(_PERCENT * profitable, len(observed)) if is_enough else None,
        mean_return=round_half_away(sum(clipped), len(clipped)) if is_enough else None,
        median_return=_median(clipped) if is_enough else None,
        invested_usd=_fitting(sum(wallet.invested or 0 for wallet in observed)),
        follow_pnl_usd=_fitting(sum(wallet.pnl or 0 for wallet in observed)),
        rank_correlation=_correlation(observed) if is_enough and cohort is Cohort.RANKED else None,
    )


def _fitting(amount: int) -> int | None:
    return amount if -USD_LIMIT < amount < USD_LIMIT else None


def _median(ascending: Sequence[int]) -> int:
    count = len(ascending)
    return round_half_away(ascending[(count - 1) // 2] + ascending[count // 2], 2)


def _correlation(observed: Sequence[FollowedWallet]) -> int | None:
    return rank_correlation([wallet.score for wallet in observed], [wallet.percent or 0 for wallet in observed])


def quartile(place: int, count: int) -> int:
    """The quartile, from 0, of the wallet at `place` (from 0) of `count`."""
    return QUARTILES * place // count


def token_parts(invested: int, pnl: int, whole: int, rules: GradingRules) -> tuple[int, int]:
    """Share and gain of one token, in millionths of a percent of the `whole` that its wallet invested."""
    most = rules.max_return_percent
    capped = min(pnl * 100 * most.denominator, most.numerator * invested)
    gain = round_half_away(_PERCENT * capped, 100 * most.denominator * whole)
    return round_half_away(_PERCENT * invested, whole), gain


class Contrast:
    """The mean of a cohort less the mean of the rest, in integers over one `denominator`.

    The weights of the two sides add up to 0 in each quartile of holding times, so that what the quartile made on the
    whole is no skill. A quartile without one of the sides is left out.
    """

    __slots__ = ("_weights", "denominator", "is_empty")

    def __init__(self, strata: Sequence[Stratum]) -> None:
        """`strata` are those of the quartiles, in their order."""
        kept = {place: found for place, found in enumerate(strata) if found.inside and found.outside}
        common = lcm(*(found.outside * (found.inside + found.outside) for found in kept.values()))
        self.is_empty = not kept
        """There is no quartile with both sides."""
        self.denominator = MICRO * _PERCENT * common * sum(found.inside for found in kept.values())
        """A percent of e_t."""
        self._weights: dict[tuple[int, bool], tuple[int, int]] = {}
        for place, (inside, outside, gain) in kept.items():
            usual = common * gain // (inside + outside)
            self._weights[place, True] = (_PERCENT * common, usual)
            outer = common // (outside * (inside + outside))
            self._weights[place, False] = (
                -_PERCENT * outer * (inside + outside) * inside,
                -outer * inside * gain,
            )

    def of_token(self, sums: Iterable[TokenSums]) -> int:
        """e_t of a token, times the denominator: weight x (gain - u_q x share / 100) over its wallets."""
        total = 0
        for found in sums:
            weights = self._weights.get((found.quartile, found.is_inside))
            if weights is not None:
                total += weights[0] * found.gain - weights[1] * found.share
        return total


def excess(cohort: Cohort, strata: Sequence[Stratum], sums: ExcessSums, rules: GradingRules) -> Excess:
    """The excess of a cohort over the rest, with its error; the tokens are the evidence, independent of each other.

    Nothing is known with too few active wallets on one side, or if no quartile has both sides. `sums` are those of all
    tokens by the `Contrast` of these `strata`.
    """
    contrast = Contrast(strata)
    inside, outside = (sum(found) for found in list(zip(*strata, strict=True))[:2])
    if inside < rules.least_inside(cohort) or outside < rules.min_active or contrast.is_empty:
        return Excess()
    mean = Fraction(sums.total, contrast.denominator)
    variance = Fraction(sums.squares, contrast.denominator**2)
    middle, error = as_decimal(mean), square_root(variance)
    width = DECIMALS.multiply(Z_95, error)
    return Excess(
        excess_return=round_half_away(MICRO * mean.numerator, mean.denominator),
        excess_variance=round_half_away(MICRO * variance.numerator, variance.denominator),
        tokens=sums.tokens,
        excess_low=round_decimal(DECIMALS.subtract(middle, width)),
        excess_high=round_decimal(DECIMALS.add(middle, width)),
        p_value=round_decimal(chance_of(middle, error)),
    )
