"""A run at a business time that lies far ahead, as a wrong clock makes it: later runs go on as if it had not been."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.bronze import token_metrics, whale_holders
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.silver import open_lots, realized_sales, tracked_tokens, trades, wallet_pnl
from smart_trader.errors import QualityError
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake
from tests.reliability import lakes
from tests.reliability.world import copied

WRONG = datetime(2206, 11, 1, tzinfo=UTC)
FIGURES = (
    *(tracked_tokens.TABLE, trades.TABLE, realized_sales.TABLE, open_lots.TABLE, wallet_pnl.TABLE),
    smart_traders.TABLE,
)


def run(lake: Lake, market: Market, *jobs: str, as_of: datetime | None = None) -> None:
    with Simulator(market) as simulator:
        lake.run(*jobs, as_of=as_of or market.now, simulator=simulator)


@pytest.mark.long
def test_a_wrong_year_does_not_stop_what_follows(
    spark: SparkSession, market: Market, once: Path, tmp_path: Path
) -> None:
    lake, calm = (copied(spark, once, tmp_path / name) for name in ("disturbed", "calm"))
    soon, later = market.advance(hours=1), market.advance(days=16)
    run(lake, soon, as_of=WRONG)
    assert lake.rows(token_metrics.TABLE, "processing_date > '2200-01-01'")
    assert lake.rows(whale_holders.TABLE, "rank_date > '2200-01-01'")
    assert {row.ranked_at.year for row in lake.rows(smart_traders.TABLE)} == {2206}
    lake.run("status", as_of=later.now)
    assert ["lies in the future" in text for text in lake.report.warnings] == [True]
    with pytest.raises(QualityError, match="lies in the future"):
        lake.run("status", as_of=later.now, max_age_hours=26.0)

    for one in (lake, calm):
        run(one, later)
    found, wanted = lakes.digests(lake.root), lakes.digests(calm.root)
    assert {table.name: found[table.name] for table in FIGURES} == {t.name: wanted[t.name] for t in FIGURES}
    assert {row.ranked_at for row in lake.rows(smart_traders.TABLE)} == {later.now.replace(tzinfo=None)}
    assert len(lake.rows(rank_history.TABLE, "ranked_at > '2200-01-01'")) > 0, "what was once said stays said"

    lake.run("status", as_of=later.now, max_age_hours=26.0)
    assert lake.report.warnings == []
