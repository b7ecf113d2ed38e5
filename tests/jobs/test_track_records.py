"""Whether earlier rankings held, as evaluate, status and the report state it from the tables."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from smart_trader.domain.gold import grades, rank_history
from tests.domain.evidence.graded import GRADES, MONDAY
from tests.lake import Lake

NOW = MONDAY + timedelta(days=60)
RANKED = {
    "ranked_at": MONDAY,
    "ranking_date": MONDAY.date(),
    "wallet_address": "Wallet",
    "performance_tier": "STRONG",
    "smart_trader_score": Decimal(50),
    "overall_rank": 1,
    "tier_rank": 1,
    "recommended": True,
    "total_pnl": Decimal(1),
    "realized_pnl": Decimal(1),
    "wallet_pnl_version": 1,
    "trades_version": 1,
    "settings_hash": "hash",
}


def test_verdicts_are_stated_by_each_job_that_shows_them(lake: Lake, tmp_path: Path) -> None:
    lake.fill(rank_history.TABLE, [RANKED])
    lake.run("evaluate", as_of=MONDAY + timedelta(days=1))
    assert lake.report.notes[-1] == (
        "did earlier rankings hold? 7 days: none yet (first grade due 2026-01-12) · "
        "30 days: none yet (first grade due 2026-02-04) · 90 days: none yet (first grade due 2026-04-05)"
    )

    lake.fill(grades.TABLE, GRADES)
    week, month, quarter = (lake.run("status", as_of=NOW)["status"].document or {})["earlier_rankings"]
    assert (week["verdict"], week["by_skill"], week["graded"]) == ("shown", "contrary", 3)
    assert week["last_graded"] == (MONDAY + timedelta(days=14)).isoformat()
    assert (month["verdict"], quarter["verdict"]) == ("none yet", "none yet")

    lake.run("report", as_of=NOW, format="json", out=tmp_path / "report.json")
    shown = json.loads((tmp_path / "report.json").read_text("utf-8"))["earlier_rankings"]["horizons"]
    assert [horizon["recommended"]["verdict"] for horizon in shown] == ["shown", "none yet", "none yet"]
    assert shown[0]["recommended"]["mean_excess"] == "3"


def test_a_page_is_made_anew_where_time_alone_has_changed_a_verdict(lake: Lake, tmp_path: Path) -> None:
    """Of the second Monday few wallets are observed; the third one counts once these can no longer become more."""
    lake.fill(rank_history.TABLE, [RANKED])
    lake.fill(grades.TABLE, GRADES)
    target, revised_until = tmp_path / "report.html", MONDAY + timedelta(days=7 + 7 + 2 * 14)
    made = []
    for at in (revised_until - timedelta(hours=1), revised_until, revised_until + timedelta(seconds=1)):
        lake.run("report", as_of=at, out=target, command="pipeline")
        made.append(target.read_text("utf-8"))
    assert made[0] == made[1] != made[2]
