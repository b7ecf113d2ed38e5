"""Every end of a run is in ops.runs and in its summary, with what to do next: jobs that end so, in one session."""

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.ops import runs
from smart_trader.domain.silver import rejected_rows, tracked_whales
from smart_trader.errors import LimitReached, QualityError, QuotaExhausted, SourceUnavailable
from smart_trader.jobs import maintain
from smart_trader.run import demo, process, runner
from smart_trader.run.app import App
from smart_trader.run.context import RunContext
from smart_trader.run.driver import Run
from smart_trader.run.results import Work
from tests.lake import Lake

pytestmark = pytest.mark.usefixtures("logs_put_back")
KEY = "planted-key-0123456789"
WHALE = dict.fromkeys(tracked_whales.TABLE.column_names) | {
    "whale_id": "w",
    "wallet_address": "w",
    "whale_tier": "MINIMAL",
    "is_current": True,
    "discovered_at": datetime(2026, 1, 5, tzinfo=UTC),
    "txns_fetch_status": "pending",
    "attempts": 0,
    "trade_rows": 0,
    "pnl_processing_status": "pending",
}


def ok(app: App) -> None:
    app.report.rows_in = 3


def mostly_failed(app: App) -> None:
    app.report.work = Work(unit="wallets", due=3, done=1, failed=2)


def source_down(_app: App) -> None:
    raise SourceUnavailable(f"BirdEye did not answer {KEY}")


def bug(_app: App) -> None:
    raise ValueError(f"surprise {KEY}")


def disk_full(_app: App) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def told_to_stop(app: App) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    app.clock.wait(60)


@pytest.fixture
def run_jobs(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`runner.run_jobs` in the tests' session, which has to stay."""
    monkeypatch.setattr(SparkSession, "stop", lambda _self: None)
    monkeypatch.setattr(process, "announce_driver", lambda: None)
    monkeypatch.setattr(process, "ignore_signals", lambda: None)
    monkeypatch.setattr(process, "leave", lambda _status: None)
    monkeypatch.setenv("SMART_TRADER_BIRDEYE__API_KEY", KEY)

    def run(*jobs: tuple[str, Run], run_id: str = "r", options: Sequence[str] = ()) -> int:
        root = f"warehouse.root={lake.root}"
        disk = ("disk.warn_percent=100", "disk.critical_percent=100")
        pairs = (part for pair in (root, *disk) for part in ("--set", pair))
        monkeypatch.setattr(sys, "argv", ["job", *pairs, *options, "--run-id", run_id, "--json"])
        return runner.run_jobs("maintain" if "--rewrite" in options else "pipeline", jobs)

    return run


def test_each_end_has_its_row_and_says_what_to_do_next(
    lake: Lake, run_jobs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    ends = {
        ok: ("ok", 0, "", ""),
        mostly_failed: ("failed", 69, "2 of 3 wallets failed; they stay pending.", "run the same command later"),
        source_down: ("failed", 69, "BirdEye did not answer ***", "run the same command later"),
        bug: ("failed", 70, "ValueError: surprise ***", "please report it"),
        disk_full: ("failed", 74, "No space left on device", "Make room on the disk"),
        told_to_stop: ("partial", 75, "Told to stop; what was committed stays", "run the same command again"),
    }
    for end, (outcome, status, message, next_step) in ends.items():
        assert run_jobs(("init", ok), ("silver_pnl", end), ("never", ok), run_id=end.__name__) == status
        output = capsys.readouterr()
        summary = json.loads(output.out)
        assert (summary["outcome"], summary["exit_code"]) == (outcome, status)
        assert message in summary["message"] and next_step in summary["next_step"]
        *_, last = map(json.loads, output.err.splitlines())
        assert last["event"] == "summary"
        assert last["context"] == summary | {"run_id": end.__name__, "job": last["context"]["job"]}
        rows = {row.job: row for row in lake.rows(runs.TABLE, f"run_id = '{end.__name__}'")}
        assert rows.keys() == {"init", "silver_pnl"} | ({"never"} if end is ok else set())
        row = rows["silver_pnl"]
        assert (row.outcome, row.exit_code) == (outcome, status) and message in row.message
        assert (rows["init"].outcome, rows["init"].rows_in) == ("ok", 3)
        assert KEY not in output.out + output.err + str(rows)


def no_units_left(_app: App) -> None:
    raise QuotaExhausted("Compute units usage limit exceeded")


def own_limit(app: App) -> None:
    app.report.work = Work(unit="wallets", due=5, done=2, left_over=3)
    raise LimitReached("of the 100 of birdeye.compute_units_per_run")


def waits(app: App) -> None:
    app.clock.wait(60)


def works_with_spark(app: App) -> None:
    assert app.spark.range(1000).count() == 1000
    app.report.rows_in = 3


AFTER_FETCHING = (("silver_pnl", works_with_spark), ("helius_webhooks", ok), ("report", ok))


@pytest.mark.parametrize(
    ("fetch", "status", "outcome", "says"),
    [
        (no_units_left, 75, "partial", "usage limit exceeded"),
        (source_down, 69, "failed", "BirdEye did not answer"),
        (waits, 75, "partial", "The time budget is spent (run.time_budget_minutes)"),
    ],
)
def test_however_fetching_ends_the_jobs_that_need_no_api_run(
    lake: Lake,
    run_jobs: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fetch: Run,
    status: int,
    outcome: str,
    says: str,
) -> None:
    if fetch is waits:
        monkeypatch.setattr(RunContext, "seconds_left", lambda _self, _now: 0.5)
    assert run_jobs(("bronze_whales", fetch), ("bronze_transactions", ok), *AFTER_FETCHING) == status
    summary = json.loads(capsys.readouterr().out)
    assert (summary["outcome"], summary["exit_code"]) == (outcome, status) and says in summary["message"]
    assert [(job["job"], job["exit_code"]) for job in summary["jobs"]] == [
        ("bronze_whales", status),
        ("silver_pnl", 0),
        ("report", 0),
    ]
    assert [text.partition(" was left out")[0] for text in summary["warnings"]] == [
        "bronze_transactions",
        "helius_webhooks",
    ]
    assert {row.job for row in lake.rows(runs.TABLE)} == {"bronze_whales", "silver_pnl", "report"}


def test_a_limit_of_the_settings_is_no_failure(
    run_jobs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_jobs(("bronze_transactions", own_limit), *AFTER_FETCHING) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [(job["job"], job["outcome"]) for job in summary["jobs"]] == [
        ("bronze_transactions", "ok"),
        *((name, "ok") for name, _ in AFTER_FETCHING),
    ]
    assert "birdeye.compute_units_per_run" in summary["jobs"][0]["warnings"][0]
    assert summary["jobs"][0]["work"]["left_over"] == 3


def test_a_signal_ends_the_run_at_once(run_jobs: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_jobs(("bronze_transactions", told_to_stop), *AFTER_FETCHING) == 75
    assert [job["job"] for job in json.loads(capsys.readouterr().out)["jobs"]] == ["bronze_transactions"]


def test_a_budget_ends_a_job_that_is_called_alone(
    run_jobs: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunContext, "seconds_left", lambda _self, _now: 0.0)
    assert run_jobs(("maintain", ok)) == 75
    assert "time budget is spent" in json.loads(capsys.readouterr().out)["message"]


def test_a_run_that_cannot_create_its_tables_is_recorded(
    lake: Lake, run_jobs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(lake.root)
    lake.root.mkdir()
    (lake.root / "gold").write_text("in the way")
    assert run_jobs(("bronze_tokens", ok), ("silver_tokens", ok)) == 74
    [row] = lake.rows(runs.TABLE)
    assert (row.job, row.outcome, row.exit_code) == ("bronze_tokens", "failed", 74)
    assert row.message in json.loads(capsys.readouterr().out)["message"]
    (lake.root / "gold").unlink()
    assert run_jobs(("bronze_tokens", ok), run_id="again") == 0


def test_a_record_that_cannot_be_written_is_said(
    lake: Lake, run_jobs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def takes_the_records_away(_app: App) -> None:
        log = lake.root / "ops" / "runs" / "_delta_log"
        shutil.rmtree(log)
        log.write_text("in the way")

    assert run_jobs(("silver_pnl", takes_the_records_away)) == 74
    summary = json.loads(capsys.readouterr().out)
    assert "ops.runs lacks this run" in summary["message"]
    assert [job["outcome"] for job in summary["jobs"]] == ["ok"]


def test_a_table_that_was_lost_is_not_made_anew(lake: Lake, run_jobs: Callable[..., int], tmp_path: Path) -> None:
    def write(app: App) -> None:
        app.tables.append(tracked_whales.TABLE, app.tables.frame(tracked_whales.TABLE.own_schema, [WHALE]))

    assert run_jobs(("silver_whales", write)) == 0
    folder = lake.root / tracked_whales.TABLE.path
    never_written = lake.root / "gold" / "smart_traders"
    shutil.rmtree(never_written)
    kept = shutil.move(folder, tmp_path / "kept")
    assert run_jobs(("silver_whales", ok), run_id="lost") == 74
    assert not folder.exists()
    [row] = lake.rows(runs.TABLE, "run_id = 'lost'")
    assert row.message.startswith("silver.tracked_whales: missing below ") and "restore its folder" in row.message
    shutil.move(kept, folder)
    assert run_jobs(("silver_whales", ok), run_id="back") == 0
    assert (never_written / "_delta_log").is_dir()


def test_a_check_that_fails_after_the_last_job_counts_as_that_jobs_failure(
    lake: Lake, run_jobs: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Market:
        overrides = ()

        def check(self, _tables: object) -> str:
            raise QualityError("the figures differ")

    monkeypatch.setattr(demo, "serve", lambda: contextlib.nullcontext(Market()))
    assert run_jobs(("silver_pnl", ok), ("gold_traders", ok), options=("--demo", "--as-of", "2025-09-01")) == 65
    outcomes = {row.job: (row.outcome, row.exit_code, row.message) for row in lake.rows(runs.TABLE)}
    assert outcomes == {"silver_pnl": ("ok", 0, ""), "gold_traders": ("failed", 65, "the figures differ")}


def test_the_pipeline_of_a_demonstration_has_a_past(
    lake: Lake, run_jobs: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each earlier time without a ranking is a run of its own, in which nothing is checked, sent or shown."""
    served, ran = list[datetime](), list[tuple[str, datetime]]()

    class Market:
        overrides = ()

        def serve_at(self, time: datetime) -> None:
            served.append(time)

        def check(self, _tables: object) -> str:
            return "as planted"

    def note(name: str) -> tuple[str, Run]:
        return name, lambda app: ran.append((name, app.as_of))

    monkeypatch.setattr(demo, "serve", lambda: contextlib.nullcontext(Market()))
    jobs = [note(name) for name in ("bronze_tokens", "validate", "report")]
    assert run_jobs(*jobs, options=("--demo",), run_id="shown") == 0
    assert ran == [
        *(("bronze_tokens", time) for time in (*demo.PAST, demo.NOW)),
        ("validate", demo.NOW),
        ("report", demo.NOW),
    ]
    assert served == [*demo.PAST, demo.NOW]
    ids = {"shown-20250728": 1, "shown-20250825": 1, "shown": 3}
    assert Counter(row.run_id for row in lake.rows(runs.TABLE)) == ids


def test_only_a_run_that_writes_a_table_anew_starts_on_a_lake_of_another_layout(
    lake: Lake, run_jobs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    table = rejected_rows.TABLE
    rows = lake.tables.read(table).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    rows.partitionBy("reason").save(lake.tables.path(table))

    assert run_jobs(("silver_pnl", ok), run_id="refused") == 65
    summary = json.loads(capsys.readouterr().out)
    assert "partitions: stored by reason, declared by nothing" in summary["message"]
    assert "maintain --rewrite silver.rejected_rows" in summary["message"]
    assert run_jobs(("maintain", maintain.run), run_id="rewritten", options=("--rewrite", table.name)) == 0
    assert run_jobs(("silver_pnl", ok), run_id="as-declared") == 0
