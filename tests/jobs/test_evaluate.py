"""evaluate on real tables: what is looked at, who is observed, what may still change, and what a kill leaves."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.gold import grades, outcomes, rank_history
from smart_trader.domain.invariants import evidence
from smart_trader.domain.silver import tracked_whales, trades
from smart_trader.domain.tables.changes import RowScope
from smart_trader.domain.tables.table import Table
from smart_trader.io.delta.store import DeltaStore
from tests.frames import collected
from tests.lake import Lake

HISTORY, OUTCOMES, GRADES = rank_history.TABLE, outcomes.TABLE, grades.TABLE
EVALUATED = (OUTCOMES, GRADES)
MORNING = datetime(2026, 1, 5, 9, tzinfo=UTC)
RANKED_AT = MORNING + timedelta(hours=12)
"""A Monday evening."""
END = RANKED_AT + timedelta(days=7)
FINAL = END + timedelta(days=28)
FUTURE = datetime(2200, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WEEK = (("evaluate.horizons_days", "7"),)


def ranked(wallet: str, rank: int, at: datetime = RANKED_AT, **columns: Any) -> dict[str, Any]:
    return {
        "ranked_at": at,
        "ranking_date": at.date(),
        "wallet_address": wallet,
        "performance_tier": "STRONG",
        "smart_trader_score": Decimal(100 - rank),
        "overall_rank": rank,
        "tier_rank": rank,
        "recommended": True,
        "total_pnl": Decimal(1),
        "realized_pnl": Decimal(1),
        "wallet_pnl_version": 1,
        "trades_version": 1,
        "settings_hash": "hash",
        "score_rank": rank,
        "skill_rank": rank,
        "trade_count": 3,
    } | columns


def whale(wallet: str, **state: Any) -> dict[str, Any]:
    """A wallet that was read whole and computed, right at the end of the window."""
    return {
        "whale_id": wallet,
        "wallet_address": wallet,
        "token_address": "Token",
        "whale_tier": "MINIMAL",
        "is_current": False,
        "discovered_at": MORNING,
        "txns_fetch_status": "completed",
        "txns_last_fetched_at": END,
        "read_until": END,
        "history_complete": True,
        "trade_rows": 1,
        "attempts": 0,
        "pnl_processing_status": "completed",
        "pnl_last_processed_at": END,
    } | state


def trade(name: str, wallet: str, side: str, quantity: int, dollars: int | None, at: datetime) -> dict[str, Any]:
    return {
        "trade_id": name,
        "wallet_address": wallet,
        "token_address": "Token",
        "decimals": 6,
        "side": side,
        "quantity_raw": Decimal(quantity),
        "value_usd": None if dollars is None else Decimal(dollars),
        "value_source": "none" if dollars is None else "sol",
        "price_check": "ok",
        "cost_known": None if side == "SELL" else dollars is not None,
        "block_time": at,
        "tx_hash": name,
        "event_ids": [name],
    }


STATES: Mapping[str, dict[str, Any] | None] = {
    "trades": {},
    "silent": {},
    "never tracked": None,
    "not since the end": {"txns_last_fetched_at": END - SECOND, "read_until": END - SECOND},
    "only its old rows": {"read_until": END - SECOND},
    "by an edition that did not say": {"read_until": None},
    "of the future": {"txns_last_fetched_at": FUTURE, "read_until": FUTURE},
    "cut after the ranking": {"history_complete": False, "oldest_trade_at": RANKED_AT + SECOND},
    "cut before it": {"history_complete": False, "oldest_trade_at": RANKED_AT},
    "gap inside": {
        "history_complete": False,
        "oldest_trade_at": MORNING,
        "gap_newer_than": END,
        "gap_older_than": END + SECOND,
    },
    "gap before it": {
        "history_complete": False,
        "oldest_trade_at": MORNING,
        "gap_newer_than": MORNING,
        "gap_older_than": RANKED_AT,
    },
    "not computed": {"pnl_processing_status": "pending"},
}
OBSERVED = {"trades", "silent", "by an edition that did not say", "cut before it", "gap before it"}


def make(lake: Lake) -> None:
    lake.fill(
        HISTORY,
        [
            *(ranked(wallet, rank) for rank, wallet in enumerate(STATES, 1)),
            ranked("only in the morning", 1, MORNING),
            ranked("only on Tuesday", 1, MORNING + timedelta(days=1)),
        ],
    )
    lake.fill(
        tracked_whales.TABLE,
        [whale(wallet, **state) for wallet, state in STATES.items() if state is not None],
    )
    lake.fill(
        trades.TABLE,
        [
            trade("before", "trades", "BUY", 10, 50, RANKED_AT),
            trade("bought", "trades", "BUY", 10, 100, RANKED_AT + SECOND),
            trade("sold", "trades", "SELL", 4, 60, END - timedelta(hours=1)),
            trade("after", "trades", "SELL", 6, 1, END + SECOND),
            trade("of another", "not since the end", "SELL", 1, 12, END),
        ],
    )


def evaluate(lake: Lake, as_of: datetime) -> None:
    lake.run("evaluate", as_of=as_of, settings=WEEK)


def stored(lake: Lake) -> dict[str, dict[str, Any]]:
    return {row["wallet_address"]: row for row in collected(lake.tables.read(OUTCOMES))}


def graded(lake: Lake) -> dict[str, dict[str, Any]]:
    return {row["cohort"]: row for row in collected(lake.tables.read(GRADES))}


def add(lake: Lake, *rows: dict[str, Any]) -> None:
    with lake.tables.committing_as("silver_pnl", "test"):
        lake.fill(trades.TABLE, rows)


def test_what_a_week_after_a_ranking_has_brought(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    make(lake)
    evaluate(lake, END - SECOND)
    assert stored(lake) == {}

    with monkeypatch.context() as broken:
        broken.setattr(DeltaStore, "replace", only_outcomes)
        with pytest.raises(OSError, match="killed here"):
            evaluate(lake, FINAL)
    assert stored(lake).keys() == set(STATES), "outcomes are written first"
    assert graded(lake) == {}
    evaluate(lake, FINAL + timedelta(days=900))

    found = stored(lake)
    assert {wallet for wallet, row in found.items() if row["is_observed"]} == OBSERVED
    figures = [column.name for column in outcomes.FIGURES]
    row = {name: found["trades"][name] for name in figures}
    assert row == {
        "trade_count": 2,
        "invested_usd": 100,
        "realized_usd": 20,
        "sales": 1,
        "winning_sales": 1,
        "skipped_proceeds_usd": 0,
        "open_cost_usd": 60,
        "open_value_usd": 72,
        "unmarked_cost_usd": 0,
        "follow_pnl_usd": 32,
        "follow_return": 32,
    }
    assert {name: found["silent"][name] for name in figures} == dict.fromkeys(figures, 0) | {"follow_return": None}
    for wallet in set(STATES) - OBSERVED:
        assert {name: found[wallet][name] for name in figures} == dict.fromkeys(figures), wallet
    assert {row["computed_at"] for row in found.values()} == {FINAL}, "the run that healed it changed no figure"
    everybody = graded(lake)["ranked"]
    assert [everybody[name] for name in ("wallets", "observed", "active", "profitable")] == [len(STATES), 5, 1, 1]
    assert (everybody["invested_usd"], everybody["follow_pnl_usd"]) == (100, 32)

    before = lake.versions(EVALUATED)
    evaluate(lake, FINAL + timedelta(days=900))
    assert lake.versions(EVALUATED) == before

    rows, history, given = (lake.tables.read(table) for table in (OUTCOMES, HISTORY, GRADES))
    assert rules_broken(rows, history, given) == [0, 0, 0]
    assert rules_broken(rows.withColumn("overall_rank", F.col("overall_rank") + 1), history, given) == [
        len(STATES),
        0,
        0,
    ]
    assert rules_broken(rows.withColumn("realized_usd", F.lit(Decimal(1))), history, given) == [0, len(OBSERVED), 0]
    assert rules_broken(rows.where("wallet_address != 'silent'"), history, given) == [0, 0, 1]


def rules_broken(rows: DataFrame, history: DataFrame, given: DataFrame) -> list[int]:
    """How often each rule for outcomes and grades is broken."""
    examined = (evidence.examine_outcomes(rows, history), evidence.examine_grades(rows, given))
    return [count for examination in examined for count in examination.count().collect()[0]]


def only_outcomes(store: DeltaStore, table: Table, rows: DataFrame, *, within: RowScope | None = None) -> None:
    if table is not OUTCOMES:
        raise OSError("killed here")
    store._replace(table, rows, within, are_any=lambda rows: not rows.isEmpty())


def test_an_outcome_may_change_until_it_is_final_and_by_rows_of_its_window_alone(lake: Lake) -> None:
    make(lake)
    evaluate(lake, END)
    before = lake.versions(EVALUATED)

    add(lake, trade("later", "trades", "SELL", 2, 900, END + timedelta(days=1)))
    evaluate(lake, FINAL)
    assert lake.versions(EVALUATED) == before, "a row after the window"

    add(lake, trade("late", "trades", "SELL", 2, 900, END - timedelta(minutes=1)))
    evaluate(lake, FINAL)
    row = stored(lake)["trades"]
    assert (row["sales"], row["realized_usd"], row["computed_at"]) == (2, 900, FINAL)
    assert {row["computed_at"] for wallet, row in stored(lake).items() if wallet != "trades"} == {END}
    assert graded(lake)["ranked"]["follow_pnl_usd"] == row["follow_pnl_usd"]

    final = lake.versions(EVALUATED)
    add(lake, trade("too late", "trades", "SELL", 1, 900, END - timedelta(minutes=1)))
    evaluate(lake, FINAL + SECOND)
    assert lake.versions(EVALUATED) == final


def test_a_wallet_that_comes_to_be_observed_stays_so_and_a_replaced_ranking_takes_its_outcomes(lake: Lake) -> None:
    make(lake)
    evaluate(lake, END)
    assert not stored(lake)["not since the end"]["is_observed"]
    state = tracked_whales.TABLE.fields(("wallet_address", "txns_last_fetched_at", "read_until"))
    changed = [
        {"wallet_address": "not since the end", "txns_last_fetched_at": FINAL, "read_until": FINAL},
        {"wallet_address": "silent", "txns_last_fetched_at": None, "read_until": None},
    ]
    with lake.tables.committing_as("bronze_transactions", "test"):
        lake.tables.update(tracked_whales.TABLE, lake.tables.frame(state, changed), on=("wallet_address",))
    evaluate(lake, FINAL)
    observed = {wallet for wallet, row in stored(lake).items() if row["is_observed"]}
    assert observed == {*OBSERVED, "not since the end"}

    later = [ranked("trades", 1, recommended=False), ranked("new", 2)]
    full = [dict.fromkeys(HISTORY.column_names) | row for row in later]
    with lake.tables.committing_as("gold_traders", "test"):
        lake.tables.overwrite(HISTORY, lake.tables.frame(HISTORY.own_schema, full))
    evaluate(lake, FINAL + timedelta(days=900))
    assert {wallet: row["recommended"] for wallet, row in stored(lake).items()} == {"trades": False, "new": True}
    assert graded(lake)["ranked"]["wallets"] == 2

    with lake.tables.committing_as("gold_traders", "test"):
        lake.tables.overwrite(HISTORY, lake.tables.frame(HISTORY.own_schema, []))
    evaluate(lake, FINAL + timedelta(days=900))
    assert (stored(lake), graded(lake)) == ({}, {})
