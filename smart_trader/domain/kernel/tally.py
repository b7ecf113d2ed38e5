"""What adds up over the trades of a position, and over the positions of a wallet.

Integers throughout: nano-dollars, base units, microseconds, and for percentages and hours millionths.
"""

from typing import NamedTuple

import numpy as np

from smart_trader.domain.kernel.fifo import Matches, Numbers, Trades
from smart_trader.domain.kernel.money import MICRO, round_half_away

_NEAR = 1e-9
"""Doubles that differ by less may stand for the same return: far more than what they are rounded by."""


class Tally(NamedTuple):
    """Sums and extremes as columns: one figure for each position, or for each wallet."""

    realized: list[int]
    cost_of_sold: list[int]
    winning_sales: list[int]
    matched_sales: list[int]
    buys: list[int]
    sells: list[int]
    total_bought: list[int]
    total_sold: list[int]
    matched_proceeds: list[int]
    hours_by_cost: list[int]
    """Sum over sales of stored holding hours x cost."""
    held_cost: list[int]
    """Sum over sales of cost, the weight of those hours."""
    first: list[int | None]
    """Time of the first trade; None without any."""
    last: list[int | None]
    best_trade_roi: list[int | None]

    def whole(self) -> "Tally":
        """All of it in one figure for each column."""
        *sums, first, last, best = self
        extremes = ((min, first), (max, last), (max, best))
        known = ([of((value for value in column if value is not None), default=None)] for of, column in extremes)
        return Tally._make((*([sum(column)] for column in sums), *known))


class Position(NamedTuple):
    """What was bought of a token, and what is left of that. Base units, nano-dollars."""

    bought: int
    left: int
    known_left: int
    """In lots of known cost."""
    known_cost: int | None
    """None if there is no such lot."""


def tally_trades(trades: Trades, matches: Matches) -> Tally:
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
    return Tally._make((*sums, first, last, _best_roi(trades, gain, cost)))


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


def positions_left(trades: Trades, matches: Matches) -> list[Position]:
    """What is left of each position."""
    is_known = (matches.left > 0) & trades.has_value
    added = (
        *(np.where(trades.is_buy, trades.quantity, 0), matches.left, np.where(is_known, matches.left, 0)),
        *(matches.left_cost, is_known.astype(np.int64)),
    )
    return [
        Position(bought, left, known_left, known_cost if known else None)
        for bought, left, known_left, known_cost, known in zip(*(trades.total(n).tolist() for n in added), strict=True)
    ]
