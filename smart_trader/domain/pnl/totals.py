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
    added = (
        *(gain, cost),
        *(flags.astype(np.int64) for flags in (gain > 0, is_realized, trades.is_buy, is_sale)),
        *(np.where(of, trades.value, 0) for of in (trades.is_buy, is_sale)),
        *(matches.matched_proceeds, hours_by_cost, matches.cost),
    )
    sums = (trades.total(numbers).tolist() for numbers in added)
    first, last = (trades.time[rows].tolist() for rows in (trades.starts, trades.ends - 1))
    return TradeTotals._make((*sums, first, last, _best_roi(trades, gain, cost)))


def _best_roi(trades: Trades, gain: Numbers, cost: Numbers) -> list[int | None]:
    """The largest return of a sale with cost, in each position.

    Divided out for those only that a double cannot tell from the best.
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
    added = (
        *(np.where(trades.is_buy, trades.quantity, 0), matches.left, np.where(is_known, matches.left, 0)),
        *(matches.left_cost, is_known.astype(np.int64)),
    )
    return [
        Inventory(bought, left, known_left, known_cost if known else None)
        for bought, left, known_left, known_cost, known in zip(*(trades.total(n).tolist() for n in added), strict=True)
    ]
