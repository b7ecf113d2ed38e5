"""What a report shows of a ranking: each part of bounded size, however large the lake is.

`is_detailed` is the condition that a row is of a wallet that is shown in detail.
"""

from datetime import datetime
from enum import StrEnum

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from smart_trader.domain.kernel.trades import Side
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES, ValueSource
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS


class PlaceChange(StrEnum):
    """What became of a wallet's place since the ranking before."""

    ENTERED = "entered"
    LEFT = "left"
    UP = "up"
    DOWN = "down"
    STAYED = "stayed"


class GateChange(StrEnum):
    """What became of a wallet's recommendation since the ranking before."""

    GAINED = "gained"
    LOST = "lost"


_TOKEN = ["wallet_address", "token_address"]


def groups(traders: DataFrame) -> DataFrame:
    """Wallets and their realized PnL by tier and by what kept them from being recommended; null if one is unknown."""
    all_known = F.count("realized_pnl") == F.count(F.lit(1))
    return traders.groupBy("performance_tier", "gate_failures").agg(
        F.count(F.lit(1)).alias("wallets"), F.when(all_known, F.try_sum("realized_pnl")).alias("realized_pnl")
    )


def newest_rankings(history: DataFrame, ranked: DataFrame, *, as_of: datetime) -> DataFrame:
    """The two newest rankings with anybody on them, the newest first: when they were made, and with which settings.

    They are not newer than the current one, `ranked`, or, where nobody is on that, than `as_of`.
    """
    newest = ranked.agg(F.coalesce(F.max("ranked_at"), F.lit(as_of)).alias("newest"))
    rankings = history.select("ranked_at", "settings_hash").distinct().join(F.broadcast(newest))
    return rankings.where(F.col("ranked_at") <= F.col("newest")).drop("newest").orderBy(F.desc("ranked_at")).limit(2)


def movements(history: DataFrame, ranked_at: datetime, before: datetime, *, listed: int, most: int) -> DataFrame:
    """Places now and in the ranking made at `before`, of the `listed` best and of the `most` of each kind of change.

    `kind` is a `PlaceChange`; `gate` is a `GateChange` where `recommended` changed, else null.
    `of_kind` and `of_gate` count all wallets of that change.
    """
    rank, was_rank = F.col("overall_rank"), F.col("was_overall_rank")
    kind = F.when(was_rank.isNull(), PlaceChange.ENTERED).when(rank.isNull(), PlaceChange.LEFT)
    kind = kind.when(rank < was_rank, PlaceChange.UP).when(rank > was_rank, PlaceChange.DOWN)
    is_good, was_good = (F.coalesce(F.col(name), F.lit(False)) for name in ("recommended", "was_recommended"))
    gate = F.when(is_good & ~was_good, GateChange.GAINED).when(was_good & ~is_good, GateChange.LOST)
    best_first = (F.least(rank, was_rank), F.col("wallet_address"))
    added = {
        f"{what}_{name}": value.over(window)
        for name in ("kind", "gate")
        for what, value, window in (
            ("of", F.count(F.lit(1)), Window.partitionBy(name)),
            ("place_in", F.row_number(), Window.partitionBy(name).orderBy(*best_first)),
        )
    }
    return (
        _two_rankings(history, ranked_at, before)
        .withColumns({"kind": kind.otherwise(PlaceChange.STAYED), "gate": gate})
        .withColumns(added)
        .where(
            (rank <= listed)
            | ((F.col("kind") != PlaceChange.STAYED) & (F.col("place_in_kind") <= most))
            | (F.col("gate").isNotNull() & (F.col("place_in_gate") <= most))
        )
        .drop("place_in_kind", "place_in_gate")
    )


def _two_rankings(history: DataFrame, ranked_at: datetime, before: datetime) -> DataFrame:
    """A row for each wallet of either ranking; what it was before has `was_` in front of its name."""
    names = ("wallet_address", "overall_rank", "performance_tier", "recommended", "realized_pnl")
    now = history.where(F.col("ranked_at") == F.lit(ranked_at)).select(*names)
    was = history.where(F.col("ranked_at") == F.lit(before)).select(
        "wallet_address", *(F.col(name).alias(f"was_{name}") for name in names[1:])
    )
    return now.join(was, "wallet_address", "full_outer")


def best_tokens(pnl: DataFrame, trades: DataFrame, listed: DataFrame) -> DataFrame:
    """The token that earned each wallet of `listed` most, with its symbol; no row for one that gained in none."""
    # A condition that names a thousand addresses overflows the stack of a task that reads Parquet.
    wallets = F.broadcast(listed.select("wallet_address"))
    gains = pnl.where((F.col("token_address") != ALL_TOKENS) & (F.col("realized_pnl") > 0))
    best = (
        gains.join(wallets, "wallet_address", "left_semi")
        .withColumn("place", F.row_number().over(_most_gained_first()))
        .where("place = 1")
        .select(*_TOKEN)
    )
    symbols = trades.join(F.broadcast(best), _TOKEN, "left_semi").groupBy(*_TOKEN).agg(_newest_symbol())
    return best.join(symbols, _TOKEN, "left")


def token_results(pnl: DataFrame, trades: DataFrame, is_detailed: Column, most: int) -> DataFrame:
    """The `most` tokens of each wallet that moved most money, and the one that earned most (`is_best`).

    With the symbol, the decimals, and by what the trades of the token (`from_...`) and of the wallet (`all_from_...`)
    were valued.
    """
    counted = {f"from_{source}": F.count_if(F.col("value_source") == source) for source in ValueSource}
    facts = (
        trades.where(is_detailed)
        .groupBy(*_TOKEN)
        .agg(
            _newest_symbol(),
            F.max("decimals").alias("decimals"),
            *(count.alias(name) for name, count in counted.items()),
        )
        .withColumns({f"all_{name}": F.sum(name).over(_of_wallet()) for name in counted})
    )
    moved = F.abs("realized_pnl") + F.coalesce(F.col("current_position_cost_basis"), F.lit(0))
    by_size = _of_wallet().orderBy(moved.desc(), "token_address")
    ranked = (
        pnl.where(is_detailed & (F.col("token_address") != ALL_TOKENS))
        .withColumn("is_best", (F.row_number().over(_most_gained_first()) == 1) & (F.col("realized_pnl") > 0))
        .withColumn("place", F.row_number().over(by_size))
        .withColumn("of_wallet", F.count(F.lit(1)).over(_of_wallet()))
    )
    shown = ranked.where(F.col("is_best") | (F.col("place") <= most))
    return shown.join(facts, _TOKEN, "left").drop("batch_id", "ingested_at")


def shown_sales(
    sales: DataFrame, trades: DataFrame, pnl: DataFrame, is_detailed: Column, *, newest: int, biggest: int
) -> DataFrame:
    """The `newest` sales of each wallet, and the `biggest` gains and losses; `newest_place` and so on say which.

    `of_wallet` counts all sales of the wallet. `took_untrusted` says whether a sale took from a lot of known cost that
    was bought in a trade that is not trusted.
    """
    realized = F.col("realized_pnl_usd")
    ranked = sales.where(is_detailed).withColumns(
        {
            "_end": _bought_until(F.col("matched_raw") + F.col("unknown_cost_raw")),
            "newest_place": F.row_number().over(_of_wallet().orderBy(*_newest_first("block_time"))),
            "gain_place": _place(realized.desc_nulls_last(), realized > 0),
            "loss_place": _place(realized.asc_nulls_last(), realized < 0),
            "of_wallet": F.count(F.lit(1)).over(_of_wallet()),
        }
    )
    wanted = (F.col("newest_place") <= newest) | (F.col("gain_place") <= biggest) | (F.col("loss_place") <= biggest)
    return _with_trade(_with_doubt(ranked.where(wanted), trades.where(is_detailed)), trades, pnl, is_detailed)


def _with_doubt(sales: DataFrame, trades: DataFrame) -> DataFrame:
    """Add `took_untrusted`: what a sale and a purchase have in common on the axis of units bought (docs/pnl.md)."""
    is_doubtful = F.col("cost_known") & ~F.col("value_source").isin(*TRUSTED_SOURCES)
    lots = trades.where(F.col("side") == Side.BUY).select(
        *_TOKEN, is_doubtful.alias("_is_doubtful"), "quantity_raw", _bought_until(F.col("quantity_raw")).alias("_end")
    )
    sale, lot = sales.alias("sale"), lots.where("_is_doubtful").alias("lot")
    of_same = [F.col(f"sale.{name}") == F.col(f"lot.{name}") for name in _TOKEN]
    taken = F.col("sale.matched_raw") + F.col("sale.unknown_cost_raw")
    lot_begin, sale_begin = F.col("lot._end") - F.col("lot.quantity_raw"), F.col("sale._end") - taken
    in_common = (F.col("lot._end") > sale_begin) & (lot_begin < F.col("sale._end"))
    # Where sums are too wide for their column, nobody can tell.
    overlap = (F.col("sale.matched_raw") > 0) & F.coalesce(in_common, F.lit(True))
    return (
        sale.join(lot, [*of_same, overlap], "left")
        .select("sale.*", F.col("lot._is_doubtful").isNotNull().alias("took_untrusted"))
        .dropDuplicates(["trade_id"])
        .drop("_end")
    )


def _bought_until(units: Column) -> Column:
    """`units` added up over the rows of a token until this one."""
    in_order = Window.partitionBy(*_TOKEN).orderBy("block_time", F.asc_nulls_first("block_number"), "trade_id")
    return F.try_sum(units).over(in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow))


def shown_lots(lots: DataFrame, trades: DataFrame, pnl: DataFrame, is_detailed: Column, most: int) -> DataFrame:
    """The `most` expensive open lots of each wallet, those of unknown cost last; `of_wallet` counts all of them."""
    dearest = _of_wallet().orderBy(F.desc_nulls_last("remaining_cost_usd"), *_newest_first("acquired_at"))
    ranked = lots.where(is_detailed).withColumns(
        {"place": F.row_number().over(dearest), "of_wallet": F.count(F.lit(1)).over(_of_wallet())}
    )
    return _with_trade(ranked.where(F.col("place") <= most), trades, pnl, is_detailed)


def curves(sales: DataFrame, is_detailed: Column, most: int) -> DataFrame:
    """What the sales of each wallet earned, in at most `most` steps of whole days, UTC.

    A row without sales in its step is left out. `first_day` is that of the wallet's first sale.
    """
    day = F.datediff(F.to_date("block_time"), F.lit("1970-01-01").cast("date"))
    daily = (
        sales.where(is_detailed & F.col("realized_pnl_usd").isNotNull())
        .groupBy("wallet_address", day.alias("day"))
        .agg(F.sum("realized_pnl_usd").alias("gained"), F.count(F.lit(1)).alias("sales"))
    )
    first = F.min("day").over(_of_wallet())
    last = F.max("day").over(_of_wallet())
    return (
        daily.withColumns({"first_day": first, "last_day": last})
        .withColumn("days", F.expr(f"CAST((last_day - first_day) DIV {most} + 1 AS INT)"))
        .withColumn("step", F.expr("CAST((day - first_day) DIV days AS INT)"))
        .groupBy("wallet_address", "first_day", "days", "step")
        .agg(F.sum("gained").alias("gained"), F.sum("sales").alias("sales"))
        .orderBy("wallet_address", "step")
    )


def reading_states(whales: DataFrame, is_detailed: Column) -> DataFrame:
    """How far each wallet was read, and what it was taken for."""
    names = ("wallet_class", "class_reason", "discovered_via", "txns_last_fetched_at", "oldest_trade_at")
    rows = whales.where(is_detailed)
    return rows.groupBy("wallet_address").agg(*(F.min(name).alias(name) for name in names))


def rejections(of_bronze: DataFrame, of_silver: DataFrame) -> DataFrame:
    """How many rows were rejected, by source and reason."""
    counts = (F.count(F.lit(1)).alias("rows"), F.max("rejected_at").alias("newest"))
    served = of_bronze.groupBy("source", "reason").agg(*counts)
    netted = of_silver.groupBy(F.lit("silver_pnl").alias("source"), "reason").agg(*counts)
    return served.unionByName(netted).orderBy(F.desc("rows"), "source", "reason").limit(50)


def freshness(tokens: DataFrame, whales: DataFrame) -> DataFrame:
    """One row: how many tokens and wallets are followed, and when each stage was done for the newest and the oldest."""
    wallets = whales.groupBy("wallet_address").agg(
        *(F.min(name).alias(name) for name in ("txns_last_fetched_at", "pnl_last_processed_at", "newest_trade_at"))
    )
    return tokens.agg(
        F.count(F.lit(1)).alias("tokens"),
        F.max("processing_date").alias("newest_snapshot"),
        *_span("whale_fetched_at"),
    ).crossJoin(
        wallets.agg(
            F.count(F.lit(1)).alias("wallets"),
            F.count("txns_last_fetched_at").alias("wallets_read"),
            F.count("pnl_last_processed_at").alias("wallets_computed"),
            F.max("newest_trade_at").alias("newest_trade"),
            *_span("txns_last_fetched_at"),
            *_span("pnl_last_processed_at"),
        )
    )


def _of_wallet() -> WindowSpec:
    return Window.partitionBy("wallet_address")


def _most_gained_first() -> WindowSpec:
    return _of_wallet().orderBy(F.desc("realized_pnl"), "token_address")


def _newest_symbol() -> Column:
    return F.max_by("token_symbol", F.struct("block_time", "trade_id")).alias("token_symbol")


def _with_trade(rows: DataFrame, trades: DataFrame, pnl: DataFrame, is_detailed: Column) -> DataFrame:
    """The trade behind each row: what its token is called, how many units there are, and where its value is from."""
    names = ("trade_id", "token_symbol", "decimals", "tx_hash", "value_source", "price_check")
    behind = trades.where(is_detailed).select(*names)
    scales = pnl.where(is_detailed & F.col("multiplier").isNotNull()).select(*_TOKEN, "multiplier")
    return rows.join(behind, "trade_id", "left").join(scales, _TOKEN, "left").drop("batch_id", "ingested_at")


def _newest_first(time: str) -> tuple[Column, ...]:
    return (F.desc(time), F.desc_nulls_last("block_number"), F.asc("trade_id"))


def _place(order: Column, counts: Column) -> Column:
    return F.when(counts, F.row_number().over(_of_wallet().orderBy(order, "trade_id")))


def _span(name: str) -> tuple[Column, Column]:
    return F.min(name).alias(f"oldest_{name}"), F.max(name).alias(f"newest_{name}")
