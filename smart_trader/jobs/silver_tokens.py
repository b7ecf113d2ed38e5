"""bronze.token_metrics -> silver.tracked_tokens

Judges each token with a new snapshot by its newest one alone. Safe to repeat: a snapshot is marked as processed after
the tokens were written, and judging it again gives the same row.
"""

import sys
from collections.abc import Sequence

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from smart_trader.domain.bronze import token_metrics
from smart_trader.domain.bronze.snapshots import newest_snapshots
from smart_trader.domain.bronze.token_metrics import NotTrackedReason
from smart_trader.domain.silver import tracked_tokens
from smart_trader.domain.silver.tracked_tokens import count_reasons, judge_tokens, not_tracked_reason
from smart_trader.domain.tables.changes import RowScope
from smart_trader.rows import persisted
from smart_trader.run.app import App
from smart_trader.run.runner import run_job


def run(app: App) -> None:
    today, least = app.as_of.date(), app.settings.tracking.min_liquidity_usd
    snapshots = app.tables.read(token_metrics.TABLE).where(F.col("processing_date") <= F.lit(today))
    unjudged = snapshots.where(~F.col("processed")).withColumn("not_tracked_reason", not_tracked_reason(least))
    with persisted(unjudged) as waiting:
        reasons = count_reasons(waiting).collect()
        app.report.rows_in = sum(row.snapshots for row in reasons)
        _track(app, snapshots, waiting)
        if app.report.rows_in:
            state = {"processed": F.lit(True), "processed_at": F.lit(app.as_of)}
            judged = waiting.select(*token_metrics.TABLE.key, "not_tracked_reason").withColumns(state)
            app.tables.update(token_metrics.TABLE, judged)
            app.report.warnings += _lacking_facts(reasons, app.report.rows_in)


def _track(app: App, snapshots: DataFrame, waiting: DataFrame) -> None:
    """Judge the tokens of waiting snapshots, and again those that were judged at a later business time."""
    today, least = app.as_of.date(), app.settings.tracking.min_liquidity_usd
    tracked = app.tables.read(tracked_tokens.TABLE)
    ahead = tracked.where(F.col("processing_date") > F.lit(today)).select("token_address")
    if not app.report.rows_in and not ahead.head(1):
        return
    tokens = F.broadcast(waiting.select("token_address").union(ahead))
    with (
        persisted(newest_snapshots(snapshots, until=today).join(tokens, "token_address", "semi")) as newest,
        persisted(judge_tokens(newest, tracked, least)) as judged,
    ):
        app.tables.replace(tracked_tokens.TABLE, judged, within=RowScope(newest.select("token_address")))


def _lacking_facts(reasons: Sequence[Row], snapshots: int) -> list[str]:
    """A warning for each fact that the list lacks, if it lacks facts of most of the `snapshots`: it may call them by
    another name now."""
    lacking = [row for row in reasons if row.not_tracked_reason not in (None, NotTrackedReason.LOW_LIQUIDITY)]
    if 2 * sum(row.snapshots for row in lacking) <= snapshots:
        return []
    return [
        f"{row.snapshots} of {snapshots} tokens are not tracked: {row.not_tracked_reason}, such as {row.example}"
        for row in lacking
    ]


if __name__ == "__main__":
    sys.exit(run_job("silver_tokens", run))
