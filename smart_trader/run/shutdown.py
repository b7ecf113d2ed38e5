"""How a run ends before its work is done, told by a signal, and its fetching at the end of the time budget."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from pyspark.sql import SparkSession

from smart_trader.io.machine.clock import SystemClock

_CANCEL_SECONDS = 0.1
BUDGET_GRACE_SECONDS = 20.0
"""What was fetched when the time budget is spent may still be committed; a signal is in more of a hurry."""


@contextlib.contextmanager
def shutdown_on_signal(*clocks: SystemClock, spark: SparkSession) -> Iterator[None]:
    """On SIGTERM or SIGINT end the waits of all `clocks`, and Spark jobs at once, which abandons the commit under way;
    the job then ends by its own exceptions."""
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
    """After `seconds` end the waits of `clock`, and after `grace_seconds` more, which are for the commit under way, the
    Spark jobs of what is done inside."""
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

    Spark work inside a handler deadlocks, so a thread cancels the jobs: again and again, since a job that is between
    two of them would go on with the next.
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
        for thread in threads:  # what comes next is not to be cancelled
            thread.join()
