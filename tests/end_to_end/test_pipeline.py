"""The whole pipeline over real HTTP and real Delta, against what the simulated market planted."""

import json
import shutil
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession

from smart_trader.config.settings import load
from smart_trader.config.thresholds import mark_limits
from smart_trader.domain.evidence.discovery import since_discovery
from smart_trader.domain.evidence.following import follow_tokens
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.silver import open_lots, realized_sales, rejected_rows, tracked_whales, trades, wallet_pnl
from smart_trader.run.demo import Demo, planted_in
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake
from tests.oracle.evidence import Evaluator
from tests.oracle.numbers import percent

FIGURES = (trades.TABLE, rejected_rows.TABLE, realized_sales.TABLE, open_lots.TABLE)
MAX_ROWS = 100
SETTINGS = (("transactions.max_trades_per_wallet", str(MAX_ROWS)), ("transactions.wallets_per_commit", "40"))
UNLIMITED = (("transactions.max_trades_per_wallet", "100000"),)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.generate(7, tokens=4, wallets=40, trade_rows=1_500)


def stays(_time: datetime) -> None:
    """Whoever has a market of one time only."""


def everything_is_as_planted(lake: Lake, market: Market) -> None:
    """Every figure, sale and lot, in a lake whose histories were cut at `MAX_ROWS`."""
    said = Demo("", partial(planted_in, market), stays).check(lake.tables)
    assert "every PnL equals the simulated truth" in said
    recommended = {row.wallet_address for row in lake.rows(smart_traders.TABLE, "recommended")}
    assert recommended
    assert not [wallet for wallet in recommended if market.kinds[wallet] == "pretender"]
    wallets = sorted({row.wallet_address for row in lake.rows(wallet_pnl.TABLE)})
    truths = [market.truth_for(wallet, market.read_down_to(wallet, MAX_ROWS)) for wallet in wallets]
    planted_sales = {
        sale.trade.trade_id: (sale.matched, sale.cost, sale.realized_pnl) for truth in truths for sale in truth.sales
    }
    planted_lots = {
        lot.trade.trade_id: (lot.remaining, lot.remaining_cost) for truth in truths for lot in truth.open_lots
    }

    sales = {
        row.trade_id: (int(row.matched_raw), row.cost_usd, row.realized_pnl_usd)
        for row in lake.rows(realized_sales.TABLE)
    }
    lots = {row.trade_id: (int(row.remaining_raw), row.remaining_cost_usd) for row in lake.rows(open_lots.TABLE)}

    assert len(sales) > 100
    assert sales == planted_sales
    assert lots == planted_lots


@pytest.fixture(scope="module")
def whole(spark: SparkSession, market: Market, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake after as many runs as its cut histories needed to be read down to their beginnings."""
    lake = Lake(spark, tmp_path_factory.mktemp("whole") / "lake house")
    with Simulator(market) as simulator:
        lake.run(as_of=market.now, simulator=simulator, settings=SETTINGS)
        everything_is_as_planted(lake, market)
        assert lake.rows(tracked_whales.TABLE, "NOT history_complete")
        for _ in range(8):
            lake.run("bronze_transactions", as_of=market.now, simulator=simulator, settings=SETTINGS)
            if not lake.rows(tracked_whales.TABLE, "NOT history_complete"):
                break
    assert not lake.rows(tracked_whales.TABLE, "NOT history_complete")
    lake.run("silver_pnl", "gold_traders", as_of=market.now, settings=SETTINGS)
    return lake


def test_cut_histories_go_on_and_then_an_idle_run_commits_nothing(whole: Lake, market: Market) -> None:
    before = whole.versions()
    with Simulator(market) as simulator:
        reports = whole.run(as_of=market.now, simulator=simulator, settings=SETTINGS)
        asked = {request.path for request in simulator.requests}

    assert whole.versions() == before
    assert asked == {"/defi/v3/token/list"}
    assert "no wallet is due: no trades were fetched" in reports["bronze_transactions"].warnings
    assert "every PnL equals" in Demo("", partial(planted_in, market), stays).check(whole.tables)


@pytest.fixture(scope="module")
def later(market: Market) -> Market:
    return market.advance(days=15)


@pytest.fixture(scope="module")
def grown(whole: Lake, later: Market, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake that was read piece by piece, with what came later on top."""
    folder = tmp_path_factory.mktemp("grown") / "lake"
    lake = Lake(spark, Path(shutil.copytree(whole.root, folder)), runs_before=20)
    with Simulator(later) as simulator:
        lake.run(as_of=later.now, simulator=simulator, settings=UNLIMITED)
    return lake


def test_news_on_top_of_a_lake_ends_as_if_all_had_been_read_at_once(
    grown: Lake, later: Market, market: Market, spark: SparkSession, tmp_path: Path
) -> None:
    fresh = Lake(spark, tmp_path / "fresh")
    with Simulator(later) as simulator:
        fresh.run(as_of=later.now, simulator=simulator, settings=UNLIMITED)
    known = {row.wallet_address for row in fresh.rows(wallet_pnl.TABLE)}

    assert len(known) > 20
    for table in FIGURES:
        rows = [[row for row in lake.rows(table) if row.wallet_address in known] for lake in (grown, fresh)]
        assert [_own(row) for row in rows[0]] == [_own(row) for row in rows[1]], table.name
    moments = {row.ranked_at for row in grown.rows(rank_history.TABLE)}
    assert len(moments) == 2
    assert later.now - market.now > timedelta(days=14)


def test_what_following_since_then_brought_is_explained_and_its_mean_is_over_all(
    grown: Lake, later: Market, tmp_path: Path
) -> None:
    traders = {row.wallet_address: row for row in grown.rows(smart_traders.TABLE)}
    limits, traded = mark_limits(load(environ={}).evaluate), grown.tables.read(trades.TABLE)
    windows = grown.tables.read(smart_traders.TABLE).selectExpr(
        "wallet_address", "discovered_at AS starts_at", "ranked_at AS ends_at"
    )
    held = follow_tokens(traded, windows, limits).where("open_value_usd > 0").collect()
    most = traders[max(held, key=lambda row: (row.sales, row.wallet_address)).wallet_address]
    with redirect_stdout(StringIO()) as printed:
        grown.run("explain", as_of=later.now, wallet=most.wallet_address, json=True)
    document = Evaluator(json.loads(printed.getvalue()))
    (ranking,) = document.blocks("ranking")
    assert any(Fraction(block.figures["left_worth_usd"]["value"]) for block in document.blocks("followed"))
    columns = [column.name for column in smart_traders.DISCOVERY if column.name.startswith("since_discovery_")]
    assert len(columns) == 5
    for column in columns:
        assert ranking.figures[column]["formula"]
        assert document.rebuilt(ranking, column) == Fraction(most[column]), column

    grown.run("report", as_of=later.now, format="json", out=tmp_path / "report.json")
    shown = json.loads((tmp_path / "report.json").read_text("utf-8"))["since_discovery"]
    whales = grown.tables.read(tracked_whales.TABLE)
    every = since_discovery(traded, whales, ranked_at=later.now, limits=limits).collect()
    returns = [row.since_discovery_return for row in every if row.since_discovery_return is not None]
    assert shown["discovered_wallets"] == len(every) > len(traders)
    assert Decimal(shown["discovered_mean_return"]) == percent(sum(map(Fraction, returns)) / len(returns))


def _own(row: Row) -> dict[str, object]:
    return {name: value for name, value in row.asDict().items() if name not in ("batch_id", "ingested_at")}
