"""What conf/spark-defaults.conf says of single columns of the tables' Parquet files."""

import re
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from smart_trader.domain import catalog

CONF = Path(__file__).parents[2] / "conf" / "spark-defaults.conf"
KEYS = {"event_id", "tx_hash", "trade_id"}


def columns_without(what: str) -> set[str]:
    pattern = rf"^spark\.hadoop\.parquet\.{re.escape(what)}#(\w+) +false$"
    return set(re.findall(pattern, CONF.read_text(encoding="utf-8"), re.MULTILINE))


def test_only_numbers_and_keys_that_nothing_is_found_by_go_without_dictionary_and_statistics() -> None:
    plain = columns_without("enable.dictionary")
    assert plain == columns_without("column.statistics.enabled") != set()
    columns = {column.name: column.type for table in catalog.TABLES for column in table.columns}
    assert plain <= columns.keys()
    assert {name for name in plain if not isinstance(columns[name], T.DecimalType)} == KEYS
    assert not plain & {name for table in catalog.TABLES for name in table.stats_columns}


@pytest.mark.parametrize(("name", "is_plain"), [("quantity_raw", True), ("wallet_address", False)])
def test_a_file_is_written_as_the_settings_say(spark: SparkSession, tmp_path: Path, name: str, is_plain: bool) -> None:
    row = {"quantity_raw": Decimal(7), "wallet_address": "Wallet"}
    rows = spark.createDataFrame([row] * 100, "quantity_raw decimal(38,0), wallet_address string")
    rows.coalesce(1).write.parquet(f"{tmp_path}/rows")
    (file,) = (tmp_path / "rows").glob("*.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    column = next(c for c in map(group.column, range(2)) if c.path_in_schema == name)
    assert column.has_dictionary_page != is_plain
    assert column.is_stats_set != is_plain
