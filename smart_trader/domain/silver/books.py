"""silver.trades to silver.realized_sales, silver.open_lots, silver.wallet_pnl and the class of each wallet.

One pass: the trades of a wallet come token by token in their total order, and a queue of lots is all that is kept.
Why so: docs/decisions/pnl-engine.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
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
from smart_trader.domain.table import BOOLEAN, COUNT, STRING

ALL_TOKENS = "ALL_TOKENS"

FACTS = T.StructType(
    [
        T.StructField("history_complete", BOOLEAN, False),
        T.StructField("transactions", COUNT, False),
        T.StructField("arbitrage_tx_count", COUNT, False),
        T.StructField("rejected_rows", COUNT, False),
        T.StructField("label_class", STRING, True),
        T.StructField("label_reason", STRING, True),
    ]
)
"""What is known of a wallet beside its trades; a label is a class known from outside (a pool, a listed exchange)."""
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

_TRADE = (
    "wallet_address",
    "token_address",
    "block_time",
    "block_number",
    "side",
    "trade_id",
    "quantity_raw",
    "value_usd",
    "decimals",
)
_ROWS_PER_BATCH = 10_000
_USD_FIGURES = tuple(i for i, column in enumerate(wallet_pnl.FIGURES) if column.type.typeName() == "decimal")


@dataclass(frozen=True, slots=True)
class BookRules:
    """All that the figures depend on beside the trades. `now` is the business time in microseconds."""

    now: int
    quotes: Mapping[str, Quote]
    """By mint, from the newest snapshots."""
    marks: MarkRules
    classes: ClassRules


def keep_books(trades: DataFrame, facts: DataFrame, rules: BookRules) -> DataFrame:
    """All trades of the wallets in `facts` (wallet_address, facts STRUCT) to the streams `sale`, `lot`, `pnl`, `class`.

    A wallet without trades gets its `ALL_TOKENS` row; trades of a wallet that is not in `facts` are an error.
    """
    facts_type = FACTS.simpleString()
    lines = trades.select(*_TRADE, F.lit(None).cast(facts_type).alias("facts")).unionByName(
        facts.select("wallet_address", F.col("facts").cast(facts_type)),
        allowMissingColumns=True,
    )
    in_order = (
        F.asc_nulls_first("token_address"),
        "block_time",
        F.asc_nulls_first("block_number"),
        "side",
        "trade_id",
    )
    return (
        lines.repartition("wallet_address")
        .sortWithinPartitions("wallet_address", *in_order)
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
    trades: int = 0


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
    def __init__(self, rules: BookRules) -> None:
        self._rules = rules
        self.out: dict[str, list[Sequence[Any]]] = {
            "sale": [],
            "lot": [],
            "pnl": [],
            "class": [],
        }

    def trade(self, wallet: _Wallet, token: _Token, line: tuple[Any, ...]) -> None:
        _, mint, time, block, side, trade_id, quantity, value, decimals = line
        wallet.trades += 1
        wallet.active_days.add(time // MICROSECONDS_PER_DAY)
        token.decimals = decimals
        if side == BUY:
            token.bought += quantity
            token.position.buy(Lot(trade_id, time, block, quantity, value))
            token.tally.add_buy(value, time)
            return
        sale = token.position.sell(quantity, value, time)
        token.tally.add_sale(sale, value, time)
        if sale.acquired_at is not None and value is not None:
            wallet.holding_times.append(time - sale.acquired_at)
        self.out["sale"].append(
            (
                trade_id,
                wallet.address,
                mint,
                time,
                block,
                quantity,
                *_sale_row(sale, value),
            )
        )

    def end_token(self, wallet: _Wallet, token: _Token) -> None:
        lots = token.position.lots
        result = judge_token(
            token.tally,
            lots,
            token.bought,
            token.decimals,
            self._rules.quotes.get(token.mint),
            self._rules.now,
            self._rules.marks,
        )
        wallet.portfolio.results.append(result)
        self._pnl(wallet, token.mint, token_figures(result, wallet.facts))
        self.out["lot"] += [
            (
                lot.trade_id,
                wallet.address,
                token.mint,
                lot.bought_at,
                lot.block_number,
                lot.bought,
                lot.left,
                lot.cost is not None,
                None if lot.cost is None else lot.left_cost,
            )
            for lot in lots
        ]

    def end_wallet(self, wallet: _Wallet) -> None:
        self._pnl(wallet, ALL_TOKENS, wallet.portfolio.figures(wallet.facts))
        activity = Activity(
            trades=wallet.trades,
            active_days=len(wallet.active_days),
            holding_times=wallet.holding_times,
            transactions=wallet.transactions,
            arbitrage=wallet.facts.arbitrage_tx_count,
        )
        verdict = classify(activity, self._rules.classes, label=wallet.label)
        self.out["class"].append((wallet.address, *verdict))

    def batches(self, at_least: int) -> Iterator[pa.RecordBatch]:
        for name, rows in self.out.items():
            if len(rows) >= at_least:
                yield STREAMS.batch(name, rows)
                rows.clear()

    def _pnl(self, wallet: _Wallet, token: str, figures: Figures) -> None:
        values = list(astuple(figures))
        for i in _USD_FIGURES:
            values[i] = _fit(values[i])
        self.out["pnl"].append((wallet.address, token, *values, self._rules.now, False, None))


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
    wallet: _Wallet | None = None
    token: _Token | None = None
    for batch in batches:
        for *line, facts in zip(*lists(batch, (*_TRADE, "facts")), strict=True):
            mint = line[1]
            if token is not None and (facts or mint != token.mint):
                assert wallet is not None
                books.end_token(wallet, token)
                token = None
            if facts:
                if wallet is not None:
                    books.end_wallet(wallet)
                wallet = _open_wallet(line[0], facts)
                continue
            assert wallet is not None and wallet.address == line[0], "trades of a wallet without facts"
            if token is None:
                token = _Token(mint)
            books.trade(wallet, token, tuple(line))
        yield from books.batches(_ROWS_PER_BATCH)
    if wallet is not None:
        if token is not None:
            books.end_token(wallet, token)
        books.end_wallet(wallet)
    yield from books.batches(1)


def _open_wallet(address: str, facts: dict[str, Any]) -> _Wallet:
    label = (facts["label_class"], facts["label_reason"]) if facts["label_class"] else None
    known = Facts(facts["history_complete"], facts["arbitrage_tx_count"], facts["rejected_rows"])
    return _Wallet(address, known, facts["transactions"], label)
