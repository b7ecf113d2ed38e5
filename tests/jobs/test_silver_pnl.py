"""silver_pnl on a handful of rows: what must not be forgotten between runs, and what must not depend on chance."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.kernel.money import SOL
from smart_trader.domain.silver import open_lots, realized_sales, tracked_whales
from smart_trader.domain.tables.changes import MAX_LITERALS
from smart_trader.jobs import silver_pnl
from tests.lake import Lake

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def row(number: int, tokens: int, dollars: int, at: datetime) -> dict[str, Any]:
    """A purchase of `tokens` base units, or a sale of -`tokens`, for SOL that is worth `dollars`."""
    lamports = dollars * 10**9 // 100
    return {
        "event_id": f"event{number}",
        "wallet_address": "Wallet",
        "tx_hash": f"tx{number}",
        "block_time": at,
        "transaction_date": at.date(),
        "fetched_at": at,
        "tx_type": "swap",
        "base_address": "Mint",
        "base_decimals": 0,
        "base_change_raw": Decimal(tokens),
        "quote_address": SOL,
        "quote_decimals": 9,
        "quote_change_raw": Decimal(-lamports if tokens > 0 else lamports),
        "quote_price": Decimal(100),
        "raw": "{}",
    }


def whale(wallet: str = "Wallet") -> dict[str, Any]:
    return {
        "whale_id": wallet,
        "wallet_address": wallet,
        "whale_tier": "MINIMAL",
        "is_current": True,
        "discovered_at": MONDAY,
        "txns_fetch_status": "completed",
        "txns_last_fetched_at": MONDAY,
        "history_complete": True,
        "trade_rows": 0,
        "attempts": 0,
        "pnl_processing_status": "pending",
    }


def by_trade_id(number: int) -> str:
    return sha256(f"Wallet|tx{number}|Mint".encode()).hexdigest()


@pytest.mark.parametrize("may_be_named", [MAX_LITERALS, 0])
def test_a_sale_finds_the_purchase_of_an_earlier_run(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, may_be_named: int
) -> None:
    monkeypatch.setattr(silver_pnl, "MAX_LITERALS", may_be_named)
    purchase = row(1, 10, 50, MONDAY - timedelta(hours=1))
    others = purchase | {"wallet_address": "Other", "event_id": "other"}
    lake.fill(transaction_history.TABLE, [purchase, others])
    lake.fill(tracked_whales.TABLE, [whale(), whale("Other")])
    lake.run("silver_pnl", as_of=MONDAY)
    tuesday = MONDAY + timedelta(days=1)
    lake.fill(transaction_history.TABLE, [row(2, -10, 80, tuesday - timedelta(hours=1))])
    pending = [{"whale_id": "Wallet", "pnl_processing_status": "pending"}]
    state = lake.tables.frame(tracked_whales.TABLE.fields(("whale_id", "pnl_processing_status")), pending)
    lake.tables.update(tracked_whales.TABLE, state)

    lake.run("silver_pnl", as_of=tuesday)

    (sale,) = lake.rows(realized_sales.TABLE)
    assert (sale.cost_usd, sale.realized_pnl_usd) == (Decimal(50), Decimal(30))
    assert [lot.wallet_address for lot in lake.rows(open_lots.TABLE)] == ["Other"]


def test_ties_are_broken_the_same_way_whatever_the_order_of_rows(lake: Lake) -> None:
    """Twelve purchases and two sales in one second: the purchases come first, then all goes by trade_id."""
    rows = [row(number, 1, number, MONDAY) for number in range(1, 13)]
    rows += [row(20, -4, 9, MONDAY), row(21, -5, 9, MONDAY)]
    Random(1).shuffle(rows)
    lake.fill(transaction_history.TABLE, rows)
    lake.fill(tracked_whales.TABLE, [whale()])

    lake.run("silver_pnl", as_of=MONDAY)

    bought = sorted(range(1, 13), key=by_trade_id)
    first = 4 if by_trade_id(20) < by_trade_id(21) else 5
    costs = {first: sum(bought[:first]), 9 - first: sum(bought[first:9])}
    assert {sale.quantity_raw: sale.cost_usd for sale in lake.rows(realized_sales.TABLE)} == costs
    assert sum(lot.remaining_cost_usd for lot in lake.rows(open_lots.TABLE)) == sum(bought[9:])


@pytest.mark.parametrize(
    ("trade_rows", "said", "partitions"),
    [(1, "", "2"), (99_999, "", "2"), (100_000, "", "3"), (10**6, "", "8"), (1, "8", "8")],
)
def test_shuffles_of_few_rows_have_few_partitions(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, trade_rows: int, said: str, partitions: str
) -> None:
    conf, name = lake.spark.conf, "spark.sql.shuffle.partitions"
    lake.fill(tracked_whales.TABLE, [whale() | {"trade_rows": trade_rows}])
    seen: list[str | None] = []

    def fail(*_: object, **__: object) -> None:
        seen.append(conf.get(name))
        raise InterruptedError

    monkeypatch.setattr(silver_pnl, "_compute", fail)
    usual = str(conf.get(name))
    conf.set(name, 8)
    try:
        with pytest.raises(InterruptedError):
            lake.run("silver_pnl", as_of=MONDAY, settings=[("spark.shuffle_partitions", said)])
        assert (seen, conf.get(name)) == ([partitions], "8")
    finally:
        conf.set(name, usual)
