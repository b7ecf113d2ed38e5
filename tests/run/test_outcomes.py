"""What the end of a job means, for what Spark really raises."""

from collections.abc import Callable, Iterator

import pytest
from pyspark.sql import DataFrame, SparkSession

from smart_trader.errors import StorageError
from smart_trader.io.machine.clock import SystemClock
from smart_trader.rows import collect
from smart_trader.run import outcomes


@pytest.fixture
def small_driver(spark: SparkSession) -> Iterator[SparkSession]:
    """A session whose driver takes a thousand bytes; Spark looks at it anew for each stage."""
    conf = spark.sparkContext._jsc.sc().conf()
    before = conf.get("spark.driver.maxResultSize", "1g")
    conf.set("spark.driver.maxResultSize", "1000")
    yield spark
    conf.set("spark.driver.maxResultSize", before)


@pytest.mark.parametrize("bring", [collect, DataFrame.collect], ids=["as Arrow", "as rows"])
def test_more_than_the_driver_takes_is_a_setting_to_raise(
    small_driver: SparkSession, bring: Callable[[DataFrame], object]
) -> None:
    with pytest.raises(Exception, match="maxResultSize") as caught:
        bring(small_driver.range(5000, numPartitions=2))
    status, message = outcomes.explain(caught.value, SystemClock())
    assert status == 78
    assert "spark.driver_max_result_size" in message and "(1000.0 B)" in message


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("org.apache.hadoop.fs.s3a.AWSApiCallTimeoutException: listObjects() on s3a://lake/x", 69),
        ("java.nio.file.AccessDeniedException: s3a://lake/x: Forbidden (Service: S3, Status Code: 403)", 77),
        ("java.nio.file.AccessDeniedException: s3a://lake/x: QuotaExceeded (Service: S3, Status Code: 403)", 74),
        ("java.nio.file.AccessDeniedException: /srv/lake", 74),
        ("java.io.FileNotFoundException: /srv/lake/x.parquet", 74),
    ],
)
@pytest.mark.parametrize("wraps", [False, True])
def test_a_fault_of_a_store_is_no_unreadable_table(text: str, status: int, wraps: bool) -> None:
    """What reads a table takes any error of the JVM for a table that cannot be read."""
    error = RuntimeError(f"An error occurred while calling o1.load.\n: {text}")
    if wraps:
        unreadable = StorageError("silver.trades cannot be read; nothing was changed.")
        unreadable.__cause__ = error
        assert outcomes.explain(unreadable, SystemClock())[0] == status
    assert outcomes.explain(error, SystemClock())[0] == status
