"""What following a wallet since it was found would have brought, token by token, down to its trades.

A follower starts without lots, so the trades since then have an axis of their own (`positions`). The pieces are those
of the kernel's queue, the figures those of `kernel/following`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from smart_trader.domain.evidence.figures import (
    RAW_UNIT,
    USD_UNIT,
    UTC_UNIT,
    Block,
    Figure,
    Row,
    microseconds,
    moment,
    scaled,
    to_integer,
)
from smart_trader.domain.evidence.positions import in_total_order, on_axis
from smart_trader.domain.kernel.fifo import Lot, Piece, Position, Sale
from smart_trader.domain.kernel.following import Followed, LastTrade, follow_token
from smart_trader.domain.kernel.trades import BUY
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES

SINCE_DISCOVERY = {
    "since_discovery_invested": "sum(followed.invested_usd) if known(discovered_at) else None",
    "since_discovery_pnl": "sum(followed.follow_pnl_usd) if known(discovered_at) else None",
    "since_discovery_return": "100 * since_discovery_pnl / since_discovery_invested",
    "since_discovery_sales": "sum(followed.sales) if known(discovered_at) else None",
    "since_discovery_winning_sales": "sum(followed.winning_sales) if known(discovered_at) else None",
}
"""The formulas of the figures since discovery, above the blocks of `followed_blocks`."""
Links = dict[str, tuple[str, str]]
_REST = "round_half_down(buy.value_usd * {} / buy.quantity_raw)"


def followed_blocks(
    trades: Sequence[Row], last_trades: Mapping[str, LastTrade], *, since: datetime, until: datetime
) -> list[Block]:
    """A block for each token that the wallet traded after `since` and not after `until`.

    `trades` are all of the wallet, `last_trades` mark what is open at `until`, by token.
    """
    inside = [trade for trade in in_total_order(trades) if since < trade["block_time"] <= until]
    inside.sort(key=itemgetter("token_address"))
    of_tokens = groupby(inside, key=itemgetter("token_address"))
    return [_token(token, list(own), last_trades.get(token)) for token, own in of_tokens]


def _token(token: str, trades: Sequence[Row], mark: LastTrade | None) -> Block:
    events = [(trade["side"] == BUY, int(trade["quantity_raw"]), _money(trade)) for trade in trades]
    blocks, left, taken = _walk(trades)
    figures = _figures(follow_token(events, mark), mark, left, taken)
    return Block("followed", token, figures, [*blocks, *map(_lot, left)])


def _money(trade: Row) -> int | None:
    """Nano-dollars, as far as money shows them."""
    return to_integer(trade["value_usd"], 9) if trade["value_source"] in TRUSTED_SOURCES else None


def _figures(followed: Followed, mark: LastTrade | None, left: Sequence[Lot], taken: int) -> list[Figure]:
    of_mark = "of the last trade of anybody that marks it; unknown: worth nothing to a follower"
    worth = "known_left_raw * mark_value_usd / mark_quantity_raw if known(mark_quantity_raw) else 0"
    pnl = "realized_usd + left_worth_usd - left_cost_usd"
    known = sum(lot.left for lot in left if lot.cost is not None)
    return [
        Figure("invested_usd", scaled(followed.invested, 9), "sum(followed_buy.value_usd)", USD_UNIT),
        Figure("realized_usd", scaled(followed.realized, 9), "sum(followed_sale.realized_usd)", USD_UNIT),
        Figure("sales", followed.sales, "count(followed_sale, known(followed_sale.realized_usd))"),
        Figure("winning_sales", followed.winning_sales, "count(followed_sale, followed_sale.realized_usd > 0)"),
        Figure("taken_raw", taken, "sum(followed_piece.units)", RAW_UNIT),
        Figure("left_cost_usd", scaled(followed.open_cost, 9), "sum(followed_lot.left_cost_usd)", USD_UNIT),
        Figure("known_left_raw", known, "sum(followed_lot.left_raw, followed_lot.is_cost_known)", RAW_UNIT),
        Figure("mark_value_usd", scaled(mark.value, 9) if mark else None, "", USD_UNIT, of_mark),
        Figure("mark_quantity_raw", mark.quantity if mark else None, "", RAW_UNIT, "of that trade"),
        Figure("left_worth_usd", scaled(followed.open_value, 9), worth, USD_UNIT),
        Figure("follow_pnl_usd", scaled(followed.pnl, 9), pnl, USD_UNIT),
    ]


def _walk(trades: Sequence[Row]) -> tuple[list[Block], Sequence[Lot], int]:
    """The purchases and sales of a token, the lots that are left, and how many units were taken."""
    position, buys, sales, starts = Position(), list[Block](), list[Block](), dict[str, int]()
    bought = taken = 0
    last_buy = last_sale = ""
    for trade in trades:
        name, quantity, value = trade["trade_id"], int(trade["quantity_raw"]), _money(trade)
        links = {"trade": ("trade", name)}
        if trade["side"] == BUY:
            position.buy(Lot(name, microseconds(trade["block_time"]), quantity, value, is_trusted=True))
            links |= {"previous": ("followed_buy", last_buy)} if last_buy else {}
            buys.append(Block("followed_buy", name, _buy(trade, value, bought, links), links=links))
            starts[name], bought, last_buy = bought, bought + quantity, name
            continue
        pieces: list[Piece] = []
        sale = position.sell(quantity, value or 0, 0, pieces)
        links |= {"previous": ("followed_sale", last_sale)} if last_sale else {}
        links |= {"last_buy": ("followed_buy", last_buy)} if last_buy else {}
        end = min(taken + quantity, bought)
        figures = [*_sale(trade, value or 0, sale), *_taken(taken, end, bought, links)]
        sales.append(Block("followed_sale", name, figures, _pieces(pieces, taken, starts), links))
        taken, last_sale = end, name
    return [*buys, *sales], list(position.lots), taken


def _buy(trade: Row, value: int | None, start: int, links: Links) -> list[Figure]:
    quantity = int(trade["quantity_raw"])
    return [
        Figure("block_time", trade["block_time"], "trade.block_time", UTC_UNIT),
        Figure("quantity_raw", quantity, "trade.quantity_raw", RAW_UNIT),
        Figure("value_usd", scaled(value, 9), "trade.value_usd if trade.is_trusted else None", USD_UNIT),
        *on_axis("bought", start, start + quantity, "previous" if "previous" in links else None),
    ]


def _sale(trade: Row, proceeds: int, sale: Sale) -> list[Figure]:
    worth = "or_zero(trade.value_usd) if trade.is_trusted else 0"
    matched = "proceeds_usd * matched_raw / quantity_raw if matched_raw > 0 else None"
    cost = "sum(followed_piece.cost_usd) if matched_raw > 0 else None"
    return [
        Figure("block_time", trade["block_time"], "trade.block_time", UTC_UNIT),
        Figure("quantity_raw", int(trade["quantity_raw"]), "trade.quantity_raw", RAW_UNIT),
        Figure("proceeds_usd", scaled(proceeds, 9), worth, USD_UNIT, "without a value it is a sale for 0"),
        Figure("matched_raw", sale.matched, "sum(followed_piece.units, followed_piece.is_cost_known)", RAW_UNIT),
        Figure("matched_proceeds_usd", scaled(sale.matched_proceeds, 9), matched, USD_UNIT),
        Figure("cost_usd", scaled(sale.cost, 9), cost, USD_UNIT),
        Figure("realized_usd", scaled(sale.realized, 9), "matched_proceeds_usd - cost_usd", USD_UNIT),
    ]


def _taken(start: int, end: int, bought: int, links: Links) -> list[Figure]:
    return [
        Figure("bought_before", bought, "last_buy.bought_to" if "last_buy" in links else "0", RAW_UNIT),
        Figure("taken_from", start, "previous.taken_to" if "previous" in links else "0", RAW_UNIT),
        Figure("taken_to", end, "min(taken_from + quantity_raw, bought_before)", RAW_UNIT),
    ]


def _pieces(pieces: Sequence[Piece], start: int, starts: Mapping[str, int]) -> list[Block]:
    """What a sale took out of each lot. The rest was bought before, and is not followed."""
    from_rest, to_rest = (_REST.format(f"(buy.bought_to - {unit})") for unit in ("from_unit", "to_unit"))
    blocks = []
    for lot, units, cost in pieces:
        paid = None if lot.cost is None else scaled(cost, 9)
        figures = [
            Figure("units", units, "to_unit - from_unit", RAW_UNIT),
            Figure("cost_usd", paid, f"{from_rest} - {to_rest}", USD_UNIT),
            Figure("is_cost_known", lot.cost is not None, "known(buy.value_usd)"),
            Figure("from_unit", start, "max(taken_from, buy.bought_from)", RAW_UNIT),
            Figure("to_unit", start + units, "min(taken_to, buy.bought_to)", RAW_UNIT),
        ]
        blocks.append(Block("followed_piece", lot.name, figures, links={"buy": ("followed_buy", lot.name)}))
        start += units
    return blocks


def _lot(lot: Lot) -> Block:
    cost = None if lot.cost is None else scaled(lot.left_cost, 9)
    figures = [
        Figure("block_time", moment(lot.bought_at), "buy.block_time", UTC_UNIT),
        Figure("left_raw", lot.left, "buy.bought_to - max(taken_raw, buy.bought_from)", RAW_UNIT),
        Figure("left_cost_usd", cost, _REST.format("left_raw"), USD_UNIT),
        Figure("is_cost_known", lot.cost is not None, "known(buy.value_usd)"),
    ]
    return Block("followed_lot", lot.name, figures, links={"buy": ("followed_buy", lot.name)})
