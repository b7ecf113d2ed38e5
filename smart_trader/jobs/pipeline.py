"""BirdEye -> bronze -> silver -> gold

Runs all jobs in order, in one Spark session. Each step resumes from the tables that the one before committed, so a
run that was stopped anywhere goes on at the next start, and an idle rerun changes nothing. When the fetching ends
early, the other jobs run on what it committed. What fails a check is not sent to a webhook and is in no report.
"""

import sys

from smart_trader.jobs import (
    bronze_tokens,
    bronze_transactions,
    bronze_whales,
    evaluate,
    gold_traders,
    helius_webhooks,
    report,
    silver_pnl,
    silver_tokens,
    silver_whales,
    validate,
)
from smart_trader.run.runner import run_jobs

STEP_RUNS = (
    ("bronze_tokens", bronze_tokens.run),
    ("silver_tokens", silver_tokens.run),
    ("bronze_whales", bronze_whales.run),
    ("silver_whales", silver_whales.run),
    ("bronze_transactions", bronze_transactions.run),
    ("silver_pnl", silver_pnl.run),
    ("gold_traders", gold_traders.run),
    ("evaluate", evaluate.run),
    ("validate", validate.run),
    ("helius_webhooks", helius_webhooks.run),
    ("report", report.run),
)
"""What each of `STEPS` runs, in their order."""

if __name__ == "__main__":
    sys.exit(run_jobs("pipeline", STEP_RUNS))
