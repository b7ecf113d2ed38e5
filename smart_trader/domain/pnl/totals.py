"""What adds up over the trades of each position, and what is left of it, from columns of trades and matches (numpy)."""

import numpy as np

from smart_trader.domain.kernel.money import MICRO, round_half_away
from smart_trader.domain.kernel.totals import Inventory, TradeTotals
from smart_trader.domain.pnl.matching import Matches, Numbers, Trades

_NEAR = 1e-9
"""Doubles that differ by less may stand for the same return: far more than what they are rounded by."""


def trade_totals(trades: Trades, matches: Matches) -> TradeTotals:
    """What adds up over the trades of each position."""
    is_sale, is_matched = ~trades.is_buy, matches.matched > 0
    is_realized = is_matched & trades.has_value
    gain = np.where(is_realized, matches.matched_proceeds - matches.cost, 0)
    cost = np.where(is_realized, matches.cost, 0)
    hours_by_cost = np.zeros(len(trades), object)
    hours_by_cost[is_matched] = matches.holding_hours[is_matched].astype(object) * matches.cost[is_matched]
    added = {
        "realized": gain,
        "cost_of_sold": cost,
        "winning_sales": (gain > 0).astype(np.int64),
        "matched_sales": is_realized.astype(np.int64),
        "buys": trades.is_buy.astype(np.int64),
        "sells": is_sale.astype(np.int64),
        "total_bought": np.where(trades.is_buy, trades.value, 0),
        "total_sold": np.where(is_sale, trades.value, 0),
        "matched_proceeds": matches.matched_proceeds,
        **_trusted(trades, matches),
        "hours_by_cost": hours_by_cost,
        "held_cost": matches.cost,
    }
    return TradeTotals(
        **{name: trades.total(numbers).tolist() for name, numbers in added.items()},
        first=trades.time[trades.starts].tolist(),
        last=trades.time[trades.ends - 1].tolist(),
        best_trade_roi=_best_roi(trades, gain, cost),
    )


def _trusted(trades: Trades, matches: Matches) -> dict[str, Numbers]:
    """What each sale adds to the trusted figures."""
    is_matched = matches.matched > 0
    is_trusted = is_matched & trades.has_value & trades.is_trusted & (matches.untrusted == 0)
    result = matches.matched_proceeds - matches.cost  # without a value: what was lost in a sale for 0
    counts = is_matched & (is_trusted | ~trades.has_value | (result < 0))
    return {
        "trusted_pnl": np.where(counts, result, 0),
        "trusted_cost_of_sold": np.where(counts, matches.cost, 0),
        "trusted_winning_sales": (counts & (result > 0)).astype(np.int64),
        "trusted_sales": counts.astype(np.int64),
        "trusted_proceeds": np.where(is_trusted, matches.matched_proceeds, 0),
    }


def _best_roi(trades: Trades, gain: Numbers, cost: Numbers) -> list[int | None]:
    """The largest return of a sale with cost, in each position.

    Divided exactly only where the quotient of doubles is as large as the largest, or nearly.
    """
    best: list[int | None] = [None] * len(trades.starts)
    has_cost = np.flatnonzero(cost > 0)
    ratio = np.full(len(trades), -np.inf)
    ratio[has_cost] = gain[has_cost].astype(float) / cost[has_cost].astype(float)
    least = np.maximum.reduceat(ratio, trades.starts)
    least -= _NEAR * np.maximum(np.abs(least), 1)
    position = np.repeat(np.arange(len(best)), trades.lengths)
    near = has_cost[ratio[has_cost] >= least[position[has_cost]]]
    for place, g, c in zip(*(column[near].tolist() for column in (position, gain, cost)), strict=True):
        roi, known = round_half_away(100 * MICRO * g, c), best[place]
        best[place] = roi if known is None else max(known, roi)
    return best


def inventories(trades: Trades, matches: Matches) -> list[Inventory]:
    """What is left of each position."""
    is_known = (matches.left > 0) & trades.has_value
    units = np.where(trades.is_buy, trades.quantity, 0)
    added = (units, matches.left, np.where(is_known, matches.left, 0), matches.left_cost, is_known.astype(np.int64))
    sums = zip(*(trades.total(numbers).tolist() for numbers in added), strict=True)
    return [
        Inventory(bought, left, known_left, cost if known_lots else None)
        for bought, left, known_left, cost, known_lots in sums
    ]
