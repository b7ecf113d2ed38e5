"""Lakes that were read without any disturbance, made once for all tests."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.simulator.market import Market
from tests.conftest import MakeOnce
from tests.lake import Lake
from tests.reliability.world import COMPUTING, FETCHING, copied, first_market, run


@pytest.fixture(scope="session")
def market() -> Market:
    return first_market()


@pytest.fixture(scope="session")
def fetched(spark: SparkSession, market: Market, made_once: MakeOnce) -> Path:
    """A lake after the jobs up to bronze_transactions."""
    return made_once("fetched", lambda draft: run(Lake(spark, draft / "lake"), market, *FETCHING)) / "lake"


@pytest.fixture(scope="session")
def once(spark: SparkSession, market: Market, fetched: Path, made_once: MakeOnce) -> Path:
    """The same lake after the jobs that follow: one run of the pipeline."""
    return made_once("once", lambda draft: run(copied(spark, fetched, draft), market, *COMPUTING)) / "lake"
