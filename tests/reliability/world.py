"""A small market with some of everything that can be refused, and a lake that it was read into without disturbance."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from smart_trader.domain.gold import rank_history
from smart_trader.domain.kernel.money import MONEY
from smart_trader.domain.silver import tracked_whales
from smart_trader.pipeline import STEPS
from smart_trader.simulator.addresses import signature
from smart_trader.simulator.market import Entry, Market
from smart_trader.simulator.planned import Row
from smart_trader.simulator.server import Simulator
from smart_trader.simulator.wire import json_text
from tests.lake import Lake

SEED = 7
FETCHING = tuple(step.job for step in STEPS if step.writes)[:5]
COMPUTING = tuple(step.job for step in STEPS if step.writes)[5:]


def first_market(seed: int = SEED) -> Market:
    """A market of 2 tokens, 8 holders and 160 trades."""
    return Market.generate(seed, tokens=2, wallets=8, trade_rows=160)


def later_market(market: Market) -> Market:
    """The same market when everything is due again."""
    return market.advance(days=15)


def spoiled(market: Market) -> Market:
    """`market` with a row that bronze refuses in each list, and a swap that silver refuses; others each time."""
    moment = market.now.isoformat()
    token = market.tokens[0]
    tokens = [*market.tokens, Entry(token.fields, json_text({**token.fields, "address": f"none, {moment}"}))]
    mint = min(market.holders)
    holders = {**market.holders, mint: [json_text({"owner": None, "at": moment}), *market.holders[mint]]}
    wallet, row = _a_buy_for_money(market)
    refused = [Row(None, json_text({"tx_type": "swap", "at": moment})), *_more_than_fits(row, moment)]
    happened = sum(r.time is not None and r.time > market.now.timestamp() for r in market.trades[wallet])
    rows = [*market.trades[wallet][:happened], *refused, *market.trades[wallet][happened:]]
    return replace(market, tokens=tokens, holders=holders, trades={**market.trades, wallet: rows})


def _a_buy_for_money(market: Market) -> tuple[str, dict[str, Any]]:
    """The newest swap of a token for money, of a wallet that is read: one that holds something."""
    owners = {json.loads(text)["owner"] for texts in market.holders.values() for text in texts}
    for wallet in sorted(owners & market.trades.keys()):
        for row in market.rows(wallet):
            if sum(row[side]["address"] in MONEY for side in ("base", "quote")) == 1:
                return wallet, row
    raise AssertionError("nobody bought anything")


def _more_than_fits(row: dict[str, Any], moment: str) -> list[Row]:
    """A swap in two rows, whose quantity does not fit its column."""
    token = next(side for side in ("base", "quote") if row[side]["address"] not in MONEY)
    hashed, time, amount = signature("more than fits", moment), row["block_unix_time"], 6 * 10**37
    signed = amount if row[token]["type_swap"] == "to" else -amount
    half = {**row, token: {**row[token], "amount": amount, "change_amount": signed}, "tx_hash": hashed}
    return [Row(time, json_text(fields)) for fields in (half, {**half, "ins_index": 77})]


def run(lake: Lake, market: Market, *jobs: str) -> None:
    """Run `jobs` (default: the whole pipeline) on `market` with its bad rows."""
    with Simulator(spoiled(market)) as simulator:
        lake.run(*jobs, as_of=market.now, simulator=simulator)


def rank_a_month_ago(lake: Lake, market: Market) -> None:
    """A ranking of all wallets on a Monday so long ago that two of its windows are over and may still change."""
    monday = (market.now - timedelta(days=31)).replace(hour=9, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday())
    wallets = [
        row.wallet_address
        for row in lake.tables.read(tracked_whales.TABLE).select("wallet_address").distinct().collect()
    ]
    with lake.tables.committing_as("gold_traders", "test"):
        lake.fill(
            rank_history.TABLE,
            [
                {
                    "ranked_at": monday,
                    "ranking_date": monday.date(),
                    "wallet_address": wallet,
                    "performance_tier": "QUALIFIED",
                    "smart_trader_score": Decimal(0),
                    "overall_rank": rank,
                    "tier_rank": rank,
                    "recommended": False,
                    "total_pnl": Decimal(0),
                    "realized_pnl": Decimal(0),
                    "wallet_pnl_version": 0,
                    "trades_version": 0,
                    "settings_hash": "of a month ago",
                }
                for rank, wallet in enumerate(sorted(wallets), 1)
            ],
        )


def copied(spark: SparkSession, root: Path, folder: Path) -> Lake:
    """A copy of the lake at `root`, whose runs have other names than those before."""
    return Lake(spark, Path(shutil.copytree(root, folder / "lake")), runs_before=1000)
