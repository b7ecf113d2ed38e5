"""The jobs of a run, one after the other: which of them run, and what each ended with."""

import contextlib
from collections.abc import Callable, Sequence

import structlog

from smart_trader import version
from smart_trader.domain import catalog
from smart_trader.domain.catalog import SERIES_TABLES
from smart_trader.errors import LeaseLost, LimitReached, NotAsked
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.hadoop import delete_folder
from smart_trader.io.machine.clock import SystemClock
from smart_trader.pipeline import FETCHING, Course, End
from smart_trader.run import demo, logs, outcomes, output, record
from smart_trader.run.app import App, Report
from smart_trader.run.connections import CHECKPOINTS
from smart_trader.run.results import JobSummary
from smart_trader.run.session import Session, at_time
from smart_trader.run.shutdown import time_budget

log = structlog.get_logger(__name__)

Run = Callable[[App], None]


class Driver:
    """Runs jobs in a session, of a demonstration on `market`. `summaries` and `warnings` are those of the jobs so far,
    also where an exception ends `run`."""

    def __init__(self, session: Session, market: demo.Demo | None) -> None:
        self._session, self._market = session, market
        self.summaries: list[JobSummary] = []
        self.warnings: list[str] = []

    def run(self, jobs: Sequence[tuple[str, Run]]) -> End:
        """Run `jobs`; returns how the run ended. The first that fails ends it, unless it only fetches."""
        context = self._session.context
        if not context.is_reading and not context.options.is_rewriting:
            try:
                _make_tables(self._session)
            except Exception as error:
                jobs = [(jobs[0][0], _failing(error))]  # the first job fails by it, and is recorded
        end = self._run_past(jobs)
        end = end if end.status else self._run_each(jobs)
        if not end.status and self._market is not None and self._fills_tables():
            end = self._check(self._market)
        if self._session.dry_run and not self._session.clock.is_stopped:
            end = self._compare(end)
        return end

    def _run_past(self, jobs: Sequence[tuple[str, Run]]) -> End:
        """Run the pipeline of a demonstration at the earlier times of its market that have no ranking yet, each as a
        run of its own."""
        session, market = self._session, self._market
        options = session.context.options
        if market is None or options.job != "pipeline" or options.as_of or session.dry_run:
            return End()
        steps = [(name, run) for name, run in jobs if name not in demo.ONLY_NOW]
        for time in demo.missing_past(session.app.tables):
            log.info("the market as it was", as_of=time.isoformat())
            market.serve_at(time)
            past = Driver(at_time(session, time), None)
            end = past._run_each(steps)
            if end.status or session.clock.is_stopped:
                self.summaries, self.warnings = past.summaries, past.warnings
                return end
            record.keep(session.store, past._session.context.run_id, past.summaries)
        market.serve_at(demo.NOW)
        return End()

    def _run_each(self, jobs: Sequence[tuple[str, Run]]) -> End:
        course = Course()
        for name, run in jobs:
            if why := course.left_out(name):
                self.warnings.append(f"{name} was left out: {why}")
                log.warning("left out", step=name, why=why)
            elif not course.note(name, self._run_one(name, run, has_budget=len(jobs) == 1 or name in FETCHING)):
                break
            if self._session.clock.is_stopped:
                break
        return End(course.end.status, course.end.message if course.end.status else "")

    def _run_one(self, name: str, run: Run, *, has_budget: bool) -> End:
        session = self._session
        logs.enter_job(name)
        session.app.report = Report()
        measurement = record.Measurement(session, name)
        log.info("started", as_of=session.app.as_of.isoformat())
        end = _end_of(session, name, run, session.app.clock if has_budget else session.clock)
        if session.dry_run:
            session.dry_run.note_calls(name)
        summary = measurement.summary(end)
        self.summaries.append(summary)
        done = summary.record
        log.info("finished", outcome=done.outcome, rows_in=done.rows_in, rows_out=done.rows_out)
        return end

    def _fills_tables(self) -> bool:
        options = self._session.context.options
        return options.makes_calls and options.job in ("pipeline", "gold_traders")

    def _check(self, market: demo.Demo) -> End:
        """Compare the tables with what the market has planted: the last job has failed if they differ."""
        try:
            return End(0, market.check(self._session.app.tables))
        except Exception as error:
            end = End(*outcomes.explain(error, self._session.clock))
            self.summaries[-1] = record.failed(self.summaries[-1], end)
            return end

    def _compare(self, end: End) -> End:
        """What a dry run ended with, once its tables are compared with those of the warehouse."""
        assert self._session.dry_run is not None
        try:
            self._session.dry_run.compare()
        except Exception as error:
            status, message = outcomes.explain(error, self._session.clock)
            return End(end.status or status, end.message or message)
        return end


def _make_tables(session: Session) -> None:
    """Create the tables that are missing; with `--recreate` all of them anew."""
    store, context = session.store, session.context
    tables = SERIES_TABLES if context.options.is_on_series else catalog.TABLES
    with store.committing_as("init", version.VERSION):
        if context.options.recreate:
            start_anew(session.app, store)
        if all(store.version(table) < 0 for table in tables):
            log.info("new warehouse at " + context.settings.warehouse.root)
        created = store.create(tables, known=lambda: record.tables_written(store))
    if created:
        done = "tables would be created" if session.dry_run else "tables created"
        log.info(done, tables=len(created), warehouse=context.settings.warehouse.root)


def start_anew(app: App, store: DeltaStore) -> None:
    """Delete all tables, and what was noted of landed files, which goes first: a table that is still there takes them
    once more without a change, while an empty one would stay empty."""
    if not app.options.dry_run:
        delete_folder(app.spark, f"{app.settings.warehouse.root}/{CHECKPOINTS}")
    store.drop(catalog.DROP_ORDER)


def _loss(session: Session) -> LeaseLost | None:
    """The loss of the lease, if that is why something failed: Delta refuses a commit after another run took over."""
    try:
        if session.leases:
            session.leases.check()
    except LeaseLost as lost:
        return lost
    except Exception:  # the store or Spark is gone, which says more than this check
        return None
    return None


def _failing(error: Exception) -> Run:
    def run(_app: App) -> None:
        raise error

    return run


def _end_of(session: Session, name: str, run: Run, clock: SystemClock) -> End:
    """Run a job until it ends, or `clock` is stopped; returns how it ended."""
    app, context = session.app, session.context
    seconds = context.seconds_left(session.clock.now()) if clock is app.clock else None
    budget = contextlib.nullcontext() if seconds is None else time_budget(clock, app.spark, seconds=seconds)
    try:
        with budget, session.store.committing_as(name, version.VERSION):
            clock.wait(0)  # raises once it is stopped
            run(app)
        if not context.is_reading:
            output.print_path(app.report, context.options)
    except NotAsked:
        log.info("planned")
        return End()
    except LimitReached as reached:
        app.report.warnings.append(str(reached))
        log.warning(str(reached))
    except Exception as error:
        return End(*outcomes.explain(_loss(session) or error, clock), is_early=True)
    return End(*outcomes.judge(app.report.work))
