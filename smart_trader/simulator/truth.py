"""The truth about a wallet, in code that is readable and not fast.

Its transactions were planned, with the trades that each amounts to. Here a queue of lots makes them sales, open lots
and sums.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from smart_trader.simulator.planned import WIDE, Trade, Transaction, rounded
from smart_trader.simulator.truth_lots import OpenLot, Sale, match_first_in_first_out

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
    trusted_pnl: Decimal
    trusted_cost_of_sold: Decimal
    trusted_sales: int
    trusted_winning_sales: int
    trusted_ratio: Decimal | None
    arbitrage_tx_count: int | None
    """Of the wallet; None on a token."""
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
        return _ratio(WIDE.subtract(self.total_sold, self.unmatched_proceeds), self.total_sold)


@dataclass(frozen=True, slots=True)
class WalletTruth:
    wallet: str
    kind: str
    total: TokenTruth
    tokens: Mapping[str, TokenTruth]
    trades: tuple[Trade, ...]
    """In the order of matching."""
    sales: tuple[Sale, ...]
    open_lots: tuple[OpenLot, ...]


def true_wallet(wallet: str, kind: str, happened: Sequence[Transaction]) -> WalletTruth:
    trades = sorted((trade for one in happened for trade in one.trades), key=_order)
    by_token: dict[str, list[Trade]] = {token: [] for token in sorted({trade.token for trade in trades})}
    for trade in trades:
        by_token[trade.token].append(trade)
    sales, lots, tokens = list[Sale](), list[OpenLot](), dict[str, TokenTruth]()
    for token, own in by_token.items():
        token_sales, token_lots = match_first_in_first_out(own)
        tokens[token] = _summed(token, own, token_sales, token_lots, None)
        sales += token_sales
        lots += token_lots
    # A transaction in which something else was traded is no arbitrage, and no plan has both.
    loops = sum(one.is_arbitrage for one in happened)
    total = _summed(ALL_TOKENS, trades, sales, lots, loops)
    return WalletTruth(wallet, kind, total, tokens, tuple(trades), tuple(sales), tuple(lots))


def _summed(
    token: str, trades: Sequence[Trade], sales: Sequence[Sale], lots: Sequence[OpenLot], loops: int | None
) -> TokenTruth:
    won = [(sale.realized_pnl, sale.cost) for sale in sales if sale.realized_pnl is not None]
    ranked = [(sale.trusted_pnl, sale.cost) for sale in sales if sale.trusted_pnl is not None]
    sold = _total(trade.value for trade in trades if trade.side == "SELL")
    proceeds = _total(sale.matched_proceeds for sale in sales)
    return TokenTruth(
        token=token,
        realized_pnl=_total(pnl for pnl, _ in won),
        cost_of_sold=_total(cost for _, cost in won),
        unmatched_proceeds=WIDE.subtract(sold, proceeds),
        total_bought=_total(trade.value for trade in trades if trade.side == "BUY"),
        total_sold=sold,
        trade_count=len(trades),
        buy_count=sum(trade.side == "BUY" for trade in trades),
        sell_count=sum(trade.side == "SELL" for trade in trades),
        matched_sales=len(won),
        winning_sales=sum(pnl > 0 for pnl, _ in won),
        trusted_pnl=_total(pnl for pnl, _ in ranked),
        trusted_cost_of_sold=_total(cost for _, cost in ranked),
        trusted_sales=len(ranked),
        trusted_winning_sales=sum(pnl > 0 for pnl, _ in ranked),
        trusted_ratio=_ratio(_total(sale.matched_proceeds for sale in sales if sale.is_trusted), proceeds),
        arbitrage_tx_count=loops,
        remaining=None if token == ALL_TOKENS else sum(lot.remaining for lot in lots),
        remaining_cost=_total(lot.remaining_cost for lot in lots),
    )


def _total(values: Iterable[Decimal | None]) -> Decimal:
    """Exact sum of the known values, with nine digits."""
    return rounded(sum((Fraction(value) for value in values if value is not None), Fraction(0)), 9)


def _percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return rounded(100 * Fraction(part) / Fraction(whole), 6) if whole else None


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return rounded(Fraction(part) / Fraction(whole), 6) if whole else None


def _order(trade: Trade) -> tuple[int, int, bool, str]:
    return (trade.time, trade.block, trade.side == "SELL", trade.trade_id)
