"""all tables -> standard output

Says what is pending, due, completed and failing at each stage, what every table holds, and how old the ranking is.
Writes nothing and needs no lock, so it can be asked while a run is under way.
"""

import sys
from datetime import datetime
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.app import App
from smart_trader.bootstrap import run_job
from smart_trader.collecting import collect
from smart_trader.domain import catalog
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.silver.tracked_tokens import due_tokens, still_tracked
from smart_trader.domain.silver.tracked_whales import due_for_pnl, due_for_trades, entitled_wallets
from smart_trader.errors import QualityError


def run(app: App) -> None:
    missing = [table.name for table in catalog.TABLES if app.tables.version(table) < 0]
    if missing:
        raise QualityError(f"{len(missing)} tables are missing, such as {missing[0]}. Run `init`, or any other job.")
    ranked_at = collect(app.tables.read(rank_history.TABLE).agg(F.max("ranked_at").alias("ranked_at")))[0].ranked_at
    app.report.document = {
        "as_of": app.as_of.isoformat(),
        "ranked_at": ranked_at and ranked_at.isoformat(),
        "stages": _stages(app),
        "tables": [
            {
                "table": table.name,
                "version": app.tables.version(table),
                "rows": app.tables.read(table).count(),
                "bytes": app.tables.size(table),
            }
            for table in catalog.TABLES
        ],
    }
    _check_age(app, ranked_at)


def _stages(app: App) -> list[dict[str, Any]]:
    settings, as_of = app.settings, app.as_of
    live = still_tracked(
        app.tables.read(tracked_tokens.TABLE),
        as_of=as_of,
        min_liquidity_usd=settings.tracking.min_liquidity_usd,
        max_age_days=settings.tracking.max_snapshot_age_days,
    )
    whales = app.tables.read(tracked_whales.TABLE)
    wallets = whales.dropDuplicates(["wallet_address"])
    entitled = entitled_wallets(whales, live, app.tables.read(smart_traders.TABLE))
    to_list = due_tokens(live, as_of=as_of, refresh_hours=settings.whales.refresh_hours)
    to_read = due_for_trades(whales, entitled, as_of=as_of, refresh_days=settings.transactions.refresh_days)
    to_compute = due_for_pnl(whales, as_of=as_of, refresh_days=settings.pnl.refresh_days)
    is_failing = F.col("attempts") > 0
    return [
        {
            "stage": "holders",
            "unit": "tokens",
            "due": to_list.count(),
            **_count(live, F.col("whale_fetch_status"), F.col("whale_fetched_at"), is_failing),
        },
        {
            "stage": "transactions",
            "unit": "wallets",
            "due": to_read.count(),
            **_count(wallets, F.col("txns_fetch_status"), F.col("txns_last_fetched_at"), is_failing),
        },
        {
            "stage": "pnl",
            "unit": "wallets",
            "due": to_compute.count(),
            **_count(wallets, F.col("pnl_processing_status"), F.col("pnl_last_processed_at"), F.lit(False)),
        },
    ]


def _count(entities: DataFrame, status: Column, done_at: Column, is_failing: Column) -> dict[str, Any]:
    """How many entities are where, when the longest untouched one was done, and since when any has failed."""
    row = collect(
        entities.agg(
            F.count_if(status == "pending").alias("pending"),
            F.count_if(status == "completed").alias("completed"),
            F.count_if(is_failing).alias("failing"),
            F.min(done_at).alias("oldest"),
            F.min(F.when(is_failing, done_at)).alias("failing_since"),
        )
    )[0]
    times = {name: row[name] and row[name].isoformat() for name in ("oldest", "failing_since")}
    return {"pending": row.pending, "completed": row.completed, "failing": row.failing, **times}


def _check_age(app: App, ranked_at: datetime | None) -> None:
    most = app.options.max_age_hours
    if most is None:
        return
    if ranked_at is None:
        raise QualityError("There is no ranking yet.")
    hours = (app.as_of - ranked_at).total_seconds() / 3600
    if hours > most:
        raise QualityError(f"The last ranking is {hours:.1f} hours old; --max-age allows {most:g}.")


if __name__ == "__main__":
    sys.exit(run_job("status", run))
