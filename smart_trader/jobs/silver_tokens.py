"""bronze.token_metrics -> silver.tracked_tokens

Judges each token with a new snapshot by its newest one alone. Safe to repeat: a snapshot is marked as processed after
the tokens were written, and judging it again gives the same row.
"""

import sys

from pyspark.sql import functions as F

from smart_trader.app import App
from smart_trader.bootstrap import run_job
from smart_trader.domain.bronze import token_metrics
from smart_trader.domain.bronze.snapshots import newest_snapshots
from smart_trader.domain.changes import Part
from smart_trader.domain.silver import tracked_tokens
from smart_trader.domain.silver.tracked_tokens import judge_tokens


def run(app: App) -> None:
    snapshots = app.tables.read(token_metrics.TABLE)
    unjudged = snapshots.where(~F.col("processed")).persist()
    app.report.rows_in = unjudged.count()
    if app.report.rows_in:
        touched = unjudged.select("token_address").distinct()
        newest = newest_snapshots(snapshots, until=app.as_of.date()).join(F.broadcast(touched), "token_address", "semi")
        tracked = app.tables.read(tracked_tokens.TABLE)
        judged = judge_tokens(newest, tracked, app.settings.tracking.min_liquidity_usd).persist()
        app.tables.replace(tracked_tokens.TABLE, judged, of=Part(touched))
        judged.unpersist()
        marks = {"processed": F.lit(True), "processed_at": F.lit(app.as_of)}
        app.tables.update(
            token_metrics.TABLE,
            unjudged.select(*token_metrics.TABLE.key).withColumns(marks),
        )
    unjudged.unpersist()


if __name__ == "__main__":
    sys.exit(run_job("silver_tokens", run))
