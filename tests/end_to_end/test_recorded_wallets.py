"""Recorded answers served over HTTP, and the worked results of their README found in the tables."""

import json
import os
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.silver import open_lots, wallet_pnl
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import ROOT, Lake

SAMPLES = Path(os.environ.get("SMART_TRADER_SAMPLES", ROOT.parent / "shared/reference/birdeye_samples"))
NOW = "2025-08-01T00:00:00+00:00"

PAGED = "trader_txs_paged_offset_000 trader_txs_paged_offset_100 trader_txs_paged_offset_200"
WORKED = {
    "trader_txs_small_wallet_capture_1": ("0", "0", 0, 0),
    "trader_txs_small_wallet_capture_2": ("-1805.360072", "5091.877141", 0, 1),
    "trader_txs_complete_1_round_trip": ("56.887354", "45.063773", 1, 1),
    "trader_txs_complete_2_round_trips": ("35.325346", "52.884414", 2, 2),
    "trader_txs_complete_transfer_fee_token": ("18.241197", "111.184507", 2, 3),
    PAGED: (
        "-10623.761669",
        "18549.778640",
        12,
        37,
    ),
}
"""Realized USD, cost of what was matched, wins, matched sales."""


def recorded(names: str) -> list[dict[str, Any]]:
    pages = [json.loads((SAMPLES / f"{name}.json").read_text(), parse_float=Decimal) for name in names.split()]
    return [row for page in pages for row in page["data"]["items"]]


@pytest.fixture(scope="module", autouse=True)
def _samples() -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"the recorded answers are not in {SAMPLES}: set SMART_TRADER_SAMPLES")


def fetch(lake: Lake, wallets: dict[str, list[dict[str, Any]]], folder: Path, *, as_of: str = NOW) -> None:
    """Run the jobs on `wallets`, named in a file as a user would."""
    named = folder / "wallets.txt"
    named.write_text("\n".join(["# recorded", *wallets]))
    now = datetime.fromisoformat(as_of)
    with Simulator(Market.of_payloads(trades=wallets, now=now)) as simulator:
        jobs = ("bronze_transactions", "silver_pnl", "gold_traders")
        lake.run(*jobs, as_of=now, simulator=simulator, wallets=named)


def test_the_worked_results_are_in_the_tables(lake: Lake, tmp_path: Path) -> None:
    rows = {names: recorded(names) for names in WORKED if "capture_1" not in names}
    fetch(lake, {rows[names][0]["owner"]: rows[names] for names in rows}, tmp_path)

    figures = {row.wallet_address: row for row in lake.rows(wallet_pnl.TABLE, "token_address = 'ALL_TOKENS'")}
    for names, (pnl, cost, wins, matched) in WORKED.items():
        if names in rows:
            got = figures[rows[names][0]["owner"]]
            found = (short(got.realized_pnl), short(got.cost_of_sold), got.winning_sales, got.matched_sales)
            assert found == (Decimal(pnl), Decimal(cost), wins, matched), names
    paged = figures[rows[PAGED][0]["owner"]]
    assert round(paged.unmatched_proceeds, 4) == Decimal("14116.4669")
    assert paged.history_complete


def test_a_later_answer_with_the_same_rows_adds_only_what_is_new(lake: Lake, tmp_path: Path) -> None:
    first, second = recorded("trader_txs_small_wallet_capture_1"), recorded("trader_txs_small_wallet_capture_2")
    wallet = first[0]["owner"]

    fetch(lake, {wallet: first}, tmp_path, as_of="2025-06-25T00:00:00+00:00")
    (lot,) = lake.rows(wallet_pnl.TABLE, "token_address = 'ALL_TOKENS'")
    assert (lot.realized_pnl, short(lot.current_position_cost_basis)) == (0, Decimal("5135.239798"))

    fetch(lake, {wallet: second}, tmp_path)
    (lot,) = lake.rows(wallet_pnl.TABLE, "token_address = 'ALL_TOKENS'")
    assert short(lot.realized_pnl) == Decimal("-1805.360072")
    assert short(lot.current_position_cost_basis) == Decimal("43.362657")
    assert sum(row.remaining_raw for row in lake.rows(open_lots.TABLE)) == 2_357_008_173
    assert len(lake.rows(transaction_history.TABLE)) == len(second)


def short(value: Decimal) -> Decimal:
    """To the six places of the worked results."""
    return value.quantize(Decimal("1e-6"), ROUND_HALF_UP)
