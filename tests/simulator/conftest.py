"""Markets that several tests look at; none changes them."""

import os
from pathlib import Path

import pytest

from smart_trader.simulator.market import Market

SAMPLES = Path(os.environ.get("SMART_TRADER_SAMPLES", "../shared/reference/birdeye_samples"))


@pytest.fixture(scope="session")
def samples() -> Path:
    if not SAMPLES.is_dir():
        pytest.skip(f"no recorded samples in {SAMPLES}: set SMART_TRADER_SAMPLES")
    return SAMPLES


@pytest.fixture(scope="session")
def market() -> Market:
    """The market of the default size."""
    return Market.generate(7)


@pytest.fixture(scope="session")
def small() -> Market:
    return Market.generate(3, tokens=4, wallets=40, trade_rows=2_000)
