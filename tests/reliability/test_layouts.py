"""The same rows give the same tables, in however many partitions and files and in whatever order they lie."""

from pathlib import Path
from random import Random

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain import catalog
from smart_trader.simulator.market import Market
from tests.reliability.lakes import digests
from tests.reliability.world import COMPUTING, copied

PARTITIONS = (1, 3, 7, 16)


@pytest.mark.long
@pytest.mark.parametrize("is_shuffled", [False, True], ids=["as stored", "shuffled"])
@pytest.mark.parametrize("partitions", PARTITIONS)
def test_eight_layouts_give_the_same_bytes(
    partitions: int, is_shuffled: bool, spark: SparkSession, market: Market, fetched: Path, once: Path, tmp_path: Path
) -> None:
    lake = copied(spark, fetched, tmp_path)
    if is_shuffled:
        for table in catalog.TABLES:
            shuffle(spark, lake.root / table.path, partitions)
    usual = spark.conf.get("spark.sql.shuffle.partitions") or "1"
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        lake.run(*COMPUTING, as_of=market.now, settings=[("spark.shuffle_partitions", str(partitions))])
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", usual)
    assert digests(lake.root) == digests(once)


def shuffle(spark: SparkSession, path: Path, files: int) -> None:
    """Write the rows of a table anew, in another order and as so many files."""
    stored = spark.read.format("delta").load(str(path))
    rows = stored.collect()
    Random(files).shuffle(rows)
    if rows:
        spread = spark.createDataFrame(spark.sparkContext.parallelize(rows, files), stored.schema)
        spread.write.format("delta").mode("overwrite").save(str(path))
