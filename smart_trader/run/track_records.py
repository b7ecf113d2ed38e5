"""Whether earlier rankings held, by the tables: the report begins with it, `evaluate` and `status` name it."""

from pyspark.sql import functions as F

from smart_trader.config.thresholds import verdict_rules
from smart_trader.domain.evidence.track_record import SHOWN_COHORTS, TrackRecord, track_record
from smart_trader.domain.evidence.windows import monday_rankings
from smart_trader.domain.gold import grades, rank_history
from smart_trader.rows import collect
from smart_trader.run.app import App


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
