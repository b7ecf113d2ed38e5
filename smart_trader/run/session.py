"""Spark, the tables and what a job is given: opened before the first job of a run, closed after its last."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from smart_trader import cli
from smart_trader.config.model import Settings
from smart_trader.io.delta import session as spark_session
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run import dry_run
from smart_trader.run.app import App
from smart_trader.run.dry_run import DryRun


@dataclass(frozen=True, slots=True)
class RunContext:
    """What is known of a run before Spark starts. `as_of` is its business time, `started` the time on the wall."""

    options: cli.Options
    settings: Settings
    run_id: str
    started: datetime
    as_of: datetime

    @property
    def is_reading(self) -> bool:
        """Whether the run writes no table, so that it leaves no record."""
        return self.options.is_reading

    def seconds_left(self, now: datetime) -> float | None:
        """What is left of the time budget, at least 0; None without a budget."""
        minutes = self.settings.run.time_budget_minutes
        if minutes is None:
            return None
        return max(0.0, 60.0 * minutes - (now - self.started).total_seconds())


@dataclass(frozen=True, slots=True)
class Session:
    """What the jobs of a run share. The time budget stops `app.clock`, a signal stops `clock` as well."""

    context: RunContext
    clock: SystemClock
    store: DeltaStore
    app: App
    dry_run: DryRun | None


@contextlib.contextmanager
def open_session(context: RunContext, clock: SystemClock, budgeted: SystemClock) -> Iterator[Session]:
    """A session of its own for the run; Spark is stopped and the clones of a dry run are gone afterwards."""
    spark = spark_session.start()
    try:
        with _clones_of(context, spark) as clones:
            store = _store(context, clock, spark, clones)
            maintenance = DeltaMaintenance(spark, store.path)
            app = App(
                context.options, context.settings, context.as_of, context.run_id, spark, store, maintenance, budgeted
            )
            rehearsal = DryRun(app, store) if isinstance(store, CloneStore) else None
            yield Session(context, clock, store, app, rehearsal)
    finally:
        with contextlib.suppress(Exception):  # such as a JVM that is gone
            spark.stop()


def _clones_of(context: RunContext, spark: SparkSession) -> contextlib.AbstractContextManager[str | None]:
    """Where a dry run writes instead of the warehouse."""
    if context.options.is_rehearsal:
        return dry_run.clones_place(spark, context.settings, context.run_id)
    return contextlib.nullcontext()


def _store(context: RunContext, clock: SystemClock, spark: SparkSession, clones: str | None) -> DeltaStore:
    root, run_id, retention = context.settings.warehouse.root, context.run_id, context.settings.retention
    days = {
        "bronze": retention.bronze_days,
        "silver": retention.silver_days,
        "gold": retention.gold_days,
        "foundation": retention.foundation_days,
        "ops": retention.gold_days,
    }
    if clones is None:
        return DeltaStore(spark, root, clock=clock, run_id=run_id, retention_days=days)
    return CloneStore(spark, root, clones=clones, clock=clock, run_id=run_id, retention_days=days)
