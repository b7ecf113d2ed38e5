"""A lake whose figures were computed by other rules: the next run computes them again, and ends as a fresh one."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from smart_trader import failpoints
from smart_trader.domain import catalog
from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.gold import rank_history, rankings, smart_traders
from smart_trader.domain.silver import realized_sales, rejected_rows, tracked_whales, trades, wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.failpoints import FailpointReached
from smart_trader.io.birdeye.older_rows import FROM_RAW
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.simulator.server import Simulator
from tests.filled import MARKET
from tests.jobs.test_going_back import OF_THE_RUN, is_sound
from tests.lake import DATA_TABLES, Lake

_TRUSTED = ("pnl", "cost_of_sold", "sales", "winning_sales", "roi", "win_rate", "ratio")
_SKILL = {
    *("score_rank", "skill_rank", "skill_win_rate", "skill_win_rate_low", "skill_return", "skill_return_low"),
}
_BEST_SALES = {"pnl_ex_best_sale", "pnl_ex_best_3_sales", "best_sale_share"}
ADDED = {
    "bronze.token_metrics": {"multiplier"},
    "bronze.whale_holders": {"multiplier"},
    "bronze.transaction_history": {"base_multiplier", "quote_multiplier"},
    "silver.tracked_whales": {"pnl_definition"},
    "silver.wallet_pnl": {"multiplier", *(f"trusted_{name}" for name in _TRUSTED)},
    "gold.smart_traders": {f"trusted_{name}" for name in _TRUSTED} | _SKILL | _BEST_SALES | {"wallet_class"},
    "gold.rank_history": {"score_rank", "skill_rank", "trade_count", "avg_holding_time_hours", "wallet_class"},
}
"""Columns that the first edition did not have."""
NEW_TABLES = {table.name for table in catalog.TABLES if table.layer == "foundation"} | {rankings.TABLE.name}


OF_EARLIER_RANKINGS = (rank_history.TABLE, rankings.TABLE)


def of_first_edition(table: Table) -> Table:
    added = ADDED.get(table.name, set())
    kept = tuple(column for column in table.columns if column.name not in added)
    checks = tuple(check for check in table.checks if not any(name in check.condition for name in added))
    return replace(table, columns=kept, checks=checks)


def outdated(table: Table, lake: Lake) -> DataFrame:
    """The rows of `lake` as other rules might have left them: some are missing, others are too many, figures differ."""
    rows = lake.tables.read(table)
    if table is trades.TABLE:
        bought = rows.where("side = 'BUY'")
        return bought.union(bought.withColumn("trade_id", F.concat(F.lit("x"), "trade_id")))
    if table is realized_sales.TABLE:
        return rows.where("false")
    if table is rejected_rows.TABLE:
        changes = {"reason": F.lit("several_tokens"), "detail": F.lit(None), "rejected_at": F.col("block_time")}
        return lake.tables.read(transaction_history.TABLE).withColumns(changes)
    if table is wallet_pnl.TABLE:
        return rows.withColumns(
            {name: (F.col(name) + 1).cast("decimal(28,9)") for name in ("realized_pnl", "total_pnl")}
        )
    if table in (smart_traders.TABLE, rank_history.TABLE):
        versions = {name: F.lit(1).cast("bigint") for name in rows.columns if name in OF_THE_RUN}
        earlier = {"ranked_at": F.col("ranked_at") - F.expr("INTERVAL 1 DAY")}
        return rows.withColumns(versions | earlier)
    return rows


@pytest.fixture(scope="module")
def original(filled: Lake, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(spark, tmp_path_factory.mktemp("first") / "lake")
    for table in catalog.TABLES:
        if table.name not in NEW_TABLES:
            old = of_first_edition(table)
            lake.tables.create([old])
            if table in DATA_TABLES:
                lake.tables.append(old, outdated(table, filled).select(*old.own_schema.names))
    return lake


@pytest.fixture
def first_edition(original: Lake, spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, Path(shutil.copytree(original.root, tmp_path / "first")))


def contents(lake: Lake) -> dict[str, str]:
    """Digests of all that does not depend on earlier rankings."""
    without = OF_THE_RUN | {"pnl_change"}
    return {
        table.name: lake.digest(table, without=without) for table in DATA_TABLES if table not in OF_EARLIER_RANKINGS
    }


def scaled_rows(lake: Lake) -> int:
    is_scaled = F.coalesce("base_multiplier", "quote_multiplier").isNotNull()
    return lake.tables.read(transaction_history.TABLE).where(is_scaled).count()


def test_a_table_that_is_written_anew_has_them_too(filled: Lake, first_edition: Lake) -> None:
    maintenance = DeltaMaintenance(first_edition.spark, first_edition.tables.path, from_raw=FROM_RAW)
    maintenance.rewrite(transaction_history.TABLE, dry_run=False)
    assert first_edition.digest(transaction_history.TABLE) == filled.digest(transaction_history.TABLE)


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_older_rows_get_their_multipliers_however_often_init_is_stopped(
    filled: Lake, first_edition: Lake, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    lake, table = first_edition, transaction_history.TABLE
    before = {row.event_id: row.ingested_at for row in lake.rows(of_first_edition(table))}
    monkeypatch.setattr(
        failpoints, "plan", lambda reached: "raise" if reached.endswith(f"{point}:{table.name}") else None
    )
    with pytest.raises(FailpointReached):
        lake.tables.create([table])
    monkeypatch.undo()

    predicted = lake.dry_run("init", as_of=MARKET.now).tables
    lake.tables.create([table])

    assert lake.digest(table) == filled.digest(table)
    assert lake.tables.create([table]) == []
    assert {row.event_id: row.ingested_at for row in lake.rows(table)} == before
    changed = scaled_rows(filled) if point == "before_commit" else 0
    assert {t.table: t.updated for t in predicted}[table.name] == changed


def test_a_lake_of_the_first_edition_is_computed_anew_and_ends_as_a_fresh_one(
    filled: Lake, first_edition: Lake
) -> None:
    lake = first_edition
    assert set(lake.tables.create(catalog.TABLES)) == ADDED.keys() | NEW_TABLES
    assert scaled_rows(lake) == scaled_rows(filled) > 0
    computed = lake.tables.read(tracked_whales.TABLE).where("pnl_last_processed_at IS NOT NULL")
    wallets = computed.select("wallet_address").distinct().count()
    (stage,) = [s for s in status(lake) if s["stage"] == "pnl"]
    assert (stage["due"], stage["pending"]) == (wallets, 0)

    with Simulator(MARKET) as simulator:
        reports = lake.run(as_of=MARKET.now, simulator=simulator)

    assert reports["silver_pnl"].notes == [f"{wallets} wallets are computed anew: the rules of the PnL changed"]
    assert contents(lake) == contents(filled)
    assert is_sound(lake)

    before = lake.versions()
    with Simulator(MARKET) as simulator:
        reports = lake.run(as_of=MARKET.now, simulator=simulator)
    assert reports["silver_pnl"].notes == []
    assert lake.versions() == before


def status(lake: Lake) -> list[dict[str, Any]]:
    document = lake.run("status", as_of=MARKET.now)["status"].document
    assert document is not None
    return list(document["stages"])


def test_a_changed_threshold_counts_for_all_wallets_and_none_keeps_figures_of_a_run_that_failed(
    filled: Lake, copied: Callable[[str], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run with the other threshold fails between figures and state, and the next one has the usual threshold."""
    lake = copied("lake")
    strict = [("pnl.sol_price_min_usd", "9999")]
    prediction = lake.dry_run("silver_pnl", as_of=MARKET.now, settings=strict)
    assert {t.table: t.updated for t in prediction.tables}[trades.TABLE.name] > 0

    monkeypatch.setattr(
        failpoints, "plan", lambda point: "raise" if point.endswith("after_commit:silver.trades") else None
    )
    with pytest.raises(FailpointReached):
        lake.run("silver_pnl", as_of=MARKET.now, settings=strict)
    monkeypatch.undo()
    assert lake.digest(trades.TABLE) != filled.digest(trades.TABLE)

    lake.run("silver_pnl", "gold_traders", as_of=MARKET.now)

    assert contents(lake) == contents(filled)
