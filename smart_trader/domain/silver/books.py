"""silver.trades to silver.realized_sales, silver.open_lots, silver.wallet_pnl and the class of each wallet.

One pass: the trades of a wallet come token by token in their total order, and a queue of lots is all that is kept.
Why so: docs/decisions/pnl-engine.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.columns import Streams, lists
from smart_trader.domain.kernel.fifo import Lot, Position, Sale
from smart_trader.domain.kernel.money import USD_LIMIT
from smart_trader.domain.kernel.performance import (
    MICROSECONDS_PER_DAY,
    Facts,
    Figures,
    MarkRules,
    Portfolio,
    Quote,
    Tally,
    judge_token,
    token_figures,
)
from smart_trader.domain.kernel.trades import BUY
from smart_trader.domain.kernel.wallets import Activity, ClassRules, classify
from smart_trader.domain.silver import open_lots, realized_sales, wallet_pnl
from smart_trader.domain.table import STRING

ALL_TOKENS = "ALL_TOKENS"

CLASSES = T.StructType(
    [
        T.StructField("wallet_address", STRING, False),
        T.StructField("wallet_class", STRING, False),
        T.StructField("class_reason", STRING, False),
    ]
)
STREAMS = Streams(
    {
        "sale": realized_sales.TABLE.own_schema,
        "lot": open_lots.TABLE.own_schema,
        "pnl": wallet_pnl.TABLE.own_schema,
        "class": CLASSES,
    }
)

TRADE_COLUMNS = (
    "token_address",
    "block_time",
    "block_number",
    "side",
    "trade_id",
    "quantity_raw",
    "value_usd",
    "decimals",
)
_ROWS_PER_BATCH = 2_000
_USD_FIGURES = tuple(i for i, column in enumerate(wallet_pnl.FIGURES) if column.type.typeName() == "decimal")


@dataclass(frozen=True, slots=True)
class BookRules:
    """All that the figures depend on beside the trades. `now` is the business time in microseconds."""

    now: int
    quotes: Mapping[str, Quote]
    """By mint, from the newest snapshots."""
    marks: MarkRules
    classes: ClassRules


def keep_books(lines: DataFrame, rules: BookRules) -> DataFrame:
    """The lines of netting to the streams `sale`, `lot`, `pnl` and `class`.

    All lines of a wallet must be in one partition. A wallet without trades gets its `ALL_TOKENS` row.
    """
    # A wallet's facts have no token and come first.
    order = ("wallet_address", "token_address", "block_time", "block_number", "side", "trade_id")
    return (
        lines.select("wallet_address", *TRADE_COLUMNS, "facts")
        .sortWithinPartitions(*(F.asc_nulls_first(name) for name in order))
        .mapInArrow(partial(_keep_partition, rules=rules), STREAMS.schema)
    )


@dataclass(slots=True)
class _Wallet:
    """What is gathered of the wallet whose trades are passing."""

    address: str
    facts: Facts
    transactions: int
    label: tuple[str, str] | None
    portfolio: Portfolio = field(default_factory=Portfolio)
    active_days: set[int] = field(default_factory=set)
    holding_times: list[int] = field(default_factory=list)


class _Token:
    """The position and the tally of the token whose trades are passing."""

    __slots__ = ("bought", "decimals", "mint", "position", "tally")

    def __init__(self, mint: str) -> None:
        self.mint = mint
        self.decimals: int | None = None
        self.bought = 0
        self.position = Position()
        self.tally = Tally()


class _Books:
    """The books of one wallet after the other, each wallet's token by token."""

    def __init__(self, rules: BookRules) -> None:
        self._rules = rules
        self.out: dict[str, list[Sequence[Any]]] = {name: [] for name in STREAMS.schema.names}
        self._wallet: _Wallet | None = None
        self._token: _Token | None = None

    def open_wallet(self, wallet: str, facts: Mapping[str, Any]) -> None:
        self.end_wallet()
        label = (facts["label_class"], facts["label_reason"]) if facts["label_class"] else None
        known = Facts(facts["history_complete"], facts["arbitrage_tx_count"], facts["rejected_rows"])
        self._wallet = _Wallet(wallet, known, facts["transactions"], label)

    def open_token(self, mint: str) -> None:
        self._end_token()
        self._token = _Token(mint)

    def buy(
        self, trade_id: str, time: int, block: int | None, quantity: int, value: int | None, decimals: int | None
    ) -> None:
        assert self._wallet and self._token
        self._wallet.active_days.add(time // MICROSECONDS_PER_DAY)
        token = self._token
        token.decimals = decimals
        token.bought += quantity
        token.position.buy(Lot(trade_id, time, block, quantity, value))
        token.tally.add_buy(value, time)

    def sell(
        self, trade_id: str, time: int, block: int | None, quantity: int, value: int | None, decimals: int | None
    ) -> None:
        assert self._wallet and self._token
        wallet, token = self._wallet, self._token
        wallet.active_days.add(time // MICROSECONDS_PER_DAY)
        token.decimals = decimals
        sale = token.position.sell(quantity, value, time)
        token.tally.add_sale(sale, value, time)
        if sale.acquired_at is not None and value is not None:
            wallet.holding_times.append(time - sale.acquired_at)
        place = (trade_id, wallet.address, token.mint, time, block, quantity)
        self.out["sale"].append(place + _sale_row(sale, value))

    def end_wallet(self) -> None:
        self._end_token()
        wallet = self._wallet
        if wallet is None:
            return
        figures = wallet.portfolio.figures(wallet.facts)
        self._pnl(wallet, ALL_TOKENS, figures)
        activity = Activity(
            trades=figures.trade_count,
            active_days=len(wallet.active_days),
            holding_times=wallet.holding_times,
            transactions=wallet.transactions,
            arbitrage=wallet.facts.arbitrage_tx_count,
        )
        verdict = classify(activity, self._rules.classes, label=wallet.label)
        self.out["class"].append((wallet.address, *verdict))
        self._wallet = None

    def _end_token(self) -> None:
        wallet, token = self._wallet, self._token
        if wallet is None or token is None:
            return
        lots, rules = token.position.lots, self._rules
        quote = rules.quotes.get(token.mint)
        result = judge_token(token.tally, lots, token.bought, token.decimals, quote, rules.now, rules.marks)
        wallet.portfolio.results.append(result)
        self._pnl(wallet, token.mint, token_figures(result, wallet.facts))
        place = (wallet.address, token.mint)
        self.out["lot"] += [(lot.trade_id, *place, *_lot_row(lot)) for lot in lots]
        self._token = None

    def _pnl(self, wallet: _Wallet, token: str, figures: Figures) -> None:
        values: list[Any] = list(figures)
        for i in _USD_FIGURES:
            values[i] = _fit(values[i])
        self.out["pnl"].append((wallet.address, token, *values, self._rules.now, False, None))


def _lot_row(lot: Lot) -> tuple[Any, ...]:
    is_known = lot.cost is not None
    return (lot.bought_at, lot.block_number, lot.bought, lot.left, is_known, lot.left_cost if is_known else None)


def _sale_row(sale: Sale, value: int | None) -> tuple[Any, ...]:
    return (
        sale.matched,
        sale.unknown_cost,
        sale.unmatched,
        value,
        sale.matched_proceeds,
        _fit(sale.cost),
        _fit(sale.realized),
        sale.acquired_at,
        sale.holding_hours,
    )


def _fit(amount: int | None) -> int | None:
    """None for a sum of money that its column cannot hold: it cannot be told, and must not stop the others."""
    return amount if amount is None or -USD_LIMIT < amount < USD_LIMIT else None


def _keep_partition(batches: Iterator[pa.RecordBatch], rules: BookRules) -> Iterator[pa.RecordBatch]:
    books = _Books(rules)
    mint = None
    for batch in batches:
        for wallet, token, time, block, side, trade_id, quantity, value, decimals, facts in zip(
            *lists(batch, ("wallet_address", *TRADE_COLUMNS, "facts")), strict=True
        ):
            if facts:
                books.open_wallet(wallet, facts)
                mint = None
                continue
            if token != mint:
                books.open_token(token)
                mint = token
            if side == BUY:
                books.buy(trade_id, time, block, quantity, value, decimals)
            else:
                books.sell(trade_id, time, block, quantity, value, decimals)
        yield from STREAMS.batches(books.out, _ROWS_PER_BATCH)
    books.end_wallet()
    yield from STREAMS.batches(books.out, 1)
