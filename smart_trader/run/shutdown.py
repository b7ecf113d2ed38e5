"""The early end of a run by a signal, and of its fetching by the time budget."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from pyspark.sql import SparkSession

from smart_trader.io.machine.clock import SystemClock

_CANCEL_SECONDS = 0.1
BUDGET_GRACE_SECONDS = 20.0
"""Time to commit what was fetched before the time budget was spent. A signal ends Spark jobs at once."""


@contextlib.contextmanager
def shutdown_on_signal(*clocks: SystemClock, spark: SparkSession) -> Iterator[None]:
    """On SIGTERM or SIGINT end the waits of all `clocks` and cancel all Spark jobs, also that of a commit under way.
    The job then ends by its own exceptions."""
    with _cancelling(spark) as cancel:

        def handle(_signal: int, _frame: FrameType | None) -> None:
            for clock in clocks:
                clock.stop()
            cancel(0)

        previous = {name: signal.signal(name, handle) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for name, handler in previous.items():
                signal.signal(name, handler)


@contextlib.contextmanager
def time_budget(
    clock: SystemClock, spark: SparkSession, *, seconds: float, grace_seconds: float = BUDGET_GRACE_SECONDS
) -> Iterator[None]:
    """After `seconds` end the waits of `clock`. After `grace_seconds` more, which are for the commit under way, cancel
    the Spark jobs of this block."""
    with _cancelling(spark) as cancel:

        def stop() -> None:
            clock.stop("The time budget is spent (run.time_budget_minutes)")
            cancel(grace_seconds)

        if seconds <= 0:
            stop()
        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


@contextlib.contextmanager
def _cancelling(spark: SparkSession) -> Iterator[Callable[[float], None]]:
    """A function that cancels all Spark jobs after some seconds, until this block is left.

    Spark work in a signal handler deadlocks, so a thread cancels the jobs. It does so again and again: code that is
    between two Spark jobs would start the next one.
    """
    ended, threads = threading.Event(), list[threading.Thread]()

    def cancel(grace: float) -> None:
        if ended.wait(grace):
            return
        while not ended.wait(_CANCEL_SECONDS):
            spark.sparkContext.cancelAllJobs()

    def start(grace: float) -> None:
        thread = threading.Thread(target=cancel, args=[grace], daemon=True)
        threads.append(thread)
        thread.start()

    try:
        yield start
    finally:
        ended.set()
        for thread in threads:  # the Spark jobs that follow are not cancelled
            thread.join()
