"""A command as a process: its settings are read, its jobs run in a session, and how they end is its exit status."""

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from smart_trader import cli, failpoints
from smart_trader.config.model import Settings
from smart_trader.config.settings import load, secret_values
from smart_trader.errors import LeaseLost, SmartTraderError
from smart_trader.io.machine.clock import SystemClock
from smart_trader.messages import are_json, tell
from smart_trader.pipeline import End
from smart_trader.run import demo, folders, logs, outcomes, output, process, record
from smart_trader.run.context import RunContext
from smart_trader.run.driver import Driver, Run
from smart_trader.run.results import RunSummary
from smart_trader.run.session import Session, open_session
from smart_trader.run.shutdown import shutdown_on_signal


def run_job(job: str, run: Run) -> int:
    """Run one job as a process of its own; returns the exit status."""
    return run_jobs(job, [(job, run)])


def run_jobs(command: str, jobs: Sequence[tuple[str, Run]]) -> int:
    """Run `jobs` in one Spark session as the command `command`; returns the exit status. The first job that fails ends
    the run, unless it only fetches."""
    clock, budgeted = SystemClock(), SystemClock()
    try:
        process.announce_driver()
        options = cli.parse(command, sys.argv[1:])
        failpoints.arm(os.environ)
        with demo.serve() if options.demo else contextlib.nullcontext() as market:
            settings = load(
                options.profile, overrides=options.overrides, demo=market.overrides if market is not None else ()
            )
            status = _run(_context(command, options, settings, clock), jobs, market, clock, budgeted)
    except SmartTraderError as error:
        tell(str(error), level="ERROR")
        return error.exit_status
    except Exception as error:  # such as a disk that is too full for Spark to start
        status, message = outcomes.explain(error, SystemClock())
        tell(logs.redact(message), level="ERROR")
        return status
    if budgeted.is_stopped:  # then something may still be under way in other threads
        process.leave(status)
    return status


def _context(command: str, options: cli.Options, settings: Settings, clock: SystemClock) -> RunContext:
    started = clock.now()
    as_of = options.as_of or (demo.NOW if options.demo else started.replace(microsecond=0))
    context = RunContext(options, settings, options.run_id or process.new_run_id(started), started, as_of)
    file = os.environ.get("SMART_TRADER_LOG_FILE")
    logs.configure(
        run_id=context.run_id,
        job=command,
        json_lines=are_json(),
        secrets=secret_values(settings),
        file=Path(file) if file else None,
    )
    return context


def _run(
    context: RunContext,
    jobs: Sequence[tuple[str, Run]],
    market: demo.Demo | None,
    clock: SystemClock,
    budgeted: SystemClock,
) -> int:
    warnings = [] if context.is_reading else folders.check_disks(context.settings)
    with open_session(context, clock, budgeted) as session:
        driver, end, status = Driver(session, market), End(), 0
        try:
            with shutdown_on_signal(clock, budgeted, spark=session.app.spark):
                end = driver.run(jobs)
        finally:
            process.ignore_signals()
            status = _close(session, driver, end, warnings)
    return status


def _close(session: Session, driver: Driver, end: End, warnings: Sequence[str]) -> int:
    """Keep the record of the run and show how it ended, whatever ended it; returns the exit status."""
    context = session.context
    if context.is_reading:
        output.show_findings(session.app.report, end, context.options)
        return end.status
    if not session.dry_run:
        end = _verify(session, _keep_record(session, driver, end))
    summary = RunSummary(
        run_id=context.run_id,
        started_at=context.started,
        finished_at=session.clock.now(),
        exit_code=end.status,
        jobs=tuple(driver.summaries),
        message=logs.redact(end.message),
        warnings=(*warnings, *driver.warnings),
    )
    prediction = session.dry_run.prediction(summary) if session.dry_run else None
    output.show_run(summary, prediction, context.options)
    return end.status


def _keep_record(session: Session, driver: Driver, end: End) -> End:
    """How the run ended, once its record is kept: also with that, if it cannot be."""
    try:
        record.keep(session.store, session.context.run_id, driver.summaries)
    except LeaseLost as lost:
        return replace(end, status=lost.exit_status, message=str(lost))
    except Exception as error:
        status, why = outcomes.explain(error, session.clock)
        return replace(
            end, status=end.status or status, message=f"{end.message} ops.runs lacks this run. {why}".strip()
        )
    return end


def _verify(session: Session, end: End) -> End:
    """How the run ended, once its commits are found in place after it took over a lease of another run."""
    if session.leases is None or end.status == LeaseLost.exit_status:
        return end
    try:
        session.leases.verify()
    except Exception as error:
        status, why = outcomes.explain(error, session.clock)
        return replace(end, status=status, message=f"{end.message} {why}".strip())
    return end
