"""requeue and status: the state in people's hands."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_trader.cli import Options
from smart_trader.domain import catalog
from smart_trader.domain.gold import rank_history
from smart_trader.domain.silver import tracked_whales
from smart_trader.errors import QualityError, UsageError
from smart_trader.launch import job
from smart_trader.launch.setup import Installation
from smart_trader.simulator.addresses import address
from tests.lake import ROOT, Lake

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ONE, OTHER, UNKNOWN = (address(name) for name in ("one", "other", "unknown"))
WHALES = tracked_whales.TABLE


RANKED = {
    "ranked_at": NOW - timedelta(hours=25),
    "ranking_date": NOW.date(),
    "wallet_address": ONE,
    "performance_tier": "QUALIFIED",
    "smart_trader_score": Decimal(1),
    "overall_rank": 1,
    "tier_rank": 1,
    "recommended": False,
    "total_pnl": Decimal(1),
    "realized_pnl": Decimal(1),
    "wallet_pnl_version": 1,
    "trades_version": 1,
    "settings_hash": "x",
}


def whale(wallet: str, nth: int = 0, **state: Any) -> dict[str, Any]:
    return {
        "whale_id": f"{wallet}{nth}",
        "wallet_address": wallet,
        "whale_tier": "MINIMAL",
        "is_current": True,
        "discovered_at": NOW,
        "txns_fetch_status": "completed",
        "txns_last_fetched_at": NOW,
        "history_complete": True,
        "newest_trade_at": NOW,
        "trade_rows": 3,
        "attempts": 0,
        "pnl_processing_status": "completed",
        "pnl_last_processed_at": NOW,
    } | state


def named(folder: Path, *addresses: str) -> Path:
    file = folder / "addresses.txt"
    file.write_text("\n".join(addresses))
    return file


@pytest.fixture
def filled(lake: Lake) -> Lake:
    lake.fill(WHALES, [whale(ONE), whale(ONE, 1), whale(OTHER)])
    return lake


def test_a_named_wallet_is_computed_again_and_no_other(filled: Lake, tmp_path: Path) -> None:
    file = named(tmp_path, ONE, UNKNOWN)
    report = filled.run("requeue", as_of=NOW, wallets=file, stage="pnl")["requeue"]
    assert report.warnings == ["1 of 2 addresses are not in silver.tracked_whales"]
    states = {row.whale_id: (row.pnl_processing_status, row.txns_fetch_status) for row in filled.rows(WHALES)}
    assert states == {
        f"{ONE}0": ("pending", "completed"),
        f"{ONE}1": ("pending", "completed"),
        f"{OTHER}0": ("completed", "completed"),
    }
    before = filled.versions()
    filled.run("requeue", as_of=NOW, wallets=file, stage="pnl")
    assert filled.versions() == before


def test_reading_from_the_start_forgets_how_far_a_wallet_was_read(filled: Lake, tmp_path: Path) -> None:
    file = named(tmp_path, OTHER)
    filled.run("requeue", as_of=NOW, wallets=file, stage="transactions")
    (row,) = filled.rows(WHALES, f"wallet_address = '{OTHER}'")
    assert (row.txns_fetch_status, row.newest_trade_at is None, row.history_complete) == ("pending", False, True)
    filled.run("requeue", as_of=NOW, wallets=file, stage="transactions", from_start=True)
    (row,) = filled.rows(WHALES, f"wallet_address = '{OTHER}'")
    assert (row.newest_trade_at, row.history_complete, row.trade_rows) == (None, None, 3)


@pytest.mark.parametrize("options", [{"stage": "holders"}, {"stage": "pnl", "from_start": True}])
def test_what_does_not_fit_together_changes_nothing(filled: Lake, tmp_path: Path, options: dict[str, Any]) -> None:
    before = filled.versions()
    with pytest.raises(UsageError):
        filled.run("requeue", as_of=NOW, wallets=named(tmp_path, ONE), **options)
    assert filled.versions() == before


def test_status_counts_wallets_and_not_their_rows(lake: Lake) -> None:
    failing = whale(OTHER, attempts=2, txns_fetch_status="pending", txns_last_fetched_at=NOW - timedelta(days=3))
    lake.fill(WHALES, [whale(ONE), whale(ONE, 1), failing])
    lake.fill(rank_history.TABLE, [RANKED])
    before = lake.versions()

    document = lake.run("status", as_of=NOW)["status"].document

    assert document is not None
    stages = {stage["stage"]: stage for stage in document["stages"]}
    assert stages["transactions"] == {
        "stage": "transactions",
        "unit": "wallets",
        "due": 0,
        "pending": 1,
        "completed": 1,
        "failing": 1,
        "oldest": "2026-01-02T09:00:00+00:00",
        "failing_since": "2026-01-02T09:00:00+00:00",
    }
    assert stages["pnl"]["completed"] == 2
    tables = {table["table"]: table for table in document["tables"]}
    assert tables.keys() == {table.name for table in catalog.TABLES}
    assert (tables[WHALES.name]["rows"], tables[WHALES.name]["version"]) == (3, 1)
    assert tables[WHALES.name]["bytes"] > 0
    assert lake.versions() == before
    lake.run("status", as_of=NOW, max_age_hours=26.0)
    with pytest.raises(QualityError, match=r"25\.0 hours old"):
        lake.run("status", as_of=NOW, max_age_hours=24.0)


def test_recreating_deletes_tables_only_when_told_twice(filled: Lake) -> None:
    nowhere = Installation(ROOT / ".venv", ROOT, [])
    with pytest.raises(UsageError, match="--yes"):
        job.run(ROOT, Options(job="init", recreate=True), [], nowhere)
    filled.tables.drop(catalog.TABLES)
    assert filled.tables.version(WHALES) == -1
    assert filled.tables.create(catalog.TABLES) == [table.name for table in catalog.TABLES]
    assert filled.rows(WHALES) == []
    assert filled.tables.version(WHALES) == 0
