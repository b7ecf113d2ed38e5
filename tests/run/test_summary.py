"""The run summary: a page that fits, a document with everything, the columns of `ops.runs`."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.run.layout import WIDTH
from smart_trader.run.results import (
    Failure,
    JobRecord,
    JobSummary,
    RunSummary,
    TierChange,
    Work,
    WorkTally,
    versions_json,
)
from smart_trader.run.summary import render_text, run_document

START = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def record(job: str, **given: Any) -> JobRecord:
    usual: dict[str, Any] = {
        "run_id": "20261120T060000Z-1a2b",
        "started_at": START,
        "finished_at": START + timedelta(seconds=2.1),
        "outcome": "ok",
        "exit_code": 0,
        "rows_in": 0,
        "rows_out": 0,
        "rows_rejected": 0,
        "api_calls": 0,
        "compute_units": 0,
        "table_versions": "{}",
        "code_version": "1.0.0",
        "settings_hash": "f8" * 32,
        "message": "",
    }
    return JobRecord(job=job, **usual | given)


def run(*jobs: JobSummary, exit_code: int = 0, message: str = "") -> RunSummary:
    return RunSummary(
        run_id="20261120T060000Z-1a2b",
        started_at=START,
        finished_at=START + timedelta(seconds=145.9),
        exit_code=exit_code,
        jobs=jobs,
        message=message,
    )


FETCHED = JobSummary(
    record=record(
        "bronze_transactions",
        outcome="partial",
        finished_at=START + timedelta(seconds=131),
        rows_in=30_412,
        rows_out=30_400,
        rows_rejected=12,
        api_calls=1_340,
        compute_units=16_080,
        table_versions=versions_json({"bronze.rejected_rows": 3}, {"bronze.rejected_rows": 4}),
    ),
    spark_jobs=30,
    delta_commits=12,
    work=Work(
        unit="wallets",
        due=812,
        done=497,
        failed=3,
        left_over=312,
        failures=(Failure(count=2, example="W1", reason="BirdEye: 404 for W1"),),
    ),
    warnings=("3 wallets failed and stay pending",),
)
RANKED = JobSummary(
    record=record(
        "gold_traders",
        rows_in=497,
        rows_out=120,
        table_versions=versions_json(
            {"gold.smart_traders": 0, "bronze.rejected_rows": 4},
            {"gold.smart_traders": 1, "gold.rank_history": 0, "bronze.rejected_rows": 4},
        ),
    ),
    spark_jobs=9,
    delta_commits=2,
    tiers=(
        TierChange(tier="ELITE", wallets=12, entered=3, left=1),
        TierChange(tier="STRONG", wallets=30, entered=0, left=0),
    ),
)


def test_a_record_has_the_columns_of_ops_runs() -> None:
    assert [field.name for field in fields(JobRecord)] == (
        "run_id, job, started_at, finished_at, outcome, exit_code, rows_in, rows_out, rows_rejected, api_calls,"
        " compute_units, table_versions, code_version, settings_hash, message, document"
    ).replace(" ", "").split(",")


def test_the_page() -> None:
    assert render_text(run(FETCHED, RANKED)) == (
        """\
Run 20261120T060000Z-1a2b  partial, exit 0, 2m 26s

job                  outcome  rows in     out  rejected  calls   units  Spark  commits    time
----------------------------------------------------------------------------------------------
bronze_transactions  partial   30,412  30,400        12  1,340  16,080     30       12  2m 11s
gold_traders         ok           497     120         -      -       -      9        2    2.1s
total                                                12  1,340  16,080     39       14  2m 13s

work                          due  done  failed  left for next run
------------------------------------------------------------------
bronze_transactions  wallets  812   497       3                312
failed
  - bronze_transactions: 2 of 3, such as W1: BirdEye: 404 for W1

traders  wallets  entered  left
-------------------------------
ELITE         12        3     1
STRONG        30        -     -

table                 version before  after
-------------------------------------------
bronze.rejected_rows               3      4
gold.rank_history                new      0
gold.smart_traders                 0      1

warnings
  - bronze_transactions: 3 wallets failed and stay pending
"""
    )


def test_the_page_of_a_failure_ends_with_what_to_do() -> None:
    failed = JobSummary(record=record("silver_pnl", outcome="failed", exit_code=69, message="BirdEye did not answer"))
    page = render_text(run(failed, exit_code=69, message="BirdEye did not answer"))
    assert page.startswith("Run 20261120T060000Z-1a2b  failed, exit 69, 2m 26s\n")
    assert page.count("BirdEye did not answer") == 1
    assert page.endswith(
        "next\n  - The API or the store did not answer. What was committed stays; run the same command later.\n"
    )


def test_a_run_that_reached_no_job_says_why() -> None:
    page = render_text(run(exit_code=75, message="Another run holds the lock"))
    assert "messages\n  - Another run holds the lock\nnext\n  - What was committed stays" in page


def test_an_idle_run_says_that_nothing_changed() -> None:
    idle = replace(RANKED.record, table_versions=versions_json({"a": 1, "b": 2}, {"a": 1, "b": 2}))
    assert "No table changed (2 looked at)." in render_text(run(JobSummary(record=idle)))


@pytest.mark.parametrize(
    ("outcomes", "exit_code", "expected"),
    [
        ((), 0, "ok"),
        (("ok", "ok"), 0, "ok"),
        (("ok", "partial"), 0, "partial"),
        (("ok",), 75, "partial"),
        (("ok", "failed"), 69, "failed"),
        (("ok",), 70, "failed"),
        (("failed",), 75, "failed"),
    ],
)
def test_a_run_is_as_good_as_its_worst_job(outcomes: tuple[str, ...], exit_code: int, expected: str) -> None:
    jobs = [JobSummary(record=record("init", outcome=outcome)) for outcome in outcomes]
    assert run(*jobs, exit_code=exit_code).outcome == expected


@pytest.mark.parametrize("exit_code", [64, 65, 69, 70, 74, 75, 77, 78])
def test_each_documented_exit_says_what_to_do_next(exit_code: int) -> None:
    assert run(exit_code=exit_code).next_step
    assert not run().next_step


counts = st.integers(0, 10**12)


@given(counts, counts, counts, counts, counts, st.integers(0, 10**6), st.text(), st.integers(0, 4_999))
def test_the_page_fits_and_carries_no_control_characters(
    rows_in: int, rows_out: int, rejected: int, calls: int, units: int, seconds: int, text: str, few: int
) -> None:
    job = JobSummary(
        record=record(
            "bronze_transactions",
            rows_in=rows_in,
            rows_out=rows_out,
            rows_rejected=rejected,
            api_calls=calls,
            compute_units=units,
            finished_at=START + timedelta(seconds=seconds),
            outcome="partial",
            message=text,
            table_versions=versions_json({}, {"foundation.performance_metrics": few}),
        ),
        spark_jobs=few,
        delta_commits=few,
        work=Work(unit="wallets", due=units, done=calls, failed=rejected, left_over=rows_in),
        tiers=(TierChange(tier="PROMISING", wallets=calls, entered=units, left=rejected),),
        warnings=(text, "word " * 60, "x" * 300),
    )
    page = render_text(run(job, job, exit_code=75, message=text))
    assert all(len(line) <= WIDTH and line.isprintable() for line in page.split("\n"))


def test_the_document_has_what_the_page_and_the_records_have() -> None:
    document = json.loads(json.dumps(run_document(run(FETCHED, RANKED))))
    assert (document["outcome"], document["exit_code"], document["duration_seconds"]) == ("partial", 0, 145.9)
    fetched, ranked = document["jobs"]
    assert {field.name for field in fields(JobRecord)} <= set(fetched)
    assert fetched["rows_rejected"] == 12
    assert fetched["started_at"] == "2026-11-20T06:00:00+00:00"
    failures = [{"count": 2, "example": "W1", "reason": "BirdEye: 404 for W1"}]
    counts = {"unit": "wallets", "due": 812, "done": 497, "failed": 3, "left_over": 312}
    assert fetched["work"] == counts | {"failures": failures}
    assert fetched["warnings"] == ["3 wallets failed and stay pending"]
    assert ranked["tiers"][0] == {"tier": "ELITE", "wallets": 12, "entered": 3, "left": 1}
    assert ranked["table_versions"]["gold.rank_history"] == {"before": None, "after": 0}


def test_the_same_run_is_written_the_same_way() -> None:
    assert versions_json({"b": 1, "a": None}, {"b": 2, "a": 0}) == versions_json({"a": None, "b": 1}, {"a": 0, "b": 2})
    assert render_text(run(FETCHED, RANKED)) == render_text(run(FETCHED, RANKED))


def test_what_failed_for_the_same_reason_is_counted_and_the_most_frequent_reasons_are_named() -> None:
    tally = WorkTally("wallets", 20)
    tally.add("A", None)
    for nth in range(4):
        tally.add(f"W{nth}", f"{nth + 97} of 200 rows could not be used: bad_time (block_unix_time: {10**12 + nth})")
    for nth in range(3):
        tally.add(f"V{nth}", f"BirdEye /trader for V{nth}: not found (404)")
    tally.add("U", "BirdEye /trader for U: refused\x1b[2J (400)")
    tally.add("T", "x" * 5_000)

    work = tally.work
    assert (work.due, work.done, work.failed, work.left_over) == (20, 1, 9, 10)
    assert [(failure.count, failure.example) for failure in work.failures] == [(4, "W0"), (3, "V0"), (1, "U")]
    page = render_text(run(replace(FETCHED, work=work)))
    said = " ".join(page.split())
    assert "bronze_transactions: 4 of 9, such as W0: 97 of 200 rows could not be used: bad_time" in said
    assert "\x1b" not in page
    assert "x" * 500 not in said.replace(" ", "")
