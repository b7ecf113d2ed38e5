"""The whole pipeline over real HTTP and real Delta, against what the simulated market planted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.demo import Demo
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.kernel.trades import trade_id
from smart_trader.domain.silver import open_lots, realized_sales, rejected_rows, tracked_whales, trades, wallet_pnl
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import DATA_TABLES, Lake

FIGURES = (trades.TABLE, rejected_rows.TABLE, realized_sales.TABLE, open_lots.TABLE)
MAX_ROWS = 200
SETTINGS = (("transactions.max_trades_per_wallet", str(MAX_ROWS)), ("transactions.wallets_per_commit", "40"))


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.generate(7, tokens=6, wallets=60, trade_rows=3_000)


@pytest.fixture(scope="module")
def first(spark: SparkSession, market: Market, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake after one run of the pipeline."""
    lake = Lake(spark, tmp_path_factory.mktemp("pipeline") / "lake house")
    with Simulator(market) as simulator:
        lake.run(as_of=market.now, simulator=simulator, settings=SETTINGS)
    yield lake


def test_every_figure_equals_what_the_market_planted(first: Lake, market: Market) -> None:
    said = Demo(market, "").check(first.tables, max_rows=MAX_ROWS)

    assert "every PnL equals the simulated truth" in said
    assert first.rows(smart_traders.TABLE, "recommended")


def test_every_sale_and_lot_equals_what_the_market_planted(first: Lake, market: Market) -> None:
    wallets = sorted({row.wallet_address for row in first.rows(wallet_pnl.TABLE)})
    truths = [market.truth_for(wallet, market.rows_within(wallet, MAX_ROWS)) for wallet in wallets]
    planted_sales = {
        trade_id(truth.wallet, sale.trade.tx_hash, sale.trade.token): (sale.matched, sale.cost, sale.realized_pnl)
        for truth in truths
        for sale in truth.sales
    }
    planted_lots = {
        trade_id(truth.wallet, lot.trade.tx_hash, lot.trade.token): (lot.remaining, lot.remaining_cost)
        for truth in truths
        for lot in truth.open_lots
    }

    sales = {
        row.trade_id: (int(row.matched_raw), row.cost_usd, row.realized_pnl_usd)
        for row in first.rows(realized_sales.TABLE)
    }
    lots = {row.trade_id: (int(row.remaining_raw), row.remaining_cost_usd) for row in first.rows(open_lots.TABLE)}

    assert len(sales) > 100
    assert sales == planted_sales
    assert lots == planted_lots


def test_cut_histories_go_on_and_then_an_idle_run_commits_nothing(
    spark: SparkSession, market: Market, tmp_path: Path
) -> None:
    lake = Lake(spark, tmp_path / "lake")
    with Simulator(market) as simulator:
        for _ in range(12):
            lake.run(as_of=market.now, simulator=simulator, settings=SETTINGS)
            if not lake.rows(tracked_whales.TABLE, "NOT history_complete"):
                break
        assert not lake.rows(tracked_whales.TABLE, "NOT history_complete")
        before, asked = lake.versions(), len(simulator.requests)
        reports = lake.run(as_of=market.now, simulator=simulator, settings=SETTINGS)

    assert lake.versions() == before
    assert {request.path for request in simulator.requests[asked:]} == {"/defi/v3/token/list"}
    assert "no wallet is due: no trades were fetched" in reports["bronze_transactions"].warnings
    assert "every PnL equals" in Demo(market, "").check(lake.tables, max_rows=10**9)


def test_news_on_top_of_a_lake_ends_as_if_all_had_been_read_at_once(
    spark: SparkSession, market: Market, tmp_path: Path
) -> None:
    later = market.advance(days=15)
    unlimited = (("transactions.max_trades_per_wallet", "100000"),)
    grown, fresh = Lake(spark, tmp_path / "grown"), Lake(spark, tmp_path / "fresh")
    with Simulator(market) as simulator:
        grown.run(as_of=market.now, simulator=simulator, settings=unlimited)
        simulator.market = later
        grown.run(as_of=later.now, simulator=simulator, settings=unlimited)
        fresh.run(as_of=later.now, simulator=simulator, settings=unlimited)
    known = {row.wallet_address for row in fresh.rows(wallet_pnl.TABLE)}

    assert len(known) > 40
    for table in FIGURES:
        rows = [[row for row in lake.rows(table) if row.wallet_address in known] for lake in (grown, fresh)]
        assert [_own(row) for row in rows[0]] == [_own(row) for row in rows[1]], table.name
    moments = {row.ranked_at for row in grown.rows(rank_history.TABLE)}
    assert len(moments) == 2
    assert later.now - market.now > timedelta(days=14)


def _own(row: object) -> dict[str, object]:
    values: dict[str, object] = row.asDict()  # type: ignore[attr-defined]
    return {name: value for name, value in values.items() if name not in ("batch_id", "ingested_at")}


def test_all_tables_have_a_log(first: Lake) -> None:
    for table in DATA_TABLES:
        assert (first.root / table.path / "_delta_log").is_dir(), table.name
