"""Netting against intentions: the rows of a simulated market amount to the trades that its wallets were planned to do.

The simulator says what each transaction is when it makes it up, and nets nothing. So the oracle of netting is itself
compared with something that does not know the rules of netting.
"""

from collections import Counter
from types import ModuleType
from typing import Any

import pytest

from smart_trader.domain.bronze.records import Rejected
from smart_trader.io.birdeye.trades import parse_trade
from smart_trader.simulator.market import Market
from tests.domain.kernel import by_swaps
from tests.oracle import swaps
from tests.oracle.numbers import SECOND, Row


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.generate(11, tokens=12, wallets=120, trade_rows=8_000)


def bronze_rows(market: Market, wallet: str) -> list[Row]:
    """As the program keeps what the market serves."""
    rows = []
    for item in market.rows(wallet):
        record = parse_trade(item, wallet=wallet, fetched_at=market.now, now=market.now)
        assert not isinstance(record, Rejected), record
        rows.append({**record, "block_time": int(record["block_time"].timestamp()) * SECOND})
    return rows


@pytest.mark.parametrize("netting", [swaps, by_swaps], ids=["oracle", "kernel"])
def test_every_transaction_amounts_to_what_was_planned(netting: ModuleType, market: Market) -> None:
    sides = Counter[str]()
    for wallet in market.trades:
        netted, truth = netting.net(bronze_rows(market, wallet)), market.truth[wallet]
        assert not netted.rejected
        assert {row["trade_id"]: figures(row) for row in netted.trades} == {
            trade.trade_id: (
                *(trade.tx_hash, trade.token, trade.side, trade.quantity),
                *(trade.value, trade.value_source, trade.price_check),
            )
            for trade in truth.trades
        }
        assert netted.arbitrage_count[wallet] == truth.total.arbitrage_tx_count
        sides.update(trade.value_source for trade in truth.trades)
    assert set(sides) == {"stable", "sol", "volume_usd", "token_price", "none"}
    assert sum(sides.values()) > 5_000


def figures(row: Row) -> tuple[Any, ...]:
    return (
        *(row["tx_hash"], row["token_address"], row["side"], row["quantity_raw"]),
        *(row["value_usd"], row["value_source"], row["price_check"]),
    )
