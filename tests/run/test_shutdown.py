"""A run that is told to stop, or whose time is up, ends by itself and soon."""

import os
import signal
import threading

import pytest
from pyspark.sql import SparkSession

from smart_trader.errors import Interrupted
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run.shutdown import shutdown_on_signal, time_budget


def count_for_hours(spark: SparkSession) -> None:
    spark.range(0, 10**15, 1, 2).selectExpr("sum(id % 7)").collect()


def test_a_budget_that_is_spent_ends_spark_jobs_and_waits(spark: SparkSession) -> None:
    clock = SystemClock()
    with time_budget(clock, spark, seconds=1.0, grace_seconds=0.5):
        for _ in range(2):  # a job that begins after the end of time is ended too
            with pytest.raises(Exception, match=r"(?i)cancel"):
                count_for_hours(spark)
        with pytest.raises(Interrupted, match=r"time budget is spent.*run again"):
            clock.wait(60)
    assert spark.range(3).count() == 3  # what comes after, such as the record of the run, is left alone


def test_a_signal_does_the_same_and_its_handler_is_gone_afterwards(spark: SparkSession) -> None:
    clock, before = SystemClock(), signal.getsignal(signal.SIGTERM)
    with shutdown_on_signal(clock, spark=spark):
        threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGTERM]).start()
        with pytest.raises(Exception, match=r"(?i)cancel"):
            count_for_hours(spark)
    assert clock.farewell.startswith("Told to stop;")
    assert signal.getsignal(signal.SIGTERM) is before
