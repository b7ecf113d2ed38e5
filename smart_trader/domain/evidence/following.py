"""Following many wallets, each over times of its own: `kernel/following.py` over `silver.trades`."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from operator import attrgetter

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.arrow import arrow_type, build_column, fitting, lists, run_starts
from smart_trader.domain.kernel.following import Followed, LastTrade, MarkLimits, follow_return, follow_token
from smart_trader.domain.kernel.trades import Side
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES, PriceCheck
from smart_trader.domain.tables.table import COUNT, PERCENT, STRING, TIMESTAMP, USD

WINDOW = ("wallet_address", "starts_at", "ends_at")
"""Whom to follow, and from when (not included) to when (included)."""
_POSITION = (*WINDOW, "token_address")
_FIGURES: tuple[tuple[str, T.DataType, Callable[[Followed], int]], ...] = (
    ("trade_count", COUNT, attrgetter("trades")),
    ("invested_usd", USD, attrgetter("invested")),
    ("realized_usd", USD, attrgetter("realized")),
    ("sales", COUNT, attrgetter("sales")),
    ("winning_sales", COUNT, attrgetter("winning_sales")),
    ("skipped_proceeds_usd", USD, attrgetter("skipped_proceeds")),
    ("open_cost_usd", USD, attrgetter("open_cost")),
    ("open_value_usd", USD, attrgetter("open_value")),
    ("unmarked_cost_usd", USD, attrgetter("unmarked_cost")),
    ("follow_pnl_usd", USD, attrgetter("pnl")),
)
FIGURES = tuple(name for name, _, _ in _FIGURES)
"""What adds up over the tokens of a wallet."""
_KEY = [T.StructField("wallet_address", STRING), *(T.StructField(name, TIMESTAMP) for name in WINDOW[1:])]
_SUMS = [T.StructField(name, kind) for name, kind, _ in _FIGURES]
FOLLOWED = T.StructType([*_KEY, T.StructField("token_address", STRING), *_SUMS])
ADDED_UP = T.StructType([*_KEY, *_SUMS, T.StructField("follow_return", PERCENT)])
_ORDER = ("block_time", "block_number", "is_sale", "trade_id")
_TRADE = ("is_sale", "quantity_raw", "value_usd", "last_value", "last_quantity")
_BELIEVED = (PriceCheck.OK, PriceCheck.ONE_SIDED)


def follow_tokens(trades: DataFrame, windows: DataFrame, limits: MarkLimits) -> DataFrame:
    """The rows of `FOLLOWED`: one for each window, wallet and token with a trade inside.

    `trades` is silver.trades; `windows` has the columns of `WINDOW`, each row once. A figure that does not fit its
    column is null.
    """
    asked = windows.select(*WINDOW)
    followed = trades.select(
        "wallet_address",
        "token_address",
        *("block_time", "block_number", "trade_id", "quantity_raw"),
        (F.col("side") == Side.SELL).alias("is_sale"),
        F.when(_is_trusted(), F.col("value_usd")).alias("value_usd"),
    )
    inside = (F.col("block_time") > F.col("starts_at")) & (F.col("block_time") <= F.col("ends_at"))
    marks = last_trades(trades, asked.select("ends_at"), limits)
    return (
        asked.join(followed, "wallet_address")
        .where(inside)
        .join(marks, ["token_address", "ends_at"], "left")
        .repartition("wallet_address")
        .sortWithinPartitions(*(F.asc_nulls_first(name) for name in (*_POSITION, *_ORDER)))
        .select(*_POSITION, *_TRADE)
        .mapInArrow(_follow_partition, FOLLOWED)
    )


def last_trades(trades: DataFrame, ends: DataFrame, limits: MarkLimits) -> DataFrame:
    """`last_value` and `last_quantity` of each token at each `ends_at`: of the newest trade of anybody by money and at
    a price that can be believed, within the `limits`. The ends are few."""
    oldest = F.col("ends_at") - F.lit(limits.max_age)
    days = ends.distinct().withColumn("_day", F.explode(F.sequence(F.to_date(oldest), F.to_date("ends_at"))))
    is_believed = _is_trusted() & F.col("price_check").isin(*_BELIEVED) & (F.col("value_usd") >= limits.min_value)
    order = F.struct("block_time", "block_number", (F.col("side") == Side.SELL).alias("is_sale"), "trade_id")
    last = F.struct(F.col("value_usd").alias("last_value"), F.col("quantity_raw").alias("last_quantity"))
    return (
        trades.where(is_believed)
        .withColumn("_day", F.to_date("block_time"))
        .join(F.broadcast(days), "_day")
        .where((F.col("block_time") <= F.col("ends_at")) & (F.col("block_time") >= oldest))
        .groupBy("token_address", "ends_at")
        .agg(F.max_by(last, order).alias("_last"))
        .select("token_address", "ends_at", "_last.*")
    )


def add_up_tokens(followed: DataFrame) -> DataFrame:
    """The rows of `ADDED_UP`: one for each window with a trade inside. A sum is null if a part of it is unknown."""
    sums = followed.groupBy(*WINDOW).agg(*(_sum(name, kind).alias(name) for name, kind, _ in _FIGURES))
    return sums.mapInArrow(_add_returns, ADDED_UP)


def _is_trusted() -> Column:
    return F.col("value_source").isin(*TRUSTED_SOURCES)


def _sum(name: str, kind: T.DataType) -> Column:
    is_known = F.count_if(F.col(name).isNull()) == 0
    return F.when(is_known, F.sum(name).try_cast(kind))


def _follow_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for rows in _whole_positions(batches):
        starts = _starts(rows)
        is_sale, quantities, values, last_values, last_quantities = lists(rows, _TRADE)
        trades = [(not sale, q, v) for sale, q, v in zip(is_sale, quantities, values, strict=True)]
        followed = [
            follow_token(trades[start:end], _last_trade(last_values[start], last_quantities[start]))
            for start, end in pairwise([*starts, len(trades)])
        ]
        keys = [rows.column(name).take(pa.array(starts, pa.int64())) for name in _POSITION]
        yield _batch([*keys, *_columns(followed)], FOLLOWED)


def _whole_positions(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows as they come, parted only where a position begins."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        cut = _starts(batch)[-1]
        is_new = bool(waiting) and any(waiting[-1].column(name)[-1] != batch.column(name)[0] for name in _POSITION)
        if cut or is_new:
            yield pa.concat_batches([*waiting, batch[:cut]])
            waiting.clear()
        waiting.append(batch[cut:])
    if waiting:
        yield pa.concat_batches(waiting)


def _starts(rows: pa.RecordBatch) -> list[int]:
    return run_starts(*(rows.column(name) for name in _POSITION))


def _last_trade(value: int | None, quantity: int | None) -> LastTrade | None:
    return None if value is None or quantity is None else LastTrade(value, quantity)


def _columns(followed: list[Followed]) -> Iterator[pa.Array]:
    for (_, _, figure), kind in zip(_FIGURES, arrow_type(T.StructType(_SUMS)), strict=True):
        yield build_column(fitting([figure(one) for one in followed], kind.type), kind.type)


def _add_returns(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        sums = zip(*lists(batch, ("follow_pnl_usd", "invested_usd")), strict=True)
        returns = [None if pnl is None or not invested else follow_return(pnl, invested) for pnl, invested in sums]
        kind = arrow_type(ADDED_UP).field("follow_return").type
        yield _batch([*batch.columns, build_column(fitting(returns, kind), kind)], ADDED_UP)


def _batch(columns: list[pa.Array], schema: T.StructType) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(list(arrow_type(schema))))
