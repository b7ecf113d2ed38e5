"""Spark, the tables and what a job is given: opened before the first job of a run, closed after its last."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from pyspark.sql import SparkSession

from smart_trader.domain import catalog
from smart_trader.io.birdeye.older_rows import FROM_RAW
from smart_trader.io.delta import session as spark_session
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.delta.takeover import Takeover
from smart_trader.io.lock.lease import Lease
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run import dry_run, lease
from smart_trader.run.app import App
from smart_trader.run.context import RunContext
from smart_trader.run.dry_run import DryRun

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """What the jobs of a run share. The time budget stops `app.clock`, a signal stops `clock` as well."""

    context: RunContext
    clock: SystemClock
    store: DeltaStore
    app: App
    dry_run: DryRun | None
    lease: Lease | None
    """Of a run that writes to a warehouse in a store."""
    takeover: Takeover | None
    """Where the run before has not released the lease."""


@contextlib.contextmanager
def open_session(context: RunContext, clock: SystemClock, budgeted: SystemClock) -> Iterator[Session]:
    """A session of its own for the run; Spark is stopped and the clones of a dry run are gone afterwards."""
    spark = spark_session.start()
    try:
        with lease.held(context, spark, clock, budgeted) as owned, _clones_of(context, spark) as clones:
            store = _store(context, clock, spark, clones, owned)
            maintenance = DeltaMaintenance(spark, store.path, store.wait, from_raw=FROM_RAW)
            app = App(
                context.options, context.settings, context.as_of, context.run_id, spark, store, maintenance, budgeted
            )
            rehearsal = DryRun(app, store) if isinstance(store, CloneStore) else None
            yield Session(context, clock, store, app, rehearsal, owned, _take_over(context, spark, store, owned))
    finally:
        with contextlib.suppress(Exception):  # such as a JVM that is gone
            spark.stop()


def _clones_of(context: RunContext, spark: SparkSession) -> contextlib.AbstractContextManager[str | None]:
    """Where a dry run writes instead of the warehouse."""
    if context.options.is_rehearsal:
        return dry_run.clones_place(spark, context.settings, context.run_id)
    return contextlib.nullcontext()


def _take_over(context: RunContext, spark: SparkSession, store: DeltaStore, owned: Lease | None) -> Takeover | None:
    """Keep the former owner from committing, if there is one that has not released the lease."""
    if owned is None or owned.taken_over is None:
        return None
    log.warning("the lease was taken over from a run that did not release it", number=owned.taken_over)
    takeover = Takeover(spark, store, number=owned.taken_over, run_id=context.run_id)
    takeover.fence(catalog.TABLES)
    return takeover


def _store(
    context: RunContext, clock: SystemClock, spark: SparkSession, clones: str | None, owned: Lease | None
) -> DeltaStore:
    root, run_id, retention = context.settings.warehouse.root, context.run_id, context.settings.retention
    days = {
        "bronze": retention.bronze_days,
        "silver": retention.silver_days,
        "gold": retention.gold_days,
        "foundation": retention.foundation_days,
        "ops": retention.gold_days,
    }
    if clones is None:
        fence = {"fence": owned.check} if owned else {}
        return DeltaStore(spark, root, clock=clock, run_id=run_id, retention_days=days, from_raw=FROM_RAW, **fence)
    return CloneStore(spark, root, clones=clones, clock=clock, run_id=run_id, retention_days=days, from_raw=FROM_RAW)
