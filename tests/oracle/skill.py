"""Skill, as `evidence.md` §5 says it: straight from the formulas, over the wallets one by one.

`wallets` are lists of one figure a token: 1 or 0 for won or lost, or the return in percent.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from tests.oracle.numbers import percent, rounded

Z = Fraction("1.644853626951473")
Shrunk = tuple[Decimal | None, Decimal | None]


class Beta(NamedTuple):
    mean: Fraction
    weight: Fraction | None


class Normal(NamedTuple):
    mean: Fraction
    between: Fraction
    within: Fraction


def token_return(pnl: Decimal, cost: Decimal, left: Decimal) -> Decimal | None:
    result, paid = Fraction(pnl) - Fraction(left), Fraction(cost) + Fraction(left)
    if not paid:
        return None
    return min(max(percent(100 * result / paid), Decimal(-100)), Decimal(1_000))


def beta(wallets: Sequence[Sequence[int]]) -> Beta | None:
    n = [len(wallet) for wallet in wallets]
    w = [sum(wallet) for wallet in wallets]
    if not n:
        return None
    p = Fraction(sum(w), sum(n))
    if p in (0, 1):
        return Beta(p, None)
    n2 = Fraction(sum(ni**2 for ni in n), sum(n))
    s2 = sum(ni * (Fraction(wi, ni) - p) ** 2 for wi, ni in zip(w, n, strict=True)) / sum(n)
    denominator = 1 - n2 / sum(n) - Fraction(len(n) - 1, sum(n))
    least, most = p * (1 - p) / 1000, p * (1 - p) / 2
    v = least if denominator <= 0 else (s2 - p * (1 - p) * Fraction(len(n) - 1, sum(n))) / denominator
    return Beta(p, p * (1 - p) / min(max(v, least), most) - 1)


def normal(wallets: Sequence[Sequence[Decimal]]) -> Normal | None:
    means = [sum(map(Fraction, wallet), Fraction(0)) / len(wallet) for wallet in wallets]
    n = [len(wallet) for wallet in wallets]
    freedom = sum(ni - 1 for ni in n)
    if not freedom:
        return None
    s2 = sum((Fraction(r) - m) ** 2 for wallet, m in zip(wallets, means, strict=True) for r in wallet) / freedom
    if not s2:
        return None
    weights = [ni / s2 for ni in n]
    mu = sum(ni * m for ni, m in zip(n, means, strict=True)) / sum(n)
    q = sum(weight * (m - mu) ** 2 for weight, m in zip(weights, means, strict=True))
    scale = sum(weights) - sum(weight**2 for weight in weights) / sum(weights)
    t2 = (q - (len(n) - 1)) / scale if scale > 0 else Fraction(0)
    return Normal(mu, max(t2, Fraction(0)), s2)


def win_rate(wallet: Sequence[int], prior: Beta | None) -> Shrunk:
    if prior is None or not wallet:
        return None, None
    if prior.weight is None:
        return percent(100 * prior.mean), percent(100 * prior.mean)
    n, w = len(wallet), sum(wallet)
    alpha, weight = prior.mean * prior.weight, prior.weight
    mean = (w + alpha) / (n + weight)
    low = mean - Z * root(mean * (1 - mean) / (n + weight + 1))
    return percent(100 * mean), percent(100 * max(low, Fraction(0)))


def mean_return(wallet: Sequence[Decimal], prior: Normal | None) -> Shrunk:
    if prior is None or not wallet:
        return None, None
    if not prior.between:
        return rounded(prior.mean, 6), rounded(prior.mean, 6)
    n, m = len(wallet), sum(map(Fraction, wallet), Fraction(0)) / len(wallet)
    precision = n / prior.within + 1 / prior.between
    mean = (n * m / prior.within + prior.mean / prior.between) / precision
    return percent(mean), percent(mean - Z * root(1 / precision))


def root(number: Fraction) -> Fraction:
    with localcontext() as context:
        context.prec = 120
        return Fraction((Decimal(number.numerator) / Decimal(number.denominator)).sqrt())
