"""First-in-first-out matching of sales to the purchases that paid for them.

A sale larger than what is held is not an error: the history that we see has a beginning, and transfers are not in
it. That part has an unknown cost, which is neither zero nor profit.
"""

from collections import deque
from typing import Any, NamedTuple

from smart_trader.domain.kernel.money import MICRO, round_half_away

MICROSECONDS_PER_HOUR = 3_600 * 10**6


class Lot:
    """A purchase and what is left of it. `cost` is None when nobody knows what was paid."""

    __slots__ = ("bought", "bought_at", "cost", "is_trusted", "left", "left_cost", "name")

    def __init__(self, name: Any, bought_at: int, bought: int, cost: int | None, *, is_trusted: bool) -> None:
        self.name = name
        """The caller's name for the purchase."""
        self.bought_at = bought_at
        self.bought = self.left = bought
        self.cost = cost
        self.left_cost = cost or 0
        self.is_trusted = is_trusted
        """Whether money shows the cost (`valuation.TRUSTED_SOURCES`)."""

    def take(self, units: int) -> int:
        """Take `units` and return their cost.

        Rounded once, at the breakpoint: what remains is the exact share rounded half down, so the cost of what has
        been taken so far is rounded half up, and costs add up to the last digit.
        """
        self.left -= units
        before = self.left_cost
        if self.cost:
            self.left_cost = -((self.bought - 2 * self.cost * self.left) // (2 * self.bought))
        return before - self.left_cost


class Sale(NamedTuple):
    """What a sale took out of the lots. Base units, nano-dollars, microseconds, micro-hours."""

    matched: int
    """Units out of lots of known cost."""
    untrusted: int
    """Those of the matched units whose lot is not trusted. With any, the sale is not trusted either."""
    unknown_cost: int
    unmatched: int
    """Units never seen bought."""
    matched_proceeds: int | None
    """Share of the value; None without a value or a match."""
    cost: int | None
    """None when nothing was matched."""
    realized: int | None
    """Matched proceeds less cost; None unless a matched part and a value are known."""
    acquired_at: int | None
    """When the matched units were bought, weighted by quantity."""
    holding_hours: int | None


class Piece(NamedTuple):
    """What a sale took out of one lot."""

    lot: Lot
    units: int
    cost: int
    """Of these units; 0 out of a lot of unknown cost."""


class Position:
    """The open lots of one wallet in one mint, oldest first."""

    __slots__ = ("lots",)

    def __init__(self) -> None:
        self.lots: deque[Lot] = deque()

    def buy(self, lot: Lot) -> None:
        self.lots.append(lot)

    def sell(self, quantity: int, value: int | None, sold_at: int, pieces: list[Piece] | None = None) -> Sale:
        """Take `quantity` out of the oldest lots. Trades must come in their total order.

        What is taken of each lot is added to `pieces`, if they are given.
        """
        lots, missing = self.lots, quantity
        matched = untrusted = unknown = cost = weighted_time = 0
        while missing and lots:
            lot = lots[0]
            units = lot.left
            if units > missing:
                units = missing
                paid = lot.take(units)
            else:
                paid = lot.left_cost
                lots.popleft()
            cost += paid
            missing -= units
            if pieces is not None:
                pieces.append(Piece(lot, units, paid))
            if lot.cost is None:
                unknown += units
            else:
                matched += units
                weighted_time += units * lot.bought_at
                if not lot.is_trusted:
                    untrusted += units
        if not matched:
            return Sale(0, 0, unknown, missing, None, None, None, None, None)
        acquired_at = weighted_time // matched
        held = round_half_away((sold_at - acquired_at) * MICRO, MICROSECONDS_PER_HOUR)
        if value is None:
            return Sale(matched, untrusted, unknown, missing, None, cost, None, acquired_at, held)
        proceeds = value if matched == quantity else round_half_away(value * matched, quantity)
        return Sale(matched, untrusted, unknown, missing, proceeds, cost, proceeds - cost, acquired_at, held)
