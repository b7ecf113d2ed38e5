"""Lakes that were read without any disturbance, made once for all tests."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.simulator.market import Market
from tests.lake import Lake
from tests.reliability.world import COMPUTING, FETCHING, copied, first_market, run


@pytest.fixture(scope="session")
def market() -> Market:
    return first_market()


@pytest.fixture(scope="session")
def fetched(spark: SparkSession, market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake after the jobs up to bronze_transactions."""
    root = tmp_path_factory.mktemp("fetched") / "lake"
    run(Lake(spark, root), market, *FETCHING)
    return root


@pytest.fixture(scope="session")
def once(spark: SparkSession, market: Market, fetched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same lake after the jobs that follow: one run of the pipeline."""
    lake = copied(spark, fetched, tmp_path_factory.mktemp("once"))
    run(lake, market, *COMPUTING)
    return lake.root
