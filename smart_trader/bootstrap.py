"""Where adapters meet ports: Spark starts, logs open, jobs run, and what they raise becomes an exit status."""

import contextlib
import errno
import importlib
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import FrameType
from typing import Any

import structlog
from pyspark.sql import SparkSession

from smart_trader import cli, demo, logs, process, version
from smart_trader.domain import catalog
from smart_trader.domain.ops import runs
from smart_trader.errors import Interrupted, SmartTraderError, StorageError
from smart_trader.fetching import Pace
from smart_trader.io import spark as spark_session
from smart_trader.io.birdeye import client as birdeye
from smart_trader.io.clock import SystemClock
from smart_trader.io.delta import DeltaStore
from smart_trader.io.http import HttpPolicy
from smart_trader.ports import MarketData, TableStore, Usage
from smart_trader.progress import Progress
from smart_trader.settings import load, require, secret_values, settings_hash
from smart_trader.settings_model import Api, Settings
from smart_trader.summary import (
    JobRecord,
    JobSummary,
    Outcome,
    RunSummary,
    TierChange,
    Work,
    render_document,
    render_json,
    render_text,
    versions_json,
)

log = structlog.get_logger(__name__)

_CANCEL_SECONDS = 0.1


@dataclass(slots=True)
class Report:
    """What a job says of its own run; filled in as it goes, so that a failed run has one too."""

    rows_in: int = 0
    rows_rejected: int = 0
    work: Work | None = None
    tiers: tuple[TierChange, ...] = ()
    warnings: list[str] = field(default_factory=list)
    document: dict[str, Any] | None = None
    """What a job that only reads has found; it goes to standard output."""


@dataclass
class App:
    """What a job is given. `as_of` is the business time of the whole run."""

    options: cli.Options
    settings: Settings
    as_of: datetime
    run_id: str
    spark: SparkSession
    tables: TableStore
    clock: SystemClock
    report: Report = field(default_factory=Report)

    @cached_property
    def market(self) -> MarketData:
        """BirdEye; asked for only by the jobs that fetch, as only they need a key."""
        api = self.settings.birdeye
        return birdeye.connect(
            base_url=api.base_url,
            api_key=require(self.settings, "birdeye.api_key"),
            requests_per_second=api.requests_per_second,
            concurrent_requests=api.concurrent_requests,
            compute_units_per_run=api.compute_units_per_run,
            units=api.units.model_dump(),
            clock=self.clock,
            policy=_policy(api),
            user_agent=f"smart-trader/{version.VERSION}",
        )

    def usage(self) -> Usage:
        """What was asked of the API so far; nothing if it was never needed."""
        return self.market.usage() if "market" in self.__dict__ else Usage(0, 0, 0.0)

    def advance(self, progress: Progress) -> None:
        """One more entity is through."""
        used = self.usage()
        progress.advance(calls=used.calls, wait_seconds=used.wait_seconds)

    def pace(self, *, batch_size: int) -> Pace:
        """How fetching is spread over threads and commits."""
        return Pace(
            workers=self.settings.birdeye.concurrent_requests,
            batch_size=batch_size,
            batch_seconds=float(self.settings.transactions.seconds_per_commit),
        )


Run = Callable[[App], None]


def run_job(job: str, run: Run) -> int:
    """Run one job as a process of its own; returns the exit status."""
    return run_jobs(job, [(job, run)])


def job_runs(names: Sequence[str]) -> list[tuple[str, Run]]:
    """The `run` functions of jobs, by name."""
    return [(name, importlib.import_module(f"smart_trader.jobs.{name}").run) for name in names]


def run_jobs(command: str, jobs: Sequence[tuple[str, Run]]) -> int:
    """Run `jobs` in one Spark session as the command `command`; the first that fails ends the run."""
    process.announce_driver()
    try:
        options = cli.parse(command, sys.argv[1:])
        with demo.serve() if options.demo else contextlib.nullcontext() as market:
            overrides = market.overrides if market else ()
            settings = load(options.profile, overrides=options.overrides, demo=overrides)
            return _Runner(command, options, settings, market).run(jobs)
    except SmartTraderError as error:
        print(f"smart-trader: {error}", file=sys.stderr)
        return error.exit_status


class _Runner:
    def __init__(self, command: str, options: cli.Options, settings: Settings, market: demo.Demo | None) -> None:
        self._options, self._settings, self._market = options, settings, market
        self._clock = SystemClock()
        self._started = self._clock.now()
        self._as_of = options.as_of or (market.now if market else self._started.replace(microsecond=0))
        self._run_id = options.run_id or process.new_run_id(self._started)
        self._summaries: list[JobSummary] = []
        self._hash = settings_hash(settings)
        is_terminal = sys.stderr.isatty()
        secrets = secret_values(settings)
        logs.configure(run_id=self._run_id, job=command, json_lines=not is_terminal, secrets=secrets)

    def run(self, jobs: Sequence[tuple[str, Run]]) -> int:
        status, message = 0, ""
        spark = spark_session.start()
        app = self._open(spark)
        try:
            with stopping(self._clock, spark, seconds=self._seconds_left()):
                status, message = self._run_all(app, jobs)
        finally:
            status = self._close(app, status, message)
        return status

    def _open(self, spark: SparkSession) -> App:
        retention = self._settings.retention
        self._tables = DeltaStore(
            spark,
            self._settings.warehouse.root,
            clock=self._clock,
            run_id=self._run_id,
            retention_days={
                "bronze": retention.bronze_days,
                "silver": retention.silver_days,
                "gold": retention.gold_days,
                "ops": retention.gold_days,
            },
        )
        return App(
            self._options,
            self._settings,
            self._as_of,
            self._run_id,
            spark,
            self._tables,
            self._clock,
        )

    def _run_all(self, app: App, jobs: Sequence[tuple[str, Run]]) -> tuple[int, str]:
        if not self._is_reading:
            status, message = self._make_tables()
            if status:
                return status, message
        for name, run in jobs:
            if self._clock.is_stopped:
                return Interrupted.exit_status, self._clock.farewell
            status, message = self._run_one(app, name, run)
            if status:
                return status, message
        if self._market is not None and jobs[-1][0] == "gold_traders":
            return self._check_demo(app, self._market)
        return 0, ""

    def _make_tables(self) -> tuple[int, str]:
        try:
            if self._options.recreate:
                self._tables.drop(catalog.TABLES)
            with self._tables.committing_as("init", version.VERSION):
                created = self._tables.create(catalog.TABLES)
            if created:
                log.info("tables created", tables=len(created), warehouse=self._settings.warehouse.root)
        except Exception as error:
            return self._explain(error)
        return 0, ""

    def _check_demo(self, app: App, market: demo.Demo) -> tuple[int, str]:
        try:
            return 0, market.check(app.tables)
        except Exception as error:
            return self._explain(error)

    def _run_one(self, app: App, name: str, run: Run) -> tuple[int, str]:
        logs.enter_job(name)
        app.report = Report()
        counter = spark_session.JobCounter(app.spark)
        group = f"{self._run_id} {name}"
        counter.enter(group)
        started, usage, written = (
            self._clock.now(),
            app.usage(),
            sum(self._tables.rows_written.values()),
        )
        self._tables.versions.clear()
        log.info("started", as_of=self._as_of.isoformat())
        status, message = 0, ""
        try:
            with self._tables.committing_as(name, version.VERSION):
                run(app)
            status, message = _judge(app.report.work)
        except Exception as error:
            status, message = self._explain(error)
        versions = self._tables.versions
        spent = app.usage()
        record = JobRecord(
            run_id=self._run_id,
            job=name,
            started_at=started,
            finished_at=self._clock.now(),
            outcome=_outcome(status, app.report.work),
            exit_code=status,
            rows_in=app.report.rows_in,
            rows_out=sum(self._tables.rows_written.values()) - written,
            rows_rejected=app.report.rows_rejected,
            api_calls=spent.calls - usage.calls,
            compute_units=spent.compute_units - usage.compute_units,
            table_versions=versions_json(
                {table: before for table, (before, _) in versions.items()},
                {table: after for table, (_, after) in versions.items()},
            ),
            code_version=version.VERSION,
            settings_hash=self._hash,
            message=logs.redact(message or "; ".join(app.report.warnings)),
        )
        self._summaries.append(
            JobSummary(
                record=record,
                spark_jobs=counter.count(group),
                delta_commits=sum(after - before for before, after in versions.values()),
                work=app.report.work,
                tiers=app.report.tiers,
                warnings=tuple(app.report.warnings),
            )
        )
        log.info(
            "finished",
            outcome=record.outcome,
            rows_in=record.rows_in,
            rows_out=record.rows_out,
        )
        return status, message

    def _explain(self, error: Exception) -> tuple[int, str]:
        """Exit status and text of what a job raised; only a bug of ours is logged with its trace."""
        if self._clock.is_stopped:
            return Interrupted.exit_status, self._clock.farewell
        if isinstance(error, SmartTraderError):
            log.error(str(error))
            return error.exit_status, str(error)
        if _is_disk_trouble(error):
            text = "The disk is full or read-only. Tables stay readable as of their last commit; make room, run again."
            log.error(text)
            return StorageError.exit_status, text
        log.error("a bug", exc_info=error)
        return (
            SmartTraderError.exit_status,
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
        )

    def _close(self, app: App, status: int, message: str) -> int:
        """Keep the record of the run and say what happened, whatever happened."""
        if self._is_reading:
            self._show(app.report.document, message)
            with contextlib.suppress(Exception):
                app.spark.stop()
            return status
        if self._summaries:
            try:
                with self._tables.committing_as("ops", version.VERSION):
                    app.tables.append(
                        runs.TABLE,
                        app.tables.frame(runs.TABLE.own_schema, [_row(s) for s in self._summaries]),
                    )
            except Exception as error:
                failed, why = self._explain(error)
                status, message = status or failed, message or why
        summary = RunSummary(
            run_id=self._run_id,
            started_at=self._started,
            finished_at=self._clock.now(),
            exit_code=status,
            jobs=tuple(self._summaries),
            message=logs.redact(message),
        )
        print(render_text(summary), file=sys.stderr)
        if self._options.json:
            print(render_json(summary))
        with contextlib.suppress(Exception):
            app.spark.stop()
        return status

    def _seconds_left(self) -> float | None:
        minutes = self._settings.run.time_budget_minutes
        if minutes is None:
            return None
        return max(0.0, 60.0 * minutes - (self._clock.now() - self._started).total_seconds())

    @property
    def _is_reading(self) -> bool:
        return self._options.job in cli.READING_JOBS

    def _show(self, document: dict[str, Any] | None, message: str) -> None:
        if document is not None:
            print(json.dumps(document, indent=2) if self._options.json else render_document(document))
        if message:
            print(f"smart-trader: {logs.redact(message)}", file=sys.stderr)


def _policy(api: Api) -> HttpPolicy:
    return HttpPolicy(
        connect_timeout_seconds=float(api.connect_timeout_seconds),
        read_timeout_seconds=float(api.read_timeout_seconds),
        total_timeout_seconds=float(api.total_timeout_seconds),
        attempts=api.attempts,
        max_retry_wait_seconds=float(api.max_retry_wait_seconds),
        max_body_bytes=api.max_body_bytes,
    )


def _row(summary: JobSummary) -> dict[str, object]:
    return {name: getattr(summary.record, name) for name in runs.TABLE.column_names}


def _judge(work: Work | None) -> tuple[int, str]:
    """A job of which more than half of the due entities failed has failed."""
    if work is not None and 2 * work.failed > work.due:
        return 69, f"{work.failed} of {work.due} {work.unit} failed; they stay pending."
    return 0, ""


def _outcome(status: int, work: Work | None) -> Outcome:
    if status not in (0, Interrupted.exit_status):
        return "failed"
    return "partial" if status or (work is not None and work.failed) else "ok"


def _is_disk_trouble(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EROFS,
        errno.EACCES,
        errno.EDQUOT,
    ):
        return True
    return any(text in str(error) for text in ("No space left on device", "Read-only file system", "AccessDenied"))


@contextlib.contextmanager
def stopping(clock: SystemClock, spark: SparkSession, *, seconds: float | None) -> Iterator[None]:
    """On SIGTERM or SIGINT, or after `seconds`, end waits and Spark jobs; the job then ends by its own exceptions.

    Spark work inside a handler deadlocks, so a thread cancels the jobs: again and again, since a job that is between
    two of them would go on with the next.
    """
    ended = threading.Event()

    def cancel() -> None:
        while not ended.wait(_CANCEL_SECONDS):
            spark.sparkContext.cancelAllJobs()

    def stop(why: str) -> None:
        clock.stop(why)
        threading.Thread(target=cancel, daemon=True).start()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop("Told to stop")

    budget = threading.Timer(seconds or 0, stop, ["The time budget is spent (run.time_budget_minutes)"])
    budget.daemon = True
    previous = {name: signal.signal(name, handle) for name in (signal.SIGTERM, signal.SIGINT)}
    if seconds is not None:
        budget.start()
    try:
        yield
    finally:
        ended.set()
        budget.cancel()
        for name, handler in previous.items():
            signal.signal(name, handler)
