"""The truth about a wallet by the rules of profit and loss, in code that is readable and not fast.

rows -> fills (one per row) -> transactions -> trades (one per token) -> queue of lots -> sales, open lots, sums
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from smart_trader.simulator.truth_lots import OpenLot, Sale, match_first_in_first_out
from smart_trader.simulator.truth_trades import WIDE, Fill, Trade, left_over, name_hash, read_fill, rounded, trades_of

ALL_TOKENS = "ALL_TOKENS"
"""Name of the sums over all tokens."""


@dataclass(frozen=True, slots=True)
class TokenTruth:
    """Sums over one token, or over all of a wallet (`token` is `ALL_TOKENS`, `remaining` then None)."""

    token: str
    realized_pnl: Decimal
    cost_of_sold: Decimal
    unmatched_proceeds: Decimal
    total_bought: Decimal
    total_sold: Decimal
    trade_count: int
    buy_count: int
    sell_count: int
    matched_sales: int
    winning_sales: int
    remaining: int | None
    remaining_cost: Decimal

    @property
    def roi(self) -> Decimal | None:
        return _percent(self.realized_pnl, self.cost_of_sold)

    @property
    def win_rate(self) -> Decimal | None:
        return _percent(self.winning_sales, self.matched_sales)

    @property
    def coverage_ratio(self) -> Decimal | None:
        matched = Fraction(self.total_sold) - Fraction(self.unmatched_proceeds)
        return rounded(matched / Fraction(self.total_sold), 6) if self.total_sold else None


@dataclass(frozen=True, slots=True)
class WalletTruth:
    wallet: str
    kind: str
    total: TokenTruth
    tokens: Mapping[str, TokenTruth]
    arbitrage_tx_count: int
    rejected_rows: int
    """Rows of transactions without a trade in which a token, not only money, is left over."""
    unreadable_rows: int
    trades: tuple[Trade, ...]
    """In the order of matching."""
    sales: tuple[Sale, ...]
    open_lots: tuple[OpenLot, ...]


def true_wallet(wallet: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> WalletTruth:
    """The truth from `rows`, which are in the order in which they were served."""
    fills: dict[str, Fill] = {}
    unreadable = 0
    for row in rows:
        fill = read_fill(wallet, row)
        if fill is None:
            unreadable += 1
        else:
            fills.setdefault(fill.event_id, fill)  # keep the first one served

    by_transaction = defaultdict(list)
    for fill in fills.values():
        by_transaction[fill.tx_hash].append(fill)
    trades, arbitrages, rejected = list[Trade](), 0, 0
    for transaction in by_transaction.values():
        transaction.sort(key=Fill.index)
        left = left_over(transaction)
        if not left.tokens:
            arbitrages += 1
            continue
        found = trades_of(transaction, left)
        trades += found
        rejected += 0 if found else len(transaction)

    trades.sort(key=lambda trade: _order(wallet, trade))
    sales, lots = list[Sale](), list[OpenLot]()
    for token in sorted({trade.token for trade in trades}):
        token_sales, token_lots = match_first_in_first_out([trade for trade in trades if trade.token == token])
        sales += token_sales
        lots += token_lots
    tokens = {token: _summed(token, trades, sales, lots) for token in sorted({trade.token for trade in trades})}
    total = _summed(ALL_TOKENS, trades, sales, lots)
    return WalletTruth(
        wallet, kind, total, tokens, arbitrages, rejected, unreadable, tuple(trades), tuple(sales), tuple(lots)
    )


def _summed(token: str, trades: list[Trade], sales: list[Sale], lots: list[OpenLot]) -> TokenTruth:
    is_total = token == ALL_TOKENS
    trades = [trade for trade in trades if is_total or trade.token == token]
    sales = [sale for sale in sales if is_total or sale.trade.token == token]
    lots = [lot for lot in lots if is_total or lot.trade.token == token]
    won = [(sale.realized_pnl, sale.cost or Decimal(0)) for sale in sales if sale.realized_pnl is not None]
    sold = _total(trade.value for trade in trades if trade.side == "SELL")
    return TokenTruth(
        token=token,
        realized_pnl=_total(pnl for pnl, _ in won),
        cost_of_sold=_total(cost for _, cost in won),
        unmatched_proceeds=WIDE.subtract(sold, _total(sale.matched_proceeds for sale in sales)),
        total_bought=_total(trade.value for trade in trades if trade.side == "BUY"),
        total_sold=sold,
        trade_count=len(trades),
        buy_count=sum(trade.side == "BUY" for trade in trades),
        sell_count=sum(trade.side == "SELL" for trade in trades),
        matched_sales=len(won),
        winning_sales=sum(pnl > 0 for pnl, _ in won),
        remaining=None if is_total else sum(lot.remaining for lot in lots),
        remaining_cost=_total(lot.remaining_cost for lot in lots),
    )


def _total(values: Iterable[Decimal | None]) -> Decimal:
    """Exact sum of the known values, with nine digits."""
    return rounded(sum((Fraction(value) for value in values if value is not None), Fraction(0)), 9)


def _percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return rounded(100 * Fraction(part) / Fraction(whole), 6) if whole else None


def _order(wallet: str, trade: Trade) -> tuple[int, int, int, str]:
    block = -1 if trade.block is None else trade.block
    return (trade.time, block, 0 if trade.side == "BUY" else 1, name_hash(wallet, trade.tx_hash, trade.token))
