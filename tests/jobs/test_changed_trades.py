"""Stored trades that change or go: whatever led there, the tables end as those of a run that saw all at once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from smart_trader.domain.silver import open_lots, realized_sales, rejected_rows, trades, wallet_pnl
from smart_trader.simulator.addresses import address, signature
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.io.birdeye.rows import SOL, trade
from tests.lake import Lake

NOW = datetime(2026, 11, 1, tzinfo=UTC)
EARLIER, LONG_AGO = NOW - timedelta(days=1), NOW - timedelta(days=10)
WALLET = address("changing")
SILVER = (trades.TABLE, rejected_rows.TABLE, realized_sales.TABLE, open_lots.TABLE, wallet_pnl.TABLE)
JOBS = ("bronze_transactions", "silver_pnl")


def swap(
    name: str, before: timedelta, token: str, units: int, sol: str, *, at_price: str = "100", inner: int = 0
) -> Any:
    """A row of the transaction `name` so long before NOW: `units` of a token against `sol` (signed), at $100 a SOL."""
    sides = {
        "base": ("SOL", SOL, 9, Decimal(sol), Decimal(100)),
        "quote": (token, address(token), 6, Decimal(units), abs(Decimal(sol) * Decimal(at_price) / units)),
    }
    changes: dict[str, Any] = {
        "tx_hash": signature(name, 0),
        "block_unix_time": int((NOW - before).timestamp()),
        "block_number": int((NOW - before).timestamp()) // 10,
        "owner": WALLET,
        "signers": [WALLET],
        "inner_ins_index": inner,
        "volume_usd": abs(Decimal(sol) * 100),
    }
    for side, (symbol, mint, decimals, amount, price) in sides.items():
        changes |= {f"{side}.{field}": price for field in ("price", "nearest_price")}
        changes |= {
            f"{side}.symbol": symbol,
            f"{side}.address": mint,
            f"{side}.decimals": decimals,
            f"{side}.type_swap": "to" if amount > 0 else "from",
            f"{side}.amount": int(abs(amount) * 10**decimals),
            f"{side}.ui_amount": abs(amount),
            f"{side}.change_amount": int(amount * 10**decimals),
            f"{side}.ui_change_amount": amount,
            f"{side}_price": price,
        }
    return trade(changes)


DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ROUND_TRIPS = [
    swap("sell again", 3 * DAY, "G", -1000, "3"),
    swap("buy again", 4 * DAY, "G", 1000, "-1", at_price="130"),
    swap("sell", 15 * DAY, "G", -1000, "1.5"),
    swap("buy", 16 * DAY, "G", 1000, "-1"),
]
"""+50, and then +200; of the second purchase the prices of the two legs differ by 30 %."""
HALVES = [swap("loop", DAY + MINUTE, "K", 1000, "-1"), swap("split", DAY + 2 * MINUTE, "H", 500, "-1")]
"""What looks like two purchases."""
OTHER_HALVES = [
    swap("loop", DAY + MINUTE, "K", -1000, "1.02", inner=4),
    swap("split", DAY + 2 * MINUTE, "H", 700, "-1", inner=4),
]
"""With them the first is a loop that leaves no token, and the second has bought more."""
NEW = [swap("new", 60 * MINUTE, "N", 10, "-1")]


def test_a_trade_that_changes_goes_or_comes_leaves_what_an_undisturbed_run_leaves(
    lake: Lake, spark: SparkSession, tmp_path: Path
) -> None:
    named = tmp_path / "wallets.txt"
    named.write_text(WALLET)
    everything = [*NEW, HALVES[0], OTHER_HALVES[0], HALVES[1], OTHER_HALVES[1], *ROUND_TRIPS]

    def fetch(lake: Lake, rows: Sequence[Any], as_of: datetime) -> None:
        with Simulator(Market.of_payloads(trades={WALLET: rows}, now=as_of)) as simulator:
            lake.run(*JOBS, as_of=as_of, simulator=simulator, wallets=named)

    def compute(as_of: datetime, *settings: tuple[str, str]) -> None:
        lake.run("silver_pnl", as_of=as_of, settings=settings)

    def portfolio() -> Any:
        (row,) = lake.rows(wallet_pnl.TABLE, "token_address = 'ALL_TOKENS'")
        return row

    calm = Lake(spark, tmp_path / "calm")
    fetch(calm, everything, NOW)
    undisturbed = calm.digests(SILVER)

    fetch(lake, [*HALVES, *ROUND_TRIPS], EARLIER)
    assert (portfolio().trade_count, portfolio().arbitrage_tx_count) == (6, 0)
    lake.run("requeue", as_of=NOW, wallets=named, stage="transactions")
    fetch(lake, everything, NOW)
    assert (portfolio().trade_count, portfolio().arbitrage_tx_count, portfolio().realized_pnl) == (6, 1, 250)
    assert lake.digests(SILVER) == undisturbed, "one trade came, one changed, one went"

    lake.run("requeue", as_of=NOW, wallets=named, stage="pnl")
    compute(LONG_AGO)
    assert (portfolio().realized_pnl, portfolio().trade_count, len(lake.rows(trades.TABLE))) == (50, 2, 2)
    compute(NOW)
    assert lake.digests(SILVER) == undisturbed, "figures of an earlier time"

    for threshold, suspects in (("1.5", 0), ("1.25", 1)):
        compute(NOW, ("pnl.price_gap_ok", threshold))
        assert len(lake.rows(trades.TABLE, "price_check = 'suspect'")) == suspects
    assert lake.digests(SILVER) == undisturbed, "another threshold, and the usual one again"
