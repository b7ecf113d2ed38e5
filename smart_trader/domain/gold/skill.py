"""silver.wallet_pnl to what a wallet's decided tokens say of its skill: how many were won, and what they returned."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import partial

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.arrow import lists
from smart_trader.domain.kernel.skill import Group, Priors, return_prior, token_return, win_prior
from smart_trader.domain.kernel.trades import Side
from smart_trader.domain.kernel.wallets import WalletClass
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.row_rules import together
from smart_trader.domain.tables.table import COUNT, RAW, STRING

_TOKEN = ("wallet_address", "token_address")
_WIDTH = 10**20
"""Sums of quantities may not fit their type; those of their digits from here on, and of those below, do."""
_FLOWS = ("bought_high", "bought_low", "out_high", "out_low")
_FIGURES = ("trusted_pnl", "trusted_cost_of_sold", "current_position_cost_basis")
_JUDGED = T.StructType(
    [T.StructField("wallet_address", STRING), T.StructField("won", COUNT), T.StructField("returned", COUNT)]
)
SUMS = ("decided_tokens", "won_tokens", "return_tokens", "return_total", "return_squares")


def sum_tokens(pnl: DataFrame, sales: DataFrame, trades: DataFrame, *, closed_ratio: Fraction) -> DataFrame:
    """One row for each wallet with a decided token, with `SUMS`: its decided tokens and those won; its tokens of known
    return, the sum of their returns (millionths of a percent), and of the squares of these.

    `pnl` is silver.wallet_pnl, `sales` and `trades` their silver tables. What is decided is closed from `closed_ratio`
    on, and dead below.
    """
    is_decided = (F.col("token_address") != ALL_TOKENS) & (F.col("winning_tokens") + F.col("losing_tokens") > 0)
    decided = pnl.where(is_decided).select(*_TOKEN, "winning_tokens", *_FIGURES)
    has_cost = F.coalesce(F.col("current_position_cost_basis") > 0, F.lit(False))
    flows = _flows(decided.where(has_cost), sales, trades)
    tokens = together(decided.where(~has_cost), decided.where(has_cost).join(flows, list(_TOKEN), "left"))
    judged = tokens.mapInArrow(partial(_judge, closed_ratio=closed_ratio), _JUDGED)
    returned = F.col("returned").cast(RAW)
    return judged.groupBy("wallet_address").agg(
        F.count("won").alias("decided_tokens"),
        F.sum("won").alias("won_tokens"),
        F.count("returned").alias("return_tokens"),
        F.coalesce(F.sum(returned), F.lit(0)).alias("return_total"),
        F.coalesce(F.sum(returned * returned), F.lit(0)).alias("return_squares"),
    )


def groups_of(sums: DataFrame, classes: DataFrame) -> DataFrame:
    """What the priors are made of (`priors_of`), a row for each number of tokens that a person has. `sums` are from
    `sum_tokens`, `classes` is silver.tracked_whales."""
    is_person = F.col("wallet_class") == WalletClass.PERSON
    persons = sums.join(classes.where(is_person).select("wallet_address").distinct(), "wallet_address", "left_semi")
    wins = _grouped(persons, "decided_tokens", F.col("won_tokens").cast(RAW), F.col("won_tokens"))
    returns = _grouped(persons, "return_tokens", F.col("return_total"), F.col("return_squares"))
    return together(
        wins.withColumn("is_of_wins", F.lit(True)), returns.where("tokens > 0").withColumn("is_of_wins", F.lit(False))
    )


def priors_of(groups: Iterable[Row]) -> Priors:
    """What is usual among persons, from the rows of `groups_of`."""
    sides: dict[bool, list[Group]] = {True: [], False: []}
    for row in groups:
        sides[row.is_of_wins].append(Group(*(int(row[name]) for name in Group._fields)))
    return Priors(win_prior(sides[True]), return_prior(sides[False]))


def _grouped(persons: DataFrame, tokens: str, total: Column, squares: Column) -> DataFrame:
    return persons.groupBy(F.col(tokens).alias("tokens")).agg(
        F.count(F.lit(1)).alias("wallets"),
        F.sum(total).cast(RAW).alias("totals"),
        F.sum(total * total).cast(RAW).alias("squared_totals"),
        F.sum(squares).cast(RAW).alias("squares"),
    )


def _flows(positions: DataFrame, sales: DataFrame, trades: DataFrame) -> DataFrame:
    """What was bought of these positions, and what of that went out again."""
    bought = trades.where(F.col("side") == Side.BUY).withColumn("bought", F.col("quantity_raw"))
    out = sales.withColumn("out", F.col("matched_raw") + F.col("unknown_cost_raw"))
    flows = together(bought.select(*_TOKEN, *_split("bought")), out.select(*_TOKEN, *_split("out")))
    of_these = flows.join(positions.select(*_TOKEN), list(_TOKEN), "left_semi")
    return of_these.groupBy(*_TOKEN).agg(*(F.sum(name).alias(name) for name in _FLOWS))


def _split(name: str) -> tuple[Column, Column]:
    return (
        F.expr(f"{name} div CAST({_WIDTH} AS DECIMAL(21,0))").cast(RAW).alias(f"{name}_high"),
        F.expr(f"{name} % CAST({_WIDTH} AS DECIMAL(21,0))").alias(f"{name}_low"),
    )


def _judge(batches: Iterator[pa.RecordBatch], closed_ratio: Fraction) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        returns = [
            token_return(pnl, cost, 0 if not left or _is_closed(flows, closed_ratio) else left)
            for pnl, cost, left, *flows in zip(*lists(batch, (*_FIGURES, *_FLOWS)), strict=True)
        ]
        columns = [batch.column("wallet_address"), batch.column("winning_tokens"), pa.array(returns, pa.int64())]
        yield pa.RecordBatch.from_arrays(columns, names=_JUDGED.names)


def _is_closed(flows: Iterable[int | None], closed_ratio: Fraction) -> bool:
    bought_high, bought_low, out_high, out_low = (part or 0 for part in flows)
    bought, out = _WIDTH * bought_high + bought_low, _WIDTH * out_high + out_low
    return out * closed_ratio.denominator >= closed_ratio.numerator * bought
