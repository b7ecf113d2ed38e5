"""Skill, allowing for luck: what a wallet's tokens say of it beyond what is usual (docs/evidence.md).

Empirical Bayes: each wallet is shrunk towards the mean of all persons, the more the fewer tokens it has. Integers and
fractions up to the square root, which is a decimal of 60 digits. Rates and returns are millionths of a percent.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from smart_trader.domain.kernel.money import MICRO, round_half_away
from smart_trader.domain.kernel.statistics import square_root

MOST_RETURN, LEAST_RETURN = 1_000 * MICRO, -100 * MICRO
_HUNDRED = 100 * MICRO
_Z = Fraction("1.644853626951473")
"""Of the normal distribution, one-sided 95 %."""


class Group(NamedTuple):
    """Wallets of `tokens` tokens each, and sums over them; a wallet's total is the sum of one figure a token."""

    tokens: int
    wallets: int
    totals: int
    squared_totals: int
    squares: int
    """Sum of the squares of the tokens' figures."""


class WinPrior(NamedTuple):
    """A Beta distribution of win rates: its mean, and the number of tokens that it weighs.

    None weighs more than any number of tokens: everybody has that rate.
    """

    mean: Fraction
    weight: Fraction | None


class ReturnPrior(NamedTuple):
    """A normal distribution of mean returns per token, and how much the tokens of one wallet vary."""

    mean: Fraction
    between: Fraction
    """Variance between wallets. 0: the returns show no difference between wallets beyond chance."""
    within: Fraction
    """Variance within a wallet, above 0."""


class Priors(NamedTuple):
    """What is usual; None where it cannot be told."""

    wins: WinPrior | None
    returns: ReturnPrior | None


class Estimate(NamedTuple):
    """A shrunk mean, and its one-sided lower bound at 95 %; None where they cannot be told."""

    mean: int | None
    low: int | None


_UNKNOWN = Estimate(None, None)


def token_return(pnl: int | None, cost: int | None, left_cost: int) -> int | None:
    """100 x result / cost, clipped to -100 % and 1,000 %; None where either is unknown, or nothing was paid.

    `left_cost` is the known cost of what is left of a dead token: lost, and paid. 0 for a closed token.
    """
    if pnl is None or cost is None or not cost + left_cost:
        return None
    return min(max(round_half_away(_HUNDRED * (pnl - left_cost), cost + left_cost), LEAST_RETURN), MOST_RETURN)


def win_prior(groups: Iterable[Group]) -> WinPrior | None:
    """The prior of win rates by moments, each wallet weighted by its tokens; the figure of a token is 1 if it won.

    Kleinman, J. C. (1973), Journal of the American Statistical Association 68.
    """
    given = list(groups)
    tokens, wallets = _tokens(given), sum(group.wallets for group in given)
    if not tokens:
        return None
    mean = Fraction(sum(group.totals for group in given), tokens)
    chance = mean * (1 - mean)
    if not chance:
        return WinPrior(mean, None)
    spread = (_weighted_squares(given) - mean * mean * tokens) / tokens
    others = Fraction(wallets - 1, tokens)
    room = 1 - Fraction(_squared_tokens(given), tokens * tokens) - others
    between = (spread - chance * others) / room if room > 0 else Fraction(0)
    return WinPrior(mean, chance / min(max(between, chance / 1_000), chance / 2) - 1)


def return_prior(groups: Iterable[Group]) -> ReturnPrior | None:
    """The prior of returns per token by moments; None without a wallet of two tokens, or where they do not vary.

    DerSimonian, R., and Laird, N. (1986), Controlled Clinical Trials 7.
    """
    given = list(groups)
    tokens, wallets = _tokens(given), sum(group.wallets for group in given)
    freedom = tokens - wallets
    if not freedom:
        return None
    weighted = _weighted_squares(given)
    within = (sum(group.squares for group in given) - weighted) / freedom
    if not within:
        return None
    mean = Fraction(sum(group.totals for group in given), tokens)
    room = tokens - Fraction(_squared_tokens(given), tokens)
    excess = (weighted - mean * mean * tokens) - (wallets - 1) * within
    return ReturnPrior(mean, max(excess / room, Fraction(0)) if room > 0 else Fraction(0), within)


def win_rate(won: int, decided: int, prior: WinPrior | None) -> Estimate:
    """The win rate of a wallet that won `won` of `decided` tokens; its lower bound is not below 0."""
    if prior is None or not decided:
        return _UNKNOWN
    if prior.weight is None:
        rate = _rounded(_HUNDRED * prior.mean)
        return Estimate(rate, rate)
    weight = decided + prior.weight
    mean = (won + prior.mean * prior.weight) / weight
    low = mean - _Z * Fraction(square_root(mean * (1 - mean) / (weight + 1)))
    return Estimate(_rounded(_HUNDRED * mean), max(_rounded(_HUNDRED * low), 0))


def mean_return(total: int, tokens: int, prior: ReturnPrior | None) -> Estimate:
    """The mean return per token of a wallet whose `tokens` returns add up to `total`."""
    if prior is None or not tokens:
        return _UNKNOWN
    weight = tokens * prior.between + prior.within
    mean = (total * prior.between + prior.mean * prior.within) / weight
    low = mean - _Z * Fraction(square_root(prior.within * prior.between / weight))
    return Estimate(_rounded(mean), _rounded(low))


def _tokens(groups: Sequence[Group]) -> int:
    return sum(group.tokens * group.wallets for group in groups)


def _squared_tokens(groups: Sequence[Group]) -> int:
    return sum(group.tokens**2 * group.wallets for group in groups)


def _weighted_squares(groups: Sequence[Group]) -> Fraction:
    """Sum over wallets of tokens x squared mean."""
    return sum((Fraction(group.squared_totals, group.tokens) for group in groups), Fraction(0))


def _rounded(number: Fraction) -> int:
    return round_half_away(number.numerator, number.denominator)
