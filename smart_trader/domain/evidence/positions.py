"""The trades of a wallet in one token: which lots each sale consumed, and what is left.

All units ever bought lie on one axis, purchase after purchase. A purchase owns a stretch of it, and a sale takes the
next stretch, as far as anything had been bought (docs/pnl.md). The pieces are those of the kernel's own queue.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

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
    stored,
    to_integer,
)
from smart_trader.domain.evidence.trades import Netting, trade_block
from smart_trader.domain.kernel.fifo import Lot, Piece, Position
from smart_trader.domain.kernel.trades import BUY, SELL
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES
from smart_trader.domain.silver import open_lots, realized_sales

_SALE = {
    "quantity_raw": "trade.quantity_raw",
    "matched_raw": "sum(piece.units, piece.is_cost_known)",
    "unknown_cost_raw": "sum(piece.units, not piece.is_cost_known)",
    "unmatched_raw": "quantity_raw - sum(piece.units)",
    "proceeds_usd": "trade.value_usd",
    "matched_proceeds_usd": "proceeds_usd * matched_raw / quantity_raw if matched_raw > 0 else None",
    "cost_usd": "sum(piece.cost_usd) if matched_raw > 0 else None",
    "realized_pnl_usd": "matched_proceeds_usd - cost_usd",
    "acquired_at": "floor(sum(piece.units * piece.acquired_at, piece.is_cost_known) / matched_raw)",
    "holding_hours": "hours(block_time - acquired_at)",
    "block_time": "trade.block_time",
    "block_number": "trade.block_number",
}
_SALE_NOTES = {
    "unmatched_raw": "never seen bought: their share of the proceeds is no profit",
    "unknown_cost_raw": "bought for an unknown price: their share of the proceeds is no profit",
    "acquired_at": "weighted by quantity",
}
_LOT = {
    "bought_raw": "buy.quantity_raw",
    "remaining_raw": "buy.bought_to - max(taken_raw, buy.bought_from)",
    "remaining_cost_usd": "round_half_down(buy.value_usd * remaining_raw / bought_raw)",
    "cost_known": "known(buy.value_usd)",
    "acquired_at": "buy.block_time",
    "block_number": "buy.block_number",
}


class Stored(NamedTuple):
    """What the tables hold of one wallet in one token."""

    trades: Sequence[Row]
    sales: Mapping[str, Row]
    """By trade_id."""
    lots: Mapping[str, Row]
    rows: Mapping[str, Row]
    """Rows of `bronze.transaction_history`, by event_id."""


class _Buy(NamedTuple):
    """What a purchase owns of the axis."""

    trade_id: str
    start: int
    end: int


def in_total_order(trades: Sequence[Row]) -> list[Row]:
    """By time, block, purchases first, and trade_id; a missing block first."""
    return sorted(
        trades,
        key=lambda trade: (
            trade["block_time"],
            (trade["block_number"] is not None, trade["block_number"] or 0),
            trade["side"] == SELL,
            trade["trade_id"],
        ),
    )


def position_blocks(found: Stored, by: Netting) -> list[Block]:
    """Sales, open lots and trades of a token, in their order."""
    position, sales, trades, buys = Position(), list[Block](), list[Block](), dict[str, _Buy]()
    bought = taken = 0
    last_buy = last_sale = None
    for trade in in_total_order(found.trades):
        quantity = int(trade["quantity_raw"])
        links: dict[str, tuple[str, str]] = {}
        figures: list[Figure] = []
        if trade["side"] == BUY:
            _buy(position, trade, quantity)
            links = {} if last_buy is None else {"previous_buy": ("trade", last_buy)}
            figures = on_axis("bought", bought, bought + quantity, "previous_buy" if last_buy else None)
            buys[trade["trade_id"]] = _Buy(trade["trade_id"], bought, bought + quantity)
            bought, last_buy = bought + quantity, trade["trade_id"]
        else:
            links = {} if last_sale is None else {"previous": ("sale", last_sale)}
            pieces = _sell(position, trade, quantity)
            end = min(taken + quantity, bought)
            sales.append(_sale(found, trade, _Taken(taken, end, bought, last_buy), pieces, buys, links))
            links, taken, last_sale = {}, end, trade["trade_id"]
        rows = [found.rows[event_id] for event_id in trade["event_ids"] if event_id in found.rows]
        trades.append(_with(trade_block(trade, rows, by, links), figures))
    lots = [_lot(found.lots[lot.name], lot) for lot in position.lots if lot.name in found.lots]
    return [*sales, *lots, *trades]


def _with(block: Block, figures: Sequence[Figure]) -> Block:
    return Block(block.kind, block.name, [*block.figures, *figures], block.blocks, block.links)


def on_axis(name: str, start: int, end: int, previous: str | None) -> list[Figure]:
    """The stretch of a trade, which begins where that of the trade linked as `previous` ends."""
    return [
        Figure(f"{name}_from", start, f"{previous}.{name}_to" if previous else "0", RAW_UNIT),
        Figure(f"{name}_to", end, f"{name}_from + quantity_raw", RAW_UNIT),
    ]


def _buy(position: Position, trade: Row, quantity: int) -> None:
    is_trusted, cost = trade["value_source"] in TRUSTED_SOURCES, to_integer(trade["value_usd"], 9)
    position.buy(Lot(trade["trade_id"], microseconds(trade["block_time"]), quantity, cost, is_trusted=is_trusted))


def _sell(position: Position, trade: Row, quantity: int) -> list[Piece]:
    pieces: list[Piece] = []
    position.sell(quantity, to_integer(trade["value_usd"], 9), microseconds(trade["block_time"]), pieces)
    return pieces


class _Taken(NamedTuple):
    """The stretch that a sale takes of the axis, and what had been bought before it."""

    start: int
    end: int
    bought: int
    last_buy: str | None


def _sale(
    found: Stored,
    trade: Row,
    taken: _Taken,
    pieces: Sequence[Piece],
    buys: Mapping[str, _Buy],
    links: Mapping[str, tuple[str, str]],
) -> Block:
    row = found.sales[trade["trade_id"]]
    before = "last_buy.bought_to" if taken.last_buy else "0"
    start = "previous.taken_to" if links else "0"
    figures = [
        *stored(realized_sales.TABLE, row, _SALE, _SALE_NOTES),
        Figure("bought_before", taken.bought, before, RAW_UNIT, "all units bought before the sale"),
        Figure("taken_from", taken.start, start, RAW_UNIT, "of the units bought, the first that it takes"),
        Figure("taken_to", taken.end, "min(taken_from + quantity_raw, bought_before)", RAW_UNIT),
        *_trusted(trade, row, pieces),
    ]
    last = {} if taken.last_buy is None else {"last_buy": ("trade", taken.last_buy)}
    start_at = taken.start
    blocks = []
    for piece in pieces:
        blocks.append(_piece(piece, start_at, buys[piece.lot.name]))
        start_at += piece.units
    return Block("sale", trade["trade_id"], figures, blocks, {"trade": ("trade", trade["trade_id"]), **links, **last})


def _trusted(trade: Row, row: Row, pieces: Sequence[Piece]) -> list[Figure]:
    """How the sale counts in the figures that rank."""
    is_by_money = trade["value_source"] in TRUSTED_SOURCES
    doubtful = [piece for piece in pieces if piece.lot.cost is not None and not piece.lot.is_trusted]
    is_trusted = bool(row["matched_raw"]) and is_by_money and row["proceeds_usd"] is not None and not doubtful
    result = None
    if row["cost_usd"] is not None:
        result = (row["matched_proceeds_usd"] or 0) - row["cost_usd"]
    is_counted = result is not None and (is_trusted or row["proceeds_usd"] is None or result < 0)
    return [
        Figure(
            "is_trusted",
            is_trusted,
            "matched_raw > 0 and trade.is_trusted and known(proceeds_usd)"
            " and count(piece, piece.is_cost_known and not piece.is_trusted) == 0",
            note="money shows what it brought and what all of it cost",
        ),
        Figure("result_usd", result, "or_zero(matched_proceeds_usd) - cost_usd", USD_UNIT),
        Figure(
            "is_counted",
            is_counted,
            "known(cost_usd) and (is_trusted or not known(proceeds_usd) or result_usd < 0)",
            note="whether it counts in the trusted figures: gains that no money shows do not",
        ),
    ]


def _piece(piece: Piece, start: int, buy: _Buy) -> Block:
    lot, end = piece.lot, start + piece.units
    rest = "round_half_down(buy.value_usd * (buy.bought_to - {}) / buy.quantity_raw)"
    cost = None if lot.cost is None else scaled(piece.cost, 9)
    figures = [
        Figure("units", piece.units, "to_unit - from_unit", RAW_UNIT),
        Figure("cost_usd", cost, f"{rest.format('from_unit')} - {rest.format('to_unit')}", USD_UNIT),
        Figure("acquired_at", moment(lot.bought_at), "buy.block_time", UTC_UNIT),
        Figure("is_cost_known", lot.cost is not None, "known(buy.value_usd)"),
        Figure("is_trusted", lot.is_trusted, "buy.is_trusted"),
        Figure("from_unit", start, "max(taken_from, buy.bought_from)", RAW_UNIT),
        Figure("to_unit", end, "min(taken_to, buy.bought_to)", RAW_UNIT),
    ]
    return Block("piece", buy.trade_id, figures, links={"buy": ("trade", buy.trade_id)})


def _lot(row: Row, lot: Lot) -> Block:
    formulas = dict(_LOT)
    return Block("lot", lot.name, stored(open_lots.TABLE, row, formulas), links={"buy": ("trade", lot.name)})
