"""Cases of histories that are served strangely: what the tables must say of them, from the API to the ranking."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from smart_trader.domain.bronze import rejected_rows, token_metrics, transaction_history, whale_holders
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.invariants.trading import examine_events
from smart_trader.domain.invariants.wallets import consistent_wallets, summarize_wallets
from smart_trader.domain.silver import tracked_tokens, tracked_whales, wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.run.app import Report
from smart_trader.run.results import Failure
from smart_trader.simulator.addresses import USDC, address, signature
from smart_trader.simulator.faults import Fault, Faults
from smart_trader.simulator.market import Market
from smart_trader.simulator.planned import Row
from smart_trader.simulator.server import Simulator
from smart_trader.simulator.wire import json_text
from tests.domain.test_sums_at_the_edge import broken
from tests.io.birdeye.rows import trade
from tests.jobs.test_bronze_tokens import item
from tests.lake import Lake

START = datetime(2026, 6, 1, tzinfo=UTC)
LATER = START + timedelta(days=15)
LATE, MANY, PROMISED, HIDDEN, HEALED, MAKERS, RENAMED = WALLETS = tuple(
    address("case", name) for name in ("late", "many", "promised", "hidden", "healed", "makers", "renamed")
)
GOOD, OWNERLESS, NAMELESS, PRICELESS, WORTHLESS = TOKENS = tuple(
    address("token", name) for name in ("good", "ownerless", "nameless", "priceless", "worthless")
)
JOBS = ("bronze_transactions", "silver_pnl", "gold_traders", "validate")

Rows = list[dict[str, Any]]


def swap(wallet: str, token: str, at: datetime, tokens: int, dollars: int, *, nth: int = 0, **changes: Any) -> Rows:
    """A trade of so many tokens (below zero: sold) for so many dollars, or millionths of them."""
    sign = 1 if tokens > 0 else -1
    legs = {"base": (address("token", wallet, token), tokens), "quote": (USDC, -sign * abs(dollars))}
    fields: dict[str, Any] = {
        "owner": wallet,
        "block_unix_time": int(at.timestamp()),
        "block_number": int(at.timestamp()),
        "tx_hash": signature(wallet, token, at, tokens, nth),
        "volume_usd": None,
    }
    for side, (mint, amount) in legs.items():
        fields |= {
            f"{side}.symbol": token if side == "base" else "USDC",
            f"{side}.address": mint,
            f"{side}.decimals": 6,
            f"{side}.amount": abs(amount),
            f"{side}.change_amount": amount,
            f"{side}.ui_change_amount": Decimal(amount).scaleb(-6),
            f"{side}.type_swap": "to" if amount > 0 else "from",
            f"{side}.price": 1 if side == "quote" else None,
            f"{side}.nearest_price": None,
        }
    return [trade(fields | changes)]


def round_trip(wallet: str, token: str, at: datetime, cost: int, proceeds: int, **changes: Any) -> Rows:
    """A sale and the purchase an hour before it, newest first, for so many dollars; `changes` are those of the sale."""
    million = 10**6
    sale = swap(wallet, token, at, -1000 * million, proceeds * million, **changes)
    return sale + swap(wallet, token, at - timedelta(hours=1), 1000 * million, cost * million)


def hours(count: float) -> datetime:
    return START - timedelta(hours=count)


def late(is_indexed: bool) -> Rows:
    """A sale whose purchase, three hours older, is served from the second run on, beyond the first page of rows."""
    [sale, purchase] = round_trip(LATE, "LATE", hours(30), 100, 200)
    purchase["block_unix_time"] -= 2 * 3600
    between = [row for n in range(60) for row in round_trip(LATE, f"K{n}", hours(31.0 + n / 60), 10, 10)]
    known = [sale, *sorted(between, key=lambda row: -row["block_unix_time"])]
    if not is_indexed:
        return known
    news = [row for n in range(16) for row in round_trip(LATE, "N", LATER - timedelta(hours=2 * n + 1), 100, 100)]
    return news + sorted([*known, purchase], key=lambda row: -row["block_unix_time"])


def many() -> Rows:
    """A purchase that is sold again in 250 pieces within one second."""
    pieces = [row for n in range(250) for row in swap(MANY, "V", hours(24), -10 * 10**6, 1_200_000, nth=n)]
    return pieces + swap(MANY, "V", hours(48), 2_500 * 10**6, 250 * 10**6)


def promised() -> Rows:
    """A full page after which the API promises more, and sends nothing."""
    return [row for n in range(50) for row in round_trip(PROMISED, "F", hours(2 * n + 1), 100, 120)]


def hidden(wallet: str, *, is_readable: bool) -> Rows:
    """A gain, and a sale at a loss whose time is served in milliseconds."""
    [loss, bought] = round_trip(wallet, "L", hours(48), 1000, 100)
    won = round_trip(wallet, "G", hours(24), 100, 300)
    if not is_readable:
        loss["block_unix_time"] *= 1000
    return [*won, loss, bought]


def filled_by_makers() -> Rows:
    """Sales for which the API serves the name of an exchange instead of a pool."""
    return round_trip(MAKERS, "M", hours(5), 100, 150, address="jupiterz", signers=None, inner_ins_index=None)


def renamed() -> Rows:
    """The time of three of four rows has another name."""
    rows = [row for n in range(2) for row in round_trip(RENAMED, f"R{n}", hours(3 * n + 1), 100, 120)]
    for row in rows[1:]:
        row["block_time"] = row.pop("block_unix_time")
    return rows


def account(mint: str, nth: int) -> dict[str, Any]:
    named = {} if mint == OWNERLESS and nth else {"owner": address(mint, nth)}
    return {"amount": "1000", "decimals": 3, "mint": mint, "token_account": address(mint, "account", nth), **named}


def market(*, now: datetime, has_news: bool) -> Market:
    served: Mapping[str, Rows] = {
        LATE: late(has_news),
        MANY: many(),
        PROMISED: promised(),
        HIDDEN: hidden(HIDDEN, is_readable=False),
        HEALED: hidden(HEALED, is_readable=has_news),
        MAKERS: filled_by_makers(),
        RENAMED: renamed(),
    }
    # A row without a time is always shown.
    tapes = {wallet: [Row(_time(row, now), json_text(row)) for row in tape] for wallet, tape in served.items()}
    lacking = {NAMELESS: {"symbol": None}, PRICELESS: {"price": None}, WORTHLESS: {"price": 0}}
    tokens = [item(mint, 500_000, **lacking.get(mint, {})) for mint in TOKENS]
    holders = {mint: [account(mint, nth) for nth in range(3)] for mint in TOKENS}
    return replace(Market.of_payloads(tokens=tokens, holders=holders, now=now), trades=tapes)


def _time(row: Mapping[str, Any], now: datetime) -> int | None:
    seconds = row.get("block_unix_time")
    return None if seconds is None or seconds > now.timestamp() else seconds


@pytest.fixture(scope="module")
def runs(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Lake, dict[str, Report]]:
    """The lake after the first run, and after the second, fifteen days later; what the jobs said of the first."""
    folder = tmp_path_factory.mktemp("cases")
    named = folder / "wallets"
    named.write_text("\n".join(WALLETS))
    lake = Lake(spark, folder / "lake")
    endless = Faults(Fault("endless-cursor", endpoint="trades", address=PROMISED, times=None))
    with Simulator(market(now=START, has_news=False), faults=endless) as simulator:
        tokens = lake.run("bronze_tokens", "silver_tokens", "bronze_whales", as_of=START, simulator=simulator)
        reports = tokens | lake.run(*JOBS, as_of=START, simulator=simulator, wallets=named)
        before = copy_of(lake, folder / "before")
        simulator.market = market(now=LATER, has_news=True)
        lake.run("requeue", as_of=LATER, wallets=wallet_file(folder, HEALED), stage="transactions", from_start=True)
        lake.run(*JOBS, as_of=LATER, simulator=simulator, wallets=named)
    return before, lake, reports


@pytest.fixture(scope="module")
def lakes(runs: tuple[Lake, Lake, dict[str, Report]]) -> tuple[Lake, Lake]:
    return runs[:2]


def copy_of(lake: Lake, folder: Path) -> Lake:
    return Lake(lake.spark, Path(shutil.copytree(lake.root, folder)))


def wallet_file(folder: Path, wallet: str) -> Path:
    file = folder / wallet
    file.write_text(wallet)
    return file


def figures(lake: Lake, wallet: str) -> Any:
    [row] = lake.rows(wallet_pnl.TABLE, f"wallet_address = '{wallet}' AND token_address = 'ALL_TOKENS'")
    return row


def state(lake: Lake, wallet: str) -> Any:
    [row] = lake.rows(tracked_whales.TABLE, f"wallet_address = '{wallet}'")
    return row


def test_a_purchase_that_is_indexed_late_is_read_at_the_next_fetch(lakes: tuple[Lake, Lake]) -> None:
    before, after = lakes
    assert figures(before, LATE).unmatched_proceeds == 200
    assert figures(after, LATE).unmatched_proceeds == 0
    assert figures(after, LATE).realized_pnl == 100
    assert figures(after, LATE).history_complete


def test_trades_of_one_second_on_several_pages_count_once_each(lakes: tuple[Lake, Lake]) -> None:
    for lake in lakes:
        row = figures(lake, MANY)
        assert (row.realized_pnl, row.sell_count, row.history_complete) == (50, 250, True)


def test_an_empty_page_is_the_end_and_what_was_served_lands(lakes: tuple[Lake, Lake]) -> None:
    for lake in lakes:
        row = figures(lake, PROMISED)
        assert (row.realized_pnl, row.history_complete) == (1000, True)
        assert state(lake, PROMISED).txns_fetch_status == "completed"


@pytest.mark.parametrize("wallet", [HIDDEN, HEALED])
def test_a_sale_that_cannot_be_read_shows_in_the_wallets_own_figures(lakes: tuple[Lake, Lake], wallet: str) -> None:
    before, _ = lakes
    row = figures(before, wallet)
    assert (row.realized_pnl, row.history_complete, row.rejected_rows) == (200, False, 1)
    assert (state(before, wallet).history_complete, state(before, wallet).rejected_rows) == (True, 1)
    [trader] = before.rows(smart_traders.TABLE, f"wallet_address = '{wallet}'")
    assert not trader.recommended
    assert "history_incomplete" in trader.gate_failures


def test_it_counts_until_it_is_served_right(lakes: tuple[Lake, Lake]) -> None:
    _, after = lakes
    assert (figures(after, HIDDEN).realized_pnl, figures(after, HIDDEN).rejected_rows) == (200, 1)
    row = figures(after, HEALED)
    assert (row.realized_pnl, row.history_complete, row.rejected_rows) == (-700, True, 0)
    texts = after.rows(rejected_rows.TABLE, "source = 'trader_txs'")
    assert {row.wallet_address for row in texts} == {HIDDEN, HEALED, RENAMED}, "the text is kept"


def test_figures_that_hide_a_row_that_could_not_be_read_are_found(lakes: tuple[Lake, Lake]) -> None:
    before, _ = lakes

    def read(table: Table) -> DataFrame:
        rows = before.tables.read(table)
        return rows.withColumn("rejected_rows", F.col("rejected_rows") * 0) if table is wallet_pnl.TABLE else rows

    found = broken(examine_events(read, consistent_wallets(summarize_wallets(read))))
    assert found == {(wallet_pnl.TABLE.name, "counts_are_those_of_the_rows")}


def test_a_trade_without_the_address_of_a_pool_lands(lakes: tuple[Lake, Lake]) -> None:
    for lake in lakes:
        rows = lake.rows(transaction_history.TABLE, f"wallet_address = '{MAKERS}' AND pool_address IS NULL")
        assert len(rows) == 1
        assert (figures(lake, MAKERS).realized_pnl, figures(lake, MAKERS).rejected_rows) == (50, 0)


def test_a_wallet_of_whose_rows_most_cannot_be_used_waits_and_says_why(
    runs: tuple[Lake, Lake, dict[str, Report]],
) -> None:
    before, _, reports = runs
    why = "3 of 4 rows could not be used: no_time (block_unix_time: null)"
    row = state(before, RENAMED)
    assert (row.txns_fetch_status, row.attempts, row.last_error) == ("pending", 1, why)
    assert (row.txns_last_fetched_at, row.trade_rows, row.rejected_rows) == (None, 0, 3)
    assert before.rows(transaction_history.TABLE, f"wallet_address = '{RENAMED}'") == []
    assert len(before.rows(rejected_rows.TABLE, f"wallet_address = '{RENAMED}'")) == 3
    work = reports["bronze_transactions"].work
    assert work is not None
    assert (work.due, work.failed, work.left_over) == (len(WALLETS), 1, 0)
    assert work.failures == (Failure(count=1, example=RENAMED, reason=why),)


def test_a_token_of_whose_holders_most_cannot_be_used_waits_and_says_why(
    runs: tuple[Lake, Lake, dict[str, Report]],
) -> None:
    before, _, reports = runs
    states = {row.token_address: row for row in before.rows(tracked_tokens.TABLE)}
    assert states.keys() == {GOOD, OWNERLESS}
    assert (states[GOOD].whale_fetch_status, states[GOOD].last_error) == ("completed", None)
    row = states[OWNERLESS]
    assert (row.whale_fetch_status, row.attempts) == ("pending", 1)
    assert row.last_error == "2 of 3 rows could not be used: no_address (owner: null)"
    assert {row.token_address for row in before.rows(whale_holders.TABLE)} == {GOOD}
    work = reports["bronze_whales"].work
    assert work is not None
    assert (work.due, work.done, work.failed) == (2, 1, 1)


def test_a_token_without_symbol_or_price_is_not_tracked_and_its_state_says_why(
    runs: tuple[Lake, Lake, dict[str, Report]],
) -> None:
    before, _, reports = runs
    reasons = {row.token_address: row.not_tracked_reason for row in before.rows(token_metrics.TABLE)}
    lacking = {NAMELESS: "no_symbol", PRICELESS: "no_price", WORTHLESS: "no_price"}
    assert reasons == {GOOD: None, OWNERLESS: None} | lacking
    assert reports["silver_tokens"].warnings == [
        f"2 of 5 tokens are not tracked: no_price, such as {min(PRICELESS, WORTHLESS)}",
        f"1 of 5 tokens are not tracked: no_symbol, such as {NAMELESS}",
    ]
