"""gold_traders on real tables: when a ranking is made, what it replaces, and what it compares with."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame

from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.silver import wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.io.delta.store import DeltaStore
from smart_trader.run.app import Report
from tests.domain.gold.portfolios import NOW, portfolio
from tests.frames import collected
from tests.lake import Lake

PNL, RANKING, HISTORY = wallet_pnl.TABLE, smart_traders.TABLE, rank_history.TABLE
LATER = NOW + timedelta(days=1)


def compute(lake: Lake, *rows: dict[str, Any]) -> None:
    """What silver_pnl would leave: these wallets and no others."""
    full = [dict.fromkeys(PNL.column_names) | row for row in rows]
    with lake.tables.committing_as("silver_pnl", "test"):
        lake.tables.overwrite(PNL, lake.tables.frame(PNL.own_schema, full))


def rank(lake: Lake, as_of: datetime, *settings: tuple[str, str]) -> Report:
    return lake.run("gold_traders", as_of=as_of, settings=settings)["gold_traders"]


def earned(wallet: str, pnl: int) -> dict[str, Any]:
    """A wallet that qualifies by its profit alone."""
    return portfolio(wallet, realized_pnl=Decimal(pnl), win_rate=None)


def traders(lake: Lake) -> dict[str, Any]:
    """Change of PnL by wallet, best first."""
    ranked = collected(lake.tables.read(RANKING).orderBy("overall_rank"))
    return {row["wallet_address"]: row["pnl_change"] for row in ranked}


def history(lake: Lake, ranked_at: datetime) -> list[str]:
    kept = collected(lake.tables.read(HISTORY).orderBy("overall_rank"))
    return [row["wallet_address"] for row in kept if row["ranked_at"] == ranked_at]


def test_a_ranking_is_made_when_figures_or_settings_changed_and_only_then(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute(lake, earned("low", 20), earned("high", 500), earned("none", 0))
    first_version = lake.tables.version(PNL)

    with monkeypatch.context() as broken:
        broken.setattr(DeltaStore, "replace", _fail)
        with pytest.raises(OSError, match="killed here"):
            rank(lake, NOW)
    report = rank(lake, NOW)
    assert list(traders(lake)) == history(lake, NOW) == ["high", "low"]
    assert [(tier.tier, tier.wallets, tier.entered) for tier in report.tiers][-1] == ("QUALIFIED", 2, 0)
    assert {row["gold_processed_at"] for row in collected(lake.tables.read(PNL).where("moved_to_gold"))} == {NOW}
    assert not lake.rows(PNL, "NOT moved_to_gold"), "those that do not qualify were seen as well"
    assert {row.wallet_pnl_version for row in lake.rows(HISTORY)} == {first_version}

    before = lake.versions()
    rank(lake, LATER)
    assert lake.versions() == before, "its own marks are no news"

    strict = ("ranking.promising.min_win_rate_percent", "50")
    rank(lake, LATER, strict)
    assert (history(lake, NOW), history(lake, LATER)) == (["high", "low"], ["high", "low"])
    assert set(traders(lake).values()) == {Decimal(0)}

    before = lake.versions()
    rank(lake, LATER, strict)
    assert lake.versions() == before


def test_a_ranking_replaces_one_of_the_same_time_and_compares_with_the_one_before(lake: Lake) -> None:
    compute(lake, earned("falls", 100), earned("stays", 500))
    rank(lake, NOW)
    assert traders(lake) == {"stays": None, "falls": None}

    compute(lake, earned("falls", 0), earned("stays", 450), earned("comes", 20))
    rank(lake, LATER)
    assert traders(lake) == {"stays": Decimal(-50), "comes": None}

    compute(lake, earned("falls", 0), earned("stays", 460))
    rank(lake, LATER)
    assert traders(lake) == {"stays": Decimal(-40)}, "against the ranking before, not the one it replaces"
    assert (history(lake, NOW), history(lake, LATER)) == (["stays", "falls"], ["stays"])

    compute(lake, earned("falls", 0), earned("stays", 0))
    report = rank(lake, LATER)
    assert report.warnings == ["no wallet qualifies: the ranking is empty"]
    assert (traders(lake), history(lake, LATER)) == ({}, [])
    assert history(lake, NOW) == ["stays", "falls"]

    before = lake.versions()
    rank(lake, LATER)
    assert lake.versions() == before


def _fail(store: DeltaStore, table: Table, rows: DataFrame, *, within: DataFrame | None = None) -> None:
    raise OSError("killed here")
