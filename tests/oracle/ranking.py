"""Tiers, scores, gates and ranks of ALL_TOKENS rows, as `product.md` ("Who is a smart trader") says it.

Everything is judged by stored figures. A part is clipped to 0-100 and rounded for storing; the score is rounded once,
from the exact parts.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from tests.oracle.numbers import DAY, SCORE_DIGITS, Row, fraction, quotient, rounded, usd
from tests.oracle.performance import days

BASES = {
    "trusted": ("trusted_pnl", "trusted_roi", "trusted_win_rate"),
    "realized": ("realized_pnl", "roi", "win_rate"),
    "total": ("total_pnl", "roi", "win_rate"),
}
TIERS = (("ELITE", 10_000, 50, 30), ("STRONG", 1_000, 20, 20), ("PROMISING", 100, 10, 10))


def rank(portfolios: Iterable[Row], classes: Mapping[str, str], pnl_basis: str) -> list[Row]:
    pnl, roi, win_rate = BASES[pnl_basis]
    ranked = [
        _judged(row, classes[row["wallet_address"]], Fraction(row[pnl]), fraction(row[roi]), fraction(row[win_rate]))
        for row in portfolios
        if row["trade_count"] and (row[pnl] > 0 or (row[win_rate] or 0) > 0)
    ]
    ranked.sort(key=lambda row: (-row["smart_trader_score"], -row["_pnl"], row["wallet_address"]))
    in_tier: dict[str, int] = {}
    for place, row in enumerate(ranked, 1):
        tier = row["performance_tier"]
        in_tier[tier] = in_tier.get(tier, 0) + 1
        row |= {"overall_rank": place, "tier_rank": in_tier[tier]}
        del row["_pnl"]
    return ranked


def window(trades: Iterable[Row], sales: Iterable[Row], ranked_at: int, length_days: int) -> Row:
    """Figures of one wallet over the last days, the start included."""

    def is_inside(row: Row) -> bool:
        return bool(ranked_at - length_days * DAY <= row["block_time"] <= ranked_at)

    matched = [sale for sale in sales if is_inside(sale) and sale["realized_pnl_usd"] is not None]
    winning = sum(sale["realized_pnl_usd"] > 0 for sale in matched)
    return {
        "realized_pnl": usd(sum((Fraction(sale["realized_pnl_usd"]) for sale in matched), Fraction(0))),
        "cost_of_sold": usd(sum((Fraction(sale["cost_usd"]) for sale in matched), Fraction(0))),
        "win_rate": quotient(100 * winning, len(matched)),
        "matched_sales": len(matched),
        "trade_count": sum(is_inside(trade) for trade in trades),
    }


def _judged(row: Row, wallet_class: str, pnl: Fraction, roi: Fraction | None, win_rate: Fraction | None) -> Row:
    parts = {
        "profitability_score": _clipped(100 * pnl / 10_000),
        "roi_score": _clipped(roi or Fraction(0)),
        "win_rate_score": _clipped(win_rate or Fraction(0)),
        "activity_score": _clipped(Fraction(100 * row["trade_count"], 10)),
    }
    weights = (Fraction(40, 100), Fraction(30, 100), Fraction(20, 100), Fraction(10, 100))
    score = sum((weight * part for weight, part in zip(weights, parts.values(), strict=True)), Fraction(0))
    failures = _gate_failures(row, wallet_class, pnl, roi, win_rate)
    return {
        "wallet_address": row["wallet_address"],
        "performance_tier": _tier(pnl, roi, win_rate),
        "smart_trader_score": rounded(score, SCORE_DIGITS),
        **{name: rounded(part, SCORE_DIGITS) for name, part in parts.items()},
        "recommended": not failures,
        "gate_failures": failures,
        "avg_trade_size_usd": usd((Fraction(row["total_bought"]) + Fraction(row["total_sold"])) / row["trade_count"]),
        "sell_ratio_percent": quotient(100 * row["sell_count"], row["trade_count"]),
        "trading_experience_days": days([row["first_transaction"], row["last_transaction"]]),
        "_pnl": pnl,
    }


def _clipped(part: Fraction) -> Fraction:
    return max(Fraction(0), min(part, Fraction(100)))


def _tier(pnl: Fraction, roi: Fraction | None, win_rate: Fraction | None) -> str:
    for tier, least_pnl, least_roi, least_win_rate in TIERS:
        if pnl >= least_pnl and _reaches(roi, least_roi) and _reaches(win_rate, least_win_rate):
            return tier
    return "QUALIFIED"


def _gate_failures(
    row: Row, wallet_class: str, pnl: Fraction, roi: Fraction | None, win_rate: Fraction | None
) -> list[str]:
    conditions = {
        "pnl_below": pnl >= 10,
        "roi_below": _reaches(roi, 1),
        "win_rate_below": _reaches(win_rate, 40),
        "token_win_rate_below": _reaches(row["token_win_rate"], 30),
        "coverage_below": _reaches(row["coverage_ratio"], Decimal("0.8")),
        "value_untrusted": _reaches(row["trusted_ratio"], Decimal("0.8")),
        "history_incomplete": row["history_complete"],
        f"class_{wallet_class}": wallet_class == "person",
    }
    return [failure for failure, holds in conditions.items() if not holds]


def _reaches(figure: Fraction | Decimal | None, least: Decimal | int) -> bool:
    return figure is not None and figure >= least
