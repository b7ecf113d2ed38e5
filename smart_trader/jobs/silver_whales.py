"""bronze.whale_holders -> silver.tracked_whales

Who holds which tracked token, and who no longer does. Safe to repeat: the rows follow from the snapshots, known rows
keep their state, and only what differs is written.
"""

import sys

from smart_trader.domain.bronze import whale_holders
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.silver.tracked_whales import track_holders
from smart_trader.rows import persisted
from smart_trader.run.app import App
from smart_trader.run.runner import run_job


def run(app: App) -> None:
    holders = app.tables.read(whale_holders.TABLE)
    tokens = app.tables.read(tracked_tokens.TABLE)
    stored = app.tables.read(tracked_whales.TABLE)
    with persisted(track_holders(holders, tokens, stored, as_of=app.as_of)) as rows:
        app.report.rows_in = rows.count()
        app.tables.replace(tracked_whales.TABLE, rows)
    if not app.report.rows_in:
        app.report.warnings.append("no tracked token has a known holder")


if __name__ == "__main__":
    sys.exit(run_job("silver_whales", run))
