"""What a dry run shows: a page that says what would change, and a document with every wallet in it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from smart_trader.domain.gold.watch_list import WebhookChange
from smart_trader.domain.tables.changes import TableChange
from smart_trader.io.birdeye.planned import Plan
from smart_trader.run.layout import WIDTH
from smart_trader.run.prediction import Move, Prediction, prediction_document, render_text
from smart_trader.run.results import JobSummary, RunSummary, Work
from tests.run.test_summary import START, record

PLANNED = {
    "bronze_tokens": Plan(about=(), least=1, most=1, units_per_call=50),
    "bronze_transactions": Plan(about=("first", "second"), least=2, most=20, units_per_call=12),
}
FETCHING = (
    JobSummary(record=record("bronze_tokens")),
    JobSummary(
        record=record("bronze_transactions"), work=Work(unit="wallets", due=7, done=0, left_over=7), warnings=("none",)
    ),
)
TABLES = (
    TableChange(table="silver.trades", inserted=1_234, updated=5, unchanged=60_000),
    TableChange(table="silver.open_lots", unchanged=12),
    TableChange(table="gold.smart_traders", is_new=True, inserted=3),
    TableChange(table="ops.other", new_columns=("document",), unchanged=1),
)
MOVES = (Move("rises", "STRONG", "ELITE"), Move("comes", None, "QUALIFIED"), Move("goes", "ELITE", None))


def prediction(*, jobs: tuple[JobSummary, ...] = (), exit_code: int = 0, message: str = "", **given: Any) -> Prediction:
    run = RunSummary(
        run_id="20261120T060000Z-1a2b",
        started_at=START,
        finished_at=START + timedelta(seconds=31.5),
        exit_code=exit_code,
        jobs=jobs,
        message=message,
    )
    usual: dict[str, Any] = {
        "as_of": datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
        "has_fetched": False,
        "calls_per_second": Decimal(2),
        "units_limit": None,
        "plans": {},
        "tables": (),
        "tiers": {},
        "moves": (),
    }
    return Prediction(run=run, **usual | given)


def test_the_page() -> None:
    found = prediction(
        jobs=FETCHING,
        plans=PLANNED,
        tables=TABLES,
        tiers={"ELITE": 1, "QUALIFIED": 1},
        moves=MOVES,
        webhook=WebhookChange(added=("rises",), removed=("goes",)),
    )

    assert render_text(found) == (
        """\
Dry run 20261120T060000Z-1a2b  ok, exit 0, 31.5s
What a run as of 2026-11-20 05:00 UTC would do. Nothing was changed.

would fetch                      due  this run    calls      units  at 2 a second
---------------------------------------------------------------------------------
bronze_tokens        token list    -         -        1         50           0.5s
bronze_transactions  wallets       7         2  2 to 20  24 to 240  1.0s to 10.0s
total                                           3 to 21  74 to 290  1.5s to 10.5s
No call was made, so what follows rests on what the lake holds now; --fetch makes the calls that read.

job                  outcome  rows in  out  rejected  calls  units  Spark  commits  time
----------------------------------------------------------------------------------------
bronze_tokens        ok             -    -         -      -      -      -        -  2.1s
bronze_transactions  ok             -    -         -      -      -      -        -  2.1s
total                                              -      -      -      -        -  4.2s

table                             inserted  updated  deleted  unchanged
-----------------------------------------------------------------------
silver.trades                        1,234        5        -     60,000
gold.smart_traders (new)                 3        -        -          -
ops.other (new column: document)         -        -        -          1
1 more would not change

traders    wallets  enter  leave
--------------------------------
ELITE            1      1      1
STRONG           -      -      1
PROMISING        -      -      -
QUALIFIED        1      1      -

wallet  from        to
------------------------------
rises   STRONG      ELITE
comes   not ranked  QUALIFIED
goes    ELITE       not ranked

webhook
-------------------------
rises    would be added
goes     would be removed
One write, 100 credits. As the last run read it back; --fetch reads what is there now.

warnings
  - bronze_transactions: none
next
  - Nothing was changed. The same command without --dry-run does it.
"""
    )


def test_a_page_without_news_says_so_and_one_of_a_failure_what_would_fail() -> None:
    idle = render_text(prediction(tables=(TABLES[1],), webhook=WebhookChange((), ())))
    assert "No table would change (1 looked at)." in idle
    assert "The webhook's addresses would not change." in idle

    failed = render_text(prediction(exit_code=69, message="BirdEye did not answer"))
    assert "failed, exit 69" in failed
    assert "  - BirdEye did not answer" in failed
    assert failed.endswith("next\n  - Nothing was changed. A run would end like this too.\n")
    assert "as far as the dry run came" in render_text(prediction(exit_code=75, message="Told to stop"))


def test_a_limit_of_units_that_ends_the_run_is_told_beforehand() -> None:
    def told(limit: int | None) -> str:
        return render_text(prediction(jobs=FETCHING, plans=PLANNED, units_limit=limit))

    assert "birdeye.compute_units_per_run (73) ends the run" in told(73)
    assert "birdeye.compute_units_per_run (74) may end the run" in told(74)
    assert "compute_units_per_run" not in told(290) + told(None)


def test_many_moves_are_cut_on_the_page_and_whole_in_the_document() -> None:
    moves = [Move(f"wallet {n}", None, "STRONG") for n in range(33)]
    found = prediction(moves=moves, tiers={"STRONG": 33}, plans=PLANNED, jobs=FETCHING, tables=TABLES)

    page, document = render_text(found), json.loads(json.dumps(prediction_document(found)))

    assert "wallet 19 " in page and "wallet 20" not in page
    assert "13 more; --json names them all" in page
    tiers = {tier["tier"]: tier for tier in document["tiers"]}
    assert tiers["STRONG"] == {"tier": "STRONG", "wallets": 33, "entered": [m.wallet for m in moves], "left": []}
    assert document["dry_run"] is True
    assert document["tables"][0] == {
        "table": "silver.trades",
        "is_new": False,
        "new_columns": [],
        "inserted": 1_234,
        "updated": 5,
        "deleted": 0,
        "unchanged": 60_000,
    }
    assert document["planned_calls"][1] == {
        "job": "bronze_transactions",
        "calls": {"least": 2, "most": 20},
        "compute_units": {"least": 24, "most": 240},
        "seconds": {"least": 1.0, "most": 10.0},
        "about": ["first", "second"],
    }
    assert [job["job"] for job in document["jobs"]] == ["bronze_tokens", "bronze_transactions"]
    assert not {"table_versions", "tiers"} & document["jobs"][0].keys()


def test_hostile_text_stays_on_its_line_and_the_page_within_its_width() -> None:
    hostile = replace(FETCHING[0], warnings=("a\x1b[2Jtoken\nname " * 20,))
    page = render_text(prediction(jobs=(hostile,), moves=[Move("w" * 44, "ELITE", None)]))
    assert "\x1b" not in page
    assert max(map(len, page.split("\n"))) <= WIDTH
