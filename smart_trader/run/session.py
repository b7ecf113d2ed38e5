"""Spark, the tables and what a job is given: opened before the first job of a run, closed after its last."""

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pyspark.sql import SparkSession

from smart_trader.io.birdeye.older_rows import FROM_RAW
from smart_trader.io.delta import session as spark_session
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.store import DeltaStore, Fence, unfenced
from smart_trader.io.lock.leases import Leases
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run import dry_run, lease
from smart_trader.run.app import App, Report
from smart_trader.run.context import RunContext
from smart_trader.run.dry_run import DryRun


@dataclass(frozen=True, slots=True)
class Session:
    """What the jobs of a run share. The time budget stops `app.clock`, a signal stops `clock` as well."""

    context: RunContext
    clock: SystemClock
    store: DeltaStore
    app: App
    dry_run: DryRun | None
    leases: Leases | None
    """Of a run that writes to a warehouse in a store."""


@contextlib.contextmanager
def open_session(context: RunContext, clock: SystemClock, budgeted: SystemClock) -> Iterator[Session]:
    """A session of its own for the run; Spark is stopped and the clones of a dry run are gone afterwards."""
    spark = spark_session.start()
    try:
        open_store = functools.partial(_open_store, context, clock, spark)
        leased = lease.held(context, spark, open_store, (clock, budgeted))
        with leased as leases, _clones_of(context, spark) as clones:
            fence = _fence(leases) if leases else unfenced
            store = _open_clones(context, clock, spark, clones) if clones else open_store(fence)
            maintenance = DeltaMaintenance(spark, store.path, store.wait, from_raw=FROM_RAW)
            app = App(
                context.options, context.settings, context.as_of, context.run_id, spark, store, maintenance, budgeted
            )
            rehearsal = DryRun(app, store) if isinstance(store, CloneStore) else None
            yield Session(context, clock, store, app, rehearsal, leases)
    finally:
        with contextlib.suppress(Exception):  # such as a JVM that is gone
            spark.stop()


def at_time(session: Session, time: datetime) -> Session:
    """The session for a run of its own as of `time`, in the same warehouse."""
    context = replace(session.context, run_id=f"{session.context.run_id}-{time:%Y%m%d}", as_of=time)
    fence = _fence(session.leases) if session.leases else unfenced
    store = _open_store(context, session.clock, session.app.spark, fence)
    app = replace(session.app, as_of=time, run_id=context.run_id, tables=store, report=Report())
    return replace(session, context=context, store=store, app=app)


def _clones_of(context: RunContext, spark: SparkSession) -> contextlib.AbstractContextManager[str | None]:
    """Where a dry run writes instead of the warehouse."""
    if context.options.is_rehearsal:
        return dry_run.clones_place(spark, context.settings, context.run_id)
    return contextlib.nullcontext()


def _fence(leases: Leases) -> Fence:
    return lambda table: leases.committing(lease.lock_of(table))


def _open_store(context: RunContext, clock: SystemClock, spark: SparkSession, fence: Fence) -> DeltaStore:
    return DeltaStore(spark, clock=clock, fence=fence, **_place(context))


def _open_clones(context: RunContext, clock: SystemClock, spark: SparkSession, clones: str) -> CloneStore:
    return CloneStore(spark, clock=clock, clones=clones, **_place(context))


def _place(context: RunContext) -> dict[str, Any]:
    retention = context.settings.retention
    days = {
        "bronze": retention.bronze_days,
        "silver": retention.silver_days,
        "gold": retention.gold_days,
        "foundation": retention.foundation_days,
        "ops": retention.gold_days,
    }
    return {
        "root": context.settings.warehouse.root,
        "run_id": context.run_id,
        "retention_days": days,
        "from_raw": FROM_RAW,
    }
