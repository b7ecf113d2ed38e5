"""Whether earlier rankings held, by the tables: the report begins with it, `evaluate` and `status` name it. And what
following all wallets since they were found has brought."""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.config.thresholds import verdict_rules
from smart_trader.domain.arrow import unscaled
from smart_trader.domain.evidence.track_record import SHOWN_COHORTS, Discovered, TrackRecord, track_record
from smart_trader.domain.evidence.windows import monday_rankings
from smart_trader.domain.gold import grades, rank_history, rankings
from smart_trader.domain.kernel.money import round_half_away
from smart_trader.errors import StorageError
from smart_trader.rows import collect
from smart_trader.run.app import App
from smart_trader.run.ranking import RankedVersions, followed_since_discovery


def track_records(app: App) -> list[TrackRecord]:
    """The record of each horizon, as of the business time."""
    graded = collect(app.tables.read(grades.TABLE).where(F.col("cohort").isin(*SHOWN_COHORTS)))
    mondays = monday_rankings(app.tables.read(rank_history.TABLE))
    (first,) = collect(mondays.agg(F.min("ranked_at").alias("ranked_at")))
    rows = [row.asDict() for row in graded]
    return [
        track_record(rows, first.ranked_at, app.as_of, verdict_rules(app.settings, horizon))
        for horizon in app.settings.evaluate.horizons_days
    ]


def discovered(app: App, ranked_at: datetime) -> Discovered | None:
    """The mean over all that were found before the ranking of `ranked_at`, by the tables that it was made from.

    None if it has no certificate, or one of these is too old to be read.
    """
    certificates = app.tables.read(rankings.TABLE).where(F.col("ranked_at") == F.lit(ranked_at))
    for row in collect(certificates):
        made_from = RankedVersions(*(row[field.name] for field in fields(RankedVersions)))
        try:
            return _mean(followed_since_discovery(app, made_from, ranked_at=ranked_at))
        except StorageError:
            return None
    return None


def _mean(rows: DataFrame) -> Discovered:
    known = F.col("since_discovery_return")
    sums = rows.agg(F.count(F.lit(1)).alias("wallets"), F.count(known).alias("bought"), F.try_sum(known).alias("total"))
    (found,) = collect(sums)
    mean = None if found.total is None else round_half_away(unscaled(found.total, 6), found.bought)
    return Discovered(found.wallets, found.bought, None if mean is None else Decimal(mean).scaleb(-6))
