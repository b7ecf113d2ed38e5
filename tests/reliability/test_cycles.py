"""What is done again, and when: by business time alone, and by hand for exactly who is named."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.silver.tracked_tokens import due_tokens
from smart_trader.domain.silver.tracked_whales import WALLET_STATE, due_for_pnl, due_for_trades
from smart_trader.simulator.birdeye import HOLDERS, TRADES
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake
from tests.reliability import lakes
from tests.reliability.test_state_machine import (
    NEVER_FETCHED,
    OTHER_RULES,
    RULES,
    is_due_for_pnl,
    is_due_for_trades,
)

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WHALES = tracked_whales.TABLE


def around(moment: datetime) -> tuple[datetime | None, ...]:
    """Never, just before, at and just after, and later than the present."""
    return None, moment - SECOND, moment, moment + SECOND, NOW + timedelta(hours=1)


def test_holders_are_fetched_after_72_hours_trades_after_14_days_and_a_wallet_by_name(
    lake: Lake, market: Market, tmp_path: Path
) -> None:
    tokens_listed = ("bronze_tokens", "silver_tokens")
    with Simulator(market) as simulator:

        def asked_for(path: str, *jobs: str, **since: int) -> list[str]:
            """What these jobs ask of an endpoint so long after the first run."""
            simulator.market, asked = market.advance(**since), len(simulator.requests)
            lake.run(*jobs, as_of=simulator.market.now, simulator=simulator)
            return sorted(seen.query["address"] for seen in simulator.requests[asked:] if seen.path == path)

        wallets = asked_for(TRADES, *tokens_listed, "bronze_whales", "silver_whales", "bronze_transactions")
        tokens = sorted(row["token_address"] for row in lakes.rows_of(lake.root, tracked_tokens.TABLE))
        assert len(wallets) == len(set(wallets)) >= 8

        assert asked_for(HOLDERS, *tokens_listed, "bronze_whales", hours=71) == []
        assert asked_for(HOLDERS, "bronze_whales", hours=73) == tokens
        assert asked_for(TRADES, *tokens_listed, "bronze_transactions", days=13) == []
        assert asked_for(TRADES, *tokens_listed, "bronze_transactions", days=15) == wallets

        named = tmp_path / "wallet"
        named.write_text(wallets[0])
        lake.run("requeue", as_of=simulator.market.now, wallets=named, stage="transactions")
        assert asked_for(TRADES, "bronze_transactions", days=15) == wallets[:1]


def test_the_tables_call_due_what_the_model_calls_due(lake: Lake) -> None:
    """So that what the state machine shows of the model holds for the jobs."""
    ago = around(NOW - timedelta(days=14))
    states: dict[str, dict[str, Any]] = {}
    rules = (None, OTHER_RULES, RULES)
    for nth, (fetch, fetched, is_complete, pnl, computed, definition) in enumerate(
        product(("pending", "completed"), ago, (None, True, False), ("pending", "completed"), ago, rules)
    ):
        states[f"wallet-{nth}"] = NEVER_FETCHED | {
            "txns_fetch_status": fetch,
            "txns_last_fetched_at": fetched,
            "history_complete": is_complete,
            "pnl_processing_status": pnl,
            "pnl_last_processed_at": computed,
            "pnl_definition": definition,
        }
    unknown = dict.fromkeys(WALLET_STATE)
    rows = [unknown | state | {"wallet_address": wallet} for wallet, state in states.items()]
    whales = lake.tables.frame(WHALES.fields(("wallet_address", *WALLET_STATE)), rows)
    eligible = whales.select("wallet_address")

    for_trades = due_for_trades(whales, eligible, as_of=NOW, refresh_days=14).select("wallet_address").collect()
    for_pnl = due_for_pnl(whales, as_of=NOW, refresh_days=14, definition=RULES).select("wallet_address").collect()

    assert {row[0] for row in for_trades} == {w for w, state in states.items() if is_due_for_trades(state, NOW)}
    assert {row[0] for row in for_pnl} == {w for w, state in states.items() if is_due_for_pnl(state, NOW, RULES)}


def test_a_token_is_due_when_pending_or_never_fetched_or_after_72_hours(lake: Lake) -> None:
    names = ("token_address", "whale_fetch_status", "whale_fetched_at")
    states = list(product(("pending", "completed"), around(NOW - timedelta(hours=72))))
    rows = [dict(zip(names, (f"token-{nth}", *state), strict=True)) for nth, state in enumerate(states)]
    tokens = lake.tables.frame(tracked_tokens.TABLE.fields(names), rows)

    due = due_tokens(tokens, as_of=NOW, refresh_hours=72).collect()

    expected = [
        status == "pending" or at is None or at > NOW or at <= NOW - timedelta(hours=72) for status, at in states
    ]
    assert {row.token_address for row in due} == {f"token-{nth}" for nth, is_due in enumerate(expected) if is_due}
