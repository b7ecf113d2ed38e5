"""silver.wallet_pnl -> gold.smart_traders, rank_history, rankings

Ranks every qualified wallet anew, and certifies what it was made from. A ranking is made only when figures or settings
changed since the last one, so running it twice changes nothing; a second ranking at the same business time replaces the
first. One that was stopped before its certificate is made again at its time.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.config.settings import settings_hash
from smart_trader.config.thresholds import certified_settings, mark_rules, ranked_by
from smart_trader.domain.gold import rank_history, ranking, rankings, smart_traders
from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.domain.silver import trades, wallet_pnl
from smart_trader.domain.tables.changes import RowScope
from smart_trader.domain.tables.table import TIMESTAMP
from smart_trader.errors import StorageError
from smart_trader.rows import collect, persisted
from smart_trader.run.app import App
from smart_trader.run.ranking import RankedVersions, digest, followed_since_discovery, newest_versions, ranked
from smart_trader.run.results import TierChange
from smart_trader.run.runner import run_job
from smart_trader.version import VERSION

JOB = "gold_traders"
_MOMENT = T.StructType([T.StructField("ranked_at", TIMESTAMP)])


def run(app: App) -> None:
    last = _last_ranking(app)
    certified = _certified(app, last)
    if last is None or _is_stale(app, last):
        _rank(app, app.as_of, is_certified=app.as_of in certified)
    elif last.is_past and last.ranked_at not in certified:
        _rank(app, last.ranked_at, is_certified=False)
    _mark_as_seen(app)


def _last_ranking(app: App) -> Row | None:
    newest = rank_history.made_last(app.tables.read(rank_history.TABLE))
    is_past = (F.col("ranked_at") <= F.lit(app.as_of)).alias("is_past")
    found = collect(newest.select("ranked_at", is_past, "wallet_pnl_version", "trades_version", "settings_hash"))
    return found[0] if found else None


def _certified(app: App, last: Row | None) -> set[datetime]:
    """Which of the last ranking and one of this business time have a certificate."""
    times = {app.as_of} if last is None else {app.as_of, last.ranked_at}
    rows = app.tables.read(rankings.TABLE).where(F.col("ranked_at").isin(*times))
    return {row.ranked_at for row in collect(rows.select("ranked_at"))}


def _is_stale(app: App, last: Row) -> bool:
    return (
        last.settings_hash != settings_hash(app.settings)
        or app.tables.changed_since(wallet_pnl.TABLE, last.wallet_pnl_version, except_by=JOB)
        or app.tables.changed_since(trades.TABLE, last.trades_version)
        or (last.is_past and not _is_shown(app, last))
    )


def _is_shown(app: App, last: Row) -> bool:
    """Whether the current ranking is the last one. After a restore it is another."""
    shown = collect(app.tables.read(smart_traders.TABLE).select("ranked_at", "wallet_pnl_version").limit(1))
    return bool(shown) and tuple(shown[0]) == (last.ranked_at, last.wallet_pnl_version)


def _rank(app: App, ranked_at: datetime, *, is_certified: bool) -> None:
    """Make the ranking of `ranked_at`. If that `is_certified`, the certificate is of the ranking that is replaced."""
    by, made_from = ranked_by(app.settings.ranking), newest_versions(app)
    closed_ratio = mark_rules(app.settings.pnl).closed_ratio
    with ranked(app, made_from, by, closed_ratio=closed_ratio, ranked_at=ranked_at) as wallets:
        changed = ranking.with_pnl_change(wallets, _previous_pnl(app, ranked_at), by.figures.pnl)
        since = followed_since_discovery(app, made_from, ranked_at=ranked_at)
        rows = changed.join(since, "wallet_address", "left").withColumn(
            "wallet_pnl_version", F.lit(made_from.wallet_pnl_version).cast("bigint")
        )
        with persisted(rows.select(*smart_traders.TABLE.column_names)) as traders:
            _publish(app, traders, made_from, ranked_at, is_certified=is_certified)


def _publish(
    app: App, traders: DataFrame, made_from: RankedVersions, ranked_at: datetime, *, is_certified: bool
) -> None:
    """Make `traders` the ranking. The history refers to the ranking, and its certificate to the history: they are
    written in this order, and removed in the other."""
    moment = RowScope(app.tables.frame(_MOMENT, [{"ranked_at": ranked_at}]))
    if is_certified:
        app.tables.replace(rankings.TABLE, app.tables.frame(rankings.TABLE.own_schema, []), within=moment)
    before, after = _tiers(app.tables.read(smart_traders.TABLE)), _tiers(traders)
    app.report.rows_in = len(after)
    app.report.tiers = _changes(before, after)
    if not after:
        app.report.warnings.append("no wallet qualifies: the ranking is empty")
    if after or before:
        app.tables.overwrite(smart_traders.TABLE, traders)
    history = ranking.history_of(
        traders, trades_version=made_from.trades_version, settings_hash=settings_hash(app.settings)
    )
    app.tables.replace(rank_history.TABLE, history, within=moment)
    if after:
        app.tables.append(rankings.TABLE, _certificate(app, made_from, ranked_at))


def _certificate(app: App, made_from: RankedVersions, ranked_at: datetime) -> DataFrame:
    """The row of gold.rankings of a ranking, by its stored rows."""
    stored = rankings.rows_of(app.tables.read(rank_history.TABLE), ranked_at)
    counts = stored.agg(F.count(F.lit(1)).alias("wallets"), F.count_if(F.col("recommended")).alias("recommended"))
    certificate = {
        "ranked_at": ranked_at,
        **collect(counts)[0].asDict(),
        **asdict(made_from),
        "settings": certified_settings(app.settings),
        "settings_hash": settings_hash(app.settings),
        "code_version": VERSION,
        "columns": "|".join(rankings.CERTIFIED),
        "digest": digest(stored, rankings.CERTIFIED),
    }
    return app.tables.frame(rankings.TABLE.own_schema, [certificate])


def _previous_pnl(app: App, ranked_at: datetime) -> DataFrame | None:
    """Figures of the ranking before this one, as they were then; None if there is none or it is too old to read."""
    earlier = app.tables.read(rank_history.TABLE).where(F.col("ranked_at") < F.lit(ranked_at))
    last = earlier.orderBy(F.desc("ranked_at")).select("wallet_pnl_version").first()
    if last is None:
        return None
    try:
        return app.tables.read(wallet_pnl.TABLE, version=last.wallet_pnl_version)
    except StorageError:
        app.report.warnings.append("the figures of the previous ranking are older than the retention: no pnl_change")
        return None


def _tiers(traders: DataFrame) -> Mapping[str, str]:
    return {
        row.wallet_address: row.performance_tier
        for row in traders.select("wallet_address", "performance_tier").collect()
    }


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[TierChange, ...]:
    return tuple(
        TierChange(
            tier=tier,
            wallets=sum(t == tier for t in after.values()),
            entered=sum(t == tier and before.get(w) != tier for w, t in after.items()),
            left=sum(t == tier and after.get(w) != tier for w, t in before.items()),
        )
        for tier in PerformanceTier
    )


def _mark_as_seen(app: App) -> None:
    unseen = app.tables.read(wallet_pnl.TABLE).where(~F.col("moved_to_gold")).select(*wallet_pnl.TABLE.key)
    state = {"moved_to_gold": F.lit(True), "gold_processed_at": F.lit(app.as_of)}
    if not unseen.isEmpty():
        app.tables.update(wallet_pnl.TABLE, unseen.withColumns(state))


if __name__ == "__main__":
    sys.exit(run_job(JOB, run))
