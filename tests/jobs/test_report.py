"""The report on real tables: what it finds of a ranking and of what stands behind it, and when it is made."""

import csv
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.bronze import rejected_rows
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.silver import open_lots, realized_sales, tracked_whales, trades, wallet_pnl
from smart_trader.report.text import spreadsheet_text
from tests.domain.gold.portfolios import NOW, portfolio
from tests.lake import Lake
from tests.report.example import trader

LATER = NOW + timedelta(days=1)
HOSTILE = "</td>\u202e=1"
FEW = (("report.detailed_traders", "1"), ("report.tokens_per_trader", "2"), ("report.sales_per_trader", "2"))


def trade(nth: int, side: str, token: str = "mint", **values: Any) -> dict[str, Any]:
    return {
        "trade_id": f"trade{nth}",
        "wallet_address": "high",
        "token_address": token,
        "token_symbol": HOSTILE,
        "decimals": 6,
        "side": side,
        "quantity_raw": Decimal(10),
        "value_usd": Decimal(100),
        "value_source": "sol",
        "price_check": "ok",
        "block_time": NOW - timedelta(days=30 - nth),
        "tx_hash": f"hash{nth}",
        "event_ids": [f"event{nth}"],
    } | values


def sale(nth: int, realized: str | None) -> dict[str, Any]:
    return {
        "trade_id": f"trade{nth}",
        "wallet_address": "high",
        "token_address": "mint",
        "block_time": NOW - timedelta(days=30 - nth),
        "quantity_raw": Decimal(10),
        "matched_raw": Decimal(0 if realized is None else 10),
        "unknown_cost_raw": Decimal(0),
        "unmatched_raw": Decimal(10 if realized is None else 0),
        "realized_pnl_usd": realized and Decimal(realized),
    }


def placed(at: datetime, wallet: str, rank: int) -> dict[str, Any]:
    row = trader(wallet, rank, ranked_at=at, recommended=wallet != "low")
    kept = {name: row[name] for name in rank_history.TABLE.column_names if name in row}
    return kept | {"ranking_date": at.date(), "trades_version": 1, "settings_hash": "an old one"}


LOT = {
    "trade_id": "trade0",
    "wallet_address": "high",
    "token_address": "mint",
    "acquired_at": NOW,
    "bought_raw": Decimal(10),
    "remaining_raw": Decimal(5),
    "cost_known": False,
}
STATE = {
    "whale_id": "id",
    "wallet_address": "high",
    "whale_tier": "MEGA",
    "is_current": True,
    "discovered_at": NOW,
    "wallet_class": "person",
    "class_reason": "no sign",
    "txns_fetch_status": "completed",
    "txns_last_fetched_at": NOW,
    "history_complete": True,
    "trade_rows": 7,
    "attempts": 0,
    "pnl_processing_status": "completed",
}


@pytest.fixture(scope="module")
def ranked(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three wallets of which one left; what the best of them did is in the tables."""
    lake = Lake(spark, tmp_path_factory.mktemp("ranked") / "lake")
    high, low = (trader(wallet, rank, ranked_at=LATER) for rank, wallet in enumerate(("high", "low"), start=1))
    lake.fill(smart_traders.TABLE, [high, low | {"realized_pnl": Decimal(900)}])
    lake.fill(
        rank_history.TABLE,
        [
            *(placed(NOW, wallet, rank) for rank, wallet in enumerate(("high", "gone", "low"), start=1)),
            *(placed(LATER, wallet, rank) for rank, wallet in enumerate(("high", "low"), start=1)),
        ],
    )
    tokens = (("mint", -9), ("mint1", 1), ("mint2", 2))
    lake.fill(
        wallet_pnl.TABLE,
        [
            portfolio(wallet) | {"token_address": mint, "realized_pnl": Decimal(pnl)}
            for wallet, held in (("high", tokens), ("low", (("mint", 0), ("mint3", 5))))
            for mint, pnl in held
        ],
    )
    sold = [trade(nth, "SELL") for nth in range(1, 6)]
    lake.fill(trades.TABLE, [trade(0, "BUY"), *sold, trade(9, "BUY", "mint2")])
    realized = ("1.000000001", "-50", "70", "2", None)
    lake.fill(realized_sales.TABLE, [sale(nth, pnl) for nth, pnl in enumerate(realized, start=1)])
    lake.fill(open_lots.TABLE, [LOT])
    lake.fill(tracked_whales.TABLE, [STATE])
    bad = {"source": "trader_txs", "reason": "no_mint", "raw": "{}", "rejected_at": NOW}
    lake.fill(rejected_rows.TABLE, [bad | {"raw_sha256": str(nth)} for nth in range(3)])
    return lake


def test_the_document_holds_the_ranking_what_changed_and_what_stands_behind_it(ranked: Lake, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    report = ranked.run("report", as_of=LATER, settings=FEW, out=target, format="json")["report"]
    found = json.loads(target.read_text("utf-8"))
    high, low = found["traders"]

    assert report.path == str(target) and not report.warnings
    assert [(row["wallet_address"], row["realized_pnl"]) for row in (high, low)] == [
        ("high", "1234.567890123"),
        ("low", "900"),
    ]
    assert "sales" not in low, "one wallet is shown in detail"
    moves = {row["wallet_address"]: (row["kind"], row["was_overall_rank"], row["gate"]) for row in found["changes"]}
    assert moves == {"high": ("stayed", 1, None), "low": ("up", 3, None), "gone": ("left", 2, "lost")}
    assert (found["ranked_at"], found["previous_ranked_at"]) == (LATER.isoformat(), NOW.isoformat())

    shown = {row["trade_id"]: (row["newest_place"], row["gain_place"], row["loss_place"]) for row in high["sales"]}
    assert shown == {
        "trade5": (1, None, None),
        "trade4": (2, 2, None),
        "trade3": (3, 1, None),
        "trade2": (4, None, 1),
        "trade1": (5, 3, None),
    }
    assert {row["of_wallet"] for row in high["sales"]} == {5}
    assert high["sales"][0]["token_symbol"] == HOSTILE
    values = [value for _, value in high["equity_curve"]]
    assert values == ["0", "1.000000001", "-48.999999999", "21.000000001", "23.000000001"]
    lots = [(lot["trade_id"], lot["tx_hash"], lot["remaining_cost_usd"]) for lot in high["open_lots"]]
    assert lots == [("trade0", "hash0", None)]
    tokens = {row["token_address"]: (row["is_best"], row["from_sol"], row["all_from_sol"]) for row in high["tokens"]}
    assert tokens == {"mint": (False, 6, 7), "mint2": (True, 1, 7)}
    assert high["reading"]["class_reason"] == "no sign"
    assert [(row["source"], row["reason"], row["rows"]) for row in found["rejected"]] == [("trader_txs", "no_mint", 3)]
    assert found["freshness"]["wallets_read"] == 1


def test_a_spreadsheet_names_the_best_token_of_everybody_listed(ranked: Lake, tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    ranked.run("report", as_of=LATER, settings=FEW, out=target, format="csv")
    with target.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["wallet_address"] for row in rows] == ["high", "low"]
    assert [row["best_token_address"] for row in rows] == ["mint2", "mint3"], "also of who is not in detail"
    assert [row["best_token_symbol"] for row in rows] == [spreadsheet_text(HOSTILE), ""], "of low no trade is known"
    assert [row["previous_rank"] for row in rows] == ["1", "3"]


def test_a_page_is_made_anew_in_a_pipeline_only_when_what_it_shows_has_changed(ranked: Lake, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    ranked.run("report", as_of=LATER, settings=FEW, out=target)
    made = target.read_text("utf-8")
    assert "&lt;/td&gt;[U+202E]=1" in made

    target.write_text(made + "mine", "utf-8")
    ranked.run("report", as_of=LATER, settings=FEW, out=target, command="pipeline")
    assert target.read_text("utf-8").endswith("mine")
    before = ranked.versions()
    ranked.run("report", as_of=LATER, settings=(*FEW, ("report.traders", "1")), out=target, command="pipeline")
    assert not target.read_text("utf-8").endswith("mine")
    assert ranked.versions() == before


def test_without_a_ranking_there_is_a_page_and_a_warning(lake: Lake, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    report = lake.run("report", as_of=NOW, out=target)["report"]
    assert report.warnings == ["no ranking: the report shows none"]
    assert "There is no ranking yet" in target.read_text("utf-8")
