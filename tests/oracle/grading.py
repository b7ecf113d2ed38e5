"""Grades and verdicts, wallet by wallet and as the words of the specification say it (`evidence.md` §3).

A wallet is a row: `wallet_address`, `cohorts` (names), `is_observed`, `smart_trader_score`, `avg_holding_time_hours`,
and unless it is not observed `invested_usd`, `follow_pnl_usd`, `follow_return` and `tokens`: token -> (invested, pnl).

Where the specification leaves room, the reading is:

* Mean, median and correlation are of `follow_return` as stored; only returns above the limit are clipped.
* Active wallets are counted before quartiles are left out, and m over the quartiles that are kept. The excess is
  unknown if none is.
* The correlation is unknown where all scores, or all returns, are the same.
* A ranking that has no excess and may still get one stops the choice as well.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from math import floor
from statistics import median

from tests.oracle.numbers import DAY, Row, percent, rounded, usd

Z = Fraction("1.959963984540054")
DIGITS = Context(prec=70)


def grade(cohort: str, wallets: Iterable[Row], *, most: Fraction, min_observed: int, least: tuple[int, int]) -> Row:
    """`least`: active wallets inside and outside of the cohort."""
    wallets = list(wallets)
    inside = [wallet for wallet in wallets if cohort in wallet["cohorts"]]
    observed = [wallet for wallet in inside if wallet["is_observed"]]
    profitable = [wallet for wallet in observed if wallet["follow_pnl_usd"] > 0]
    returns = [min(Fraction(wallet["follow_return"] or 0), most) for wallet in observed]
    row: Row = {
        "wallets": len(inside),
        "observed": len(observed),
        "active": len([wallet for wallet in observed if wallet["invested_usd"] > 0]),
        "profitable": len(profitable),
        "invested_usd": usd(sum((Fraction(wallet["invested_usd"]) for wallet in observed), Fraction(0))),
        "follow_pnl_usd": usd(sum((Fraction(wallet["follow_pnl_usd"]) for wallet in observed), Fraction(0))),
        **dict.fromkeys(("hit_rate", "mean_return", "median_return", "rank_correlation")),
    }
    if observed and len(observed) >= min_observed:
        row["hit_rate"] = percent(Fraction(100 * len(profitable), len(observed)))
        row["mean_return"] = percent(sum(returns) / len(returns))
        row["median_return"] = percent(median(returns))
        if cohort == "ranked":
            row["rank_correlation"] = spearman(
                [wallet["smart_trader_score"] for wallet in observed],
                [wallet["follow_return"] or Decimal(0) for wallet in observed],
            )
    return row | _excess(cohort, wallets, most, least)


def _excess(cohort: str, wallets: list[Row], most: Fraction, least: tuple[int, int]) -> Row:
    names = ("excess_return", "excess_variance", "tokens", "excess_low", "excess_high", "p_value")
    active = [wallet for wallet in wallets if wallet["is_observed"] and wallet["invested_usd"] > 0]
    active.sort(key=lambda w: w["wallet_address"].encode())
    active.sort(key=lambda w: Decimal(-1) if w["avg_holding_time_hours"] is None else w["avg_holding_time_hours"])
    quartiles: dict[int, list[Row]] = {}
    for i, wallet in enumerate(active):
        quartiles.setdefault(floor(Fraction(4 * i, len(active))), []).append(wallet)
    inside = [wallet for wallet in active if cohort in wallet["cohorts"]]
    if len(inside) < least[0] or len(active) - len(inside) < least[1]:
        return dict.fromkeys(names)
    kept = [q for q in quartiles.values() if 0 < len([w for w in q if cohort in w["cohorts"]]) < len(q)]
    if not kept:
        return dict.fromkeys(names)
    m = sum(len([w for w in q if cohort in w["cohorts"]]) for q in kept)
    e: defaultdict[str, Fraction] = defaultdict(Fraction)
    for q in kept:
        m_q = len([w for w in q if cohort in w["cohorts"]])
        u_q = sum((gain for w in q for _, _, gain in _parts(w, most)), Fraction(0)) / len(q)
        for wallet in q:
            weight = Fraction(1, m) if cohort in wallet["cohorts"] else -Fraction(m_q, m * (len(q) - m_q))
            for token, share, gain in _parts(wallet, most):
                e[token] += weight * (gain - u_q * share / 100)
    excess, variance = Fraction(sum(e.values())), Fraction(sum(of_token**2 for of_token in e.values()))
    spread = Z * root(variance)
    return {
        "excess_return": percent(excess),
        "excess_variance": percent(variance),
        "tokens": len([of_token for of_token in e.values() if of_token]),
        "excess_low": percent(excess - spread),
        "excess_high": percent(excess + spread),
        "p_value": percent(chance(excess, variance)),
    }


def _parts(wallet: Row, most: Fraction) -> list[tuple[str, Fraction, Fraction]]:
    whole = sum((Fraction(invested) for invested, _ in wallet["tokens"].values()), Fraction(0))
    return [
        (
            token,
            Fraction(rounded(100 * Fraction(invested) / whole, 6)),
            Fraction(rounded(100 * min(Fraction(pnl), most / 100 * Fraction(invested)) / whole, 6)),
        )
        for token, (invested, pnl) in wallet["tokens"].items()
    ]


def spearman(ones: list[Decimal], others: list[Decimal]) -> Decimal | None:
    """Pearson's correlation of the ranks; of equal values each has the mean of their ranks."""
    x, y = (
        [Fraction(sum(w < v for w in values)) + Fraction(sum(w == v for w in values) + 1, 2) for v in values]
        for values in (ones, others)
    )
    mean = Fraction(len(x) + 1, 2)
    squares = sum((v - mean) ** 2 for v in x) * sum((v - mean) ** 2 for v in y)
    if not squares:
        return None
    return percent(sum((v - mean) * (w - mean) for v, w in zip(x, y, strict=True)) / root(Fraction(squares)))


def chance(value: Fraction, variance: Fraction) -> Fraction:
    return 1 - normal(value / root(variance)) if variance else Fraction(1, 2)


def normal(z: Fraction) -> Fraction:
    """The integral of the density from 0 to z by its Taylor series, in fractions of 120 digits."""
    if abs(z) > 16:
        return Fraction(int(z > 0))
    scale = 10**120
    unit = z.numerator * scale // z.denominator
    square = unit * unit // scale
    power, total, n = unit, unit, 0
    while abs(power) > 1:
        n += 1
        power = -power * square // scale // (2 * n)
        total += power // (2 * n + 1)
    with localcontext(DIGITS):
        return Fraction(1, 2) + Fraction(total, scale) / Fraction(root(Fraction(TWO_PI)))


TWO_PI = Decimal("6.28318530717958647692528676655900576839433879875021164194988918461563281257241799725607")


def root(square: Fraction) -> Fraction:
    return Fraction(DIGITS.sqrt(DIGITS.divide(Decimal(square.numerator), Decimal(square.denominator))))


def verdict(graded: list[Row], now: int, *, horizon_days: int, revised_days: int, ripe: Fraction) -> Row:
    """`graded`, the oldest first: `ranked_at` (microseconds), `excess_return`, `excess_variance`, and `sides`, the
    wallets and the observed ones of the cohort and of the rest."""
    taken: list[Row] = []
    for ranking in graded:
        if taken and ranking["ranked_at"] // DAY - taken[-1]["ranked_at"] // DAY < horizon_days:
            continue
        is_ripe = all(observed >= ripe * wallets for wallets, observed in ranking["sides"])
        if is_ripe and ranking["excess_return"] is not None:
            taken.append(ranking)
            continue
        can_change = any(observed < wallets for wallets, observed in ranking["sides"])
        if can_change and now <= ranking["ranked_at"] + (horizon_days + revised_days) * DAY:
            break
    if not taken:
        return {"answer": "too few" if graded else "none yet", "taken": ()}
    n = len(taken)
    excesses = [Fraction(ranking["excess_return"]) for ranking in taken]
    total, variance = sum(excesses, Fraction(0)), sum((Fraction(r["excess_variance"]) for r in taken), Fraction(0))
    if n > 1:
        variance = max(variance, Fraction(n, n - 1) * sum((value - total / n) ** 2 for value in excesses))
    p = chance(total, variance)
    answer = "shown" if p < Fraction(1, 100) and total > 0 else "not shown"
    if p > Fraction(99, 100) and total < 0:
        answer = "contrary"
    return {
        "answer": answer,
        "taken": tuple(ranking["ranked_at"] for ranking in taken),
        "mean_excess": percent(total / n),
        "excess_low": percent((total - Z * root(variance)) / n),
        "excess_high": percent((total + Z * root(variance)) / n),
        "p_value": percent(p),
    }
