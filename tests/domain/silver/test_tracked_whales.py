"""Who holds what, what a wallet takes along when it is seen again, and which wallets are due."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.bronze import whale_holders
from smart_trader.domain.silver import tracked_tokens
from smart_trader.domain.silver.tracked_whales import (
    TABLE,
    WALLET_STATE,
    due_for_pnl,
    due_for_trades,
    eligible_wallets,
    name_wallets,
    track_holders,
)
from tests.frames import collected, frame

NOW = datetime(2026, 1, 20, 9, tzinfo=UTC)
MONDAY, TUESDAY = NOW - timedelta(days=2), NOW - timedelta(days=1)

TIERS = {
    "1000000": "MEGA",
    "999999.999999999": "LARGE",
    "100000": "LARGE",
    "99999.999999999": "MEDIUM",
    "10000": "MEDIUM",
    "9999.999999999": "SMALL",
    "1000": "SMALL",
    "999.999999999": "MINIMAL",
    "": "MINIMAL",
}
"""By USD value; empty is unknown."""
READ = {
    "wallet_class": "person",
    "class_reason": "active 3 days",
    "txns_fetch_status": "completed",
    "txns_last_fetched_at": MONDAY,
    "history_complete": True,
    "oldest_trade_at": MONDAY - timedelta(days=30),
    "newest_trade_at": MONDAY,
    "gap_newer_than": None,
    "gap_older_than": None,
    "read_until": MONDAY,
    "trade_rows": 12,
    "rejected_rows": 3,
    "attempts": 0,
    "last_error": None,
    "pnl_processing_status": "completed",
    "pnl_last_processed_at": MONDAY,
    "pnl_definition": "2-these",
}
"""State of a wallet that was read and computed."""
NEW = dict.fromkeys(WALLET_STATE) | {
    "txns_fetch_status": "pending",
    "trade_rows": 0,
    "attempts": 0,
    "pnl_processing_status": "pending",
}
Tracked = Mapping[tuple[str, str | None], Mapping[str, Any]]


def holder(wallet: str, token: str, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "wallet_address": wallet,
        "token_address": token,
        "rank_date": at.date(),
        "fetched_at": at,
        "batch_id": "b1",
        "rank": 1,
    } | fields


def whale(wallet: str, token: str | None, state: Mapping[str, Any] = NEW, **fields: Any) -> dict[str, Any]:
    return {"wallet_address": wallet, "token_address": token, "is_current": True, **state, **fields}


HOLDERS = (
    *(holder(f"worth {usd}", "T1", TUESDAY, holdings_value_usd=Decimal(usd) if usd else None) for usd in TIERS),
    holder("known", "T1", TUESDAY, rank=7, ui_amount=Decimal(5)),
    holder("known", "T2", TUESDAY),
    holder("half pending", "T2", TUESDAY),
    holder("left", "T1", MONDAY, holdings_value_usd=Decimal(20_000)),
    holder("alone in T3", "T3", MONDAY),
    holder("new in two", "T2", TUESDAY),
    holder("new in two", "T1", TUESDAY),
    holder("new in two", "T4", MONDAY),
    holder("named", "T1", TUESDAY),
    holder("holds on", "T5", MONDAY),
    holder("holds on", "T5", datetime(2206, 11, 1, tzinfo=UTC), rank=99),
)
TOKENS = (
    {"token_address": "T1", "whale_fetched_at": TUESDAY},
    {"token_address": "T3", "whale_fetched_at": TUESDAY},
    {"token_address": "T4", "whale_fetched_at": None},
    {"token_address": "T5", "whale_fetched_at": datetime(2206, 11, 1, tzinfo=UTC)},
)
STORED = (
    whale("known", "T1", READ, rank=1, discovered_at=MONDAY, discovered_via="T0", holdings_value_usd=Decimal(5_000)),
    whale("half pending", "T1", READ, discovered_at=MONDAY, discovered_via="T1"),
    whale("half pending", "T3", READ | {"txns_fetch_status": "pending"}, discovered_at=MONDAY, discovered_via="T1"),
    whale("gone from bronze", "T1", READ, discovered_at=MONDAY, rank=3, holdings_value_usd=Decimal(20_000)),
    whale("named", None, READ, discovered_at=MONDAY, is_current=False),
)


@pytest.fixture(scope="module")
def tracked(spark: SparkSession) -> Tracked:
    rows = collected(
        track_holders(
            frame(spark, whale_holders.TABLE, *HOLDERS),
            frame(spark, tracked_tokens.TABLE, *TOKENS),
            frame(spark, TABLE, *STORED),
            as_of=TUESDAY,
        )
    )
    assert len({row["whale_id"] for row in rows}) == len(rows)
    assert all(list(row) == list(TABLE.column_names) for row in rows)
    return {(row["wallet_address"], row["token_address"]): row for row in rows}


def state(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in WALLET_STATE}


def id_of(wallet: str, token: str) -> str:
    return hashlib.sha256(f"{wallet}|{token}".encode()).hexdigest()


@pytest.mark.parametrize(("usd", "tier"), TIERS.items())
def test_the_tier_follows_from_the_value_held(tracked: Tracked, usd: str, tier: str) -> None:
    assert tracked[f"worth {usd}", "T1"]["whale_tier"] == tier


def test_a_wallet_seen_for_the_first_time_is_current_and_pending(tracked: Tracked) -> None:
    row = tracked["worth 1000", "T1"]
    assert (row["whale_id"], row["is_current"]) == (id_of("worth 1000", "T1"), True)
    assert (row["discovered_at"], row["discovered_via"]) == (TUESDAY, "T1")
    assert state(row) == NEW


def test_a_known_row_takes_what_was_seen_and_keeps_its_state_and_discovery(tracked: Tracked) -> None:
    row = tracked["known", "T1"]
    assert (row["rank"], row["ui_amount"], row["holdings_value_usd"], row["whale_tier"]) == (7, 5, None, "MINIMAL")
    assert (row["discovered_at"], row["discovered_via"]) == (MONDAY, "T0")
    assert state(row) == READ


def test_a_new_row_of_a_known_wallet_takes_the_state_of_the_wallet(tracked: Tracked) -> None:
    row = tracked["known", "T2"]
    assert (row["discovered_at"], row["discovered_via"]) == (TUESDAY, "T0")
    assert state(row) == READ


def test_a_wallet_with_one_pending_row_is_pending_in_all(tracked: Tracked) -> None:
    rows = [tracked["half pending", token] for token in ("T1", "T2", "T3")]
    assert [state(row) for row in rows] == [READ | {"txns_fetch_status": "pending"}] * 3


def test_who_is_not_in_the_newest_snapshot_has_left_and_keeps_what_was_last_seen(tracked: Tracked) -> None:
    assert (tracked["left", "T1"]["is_current"], tracked["left", "T1"]["whale_tier"]) == (False, "MEDIUM")
    row = tracked["gone from bronze", "T1"]
    assert (row["is_current"], row["rank"], row["whale_tier"]) == (False, 3, "MEDIUM")


def test_a_fetch_that_found_no_holder_makes_all_of_them_leave(tracked: Tracked) -> None:
    assert not tracked["alone in T3", "T3"]["is_current"]
    assert tracked["new in two", "T4"]["is_current"]


def test_a_wallet_was_discovered_via_the_token_that_showed_it_first(tracked: Tracked) -> None:
    rows = [tracked["new in two", token] for token in ("T1", "T2", "T4")]
    assert [row["discovered_via"] for row in rows] == ["T4"] * 3
    assert [row["discovered_at"] for row in rows] == [TUESDAY, TUESDAY, MONDAY]


def test_a_wallet_named_by_hand_keeps_its_row_and_state_when_it_is_found_to_hold(tracked: Tracked) -> None:
    named, found = tracked["named", None], tracked["named", "T1"]
    assert (named["is_current"], found["is_current"]) == (False, True)
    assert (found["discovered_at"], found["discovered_via"]) == (TUESDAY, "T1")
    assert state(named) == state(found) == READ


def test_naming_a_wallet_adds_it_once(spark: SparkSession) -> None:
    wallets = spark.createDataFrame([("known",), ("stranger",), ("stranger",)], ["wallet_address"])

    (row,) = collected(name_wallets(wallets, frame(spark, TABLE, *STORED), as_of=NOW))

    given = {
        "whale_id": id_of("stranger", ""),
        "wallet_address": "stranger",
        "whale_tier": "MINIMAL",
        "is_current": False,
        "discovered_at": NOW,
    }
    assert row == dict.fromkeys(TABLE.column_names) | given | NEW


def fetched(days_ago: int, **fields: Any) -> dict[str, Any]:
    return READ | {"txns_last_fetched_at": NOW - timedelta(days=days_ago)} | fields


def test_whose_trades_are_due_and_in_which_order(spark: SparkSession) -> None:
    by_hand = fetched(1, txns_fetch_status="pending")
    whales = frame(
        spark,
        TABLE,
        whale("never b", "live"),
        whale("never a", "live"),
        whale("14 days", "live", fetched(14)),
        whale("13 days", "live", fetched(13)),
        whale("longest ago", "live", fetched(40)),
        whale("cut short", "live", fetched(2, history_complete=False)),
        whale("by hand", "live", fetched(1)),
        whale("by hand", "dead", by_hand, is_current=False),
        whale("holds what fell", "dead"),
        whale("left", "live", is_current=False),
        whale("ranked", "dead", is_current=False),
        whale("named", None, is_current=False),
    )
    live = frame(spark, tracked_tokens.TABLE, {"token_address": "live"})
    ranked = spark.createDataFrame([("ranked",), ("13 days",)], ["wallet_address"])

    eligible = eligible_wallets(whales, live, ranked)
    due = due_for_trades(whales, eligible, as_of=NOW, refresh_days=14)
    chosen = spark.createDataFrame([("named",), ("left",), ("13 days",)], ["wallet_address"])
    by_name = due_for_trades(whales, eligible, as_of=NOW, refresh_days=14, named=chosen)

    in_order = ["never a", "never b", "ranked", "longest ago", "14 days", "cut short", "by hand"]
    rows = collected(due)
    assert [row["wallet_address"] for row in rows] == in_order
    assert {name: rows[-1][name] for name in WALLET_STATE} == by_hand
    assert [row["wallet_address"] for row in collected(by_name)] == ["left", "named"]


def test_whose_pnl_is_due(spark: SparkSession) -> None:
    def computed(days_ago: int, **fields: Any) -> dict[str, Any]:
        return READ | {"pnl_last_processed_at": NOW - timedelta(days=days_ago)} | fields

    pending = computed(1, pnl_processing_status="pending")
    whales = frame(
        spark,
        TABLE,
        whale("never read", "T1"),
        whale("first time", "T1", pending | {"pnl_last_processed_at": None}),
        whale("14 days", "T1", computed(14)),
        whale("13 days", "T1", computed(13)),
        whale("other rules", "T1", computed(1, pnl_definition="1-these")),
        whale("unknown rules", "T1", computed(1, pnl_definition=None)),
        whale("by hand", "T1", computed(1)),
        whale("by hand", "T2", pending),
        whale("cut short", "T1", pending | {"history_complete": False}, is_current=False),
    )

    rows = due_for_pnl(whales, as_of=NOW, refresh_days=14, definition="2-these")
    due = {row["wallet_address"]: row for row in collected(rows)}

    assert sorted(due) == ["14 days", "by hand", "cut short", "first time", "other rules", "unknown rules"]
    assert [due[wallet]["history_complete"] for wallet in ("by hand", "cut short")] == [True, False]
