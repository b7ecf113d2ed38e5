"""What adds up over the trades of a position, and over the positions of a wallet.

Integers throughout: nano-dollars, base units, microseconds, and for percentages and hours millionths.
"""

from typing import NamedTuple


class TradeTotals(NamedTuple):
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
    trusted_pnl: list[int]
    """Over the sales that count in the trusted figures: those that are trusted or lost money, and those without a
    value, which count as sales for 0."""
    trusted_cost_of_sold: list[int]
    trusted_winning_sales: list[int]
    trusted_sales: list[int]
    trusted_proceeds: list[int]
    """Matched proceeds of the trusted sales alone."""
    hours_by_cost: list[int]
    """Sum over sales of stored holding hours x cost."""
    held_cost: list[int]
    """Sum over sales of cost, the weight of those hours."""
    first: list[int | None]
    """Time of the first trade; None without any."""
    last: list[int | None]
    best_trade_roi: list[int | None]

    def whole(self) -> "TradeTotals":
        """All of it in one figure for each column."""
        *sums, first, last, best = self
        extremes = ((min, first), (max, last), (max, best))
        known = ([of((value for value in column if value is not None), default=None)] for of, column in extremes)
        return TradeTotals._make((*([sum(column)] for column in sums), *known))


class Inventory(NamedTuple):
    """What was bought of a token, and what is left of that. Base units, nano-dollars."""

    bought: int
    left: int
    known_left: int
    """In lots of known cost."""
    known_cost: int | None
    """None if there is no such lot."""
