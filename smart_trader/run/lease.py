"""The lease of a run on a warehouse in a store. Folders are locked by the launcher, which a cluster does not have."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator

import structlog
from pyspark.sql import SparkSession

from smart_trader.errors import AccessDenied, KeyRefused
from smart_trader.io.jvm import java_class
from smart_trader.io.lock.keeping import kept
from smart_trader.io.lock.lease import Lease, Timing
from smart_trader.io.lock.records import HadoopRecords
from smart_trader.io.machine.clock import SystemClock, boot_seconds
from smart_trader.paths import local_folder
from smart_trader.run import process
from smart_trader.run.context import RunContext

log = structlog.get_logger(__name__)

_ATTEMPTS = 2
"""Of one record: S3A itself tries again."""


@contextlib.contextmanager
def held(context: RunContext, spark: SparkSession, *clocks: SystemClock) -> Iterator[Lease | None]:
    """The lease, while the run may write to a warehouse in a store; else None. Whoever reads reaches the store as well.

    Once the lease is lost, stops `clocks` and kills Spark's JVM, which commits. Raises LockHeld, KeyRefused,
    ConfigurationError or SourceUnavailable.
    """
    root = context.settings.warehouse.root
    if local_folder(root) is not None:
        yield None
        return
    try:
        records = HadoopRecords(spark, root)
        records.numbers()
    except AccessDenied as denied:
        raise KeyRefused(str(denied)) from denied
    if not context.options.is_writing:
        yield None
        return
    lease = Lease(records, _owner(context), _timing(context), clock=boot_seconds, wait=clocks[0].wait)
    lease.take(context.options.wait_lock)
    jvm = int(java_class(spark, "java.lang.ProcessHandle").current().pid())

    def end_run() -> None:
        for clock in clocks:
            clock.stop("The lease of the warehouse is lost: another run may have taken over")
        log.error(f"{clocks[0].farewell} Spark is killed.", warehouse=root)
        with contextlib.suppress(OSError):
            process.tell_launcher(clocks[0].farewell)
        with contextlib.suppress(ProcessLookupError):
            os.kill(jvm, signal.SIGKILL)

    with kept(lease, end_run=end_run):
        yield lease


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
