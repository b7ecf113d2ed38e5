"""BirdEye -> bronze -> silver -> gold

Runs all jobs in order, in one Spark session. Each step resumes from the tables that the one before committed, so a
run that was stopped anywhere goes on at the next start, and an idle rerun changes nothing. When the fetching ends
early, the other jobs run on what it committed. What fails a check is not sent to a webhook and is in no report.
"""

import sys

from smart_trader.pipeline import STEPS
from smart_trader.run.runner import job_runs, run_jobs

if __name__ == "__main__":
    sys.exit(run_jobs("pipeline", job_runs([step.job for step in STEPS])))
