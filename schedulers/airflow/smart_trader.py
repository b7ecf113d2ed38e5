"""Smart Trader on Airflow 3: the pipeline twice a day, one task for each job, and its maintenance.

Make this file known to Airflow by a link in its folder of DAGs (a link, so that the checkout is found; a copy needs
SMART_TRADER_HOME in Airflow's environment). The worker needs the checkout and nothing else: jobs bring their own
Python packages. Settings are in the checkout's .env, or in Airflow's environment. It imports nothing of the checkout.
"""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

HOME = Path(os.environ.get("SMART_TRADER_HOME") or Path(__file__).resolve().parents[2])
PASSING = (69, 75)
"""Exit statuses of temporary failures: API or store unavailable; lock held, budget spent, interrupted."""
WAIT_LOCK_SECONDS = 600
"""For another run that is under way; beyond that the job ends with 75."""
STOP_SECONDS = 20.0
"""A job that was told to stop ends within 15."""

PIPELINE = (
    "bronze_tokens",
    "silver_tokens",
    "bronze_whales",
    "silver_whales",
    "bronze_transactions",
    "silver_pnl",
    "gold_traders",
    "evaluate",
    "validate",
    "helius_webhooks",
    "report",
)
FETCHING = ("bronze_tokens", "bronze_whales", "bronze_transactions")
"""However one of these ends, the next job runs on what was committed."""
AFTER_ALL = ("helius_webhooks",)
"""Runs only if all jobs before it succeeded. The others do not wait for it, so a run of which one failed has failed."""
OPTIONS = {"report": ("--out", str(HOME / "report.html"))}
SKIPPED_WITHOUT = {"helius_webhooks": "helius.api_key"}
"""As in `pipeline`: without that setting there is nothing to do."""


class SubmitOperator(BaseOperator):
    """Runs one job through bin/submit.sh. Only temporary failures are tried again, as often as the task has retries.

    All tasks of a DAG run share business time and run id, so that one after the other they do what `pipeline` does; a
    retry has a run id of its own, as its record in ops.runs is another.
    """

    ui_color = "#d5e8d4"

    def __init__(self, *, job: str, **options: Any) -> None:
        super().__init__(**options)
        self.job = job
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:
        needed = SKIPPED_WITHOUT.get(self.job)
        if needed and not self._is_set(needed):
            raise AirflowSkipException(f"{needed} is not set")
        status = self._submit(self._arguments(context))
        if status in PASSING:
            raise AirflowException(f"{self.job} ended with {status}, which may pass; the log above says why")
        if status:
            raise AirflowFailException(f"{self.job} ended with {status}, and would again; the log above says why")

    def on_kill(self) -> None:
        """Tell the job to stop and wait for it: a commit that is under way is finished first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.log.warning("%s goes on by itself: it was told to stop, and has not yet", self.job)

    def _arguments(self, context: Any) -> list[str]:
        run, attempt = context["dag_run"], context["ti"].try_number
        as_of = (run.data_interval_end or run.run_after).astimezone(UTC).replace(microsecond=0)
        suffix = f".{attempt}" if attempt > 1 else ""
        return [
            *("--as-of", as_of.isoformat()),
            *("--run-id", f"{as_of:%Y%m%dT%H%M%SZ}-airflow{suffix}"),
            *("--wait-lock", str(WAIT_LOCK_SECONDS)),
            *OPTIONS.get(self.job, ()),
        ]

    def _submit(self, arguments: list[str]) -> int:
        command = [str(HOME / "bin" / "submit.sh"), self.job, *arguments]
        self.log.info("%s", " ".join(command))
        # A session of its own: whoever kills the worker's process group must not cut off a commit.
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as self._process:
            for line in self._process.stdout or ():
                self.log.info("%s", line.rstrip())
        return self._process.returncode

    def _is_set(self, setting: str) -> bool:
        command = [str(HOME / "bin" / "submit.sh"), self.job, "--print-settings", "--json"]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        if shown.returncode:
            raise AirflowFailException(shown.stderr)
        return bool(json.loads(shown.stdout)[setting]["value"])


def dag(name: str, cron: str, jobs: tuple[str, ...], description: str) -> DAG:
    """`jobs` one after the other; one that is skipped, or that only fetches, does not hold up the next."""
    with DAG(
        name,
        description=description,
        schedule=CronTriggerTimetable(cron, timezone="UTC"),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
        tags=["smart-trader"],
    ) as made:
        line: list[SubmitOperator] = []
        for job in jobs:
            is_after_fetching = bool(line) and line[-1].job in FETCHING
            task = SubmitOperator(task_id=job, job=job, trigger_rule="all_done" if is_after_fetching else "none_failed")
            task.set_upstream(line if job in AFTER_ALL else line[-1:])
            if job not in AFTER_ALL:
                line.append(task)
    return made


pipeline = dag("smart_trader", "0 9,21 * * *", PIPELINE, "tokens, holders, trades, PnL, ranking, webhook")
disk_space = dag("smart_trader_disk_space", "15 */6 * * *", ("disk_space",), "warns before a disk is full")
maintain = dag("smart_trader_maintain", "30 3 * * 0", ("maintain",), "compaction, old files, checkpoints")
