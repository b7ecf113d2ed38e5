"""Sales matched to lots by a plain queue over exact fractions, as `pnl.md` §2 says it."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle.numbers import HOUR, Row, fraction, percent, usd


@dataclass
class Lot:
    trade: Row
    left: int
    cost_before: Fraction  # of all lots before this one; a lot of unknown cost adds nothing

    @property
    def quantity(self) -> int:
        quantity: int = self.trade["quantity_raw"]
        return quantity

    @property
    def known(self) -> bool:
        return self.trade["value_usd"] is not None

    @property
    def trusted(self) -> bool:
        return is_trusted(self.trade)

    @property
    def cost(self) -> Fraction:
        return fraction(self.trade["value_usd"]) or Fraction(0)

    def breakpoint(self, units: int) -> Fraction:
        """F where the first `units` of this lot are gone, rounded: the only place where a cost is."""
        return Fraction(usd(self.cost_before + self.cost * units / self.quantity))


def is_trusted(trade: Row) -> bool:
    return trade["value_source"] in ("stable", "sol")


def order(trade: Row) -> tuple[object, ...]:
    block = trade["block_number"]
    return (trade["block_time"], block is not None, block or 0, trade["side"] == "SELL", trade["trade_id"])


def match(trades: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Rows of silver.realized_sales and silver.open_lots."""
    pairs: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for trade in trades:
        pairs[trade["wallet_address"], trade["token_address"]].append(trade)
    sales, lots = [], []
    for pair in pairs.values():
        sold, left = _match_pair(sorted(pair, key=order))
        sales += sold
        lots += left
    return sales, lots


def _match_pair(trades: list[Row]) -> tuple[list[Row], list[Row]]:
    queue: deque[Lot] = deque()
    cost_so_far = Fraction(0)
    sales = []
    for trade in trades:
        if trade["side"] == "BUY":
            queue.append(Lot(trade, trade["quantity_raw"], cost_so_far))
            cost_so_far += queue[-1].cost
        else:
            sales.append(_sell(trade, queue))
    return sales, [_open_lot(lot) for lot in queue]


def _sell(sale: Row, queue: deque[Lot]) -> Row:
    wanted = sale["quantity_raw"]
    matched = untrusted = unknown = 0
    cost = weighted_time = Fraction(0)
    while wanted and queue:
        lot = queue[0]
        taken = min(wanted, lot.left)
        cost += lot.breakpoint(lot.quantity - lot.left + taken) - lot.breakpoint(lot.quantity - lot.left)
        if lot.known:
            matched += taken
            untrusted += 0 if lot.trusted else taken
            weighted_time += taken * lot.trade["block_time"]
        else:
            unknown += taken
        wanted -= taken
        lot.left -= taken
        if not lot.left:
            queue.popleft()

    value = fraction(sale["value_usd"])
    acquired_at = weighted_time // matched if matched else None
    matched_proceeds = None
    if matched and value is not None:
        matched_proceeds = Fraction(usd(value * matched / sale["quantity_raw"]))
    return {
        "trade_id": sale["trade_id"],
        "wallet_address": sale["wallet_address"],
        "token_address": sale["token_address"],
        "block_time": sale["block_time"],
        "block_number": sale["block_number"],
        "quantity_raw": sale["quantity_raw"],
        "matched_raw": matched,
        "untrusted_raw": untrusted,
        "unknown_cost_raw": unknown,
        "unmatched_raw": wanted,
        "proceeds_usd": sale["value_usd"],
        "matched_proceeds_usd": None if matched_proceeds is None else usd(matched_proceeds),
        "cost_usd": usd(cost) if matched else None,
        "realized_pnl_usd": None if matched_proceeds is None else usd(matched_proceeds - cost),
        "acquired_at": acquired_at,
        "holding_hours": None if acquired_at is None else percent(Fraction(sale["block_time"] - acquired_at, HOUR)),
    }


def _open_lot(lot: Lot) -> Row:
    remaining = lot.breakpoint(lot.quantity) - lot.breakpoint(lot.quantity - lot.left)
    return {
        "trade_id": lot.trade["trade_id"],
        "wallet_address": lot.trade["wallet_address"],
        "token_address": lot.trade["token_address"],
        "acquired_at": lot.trade["block_time"],
        "block_number": lot.trade["block_number"],
        "bought_raw": lot.quantity,
        "remaining_raw": lot.left,
        "cost_known": lot.known,
        "remaining_cost_usd": usd(remaining) if lot.known else None,
    }
