"""First in, first out: a plain queue of lots."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from smart_trader.simulator.truth_trades import Trade, rounded


@dataclass(frozen=True, slots=True)
class Sale:
    trade: Trade
    matched: int
    unknown_cost: int
    unmatched: int
    cost: Decimal | None
    matched_proceeds: Decimal | None
    realized_pnl: Decimal | None


@dataclass(frozen=True, slots=True)
class OpenLot:
    trade: Trade
    remaining: int
    remaining_cost: Decimal | None


@dataclass(slots=True)
class _Lot:
    buy: Trade
    taken: int = 0

    def cost_of_first(self, units: int) -> Decimal:
        """The cost of the first `units`, rounded once. A part costs the difference of two of these, so costs add up."""
        return rounded(Fraction(self.buy.value or 0) * units / self.buy.quantity, 9)

    def take(self, units: int) -> Decimal:
        """Cost of the next `units`."""
        self.taken += units
        return self.cost_of_first(self.taken) - self.cost_of_first(self.taken - units)


def match_first_in_first_out(trades: Iterable[Trade]) -> tuple[list[Sale], list[OpenLot]]:
    """Sales and open lots of one token, from its trades in order."""
    queue, sales = list[_Lot](), list[Sale]()
    for trade in trades:
        if trade.side == "BUY":
            queue.append(_Lot(trade))
            continue
        wanted, matched, unknown, cost = trade.quantity, 0, 0, Decimal(0)
        while wanted and queue:
            lot = queue[0]
            units = min(wanted, lot.buy.quantity - lot.taken)
            cost += lot.take(units)
            wanted -= units
            if lot.buy.value is None:
                unknown += units
            else:
                matched += units
            if lot.taken == lot.buy.quantity:
                queue.pop(0)
        proceeds = None
        if matched and trade.value is not None:
            proceeds = rounded(Fraction(trade.value) * matched / trade.quantity, 9)
        sales.append(
            Sale(
                trade=trade,
                matched=matched,
                unknown_cost=unknown,
                unmatched=wanted,
                cost=cost if matched else None,
                matched_proceeds=proceeds,
                realized_pnl=None if proceeds is None else proceeds - cost,
            )
        )
    return sales, [_open_lot(lot) for lot in queue]


def _open_lot(lot: _Lot) -> OpenLot:
    remaining = lot.buy.quantity - lot.taken
    return OpenLot(lot.buy, remaining, None if lot.buy.value is None else lot.take(remaining))
