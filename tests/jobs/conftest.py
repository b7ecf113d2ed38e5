"""A lake that the pipeline has filled, shared by the tests of what is done to whole tables."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake

MARKET = Market.generate(7, tokens=3, wallets=40, trade_rows=1_500)


@pytest.fixture(scope="session")
def finished(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake after a pipeline that was stopped between reading and computing, and validated there and at its end."""
    lake = Lake(spark, tmp_path_factory.mktemp("finished") / "lake")
    reading = ("bronze_tokens", "silver_tokens", "bronze_whales", "silver_whales", "bronze_transactions")
    with Simulator(MARKET) as simulator:
        lake.run(*reading, as_of=MARKET.now, simulator=simulator)
    for jobs in (("validate",), ("silver_pnl", "gold_traders", "validate")):
        document = lake.run(*jobs, as_of=MARKET.now)["validate"].document
        assert document is not None
        assert document["failures"] == []
    return lake


@pytest.fixture
def copied(finished: Lake, spark: SparkSession, tmp_path: Path) -> Callable[[str], Lake]:
    """A copy of the finished lake, in a folder of that name."""
    return lambda name: Lake(spark, Path(shutil.copytree(finished.root, tmp_path / name)))
