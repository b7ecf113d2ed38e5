"""What the lake holds that is made once for all tests that look at whole tables."""

from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake

MARKET = Market.generate(7, tokens=3, wallets=40, trade_rows=1_500)
RUNS = 3
"""So many has the lake seen."""
_READING = ("bronze_tokens", "silver_tokens", "bronze_whales", "silver_whales", "bronze_transactions")


def fill(lake: Lake) -> None:
    """By a pipeline that was stopped between reading and computing. It is validated there and at its end."""
    with Simulator(MARKET) as simulator:
        lake.run(*_READING, as_of=MARKET.now, simulator=simulator)
    for jobs in (("validate",), ("silver_pnl", "gold_traders", "validate")):
        document = lake.run(*jobs, as_of=MARKET.now)["validate"].document
        assert document is not None
        assert document["failures"] == []
