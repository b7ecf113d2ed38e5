"""Lakes that were read without any disturbance, made once for all tests."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.simulator.market import Market
from tests.lake import Lake
from tests.reliability.world import copied, first_market, later_market, run


@pytest.fixture(scope="session")
def market() -> Market:
    return first_market()


@pytest.fixture(scope="session")
def later(market: Market) -> Market:
    return later_market(market)


@pytest.fixture(scope="session")
def once(spark: SparkSession, market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake after one run."""
    lake = Lake(spark, tmp_path_factory.mktemp("once") / "lake")
    run(lake, market)
    return lake.root


@pytest.fixture(scope="session")
def twice(spark: SparkSession, once: Path, later: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same lake after another, when everything was due again."""
    lake = copied(spark, once, tmp_path_factory.mktemp("twice"))
    run(lake, later)
    return lake.root
