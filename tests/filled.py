"""A lake that the pipeline has filled, made once for all tests that look at whole tables."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake, made_once

MARKET = Market.generate(7, tokens=3, wallets=40, trade_rows=1_500)
_READING = ("bronze_tokens", "silver_tokens", "bronze_whales", "silver_whales", "bronze_transactions")


def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its root. The pipeline was stopped between reading and computing, and the lake validated there and at its end."""
    return made_once(tmp_path_factory, "filled", lambda root: _fill(Lake(spark, root)))


def _fill(lake: Lake) -> None:
    with Simulator(MARKET) as simulator:
        lake.run(*_READING, as_of=MARKET.now, simulator=simulator)
    for jobs in (("validate",), ("silver_pnl", "gold_traders", "validate")):
        document = lake.run(*jobs, as_of=MARKET.now)["validate"].document
        assert document is not None
        assert document["failures"] == []
