"""First in, first out: a plain queue of lots."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from smart_trader.simulator.planned import Trade, rounded


@dataclass(frozen=True, slots=True)
class Sale:
    trade: Trade
    matched: int
    unknown_cost: int
    unmatched: int
    cost: Decimal | None
    matched_proceeds: Decimal | None
    realized_pnl: Decimal | None
    is_trusted: bool
    """Whether money shows its value and the cost of all that it matched."""

    @property
    def trusted_pnl(self) -> Decimal | None:
        """Its part of the figures that rank: a loss always, a gain only if it is trusted. Without a value it brought
        nothing. None: it is not among them."""
        if self.cost is None:
            return None
        if self.realized_pnl is None:
            return -self.cost
        return self.realized_pnl if self.is_trusted or self.realized_pnl < 0 else None


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
        else:
            sales.append(_sold(trade, queue))
    return sales, [_open_lot(lot) for lot in queue]


def _sold(sale: Trade, queue: list[_Lot]) -> Sale:
    wanted, matched, unknown, cost = sale.quantity, 0, 0, Decimal(0)
    is_trusted = sale.is_trusted
    while wanted and queue:
        lot = queue[0]
        units = min(wanted, lot.buy.quantity - lot.taken)
        cost += lot.take(units)
        wanted -= units
        if lot.buy.value is None:
            unknown += units
        else:
            matched += units
            is_trusted = is_trusted and lot.buy.is_trusted
        if lot.taken == lot.buy.quantity:
            queue.pop(0)
    proceeds = None
    if matched and sale.value is not None:
        proceeds = rounded(Fraction(sale.value) * matched / sale.quantity, 9)
    return Sale(
        trade=sale,
        matched=matched,
        unknown_cost=unknown,
        unmatched=wanted,
        cost=cost if matched else None,
        matched_proceeds=proceeds,
        realized_pnl=None if proceeds is None else proceeds - cost,
        is_trusted=is_trusted,
    )


def _open_lot(lot: _Lot) -> OpenLot:
    remaining = lot.buy.quantity - lot.taken
    return OpenLot(lot.buy, remaining, None if lot.buy.value is None else lot.take(remaining))
