"""How a run ends before its work is done: told by a signal, or at the end of its time budget."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from pyspark.sql import SparkSession

from smart_trader.io.clock import SystemClock

_CANCEL_SECONDS = 0.1
BUDGET_GRACE_SECONDS = 20.0
"""What was fetched when the time budget is spent may still be committed; a signal is in more of a hurry."""


@contextlib.contextmanager
def stopping(
    clock: SystemClock, spark: SparkSession, *, seconds: float | None, grace_seconds: float = BUDGET_GRACE_SECONDS
) -> Iterator[None]:
    """On SIGTERM or SIGINT, or after `seconds`, end waits and Spark jobs; the job then ends by its own exceptions.

    A signal ends the Spark jobs at once, and so abandons the commit under way; a spent budget leaves it
    `grace_seconds`.

    Spark work inside a handler deadlocks, so a thread cancels the jobs: again and again, since a job that is between
    two of them would go on with the next.
    """
    ended = threading.Event()

    def cancel(grace: float) -> None:
        if ended.wait(grace):
            return
        while not ended.wait(_CANCEL_SECONDS):
            spark.sparkContext.cancelAllJobs()

    def stop(why: str, grace: float) -> None:
        clock.stop(why)
        threading.Thread(target=cancel, args=[grace], daemon=True).start()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop("Told to stop", 0)

    spent = "The time budget is spent (run.time_budget_minutes)"
    budget = threading.Timer(seconds or 0, stop, [spent, grace_seconds])
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
