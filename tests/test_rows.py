"""Rows that are read more than once, and a few queries at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from smart_trader.rows import persisted, results_of, several_at_once


def test_results_come_in_the_order_of_the_queries_and_run_at_the_same_time(spark: SparkSession) -> None:
    second_runs = threading.Event()

    def first() -> str:
        assert second_runs.wait(60)
        return "first"

    def second() -> str:
        second_runs.set()
        return "second"

    assert results_of(spark, [first, second]) == ["first", "second"]


def test_the_first_query_that_fails_is_raised_once_all_have_ended(spark: SparkSession) -> None:
    last_has_failed, ended = threading.Event(), list[str]()

    def fails_late() -> None:
        last_has_failed.wait(60)
        raise ValueError("the first")

    def fails_at_once() -> None:
        last_has_failed.set()
        raise KeyError("the last")

    with pytest.raises(ValueError, match="the first"):
        results_of(spark, [fails_late, lambda: ended.append("between"), fails_at_once])
    assert ended == ["between"]


def test_what_is_asked_belongs_to_the_job_of_the_thread_that_asks(spark: SparkSession) -> None:
    spark.sparkContext.setJobGroup("asks-at-once", "asks-at-once")
    try:
        with several_at_once(spark) as ask:
            asked = [ask(spark.range(3).count) for _ in range(2)]
        assert [query.result() for query in asked] == [3, 3]
        assert len(spark.sparkContext.statusTracker().getJobIdsForGroup("asks-at-once")) >= 2
    finally:
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)


def test_a_persisted_frame_is_computed_once_by_all_who_read_it_at_the_same_time(spark: SparkSession) -> None:
    computed, readers = spark.sparkContext.accumulator(0), 3
    start = threading.Barrier(readers)

    def seen(number: int) -> int:
        time.sleep(0.01)  # else the first reader would have it all before the second begins
        computed.add(1)
        return number

    def persisted_frames() -> int:
        return len(spark.sparkContext._jsc.sc().getRDDStorageInfo())

    def read(frame: DataFrame) -> int:
        start.wait()
        return int(frame.agg(F.sum("number")).collect()[0][0])

    rows = spark.range(100).repartition(5).select(F.udf(seen, "bigint", useArrow=False)("id").alias("number"))
    before = persisted_frames()
    with persisted(rows) as shared, ThreadPoolExecutor(readers) as pool:
        assert list(pool.map(read, [shared] * readers)) == [4950] * readers
        assert persisted_frames() == before + 1

    assert computed.value == 100
    assert persisted_frames() == before


@pytest.mark.parametrize(("made_from", "in_memory"), [(1_200_000, True), (1_200_001, False)])
def test_a_persisted_frame_lies_in_memory_only_if_it_is_made_from_few_rows(
    spark: SparkSession, made_from: int, in_memory: bool
) -> None:
    with persisted(spark.range(1), made_from=made_from) as rows:
        level = rows.storageLevel

    assert (level.useMemory, level.useDisk) == (in_memory, True)
