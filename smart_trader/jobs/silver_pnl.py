"""bronze.transaction_history -> silver.trades, rejected_rows, realized_sales, open_lots, wallet_pnl

Computes the wallets that are due from all of their rows, never from the new ones alone. Safe to repeat: the same rows
give the same figures, only what differs is written, and a wallet is marked as completed after its figures.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.config.address_files import read_addresses
from smart_trader.config.model import Classify
from smart_trader.config.thresholds import class_rules, mark_rules, pnl_definition, value_rules
from smart_trader.domain.bronze import token_metrics, transaction_history
from smart_trader.domain.bronze.snapshots import newest_snapshots, quotes_in
from smart_trader.domain.pnl import engine
from smart_trader.domain.silver import (
    open_lots,
    realized_sales,
    rejected_rows,
    tracked_whales,
    trades,
    units,
    wallet_pnl,
)
from smart_trader.domain.silver.labels import (
    Labels,
    label_wallets,
    shipped_labels,
    user_labels,
)
from smart_trader.domain.silver.tracked_whales import computed_state, is_defined_by
from smart_trader.domain.tables.changes import MAX_LITERALS, RowScope
from smart_trader.domain.tables.restoring import reset_columns
from smart_trader.domain.tables.state_flags import PNL_COMPUTED, ProcessingStatus
from smart_trader.domain.tables.table import STRING
from smart_trader.errors import ConfigurationError
from smart_trader.rows import persisted
from smart_trader.run.app import App
from smart_trader.run.due import due_for_pnl
from smart_trader.run.results import Work
from smart_trader.run.runner import run_job

_WALLET = T.StructType([T.StructField("wallet_address", STRING)])
_ROWS_PER_PARTITION = 50_000
"""One partition more for so many rows of history: a task costs some 10 ms, however little it has to do."""
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def run(app: App) -> None:
    with persisted(_due(app)) as due:
        count, app.report.rows_in, by_other_rules, misleading = due.select(
            F.count(F.lit(1)),
            F.coalesce(F.sum("trade_rows"), F.lit(0)).cast("bigint"),
            F.count_if("is_by_other_rules"),
            F.count_if("is_misleading"),
        ).collect()[0]
        if by_other_rules:
            app.report.notes.append(f"{by_other_rules:,} wallets are computed anew: the rules of the PnL changed")
        app.report.work = Work(unit="wallets", due=count, done=0, left_over=count)
        if count:
            with _partitions_for(app, app.report.rows_in):
                _compute(app, due, count, is_misleading=misleading > 0)
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
    rejected = F.coalesce("rejected_rows", F.lit(0))
    computed_at = F.col("pnl_last_processed_at")
    is_by_other_rules = computed_at.isNotNull() & ~is_defined_by(pnl_definition(app.settings))
    is_completed = F.col("pnl_processing_status") == ProcessingStatus.COMPLETED
    due = due_for_pnl(app, named).select(
        "wallet_address",
        (F.coalesce("history_complete", F.lit(False)) & (rejected == 0)).alias("history_complete"),
        rejected.alias("rejected_rows"),
        "trade_rows",
        is_by_other_rules.alias("is_by_other_rules"),
        (is_completed & (is_by_other_rules | (computed_at > F.lit(app.as_of)))).alias("is_misleading"),
    )
    return due.orderBy("wallet_address").limit(app.options.limit) if app.options.limit else due


def _set_pending(app: App, due: DataFrame) -> None:
    """Set wallets to pending whose state says completed, and still would if this run ended after their figures and
    before their state, and the next one had the rules or the business time of the run before."""
    misleading = due.where("is_misleading").select("wallet_address")
    state = misleading.withColumns(reset_columns(tracked_whales.TABLE, PNL_COMPUTED.reset))
    app.tables.update(tracked_whales.TABLE, state, on=("wallet_address",))


def _scope(due: DataFrame, count: int) -> RowScope:
    wallets = due.select("wallet_address")
    is_short = count <= MAX_LITERALS
    return RowScope(wallets, tuple(row.wallet_address for row in wallets.collect()) if is_short else None)


def _compute(app: App, due: DataFrame, count: int, *, is_misleading: bool) -> None:
    scope = _scope(due, count)
    everything = app.tables.read(transaction_history.TABLE)
    stored = scope.filter(everything)
    history = stored.where(F.col("block_time") <= F.lit(app.as_of))
    snapshots = newest_snapshots(app.tables.read(token_metrics.TABLE), until=app.as_of.date())
    netting = value_rules(app.settings.pnl)
    unclear = [row.token_address for row in units.unclear_mints(history, netting.money).collect()]
    labelled = _with_labels(due, everything, app.settings.classify)
    known = units.with_units(labelled, history, unclear, snapshots.select("token_address", "decimals"))
    rules = engine.EngineRules(
        now=_microseconds(app.as_of),
        quotes=quotes_in(snapshots),
        marks=mark_rules(app.settings.pnl),
        classes=class_rules(app.settings.classify),
    )
    rows = app.report.rows_in
    with (
        persisted(trades.net_transactions(history, known, netting), made_from=rows) as netted,
        persisted(engine.match_trades(engine.to_lines(trades.lines_in(netted)), rules), made_from=rows) as matched,
    ):
        rejected = trades.rejected_in(netted)
        app.report.rows_rejected = rejected.count()
        _compute_all(matched)  # before anything is written: an error in matching leaves every table as it was
        # First what takes longest: of a few wallets, the one table whose rows change and are not only added to.
        wanted = [
            (wallet_pnl.TABLE, engine.pnl_in(matched, rules)),
            (trades.TABLE, trades.trades_in(netted)),
            (realized_sales.TABLE, engine.sales_in(matched)),
            (open_lots.TABLE, engine.lots_in(matched)),
            (rejected_rows.TABLE, rejected_rows.with_text(rejected, app.report.rows_rejected, history)),
        ]
        if is_misleading:
            _set_pending(app, due)
        app.tables.replace_each(wanted, within=scope)
        definition = pnl_definition(app.settings)
        state = computed_state(engine.classes_in(matched), stored, as_of=app.as_of, definition=definition)
        app.tables.update(tracked_whales.TABLE, state, on=("wallet_address",))


def _with_labels(due: DataFrame, history: DataFrame, classify: Classify) -> DataFrame:
    """The due wallets with what is known of each beside its rows."""
    pools = history.select(F.col("pool_address").alias("wallet_address"))
    labels = label_wallets(due.select("wallet_address"), pools, {**shipped_labels(), **_own_labels(classify)})
    return due.join(F.broadcast(labels), "wallet_address", "left")


def _own_labels(classify: Classify) -> Labels:
    pools, exchanges = (
        [address for path in paths for address in read_addresses(path, ConfigurationError)]
        for paths in (classify.pools_files, classify.exchanges_files)
    )
    return user_labels(pools, exchanges)


def _microseconds(time: datetime) -> int:
    return (time.astimezone(_EPOCH.tzinfo) - _EPOCH) // timedelta(microseconds=1)


@contextmanager
def _partitions_for(app: App, rows: int) -> Iterator[None]:
    """Shuffle few `rows` of history into few partitions, in a large lake too, but into one for each core at least:
    other tables that are read may have more rows. A number in the settings is left as it is."""
    name = "spark.sql.shuffle.partitions"
    usual = str(app.spark.conf.get(name))
    if not app.settings.spark.shuffle_partitions:
        needed = max(app.spark.sparkContext.defaultParallelism, 1 + rows // _ROWS_PER_PARTITION)
        app.spark.conf.set(name, min(int(usual), needed))
    try:
        yield
    finally:
        app.spark.conf.set(name, usual)


def _compute_all(rows: DataFrame) -> None:
    """Compute all persisted `rows`. This limit reads one row of each partition back, `count` would read all."""
    rows.limit(1).count()


if __name__ == "__main__":
    sys.exit(run_job("silver_pnl", run))
