"""bronze.transaction_history -> silver.trades, rejected_rows, realized_sales, open_lots, wallet_pnl

Computes the wallets that are due from all of their rows, never from the new ones alone. Safe to repeat: the same rows
give the same figures, only what differs is written, and a wallet is marked as completed after its figures.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.config.address_files import read_addresses
from smart_trader.config.thresholds import class_rules, mark_rules, value_rules
from smart_trader.domain.bronze import token_metrics, transaction_history
from smart_trader.domain.bronze.snapshots import newest_snapshots
from smart_trader.domain.kernel.marks import Quote
from smart_trader.domain.pnl import engine
from smart_trader.domain.silver import open_lots, realized_sales, rejected_rows, tracked_whales, trades, wallet_pnl
from smart_trader.domain.silver.labels import (
    Labels,
    label_wallets,
    shipped_labels,
    user_labels,
)
from smart_trader.domain.silver.tracked_whales import due_for_pnl
from smart_trader.domain.tables.changes import FEW, Part
from smart_trader.domain.tables.state_flags import ProcessingStatus
from smart_trader.domain.tables.table import STRING
from smart_trader.errors import ConfigurationError
from smart_trader.rows import collect
from smart_trader.run.app import App
from smart_trader.run.results import Work
from smart_trader.run.runner import run_job

_WALLET = T.StructType([T.StructField("wallet_address", STRING)])
_MANY = 100_000
"""Refused rows that the driver can send around at once."""
_ROWS_IN_MEMORY = 1_200_000
"""Rows of history whose kept frames fit into what Spark has in a heap of 2 GB: they take some 850 bytes each."""
_ROWS_PER_PARTITION = 50_000
"""One partition more for so many rows of history: a task costs some 10 ms, however little it has to do."""
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def run(app: App) -> None:
    with kept(_due(app)) as due:
        count, app.report.rows_in = due.select(
            F.count(F.lit(1)), F.coalesce(F.sum("trade_rows"), F.lit(0)).cast("bigint")
        ).collect()[0]
        app.report.work = Work(unit="wallets", due=count, done=0, left_over=count)
        if count:
            with _partitions_for(app, app.report.rows_in):
                _compute(app, due, count)
            app.report.work = Work(unit="wallets", due=count, done=count)
        else:
            app.report.warnings.append("no wallet is due: no PnL was computed")


def _due(app: App) -> DataFrame:
    named = None
    if app.options.wallets:
        named = app.tables.frame(
            _WALLET,
            [{"wallet_address": w} for w in read_addresses(app.options.wallets)],
        )
    due = due_for_pnl(
        app.tables.read(tracked_whales.TABLE),
        as_of=app.as_of,
        refresh_days=app.settings.pnl.refresh_days,
        named=named,
    )
    rejected = F.coalesce("rejected_rows", F.lit(0))
    due = due.select(
        "wallet_address",
        (F.coalesce("history_complete", F.lit(False)) & (rejected == 0)).alias("history_complete"),
        rejected.alias("rejected_rows"),
        "trade_rows",
    )
    return due.orderBy("wallet_address").limit(app.options.limit) if app.options.limit else due


def _part(due: DataFrame, count: int) -> Part:
    wallets = due.select("wallet_address")
    few = tuple(row.wallet_address for row in wallets.collect()) if count <= FEW else None
    return Part(wallets, few)


def _compute(app: App, due: DataFrame, count: int) -> None:
    part = _part(due, count)
    stored = part.of(app.tables.read(transaction_history.TABLE))
    history = stored.where(F.col("block_time") <= F.lit(app.as_of))
    known = _known(app, due)
    rules = engine.EngineRules(
        now=_microseconds(app.as_of),
        quotes=_quotes(app),
        marks=mark_rules(app.settings.pnl),
        classes=class_rules(app.settings.classify),
    )
    with (
        kept(trades.net_transactions(history, known, value_rules(app.settings.pnl)), app.report.rows_in) as netted,
        kept(engine.match_trades(engine.to_lines(trades.lines_in(netted)), rules), app.report.rows_in) as matched,
    ):
        refused = trades.refused_in(netted)
        app.report.rows_rejected = refused.count()
        _compute_all(matched)  # before anything is written: an error in matching leaves every table as it was
        # First what takes longest: of a few wallets, the one table whose rows change and are not only added to.
        wanted = [
            (wallet_pnl.TABLE, engine.pnl_in(matched, rules)),
            (trades.TABLE, trades.trades_in(netted)),
            (realized_sales.TABLE, engine.sales_in(matched)),
            (open_lots.TABLE, engine.lots_in(matched)),
            (rejected_rows.TABLE, _with_text(refused, app.report.rows_rejected, history)),
        ]
        app.tables.replace_each(wanted, of=part)
        app.tables.update(tracked_whales.TABLE, _done(app, matched, stored), on=("wallet_address",))


def _done(app: App, matched: DataFrame, stored: DataFrame) -> DataFrame:
    """The state of the wallets in `matched`. Completed vouches for all rows: after a run at an earlier business time,
    a wallet with later rows is still pending."""
    ahead = stored.where(F.col("block_time") > F.lit(app.as_of)).select("wallet_address").distinct()
    joined = engine.classes_in(matched).join(
        F.broadcast(ahead.withColumn("_is_ahead", F.lit(True))), "wallet_address", "left"
    )
    state = {
        "pnl_processing_status": F.when(F.col("_is_ahead"), ProcessingStatus.PENDING).otherwise(
            ProcessingStatus.COMPLETED
        ),
        "pnl_last_processed_at": F.lit(app.as_of),
    }
    return joined.withColumns(state).drop("_is_ahead")


def _with_text(refused: DataFrame, count: int, history: DataFrame) -> DataFrame:
    """The `count` refused rows with their text, which did not travel with them: it is ten times what they need."""
    if not count:
        return refused.where("false").withColumn("raw", F.lit(""))
    texts = history.select("event_id", "raw")
    return texts.join(F.broadcast(refused) if count <= _MANY else refused, "event_id")


def _known(app: App, due: DataFrame) -> DataFrame:
    """What is known of each due wallet beside its rows."""
    pools = app.tables.read(transaction_history.TABLE).select(F.col("pool_address").alias("wallet_address"))
    labels = label_wallets(due.select("wallet_address"), pools, {**shipped_labels(), **_own_labels(app)})
    return due.join(F.broadcast(labels), "wallet_address", "left")


def _own_labels(app: App) -> Labels:
    classify = app.settings.classify
    pools, exchanges = (
        [address for path in paths for address in read_addresses(path, ConfigurationError)]
        for paths in (classify.pools_files, classify.exchanges_files)
    )
    return user_labels(pools, exchanges)


def _quotes(app: App) -> Mapping[str, Quote]:
    newest = newest_snapshots(app.tables.read(token_metrics.TABLE), until=app.as_of.date())
    rows = collect(newest.select("token_address", "price", "liquidity", "last_trade_unix_time"))
    return {
        row.token_address: Quote(
            price=None if row.price is None else int(row.price.scaleb(18)),
            liquidity=None if row.liquidity is None else int(row.liquidity.scaleb(9)),
            last_trade_at=None if row.last_trade_unix_time is None else _microseconds(row.last_trade_unix_time),
        )
        for row in rows
    }


def _microseconds(time: datetime) -> int:
    return (time.astimezone(_EPOCH.tzinfo) - _EPOCH) // timedelta(microseconds=1)


@contextmanager
def _partitions_for(app: App, rows: int) -> Iterator[None]:
    """Few `rows` of history are shuffled into few partitions, in however large a lake, but one for each core: what is
    read beside them may be more. What the settings say stays."""
    name = "spark.sql.shuffle.partitions"
    usual = str(app.spark.conf.get(name))
    if not app.settings.spark.shuffle_partitions:
        needed = max(app.spark.sparkContext.defaultParallelism, 1 + rows // _ROWS_PER_PARTITION)
        app.spark.conf.set(name, min(int(usual), needed))
    try:
        yield
    finally:
        app.spark.conf.set(name, usual)


@contextmanager
def kept(rows: DataFrame, made_from: int = 0) -> Iterator[DataFrame]:
    """`rows`, computed by whoever reads them first and kept while several tables are made from them.

    In memory if the rows of history that they are `made_from` are few (as it is assumed if nobody says), else on disk
    alone: what does not fit would be written to disk all the same, by a heap full of the rest. Spark takes up to half
    of that memory back when it needs it for something else.

    Compute all of them first, or let all readers start at the same time: a reader of a few rows would compute their
    partition alone while the other cores are idle.
    """
    fit = made_from <= _ROWS_IN_MEMORY
    kept = rows.persist(StorageLevel.MEMORY_AND_DISK_DESER if fit else StorageLevel.DISK_ONLY)
    try:
        yield kept
    finally:
        kept.unpersist()


def _compute_all(kept: DataFrame) -> None:
    """A row of each partition is asked for, which is how Spark limits what is counted: `count` would read all back."""
    kept.limit(1).count()


if __name__ == "__main__":
    sys.exit(run_job("silver_pnl", run))
