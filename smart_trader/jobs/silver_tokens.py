"""bronze.token_metrics -> silver.tracked_tokens

Judges each token with a new snapshot by its newest one alone. Safe to repeat: a snapshot is marked as processed after
the tokens were written, and judging it again gives the same row.
"""

import sys
from collections.abc import Sequence

from pyspark.sql import Row
from pyspark.sql import functions as F

from smart_trader.domain.bronze import token_metrics
from smart_trader.domain.bronze.snapshots import newest_snapshots
from smart_trader.domain.bronze.token_metrics import NotTrackedReason
from smart_trader.domain.silver import tracked_tokens
from smart_trader.domain.silver.tracked_tokens import count_reasons, judge_tokens, not_tracked_reason
from smart_trader.domain.tables.changes import Part
from smart_trader.run.app import App
from smart_trader.run.runner import run_job


def run(app: App) -> None:
    today, least = app.as_of.date(), app.settings.tracking.min_liquidity_usd
    snapshots = app.tables.read(token_metrics.TABLE).where(F.col("processing_date") <= F.lit(today))
    tracked = app.tables.read(tracked_tokens.TABLE)
    unjudged = (
        snapshots.where(~F.col("processed")).withColumn("not_tracked_reason", not_tracked_reason(least)).persist()
    )
    reasons = count_reasons(unjudged).collect()
    app.report.rows_in = sum(row.snapshots for row in reasons)
    # What was judged at a later business time is judged again by what is known now.
    ahead = tracked.where(F.col("processing_date") > F.lit(today)).select("token_address")
    if app.report.rows_in or ahead.head(1):
        waiting = unjudged.select("token_address").union(ahead)
        newest = newest_snapshots(snapshots, until=today).join(F.broadcast(waiting), "token_address", "semi").persist()
        judged = judge_tokens(newest, tracked, least).persist()
        app.tables.replace(tracked_tokens.TABLE, judged, of=Part(newest.select("token_address")))
        judged.unpersist()
        newest.unpersist()
    if app.report.rows_in:
        marks = {"processed": F.lit(True), "processed_at": F.lit(app.as_of)}
        app.tables.update(
            token_metrics.TABLE,
            unjudged.select(*token_metrics.TABLE.key, "not_tracked_reason").withColumns(marks),
        )
        app.report.warnings += _lacking_facts(reasons, app.report.rows_in)
    unjudged.unpersist()


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
