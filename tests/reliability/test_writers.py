"""Writers at once, as many as may meet at one table: nobody's rows are lost, and every version can be read."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.reliability.writers import MEETINGS, Meeting


@pytest.mark.long
@pytest.mark.parametrize("writers", MEETINGS.values(), ids=MEETINGS.keys())
def test_whoever_meets_at_a_table_both_get_their_way(
    writers: tuple[str, ...], spark: SparkSession, tmp_path: Path
) -> None:
    Meeting(spark, tmp_path, writers, rounds=5).run()
