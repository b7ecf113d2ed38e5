"""The same rows give the same tables, in however many partitions and files and in whatever order they lie."""

from pathlib import Path
from random import Random

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from smart_trader.domain import catalog
from smart_trader.domain.bronze import transaction_history
from smart_trader.simulator.market import Market
from tests.lake import Lake
from tests.reliability.lakes import digests
from tests.reliability.world import COMPUTING, copied

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def tied(spark: SparkSession, fetched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was fetched, with all trades of a day in one block: only the declared order tells them apart."""
    root = copied(spark, fetched, tmp_path_factory.mktemp("tied")).root
    path = root / transaction_history.TABLE.path
    stored = spark.read.format("delta").load(str(path))
    in_one_block = {"block_time": F.date_trunc("day", "block_time"), "block_number": F.lit(1).cast("bigint")}
    write(stored.withColumns(in_one_block), path)
    return root


@pytest.fixture(scope="module")
def as_stored(
    spark: SparkSession, market: Market, tied: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The first of the eight layouts: one partition."""
    lake = copied(spark, tied, tmp_path_factory.mktemp("as stored"))
    compute(lake, market, partitions=1)
    return digests(lake.root)


@pytest.mark.parametrize(
    ("partitions", "is_shuffled"),
    [(count, is_shuffled) for count in (1, 3, 7, 16) for is_shuffled in (False, True)][1:],
)
def test_eight_layouts_give_the_same_bytes(
    partitions: int,
    is_shuffled: bool,
    spark: SparkSession,
    market: Market,
    tied: Path,
    as_stored: dict[str, str],
    tmp_path: Path,
) -> None:
    lake = copied(spark, tied, tmp_path)
    if is_shuffled:
        for table in catalog.TABLES:
            shuffle(spark, lake.root / table.path, partitions)
    compute(lake, market, partitions)
    assert digests(lake.root) == as_stored


def compute(lake: Lake, market: Market, partitions: int) -> None:
    """All jobs after those that fetch."""
    usual = lake.spark.conf.get("spark.sql.shuffle.partitions") or "1"
    lake.spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        lake.run(*COMPUTING, as_of=market.now, settings=[("spark.shuffle_partitions", str(partitions))])
    finally:
        lake.spark.conf.set("spark.sql.shuffle.partitions", usual)


def shuffle(spark: SparkSession, path: Path, files: int) -> None:
    """Write the rows of a table anew, in another order and as so many files."""
    stored = spark.read.format("delta").load(str(path))
    rows = stored.collect()
    Random(files).shuffle(rows)
    if rows:
        write(spark.createDataFrame(spark.sparkContext.parallelize(rows, files), stored.schema), path)


def write(rows: DataFrame, path: Path) -> None:
    rows.write.format("delta").mode("overwrite").save(str(path))
