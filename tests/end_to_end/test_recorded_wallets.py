"""Recorded answers served over HTTP, and the worked results of their README found in the tables."""

import json
import os
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.silver import open_lots, trades, wallet_pnl
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import ROOT, Lake

SAMPLES = Path(os.environ.get("SMART_TRADER_SAMPLES", ROOT.parent / "shared/reference/birdeye_samples"))
NOW = "2025-08-01T00:00:00+00:00"

PAGED = "paged_offset_000 paged_offset_100 paged_offset_200"
ACTIVE = "drift_offset_000 drift_offset_100"
_FIGURES = ("trade_count", "realized_pnl", "cost_of_sold", "winning_sales", "matched_sales", "unmatched_proceeds")
WORKED = {
    "complete_1_round_trip": (2, "56.887354", "45.063773", 1, 1, "0", "1"),
    "complete_2_round_trips": (4, "35.325346", "52.884414", 2, 2, "0", "1"),
    "complete_transfer_fee_token": (6, "18.241197", "111.184507", 2, 3, "0", "1"),
    PAGED: (298, "-10623.761669", "18549.778640", 12, 37, "14116.466893", "0.359579"),
    ACTIVE: (144, "-0.846130", "1108.762485", 3, 13, "35866.312461", "0.029965"),
}
"""`_FIGURES` and the coverage by the pages of a wallet."""
LEFT = {
    "complete_1_round_trip": {},
    "complete_transfer_fee_token": {"EhDZ": (38_003_787_063, "1.116001"), "6VPt": (9_623_801_499, "0.180908")},
}
"""Base units and cost of what is left, by the beginning of the mint."""
EDGE_TRADES = {
    ("5JWdFdJd", "SELL", "JTO"): ("458.224773818", "volume_usd", "ok"),
    ("5JWdFdJd", "BUY", "JitoSOL"): ("458.224773818", "volume_usd", "ok"),
    ("61GJLUKm", "SELL", "JTO"): ("186.092652443", "volume_usd", "ok"),
    ("61GJLUKm", "BUY", "JitoSOL"): ("186.092652443", "volume_usd", "ok"),
    ("2buAuD8q", "SELL", "JitoSOL"): ("150.038585535", "volume_usd", "ok"),
    ("2buAuD8q", "BUY", "ZEX"): ("150.038585535", "volume_usd", "ok"),
    ("3fFVCg23", "SELL", "SYLA"): ("46.281158354", "sol", "ok"),
    ("Cqhqoh18", "BUY", "SYLA"): ("46.329724500", "sol", "ok"),
    ("28mcCWbZ", "BUY", "invest"): ("7.892557052", "sol", "suspect"),
}
"""Value, source and price check of some trades in the labelled rows; of all there are 18."""


def read(name: str) -> Any:
    return json.loads((SAMPLES / f"trader_txs_{name}.json").read_text(), parse_float=Decimal)


def recorded(names: str) -> list[dict[str, Any]]:
    """The rows of these pages, each once, newest first."""
    return newest_first(row for name in names.split() for row in read(name)["data"]["items"])


def newest_first(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    unique = {json.dumps(row, default=str): row for row in rows}
    return sorted(unique.values(), key=lambda row: row["block_unix_time"], reverse=True)


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
    rows = {names: recorded(names) for names in WORKED}
    owners = {names: rows[names][0]["owner"] for names in WORKED}
    fetch(lake, {owners[names]: rows[names] for names in rows}, tmp_path)

    figures = {row.wallet_address: row for row in lake.rows(wallet_pnl.TABLE, "token_address = 'ALL_TOKENS'")}
    for names, (*expected, coverage) in WORKED.items():
        got = figures[owners[names]]
        assert [short(got[name]) for name in _FIGURES] == list(map(Decimal, expected)), names
        assert (got.coverage_ratio, got.history_complete) == (Decimal(coverage), True), names
        assert (got.trusted_pnl, got.trusted_cost_of_sold) == (got.realized_pnl, got.cost_of_sold), names
        assert (got.trusted_sales, got.trusted_winning_sales) == (got.matched_sales, got.winning_sales), names
        assert (got.trusted_ratio, got.arbitrage_tx_count, got.rejected_rows) == (1, 0, 0), names
    for names, expected_lots in LEFT.items():
        assert lots(lake, owners[names]) == {m: (raw, Decimal(cost)) for m, (raw, cost) in expected_lots.items()}


def lots(lake: Lake, wallet: str) -> dict[str, tuple[int, Decimal]]:
    """Base units and cost of what is left, by the beginning of the mint."""
    left: dict[str, tuple[int, Decimal]] = {}
    for lot in lake.rows(open_lots.TABLE, f"wallet_address = '{wallet}'"):
        raw, cost = left.get(lot.token_address[:4], (0, Decimal(0)))
        left[lot.token_address[:4]] = raw + int(lot.remaining_raw), cost + lot.remaining_cost_usd
    return {mint: (raw, short(cost)) for mint, (raw, cost) in left.items()}


def test_a_later_answer_with_the_same_rows_adds_only_what_is_new(lake: Lake, tmp_path: Path) -> None:
    first, second = recorded("small_wallet_capture_1"), recorded("small_wallet_capture_2")
    wallet = first[0]["owner"]
    labelled: dict[str, list[dict[str, Any]]] = {}
    for element in read("edge_rows"):
        labelled.setdefault(element["row"]["owner"], []).append(element["row"])
    edge = {owner: newest_first(rows) for owner, rows in labelled.items()}

    fetch(lake, {wallet: first}, tmp_path, as_of="2025-06-25T00:00:00+00:00")
    (row,) = lake.rows(wallet_pnl.TABLE, "token_address = 'ALL_TOKENS'")
    assert (row.realized_pnl, short(row.current_position_cost_basis)) == (0, Decimal("5135.239798"))
    assert (row.trade_count, row.trusted_ratio) == (7, None)

    fetch(lake, {wallet: second} | edge, tmp_path)
    (row,) = lake.rows(wallet_pnl.TABLE, f"token_address = 'ALL_TOKENS' AND wallet_address = '{wallet}'")
    assert short(row.realized_pnl) == short(row.trusted_pnl) == Decimal("-1805.360072")
    assert lots(lake, wallet) == {"mae8": (2_357_008_173, Decimal("43.362657"))}
    assert len(lake.rows(transaction_history.TABLE, f"wallet_address = '{wallet}'")) == len(second)
    _labelled_rows_are_as_worked_out(lake, wallet)


def _labelled_rows_are_as_worked_out(lake: Lake, other: str) -> None:
    rows = lake.rows(trades.TABLE, f"wallet_address <> '{other}'")
    found = {
        (row.tx_hash[:8], row.side, row.token_symbol): (str(row.value_usd), row.value_source, row.price_check)
        for row in rows
    }
    assert found.items() >= EDGE_TRADES.items()
    assert len(rows) == 18
    portfolios = lake.rows(wallet_pnl.TABLE, "token_address = 'ALL_TOKENS'")
    assert sum(row.arbitrage_tx_count for row in portfolios) == 2


def short(value: Decimal | int) -> Decimal:
    """To the six places of the worked results."""
    return Decimal(value).quantize(Decimal("1e-6"), ROUND_HALF_UP)
