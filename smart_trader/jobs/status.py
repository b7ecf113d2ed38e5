"""all tables -> standard output

Says what is pending, due, completed and failing at each stage, how each job ended last, what every table holds, and how
old the ranking is. Writes nothing and needs no lock, so it can be asked while a run is under way.
"""

import functools
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from smart_trader.cli_values import MOST_AHEAD
from smart_trader.domain import catalog
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.ops import runs
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.silver.tracked_tokens import due_tokens, still_tracked
from smart_trader.domain.silver.tracked_whales import due_for_pnl, due_for_trades, eligible_wallets
from smart_trader.domain.tables.state_flags import ProcessingStatus
from smart_trader.errors import QualityError
from smart_trader.rows import collect
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.versions import versions_of

_QUESTIONS_AT_ONCE = 3
_WIDTH = 100
_STAGES = (("holders", "tokens"), ("transactions", "wallets"), ("pnl", "wallets"))


def run(app: App) -> None:
    tables = _tables(app)
    with ThreadPoolExecutor(_QUESTIONS_AT_ONCE) as pool:  # Spark plans most of the time, and works little
        questions = (_stages, _last_runs, _last_ranking)
        stages, jobs, ranked = pool.map(lambda question: collect(question(app)), questions)
    ranked_at = ranked[0].ranked_at
    app.report.document = {
        "as_of": app.as_of.isoformat(),
        "ranked_at": _text(ranked_at),
        "stages": _counts(stages),
        "jobs": [{"job": job.job, "finished_at": _text(job.finished_at), **_clipped(job.last)} for job in jobs],
        "tables": tables,
    }
    _check_age(app, ranked_at)


def _tables(app: App) -> list[dict[str, Any]]:
    versions_of(app, catalog.TABLES)
    contents = {table.name: app.tables.contents(table) for table in catalog.TABLES}
    return [
        {"table": name, "version": held.version, "rows": held.rows, "bytes": held.bytes}
        for name, held in contents.items()
        if held
    ]


def _stages(app: App) -> DataFrame:
    """One row for each stage that has any entity: how many are where, and since when."""
    settings, as_of = app.settings, app.as_of
    live = still_tracked(
        app.tables.read(tracked_tokens.TABLE),
        as_of=as_of,
        min_liquidity_usd=settings.tracking.min_liquidity_usd,
        max_age_days=settings.tracking.max_snapshot_age_days,
    )
    whales = app.tables.read(tracked_whales.TABLE)
    wallets = whales.dropDuplicates(["wallet_address"])
    eligible = eligible_wallets(whales, live, app.tables.read(smart_traders.TABLE))
    to_list = due_tokens(live, as_of=as_of, refresh_hours=settings.whales.refresh_hours)
    to_read = due_for_trades(whales, eligible, as_of=as_of, refresh_days=settings.transactions.refresh_days)
    to_compute = due_for_pnl(whales, as_of=as_of, refresh_days=settings.pnl.refresh_days)
    has_failed = F.col("attempts") > 0
    marks = (
        _marks("holders", live, "whale_fetch_status", "whale_fetched_at", has_failed),
        _marks("transactions", wallets, "txns_fetch_status", "txns_last_fetched_at", has_failed),
        _marks("pnl", wallets, "pnl_processing_status", "pnl_last_processed_at", F.lit(False)),
    )
    due = (_due("holders", to_list), _due("transactions", to_read), _due("pnl", to_compute))
    all_marks = functools.reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), (*marks, *due))
    return all_marks.groupBy("stage").agg(
        F.count("is_due").alias("due"),
        *(F.count_if(F.col("status") == status).alias(status) for status in ProcessingStatus),
        F.count_if("has_failed").alias("failing"),
        F.min("done_at").alias("oldest"),
        F.min(F.when(F.col("has_failed"), F.col("done_at"))).alias("failing_since"),
    )


def _marks(stage: str, entities: DataFrame, status: str, done_at: str, has_failed: Column) -> DataFrame:
    return entities.select(
        F.lit(stage).alias("stage"),
        F.col(status).alias("status"),
        F.col(done_at).alias("done_at"),
        has_failed.alias("has_failed"),
    )


def _due(stage: str, entities: DataFrame) -> DataFrame:
    return entities.select(F.lit(stage).alias("stage"), F.lit(True).alias("is_due"))


def _counts(found: Sequence[Row]) -> list[dict[str, Any]]:
    by_stage = {row.stage: row for row in found}
    return [{"stage": stage, "unit": unit, **_count(by_stage.get(stage))} for stage, unit in _STAGES]


def _count(row: Row | None) -> dict[str, Any]:
    """When the longest untouched entity was done, and since when any has failed: it worked at that time."""
    counts = {name: row[name] if row else 0 for name in ("due", *ProcessingStatus, "failing")}
    return counts | {name: _text(row[name]) if row else None for name in ("oldest", "failing_since")}


def _last_runs(app: App) -> DataFrame:
    """How each job ended last, the job that ended last at the end."""
    told = F.struct("outcome", "exit_code", "run_id", "message")
    last = F.max_by(told, F.struct("finished_at", "run_id")).alias("last")
    ended = (
        runs.with_readable_times(app.tables.read(runs.TABLE))
        .where(F.col("finished_at") <= F.lit(app.clock.now() + MOST_AHEAD))  # else a wrong clock hides all later ones
        .groupBy("job")
        .agg(F.max("finished_at").alias("finished_at"), last)
    )
    return ended.orderBy("finished_at", "job")


def _clipped(told: dict[str, Any]) -> dict[str, Any]:
    """The message on one line of a table; `ops.runs` has it whole."""
    message = told["message"] or ""
    return told | {"message": message if len(message) <= _WIDTH else f"{message[: _WIDTH - 1]}…"}


def _last_ranking(app: App) -> DataFrame:
    made_last = rank_history.made_last(app.tables.read(rank_history.TABLE))
    return made_last.agg(F.max("ranked_at").alias("ranked_at"))


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _check_age(app: App, ranked_at: datetime | None) -> None:
    most = app.options.max_age_hours
    if ranked_at is not None and ranked_at > app.clock.now() + MOST_AHEAD:
        what = (
            f"The last ranking is of {ranked_at:%Y-%m-%dT%H:%M:%SZ}, which lies in the future: a clock was wrong, or"
            " --as-of. The next pipeline makes one as of now."
        )
        if most is not None:
            raise QualityError(what)
        app.report.warnings.append(what)
    if most is None:
        return
    if ranked_at is None:
        raise QualityError("There is no ranking yet.")
    hours = (app.as_of - ranked_at).total_seconds() / 3600
    if hours > most:
        raise QualityError(f"The last ranking is {hours:.1f} hours old; --max-age allows {most:g}.")


if __name__ == "__main__":
    sys.exit(run_job("status", run))
