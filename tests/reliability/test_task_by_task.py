"""A scheduler that runs the jobs one by one ends in the tables of one run of all of them."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.simulator.market import Market
from tests.lake import Lake
from tests.reliability.lakes import digests
from tests.reliability.world import COMPUTING, FETCHING, run


def test_each_job_by_itself_makes_the_same_tables(
    spark: SparkSession, market: Market, once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Delta chooses among the files of every table, as it does for those that have many."""
    monkeypatch.setattr("smart_trader.tuning.MAX_KNOWN_FILES", 0)
    parts = Lake(spark, tmp_path / "parts")
    for job in (*FETCHING, *COMPUTING):
        run(parts, market, job)
    assert digests(parts.root) == digests(once)
