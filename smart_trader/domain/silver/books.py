"""silver.trades to silver.realized_sales, silver.open_lots, silver.wallet_pnl and the class of each wallet.

One pass: the trades of a wallet come token by token in their total order, and a queue of lots is all that is kept.
Why so: docs/decisions/pnl-engine.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.columns import Batches, answering, arrow_type, build_column, nullable, starts, to_list
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

_MATCHED = (
    *("matched_raw", "unknown_cost_raw", "unmatched_raw", "matched_proceeds_usd", "cost_usd", "realized_pnl_usd"),
    *("acquired_at", "holding_hours"),
)
"""In the order of `Sale`."""
_LEFT = ("remaining_raw", "remaining_cost_usd")
_PNL = ("token_address", *(column.name for column in wallet_pnl.FIGURES))
_BOOK = T.StructType(
    [
        T.StructField("pnl", T.ArrayType(nullable(wallet_pnl.TABLE.fields(_PNL)), False)),
        T.StructField("wallet_class", STRING),
        T.StructField("class_reason", STRING),
    ]
)
BOOKED = T.StructType(
    [
        T.StructField("sale", nullable(realized_sales.TABLE.fields(_MATCHED))),
        T.StructField("lot", nullable(open_lots.TABLE.fields(_LEFT))),
        T.StructField("book", _BOOK),
    ]
)
"""What the books say of a trade: how it was matched if it is a sale, what is left of it if that is a lot; at the last
trade of a token also the figures of the token, at the last one of a wallet those of the wallet and its class."""

TRADE_COLUMNS = (
    *("token_address", "block_time", "block_number", "side", "trade_id", "quantity_raw", "value_usd", "decimals"),
)
_TRADE = ("wallet_address", "token_address", "trade_id", "block_time", "block_number", "quantity_raw", "value_usd")
_ROWS_PER_BATCH = 5_000
_BOOKED = arrow_type(BOOKED)
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
    """The lines of netting to trades with their `sale`, `lot` or `book`, as far as they have any.

    All lines of a wallet must be in one partition. A wallet without trades gets its `ALL_TOKENS` row.
    """
    # A wallet's facts have no token and come first: that is how its end and the next one's beginning are seen.
    order = ("wallet_address", "token_address", "block_time", "block_number", "side", "trade_id")
    is_buy = F.col("side") == BUY
    said = answering(partial(_keep_partition, rules=rules), BOOKED)(
        *("token_address", "block_time", is_buy, "quantity_raw", "value_usd", "decimals", "facts")
    )
    book = F.when(F.col("said.book").isNotNull(), F.struct("wallet_address", "said.book.*"))
    return (
        lines.select("wallet_address", *TRADE_COLUMNS, "facts")
        .sortWithinPartitions(*(F.asc_nulls_first(name) for name in order))
        .select(*_TRADE, said.alias("said"))
        # Structs travel as they are: columns would be taken apart at every step, and looked at to be compressed.
        .select(F.struct(*_TRADE).alias("trade"), "said.sale", "said.lot", book.alias("book"))
        .where("sale IS NOT NULL OR lot IS NOT NULL OR book IS NOT NULL")
    )


def sales_in(booked: DataFrame) -> DataFrame:
    """The rows of `silver.realized_sales`."""
    sales = booked.where("sale IS NOT NULL").select("trade.*", "sale.*")
    return sales.withColumnRenamed("value_usd", "proceeds_usd")


def lots_in(booked: DataFrame) -> DataFrame:
    """The rows of `silver.open_lots`."""
    derived = {
        "acquired_at": F.col("block_time"),
        "bought_raw": F.col("quantity_raw"),
        "cost_known": F.col("value_usd").isNotNull(),
    }
    lots = booked.where("lot IS NOT NULL").select("trade.*", "lot.*").withColumns(derived)
    return lots.select(*open_lots.TABLE.column_names)


def pnl_in(booked: DataFrame, rules: BookRules) -> DataFrame:
    """The rows of `silver.wallet_pnl`."""
    state = {
        "computed_at": F.timestamp_micros(F.lit(rules.now)),
        "moved_to_gold": F.lit(False),
        "gold_processed_at": F.lit(None).cast("timestamp"),
    }
    return booked.where("book IS NOT NULL").select("book.wallet_address", F.inline("book.pnl")).withColumns(state)


def classes_in(booked: DataFrame) -> DataFrame:
    """The class of each wallet, and why."""
    return booked.where("book.wallet_class IS NOT NULL").select(
        "book.wallet_address", "book.wallet_class", "book.class_reason"
    )


@dataclass(slots=True)
class _Wallet:
    """What is gathered of the wallet whose trades are passing."""

    facts: Facts
    transactions: int
    label: tuple[str, str] | None
    portfolio: Portfolio = field(default_factory=Portfolio)
    active_days: set[int] = field(default_factory=set)
    holding_times: list[int] = field(default_factory=list)


class _Token:
    """The position and the tally of the token whose trades are passing, and what is said of each of them."""

    __slots__ = ("bought", "decimals", "mint", "position", "sales", "tally")

    def __init__(self, mint: str) -> None:
        self.mint = mint
        self.decimals: int | None = None
        self.bought = 0
        self.position = Position()
        self.tally = Tally()
        self.sales: list[Sale | None] = []


class _Books:
    """The books of one wallet after the other, each wallet's token by token."""

    def __init__(self, rules: BookRules) -> None:
        self._rules = rules
        self._wallet: _Wallet | None = None
        self._token: _Token | None = None
        # What is said, row by row, as far as it is known: not of the token whose trades are passing.
        self._sales: list[Sale | None] = []
        self._lots: list[tuple[int, int | None] | None] = []
        self._books: list[tuple[Any, ...] | None] = []

    def read(self, batch: tuple[pa.Array, ...]) -> None:
        tokens, times, is_buy, quantities, values, decimals, facts = batch
        trades = list(zip(*map(to_list, (is_buy, quantities, values, times)), strict=True))
        places, is_facts = to_list(decimals), to_list(facts.is_valid())
        for start, end in pairwise([*starts(tokens), len(trades)]):
            if is_facts[start]:
                self.end_wallet()
                self._open_wallet(facts[start].as_py())
                continue
            mint = tokens[start].as_py()
            if self._token is None or mint != self._token.mint:
                self._end_token()
                self._token = _Token(mint)
            self._token.decimals = places[end - 1]
            self._match(self._token, trades[start:end])

    def end_wallet(self) -> None:
        self._end_token()
        wallet = self._wallet
        if wallet is None:
            return
        figures = wallet.portfolio.figures(wallet.facts)
        activity = Activity(
            trades=figures.trade_count,
            active_days=len(wallet.active_days),
            holding_times=wallet.holding_times,
            transactions=wallet.transactions,
            arbitrage=wallet.facts.arbitrage_tx_count,
        )
        verdict = classify(activity, self._rules.classes, label=wallet.label)
        of_token = self._books[-1][0] if self._books[-1] else ()
        self._books[-1] = ((*of_token, _pnl_row(ALL_TOKENS, figures)), *verdict)
        self._wallet = None

    def take(self, keep: int) -> Iterator[pa.Array]:
        """What is said of all rows but the last `keep`, of which there may be more to say."""
        said: tuple[list[Any], ...] = (self._sales, self._lots, self._books)
        count = len(self._sales) - keep
        for start in range(0, count, _ROWS_PER_BATCH):
            part = slice(start, min(start + _ROWS_PER_BATCH, count))
            arrays = [build_column(values[part], field.type) for values, field in zip(said, _BOOKED, strict=True)]
            yield pa.StructArray.from_arrays(arrays, fields=list(_BOOKED))
        for values in said:
            del values[:count]

    def _open_wallet(self, facts: Mapping[str, Any]) -> None:
        label = (facts["label_class"], facts["label_reason"]) if facts["label_class"] else None
        known = Facts(facts["history_complete"], facts["arbitrage_tx_count"], facts["rejected_rows"])
        self._wallet = _Wallet(known, facts["transactions"], label)
        self._say([None], [None], None)

    def _match(self, token: _Token, trades: Iterable[tuple[bool, int, int | None, int]]) -> None:
        """Play the next trades of the token in their order."""
        assert self._wallet
        days, held = self._wallet.active_days, self._wallet.holding_times
        position, tally, sales = token.position, token.tally, token.sales
        for is_buy, quantity, value, time in trades:
            days.add(time // MICROSECONDS_PER_DAY)
            if is_buy:
                token.bought += quantity
                position.buy(Lot(len(sales), time, quantity, value))
                tally.add_buy(value, time)
                sales.append(None)
            else:
                sale = position.sell(quantity, value, time)
                tally.add_sale(sale, value, time)
                if sale.realized is not None and sale.acquired_at is not None:
                    held.append(time - sale.acquired_at)
                sales.append(sale if sale.cost is None or sale.cost < USD_LIMIT else _fitting(sale))

    def _end_token(self) -> None:
        wallet, token = self._wallet, self._token
        if wallet is None or token is None:
            return
        lots, rules = token.position.lots, self._rules
        left: list[tuple[int, int | None] | None] = [None] * len(token.sales)
        for lot in lots:
            left[lot.name] = (lot.left, None if lot.cost is None else lot.left_cost)
        quote = rules.quotes.get(token.mint)
        result = judge_token(token.tally, lots, token.bought, token.decimals, quote, rules.now, rules.marks)
        wallet.portfolio.results.append(result)
        figures = token_figures(result, wallet.facts)
        self._say(token.sales, left, ((_pnl_row(token.mint, figures),), None, None))
        self._token = None

    def _say(
        self, sales: list[Sale | None], lots: list[tuple[int, int | None] | None], at_last: tuple[Any, ...] | None
    ) -> None:
        self._sales += sales
        self._lots += lots
        self._books += [None] * (len(sales) - 1)
        self._books.append(at_last)


def _pnl_row(token: str, figures: Figures) -> tuple[Any, ...]:
    values: list[Any] = list(figures)
    for i in _USD_FIGURES:
        values[i] = _fit(values[i])
    return (token, *values)


def _fitting(sale: Sale) -> Sale:
    return sale._replace(cost=_fit(sale.cost), realized=_fit(sale.realized))


def _fit(amount: int | None) -> int | None:
    """None for a sum of money that its column cannot hold: it cannot be told, and must not stop the others."""
    return amount if amount is None or -USD_LIMIT < amount < USD_LIMIT else None


def _keep_partition(batches: Batches, rules: BookRules) -> Iterator[pa.Array]:
    books = _Books(rules)
    for batch in batches:
        books.read(batch)
        yield from books.take(keep=1)
    books.end_wallet()
    yield from books.take(keep=0)
