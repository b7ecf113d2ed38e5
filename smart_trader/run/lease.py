"""The leases of a run on a warehouse in a store. Folders are locked by the launcher, which a cluster does not have."""

import contextlib
import functools
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog
from pyspark.sql import SparkSession

from smart_trader.domain import catalog
from smart_trader.domain.tables.table import Table
from smart_trader.errors import AccessDenied, KeyRefused, LeaseLost, SmartTraderError, SourceUnavailable
from smart_trader.io.delta.store import DeltaStore, Fence
from smart_trader.io.delta.takeover import Takeover
from smart_trader.io.jvm import java_class
from smart_trader.io.lock.keeping import Loss, kept
from smart_trader.io.lock.lease import Lease, Timing
from smart_trader.io.lock.leases import Leases
from smart_trader.io.lock.records import HadoopRecords
from smart_trader.io.machine.clock import SystemClock, boot_seconds
from smart_trader.job_table import Lock
from smart_trader.paths import local_folder
from smart_trader.run import process
from smart_trader.run.context import RunContext

log = structlog.get_logger(__name__)

_LAYERS = {Lock.SERIES: "foundation", Lock.RUNS: "ops"}
"""Folders with a lease of their own. Of all other tables there is one in the root."""
_ATTEMPTS = 2
"""Of one record: S3A itself tries again."""
_WHY: dict[Loss, tuple[str, type[SmartTraderError]]] = {
    Loss.TAKEN: ("The lease of the warehouse is lost: another run may have taken over", LeaseLost),
    Loss.SILENCE: ("The store did not answer for so long that another run may take over", SourceUnavailable),
}


def lock_of(table: Table) -> Lock:
    """What a run must have to commit to `table`."""
    return next((lock for lock, layer in _LAYERS.items() if layer == table.layer), Lock.WAREHOUSE)


@contextlib.contextmanager
def held(
    context: RunContext, spark: SparkSession, open_store: Callable[[Fence], DeltaStore], clocks: Sequence[SystemClock]
) -> Iterator[Leases | None]:
    """The leases, while the run may write to a warehouse in a store; else None. Whoever reads reaches the store too.

    Once a lease is lost, stops `clocks` and kills Spark's JVM, which commits. Raises LockHeld, KeyRefused,
    ConfigurationError or SourceUnavailable.
    """
    root = context.settings.warehouse.root
    if local_folder(root) is not None:
        yield None
        return
    try:
        HadoopRecords(spark, root).numbers()
    except AccessDenied as denied:
        raise KeyRefused(str(denied)) from denied
    if not context.options.is_writing:
        yield None
        return
    leases = Leases(functools.partial(_opened, context, spark, open_store, clocks))
    with leases.holding(context.options.locks):
        yield leases


@dataclass(frozen=True, slots=True)
class _Owned:
    lease: Lease
    takeover: Takeover | None
    """Where the run before has not released the lease."""
    tables: Sequence[Table]

    def check(self) -> None:
        self.lease.check()

    def verify(self) -> None:
        if self.takeover:
            self.takeover.verify(self.tables)


@contextlib.contextmanager
def _opened(
    context: RunContext,
    spark: SparkSession,
    open_store: Callable[[Fence], DeltaStore],
    clocks: Sequence[SystemClock],
    lock: Lock,
) -> Iterator[_Owned]:
    """Take a lease, keep the former owner from committing, and release it afterwards."""
    root, layer = context.settings.warehouse.root, _LAYERS.get(lock)
    records = HadoopRecords(spark, f"{root}/{layer}" if layer else root)
    timing = _timing(context)
    lease = Lease(records, _owner(context), timing, clock=boot_seconds, wait=clocks[0].wait)
    wait_seconds = context.options.wait_lock
    # Who has it for one commit gives it back in a moment.
    lease.take(wait_seconds if lock in context.options.locks else max(wait_seconds, timing.expire_seconds))
    with kept(lease, end_run=_ending(root, spark, clocks)):
        tables = [table for table in catalog.TABLES if lock_of(table) is lock]
        yield _Owned(lease, _take_over(context, spark, open_store, lease, tables), tables)


def _take_over(
    context: RunContext,
    spark: SparkSession,
    open_store: Callable[[Fence], DeltaStore],
    lease: Lease,
    tables: Sequence[Table],
) -> Takeover | None:
    """Keep the former owner from committing, if there is one that has not released the lease."""
    if lease.taken_over is None:
        return None
    log.warning("the lease was taken over from a run that did not release it", number=lease.taken_over)

    @contextlib.contextmanager
    def checked(_table: Table) -> Iterator[None]:
        lease.check()
        yield

    takeover = Takeover(spark, open_store(checked), number=lease.taken_over, run_id=context.run_id)
    takeover.fence(tables)
    return takeover


def _ending(root: str, spark: SparkSession, clocks: Sequence[SystemClock]) -> Callable[[Loss], None]:
    """What ends the run once a lease is lost."""
    jvm = int(java_class(spark, "java.lang.ProcessHandle").current().pid())

    def end_run(loss: Loss) -> None:
        for clock in clocks:
            clock.stop(*_WHY[loss])
        log.error(f"{clocks[0].farewell} Spark is killed.", warehouse=root)
        with contextlib.suppress(OSError):
            process.tell_launcher(clocks[0].exit_status, clocks[0].farewell)
        with contextlib.suppress(ProcessLookupError):
            os.kill(jvm, signal.SIGKILL)

    return end_run


def _owner(context: RunContext) -> dict[str, str]:
    return {
        "job": context.options.job,
        "run": context.run_id,
        "host": socket.gethostname(),
        "since": f"{context.started:%Y-%m-%dT%H:%M:%SZ}",
    }


def _timing(context: RunContext) -> Timing:
    lease = context.settings.lease
    return Timing(renew_seconds=lease.renew_seconds, expire_seconds=lease.expire_seconds, attempts=_ATTEMPTS)
