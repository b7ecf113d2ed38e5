"""Where adapters meet ports: Spark starts, logs open, jobs run, and what they raise becomes an exit status."""

import contextlib
import dataclasses
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from smart_trader import cli, failpoints, version
from smart_trader.config.model import Settings
from smart_trader.config.settings import load, secret_values, settings_hash
from smart_trader.domain import catalog
from smart_trader.domain.ops import runs
from smart_trader.domain.tables.changes import Part
from smart_trader.errors import LimitReached, NotAsked, SmartTraderError
from smart_trader.foreign import json_object
from smart_trader.io.delta import session as spark_session
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock
from smart_trader.messages import are_json, tell
from smart_trader.pipeline import FETCHING, Course, End
from smart_trader.run import demo, dry_run, folders, logs, outcomes, process
from smart_trader.run.app import App, Report
from smart_trader.run.dry_run import DryRun
from smart_trader.run.prediction import prediction_document
from smart_trader.run.prediction import render_text as prediction_text
from smart_trader.run.shutdown import stopping, time_budget
from smart_trader.run.summary import (
    JobRecord,
    JobSummary,
    RunSummary,
    render_document,
    render_text,
    run_document,
    versions_json,
)

log = structlog.get_logger(__name__)


Run = Callable[[App], None]
_SUMMARY = "summary"
"""The name of the line that says how a run went."""


def run_job(job: str, run: Run) -> int:
    """Run one job as a process of its own; returns the exit status."""
    return run_jobs(job, [(job, run)])


def job_runs(names: Sequence[str]) -> list[tuple[str, Run]]:
    """The `run` functions of jobs, by name."""
    return [(name, importlib.import_module(f"smart_trader.jobs.{name}").run) for name in names]


def run_jobs(command: str, jobs: Sequence[tuple[str, Run]]) -> int:
    """Run `jobs` in one Spark session as the command `command`; the first that fails ends the run, unless it only
    fetches."""
    try:
        process.announce_driver()
        options = cli.parse(command, sys.argv[1:])
        failpoints.arm(os.environ)
        with demo.serve() if options.demo else contextlib.nullcontext() as market:
            overrides = market.overrides if market else ()
            settings = load(options.profile, overrides=options.overrides, demo=overrides)
            runner = _Runner(command, options, settings, market)
            status = runner.run(jobs)
        if runner.is_stopped:
            process.leave(status)
        return status
    except SmartTraderError as error:
        tell(str(error), level="ERROR")
        return error.exit_status
    except Exception as error:  # such as a disk that is too full for Spark to start
        status, message = outcomes.explain(error, SystemClock())
        tell(logs.redact(message), level="ERROR")
        return status


class _Runner:
    def __init__(self, command: str, options: cli.Options, settings: Settings, market: demo.Demo | None) -> None:
        self._options, self._settings, self._market = options, settings, market
        self._clock, self._budgeted = SystemClock(), SystemClock()
        self._started = self._clock.now()
        self._as_of = options.as_of or (demo.NOW if market else self._started.replace(microsecond=0))
        self._run_id = options.run_id or process.new_run_id(self._started)
        self._summaries: list[JobSummary] = []
        self._hash = settings_hash(settings)
        secrets = secret_values(settings)
        file = os.environ.get("SMART_TRADER_LOG_FILE")
        logs.configure(
            run_id=self._run_id,
            job=command,
            json_lines=are_json(),
            secrets=secrets,
            file=Path(file) if file else None,
        )

    def run(self, jobs: Sequence[tuple[str, Run]]) -> int:
        status, message = 0, ""
        self._warnings = [] if self._is_reading else folders.check_disks(self._settings)
        spark = spark_session.start()
        with self._clones(spark) as clones:
            app = self._open(spark, clones)
            try:
                with stopping(self._clock, self._budgeted, spark=spark):
                    status, message = self._run_all(app, jobs)
                    if self._dry_run and not self._clock.is_stopped:
                        status, message = self._compare(self._dry_run, status, message)
            finally:
                process.ignore_signals()
                status = self._close(app, status, message)
        return status

    @property
    def is_stopped(self) -> bool:
        """Whether a signal or the time budget ended what may still be under way in other threads."""
        return self._budgeted.is_stopped

    def _clones(self, spark: SparkSession) -> contextlib.AbstractContextManager[str | None]:
        """Where a dry run writes instead of the warehouse."""
        if self._options.is_rehearsal:
            return dry_run.clones_place(spark, self._settings, self._run_id)
        return contextlib.nullcontext()

    def _open(self, spark: SparkSession, clones: str | None) -> App:
        root, run_id, retention = self._settings.warehouse.root, self._run_id, self._settings.retention
        days = {
            "bronze": retention.bronze_days,
            "silver": retention.silver_days,
            "gold": retention.gold_days,
            "ops": retention.gold_days,
        }
        cloned = clones and CloneStore(
            spark, root, clones=clones, clock=self._clock, run_id=run_id, retention_days=days
        )
        self._tables = cloned or DeltaStore(spark, root, clock=self._clock, run_id=run_id, retention_days=days)
        app = App(self._options, self._settings, self._as_of, run_id, spark, self._tables, self._budgeted)
        self._dry_run = DryRun(app, cloned) if cloned else None
        return app

    def _run_all(self, app: App, jobs: Sequence[tuple[str, Run]]) -> tuple[int, str]:
        if not self._is_reading and not self._options.is_rewriting:
            try:
                self._make_tables()
            except Exception as error:
                jobs = [(jobs[0][0], _failing(error))]  # the first job fails by it, and is recorded
        course = Course()
        for name, run in jobs:
            if why := course.left_out(name):
                self._warnings.append(f"{name} was left out: {why}")
                log.warning("left out", step=name, why=why)
            elif not course.note(name, self._run_one(app, name, run, has_budget=len(jobs) == 1 or name in FETCHING)):
                break
            if self._clock.is_stopped:
                break
        if course.end.status:
            return course.end.status, course.end.message
        is_filled = self._options.makes_calls and self._options.job in ("pipeline", "gold_traders")
        if self._market is not None and is_filled:
            return self._check_demo(app, self._market)
        return 0, ""

    def _make_tables(self) -> None:
        if self._options.recreate:
            self._tables.drop(catalog.MARKS_FIRST)
        with self._tables.committing_as("init", version.VERSION):
            created = self._tables.create(catalog.TABLES, known=self._tables_written)
        if created:
            done = "tables would be created" if self._dry_run else "tables created"
            log.info(done, tables=len(created), warehouse=self._settings.warehouse.root)

    def _tables_written(self) -> set[str]:
        """Names of the tables that earlier runs wrote, as far as `ops.runs` is there to say so."""
        if self._tables.version(runs.TABLE) < 0:
            return set()
        # By version: a table of an earlier version may lack columns, which are added later.
        record = self._tables.read(runs.TABLE, version=self._tables.version(runs.TABLE))
        told = record.select("table_versions").distinct()
        return {name for row in told.collect() for name in json_object(row.table_versions)}

    def _compare(self, dry_run: DryRun, status: int, message: str) -> tuple[int, str]:
        try:
            dry_run.compare()
        except Exception as error:
            failed, why = outcomes.explain(error, self._clock)
            return status or failed, message or why
        return status, message

    def _check_demo(self, app: App, market: demo.Demo) -> tuple[int, str]:
        try:
            return 0, market.check(app.tables)
        except Exception as error:
            status, message = outcomes.explain(error, self._clock)
            self._amend_last(status, message)
            return status, message

    def _amend_last(self, status: int, message: str) -> None:
        """What a job ended with counts as failed after all."""
        job = self._summaries[-1]
        failed = dataclasses.replace(
            job.record,
            outcome=outcomes.outcome(status, job.work),
            exit_code=status,
            message=logs.redact(message),
        )
        self._summaries[-1] = dataclasses.replace(job, record=failed)

    def _run_one(self, app: App, name: str, run: Run, *, has_budget: bool) -> End:
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
        end = self._end_of(app, name, run, self._budgeted if has_budget else self._clock)
        status, message = end.status, end.message
        if self._dry_run:
            self._dry_run.note_calls(name)
        versions = self._tables.versions
        spent = app.usage()
        record = JobRecord(
            run_id=self._run_id,
            job=name,
            started_at=started,
            finished_at=self._clock.now(),
            outcome=outcomes.outcome(status, app.report.work),
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
            message=logs.redact(message or "; ".join((*app.report.notes, *app.report.warnings))),
            document=None if app.report.document is None else json.dumps(logs.without_secrets(app.report.document)),
        )
        self._summaries.append(
            JobSummary(
                record=record,
                spark_jobs=counter.count(group),
                delta_commits=sum(after - before for before, after in versions.values()),
                work=app.report.work,
                tiers=app.report.tiers,
                warnings=tuple(map(logs.redact, app.report.warnings)),
                notes=tuple(map(logs.redact, app.report.notes)),
            )
        )
        log.info(
            "finished",
            outcome=record.outcome,
            rows_in=record.rows_in,
            rows_out=record.rows_out,
        )
        return end

    def _end_of(self, app: App, name: str, run: Run, clock: SystemClock) -> End:
        """Run a job until it ends, or `clock` is stopped."""
        seconds = self._seconds_left() if clock is self._budgeted else None
        budget = contextlib.nullcontext() if seconds is None else time_budget(clock, app.spark, seconds=seconds)
        try:
            with budget, self._tables.committing_as(name, version.VERSION):
                clock.wait(0)  # raises once told to stop
                run(app)
            if not self._is_reading:
                self._print_path(app.report)
        except NotAsked:
            log.info("planned")
            return End()
        except LimitReached as reached:
            app.report.warnings.append(str(reached))
            log.warning(str(reached))
        except Exception as error:
            return End(*outcomes.explain(error, clock), is_early=True)
        return End(*outcomes.judge(app.report.work))

    def _close(self, app: App, status: int, message: str) -> int:
        """Keep the record of the run and say what happened, whatever happened."""
        if self._is_reading:
            self._show(app.report, status, logs.redact(message))
            with contextlib.suppress(Exception):
                app.spark.stop()
            return status
        if not self._dry_run:
            try:
                with self._tables.committing_as("ops", version.VERSION):
                    self._keep_record(app)
            except Exception as error:
                failed, why = outcomes.explain(error, self._clock)
                status, message = status or failed, f"{message} ops.runs lacks this run. {why}".strip()
        summary = RunSummary(
            run_id=self._run_id,
            started_at=self._started,
            finished_at=self._clock.now(),
            exit_code=status,
            jobs=tuple(self._summaries),
            message=logs.redact(message),
            warnings=tuple(self._warnings),
        )
        prediction = self._dry_run and self._dry_run.prediction(summary)
        document = prediction_document(prediction) if prediction else run_document(summary)
        if are_json():
            log.info("run ended", event_name=_SUMMARY, **document)
        else:
            log.info("run ended", outcome=summary.outcome, exit_code=status)
            print(prediction_text(prediction) if prediction else render_text(summary), file=sys.stderr)
        if self._options.json:
            print(json.dumps(document, indent=2))
        with contextlib.suppress(Exception):
            app.spark.stop()
        return status

    def _keep_record(self, app: App) -> None:
        self._tables.create([runs.TABLE])  # it may be what could not be made
        records = app.tables.frame(runs.TABLE.own_schema, [_row(s) for s in self._summaries])
        if app.tables.read(runs.TABLE).where(F.col("run_id") == self._run_id).isEmpty():
            app.tables.append(runs.TABLE, records)
        else:  # the jobs of a scheduler share an id, and a job that is repeated keeps its own
            app.tables.replace(runs.TABLE, records, of=Part(records.select(*runs.TABLE.key)))

    def _seconds_left(self) -> float | None:
        minutes = self._settings.run.time_budget_minutes
        if minutes is None:
            return None
        return max(0.0, 60.0 * minutes - (self._clock.now() - self._started).total_seconds())

    @property
    def _is_reading(self) -> bool:
        return self._options.job in cli.READING_JOBS

    def _show(self, report: Report, status: int, message: str) -> None:
        """What a job that only reads has found, on standard output unless it is in a file; and how it went."""
        warnings, document = logs.without_secrets(report.warnings), logs.without_secrets(report.document)
        is_beside = report.path is not None and not self._options.json
        if document is not None and not is_beside:
            print(json.dumps(document, indent=2) if self._options.json else render_document(document))
        self._print_path(report)
        if are_json():
            found = {"document": document} if is_beside else {}
            log.info("run ended", event_name=_SUMMARY, exit_code=status, message=message, warnings=warnings, **found)
            return
        if document is not None and is_beside:
            print(render_document(document), file=sys.stderr)
        for warning in warnings:
            log.warning(warning)
        if message:
            tell(message, level="ERROR")

    def _print_path(self, report: Report) -> None:
        if report.path is not None and not self._options.json and not self._options.dry_run:
            print(report.path)


def _failing(error: Exception) -> Run:
    def run(_app: App) -> None:
        raise error

    return run


def _row(summary: JobSummary) -> dict[str, object]:
    return {name: getattr(summary.record, name) for name in runs.TABLE.column_names}
