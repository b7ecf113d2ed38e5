"""What following wallets would have brought, trade by trade, as `evidence.md` §1 says it."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from tests.oracle import fifo
from tests.oracle.numbers import HOUR, Row, fraction, usd

_BELIEVED = ("ok", "one_sided")


class Window(NamedTuple):
    """Microseconds."""

    wallet: str
    starts_at: int
    ends_at: int


def follow(trades: Iterable[Row], windows: Iterable[Window], *, max_age_hours: int) -> dict[tuple[Window, str], Row]:
    """The figures of each window and token with a trade inside."""
    known = list(trades)
    found = {}
    for window in windows:
        inside = [t for t in known if t["wallet_address"] == window.wallet and _is_inside(t, window)]
        for token in {trade["token_address"] for trade in inside}:
            own = [_by_money(trade) for trade in inside if trade["token_address"] == token]
            found[window, token] = _figures(own, _mark(known, token, window.ends_at, max_age_hours))
    return found


def _is_inside(trade: Row, window: Window) -> bool:
    inside: bool = window.starts_at < trade["block_time"] <= window.ends_at
    return inside


def _by_money(trade: Row) -> Row:
    """A trade that is not trusted has no value; a sale without a value is a sale for 0."""
    value = trade["value_usd"] if fifo.is_trusted(trade) else None
    if value is None and trade["side"] == "SELL":
        value = usd(Fraction(0))
    return trade | {"value_usd": value}


def _mark(trades: Iterable[Row], token: str, at: int, max_age_hours: int) -> Fraction | None:
    """Dollars a base unit."""
    believed = [
        trade
        for trade in trades
        if trade["token_address"] == token
        and fifo.is_trusted(trade)
        and trade["price_check"] in _BELIEVED
        and trade["value_usd"] is not None
        and at - max_age_hours * HOUR <= trade["block_time"] <= at
    ]
    if not believed:
        return None
    last = max(believed, key=fifo.order)
    return Fraction(last["value_usd"]) / last["quantity_raw"]


def _figures(trades: list[Row], mark: Fraction | None) -> Row:
    sales, lots = fifo.match(trades)
    bought = [Fraction(trade["value_usd"] or 0) for trade in trades if trade["side"] == "BUY"]
    results = [fraction(sale["realized_pnl_usd"]) for sale in sales]
    realized = [result for result in results if result is not None]
    skipped = [Fraction(sale["proceeds_usd"]) - (fraction(sale["matched_proceeds_usd"]) or 0) for sale in sales]
    left = [lot for lot in lots if lot["cost_known"]]
    cost = sum((Fraction(lot["remaining_cost_usd"]) for lot in left), Fraction(0))
    units = sum(lot["remaining_raw"] for lot in left)
    value = Fraction(usd(units * mark)) if mark is not None else Fraction(0)
    figures = {
        "invested_usd": sum(bought, Fraction(0)),
        "realized_usd": sum(realized, Fraction(0)),
        "skipped_proceeds_usd": sum(skipped, Fraction(0)),
        "open_cost_usd": cost,
        "open_value_usd": value,
        "unmarked_cost_usd": cost if mark is None else Fraction(0),
        "follow_pnl_usd": sum(realized, Fraction(0)) + value - cost,
    }
    counts = {
        "trade_count": len(trades),
        "sales": len(realized),
        "winning_sales": len([result for result in realized if result > 0]),
    }
    return figures | counts


def add_up(parts: Iterable[Mapping[str, Fraction | int]]) -> Row:
    """The figures of several tokens in one."""
    rows = list(parts)
    return {name: sum(row[name] for row in rows) for name in rows[0]}
