"""Simulated markets, with or without skill: who is recommended in each ranking, and what everybody then made.

Without skill every position has the same expected return, whoever holds it. Money counts cents, so that sums fit
64 bits; `kernel` is asked for what the product asks it, after sums by token, quartile and side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from smart_trader.domain.kernel.grading import (
    Cohort,
    Contrast,
    Excess,
    ExcessSums,
    GradingRules,
    Stratum,
    TokenSums,
    excess,
)
from smart_trader.domain.kernel.verdict import Graded, Verdict, VerdictRules, verdict
from tests.oracle.numbers import DAY

RULES = GradingRules(min_observed=20, max_return_percent=Fraction(1000))
RIPE = Fraction(95, 100)
WALLETS = 200
RECOMMENDED = 40
WARM_UP = 8
"""Windows that are traded before the first ranking, so that there is a past to rank by."""
_DEVIATION = 0.5
"""Of the growth of a token in a week."""
_PERCENT = 100 * 10**6
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Market:
    """How a market behaves; returns are those of a trade, which is held for a week at most."""

    tokens: int = 60
    group: int = 1
    """Wallets that hold the same, at the same prices."""
    drift: float = 0.0
    """Expected return of every position."""
    swing: float = 0.1
    """Standard deviation of what all tokens have in common."""
    skilled: int = 0
    skill: float = 0.2
    """What a skilled wallet makes more with each trade."""
    memory: int = 100
    """Percent of the past profit that still counts a window later."""
    keeps_leavers: bool = True
    """Whether wallets that are no longer recommended in the next ranking are still fetched."""


KINDS = {
    "independent wallets": Market(),
    "groups that copy each other": Market(group=10),
    "few tokens": Market(tokens=12),
    "a rising market": Market(drift=0.15, swing=0.25),
    "a falling market": Market(drift=-0.15, swing=0.25),
}
SKILL = Market(skilled=WALLETS // 10)
LEAVERS = Market(memory=50, keeps_leavers=False)


@dataclass(frozen=True)
class Window:
    """What was made after a ranking: one number for each wallet, then one for each position."""

    is_recommended: NDArray[np.bool_]
    is_observed: NDArray[np.bool_]
    quickest_first: Ints
    wallet: Ints
    token: Ints
    invested: Ints
    pnl: Ints


def windows(market: Market, random: np.random.Generator, days: int, count: int) -> Iterator[Window]:
    """The windows after `count` rankings that do not overlap."""
    leaders = np.arange(WALLETS) // market.group * market.group
    is_skilled = np.arange(WALLETS) < market.skilled
    quickest_first = np.argsort(random.lognormal(3, 2, WALLETS))
    past = np.zeros(WALLETS, np.int64)
    is_recommended = np.zeros(WALLETS, bool)
    for place in range(-WARM_UP, count):
        wallet, token, invested, pnl = _positions(market, random, days, leaders, is_skilled)
        past = past * market.memory // 100
        np.add.at(past, wallet, pnl)
        is_next = np.isin(np.arange(WALLETS), np.argsort(-past, kind="stable")[:RECOMMENDED])
        if place >= 0:
            is_observed = np.ones(WALLETS, bool) if market.keeps_leavers else ~is_recommended | is_next
            yield Window(is_recommended, is_observed, quickest_first, wallet, token, invested, pnl)
        is_recommended = is_next


def _positions(
    market: Market, random: np.random.Generator, days: int, leaders: Ints, is_skilled: NDArray[np.bool_]
) -> tuple[Ints, Ints, Ints, Ints]:
    """The trades of a window: wallet, token, invested, result; there are more of them in a longer one."""
    weeks = max(1, round(days / 7))
    common = random.normal(market.drift, market.swing, (weeks, 1))
    growth = np.exp(common + random.normal(-(_DEVIATION**2) / 2, _DEVIATION, (weeks, market.tokens)))
    popularity = 1 / np.arange(3, market.tokens + 3)
    count = random.integers(weeks, 5 * weeks + 1, WALLETS)[leaders]
    wallet = np.repeat(np.arange(WALLETS), count)
    nth = np.arange(len(wallet)) - np.repeat(np.cumsum(count) - count, count)
    shape = WALLETS, int(count.max())
    token = random.choice(market.tokens, shape, p=popularity / popularity.sum())
    week = random.integers(0, weeks, shape)
    size = random.lognormal(10, 1, shape)
    timing = np.exp(random.normal(-0.02, 0.2, shape))
    own = leaders[wallet], nth
    returns = growth[week[own], token[own]] * timing[own] - 1 + market.skill * is_skilled[wallet]
    invested = np.rint(size[own]).astype(np.int64) + 1
    pnl = np.rint(invested * np.maximum(returns, -1)).astype(np.int64)
    return _by_token(wallet, token[own], invested, pnl)


def _by_token(wallet: Ints, token: Ints, invested: Ints, pnl: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """The trades of a wallet in a token added up."""
    (place, row) = np.unique(wallet * 10**6 + token, return_inverse=True)
    sums = np.zeros((len(place), 2), np.int64)
    np.add.at(sums, row, np.stack((invested, pnl), axis=1))
    return place // 10**6, place % 10**6, sums[:, 0], sums[:, 1]


def parts(invested: Ints, pnl: Ints, whole: Ints) -> tuple[Ints, Ints]:
    """As `grading.token_parts`, for all positions at once. Above the limit nothing is counted."""
    capped = np.minimum(pnl, int(RULES.max_return_percent) * invested // 100)
    return _rounded(_PERCENT * invested, whole), _rounded(_PERCENT * capped, whole)


def _rounded(numerator: Ints, denominator: Ints) -> Ints:
    return np.sign(numerator) * ((2 * np.abs(numerator) + denominator) // (2 * denominator))


def grade(window: Window) -> Excess:
    """The excess of the recommended over the rest, among those that are observed."""
    whole = np.zeros(WALLETS, np.int64)
    np.add.at(whole, window.wallet, window.invested)
    active = window.quickest_first[window.is_observed[window.quickest_first]]
    quartile = np.full(WALLETS, -1)
    quartile[active] = 4 * np.arange(len(active)) // len(active)
    is_counted = quartile[window.wallet] >= 0
    wallet, token = window.wallet[is_counted], window.token[is_counted]
    share, gain = parts(window.invested[is_counted], window.pnl[is_counted], whole[wallet])
    inside = window.is_recommended
    strata = [
        Stratum(*(int(np.sum(of & side)) for side in (inside, ~inside)), int(gain[quartile[wallet] == place].sum()))
        for place in range(4)
        for of in (quartile == place,)
    ]
    cells = (token * 4 + quartile[wallet]) * 2 + inside[wallet]
    sums = np.zeros((int(cells.max()) + 1, 2), np.int64)
    np.add.at(sums, cells, np.stack((share, gain), axis=1))
    contrast, total = Contrast(strata), ExcessSums()
    by_token: dict[int, list[TokenSums]] = {}
    for cell in np.unique(cells).tolist():
        of_token, place = divmod(cell, 8)
        by_token.setdefault(of_token, []).append(TokenSums(place // 2, bool(place % 2), *sums[cell].tolist()))
    for of_token in by_token.values():
        total = total.with_token(contrast.of_token(of_token))
    return excess(Cohort.RECOMMENDED, strata, total, RULES)


def looks(market: Market, seed: int, days: int, count: int, *, ripe: Fraction = RIPE) -> list[Verdict]:
    """The verdict as it stands after each of `count` rankings of a market."""
    apart = -(-days // 7) * 7
    rules = VerdictRules(days, 28 * DAY, ripe)
    graded, found = [], []
    for place, window in enumerate(windows(market, np.random.default_rng(seed), days, count)):
        inside, observed = window.is_recommended, window.is_observed
        grades = grade(window)
        sides = [int(np.sum(of)) for of in (inside, inside & observed, ~inside, ~inside & observed)]
        graded.append(Graded(place * apart * DAY, *sides, grades.excess_return, grades.excess_variance))
        found.append(verdict(graded, (place * apart + days) * DAY, rules))
    return found
