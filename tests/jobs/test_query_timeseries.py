"""query_timeseries on real tables: what each question gives, as of which version, and what it refuses."""

import csv
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.foundation.tables import TABLES
from smart_trader.domain.ops import runs
from smart_trader.errors import StorageError, UsageError
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.machine.clock import SystemClock
from tests.lake import Lake

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SIGNALS, METRICS, REGIMES = (TABLES[name] for name in ("signals", "performance_metrics", "market_regimes"))


def at(minute: int, day: int = 5) -> datetime:
    return NOON.replace(day=day, minute=minute)


def row(minute: int, day: int = 5, **values: Any) -> dict[str, Any]:
    moment = at(minute, day)
    return {
        "timestamp": moment,
        "date": moment.date(),
        "updated_at": moment,
        "source_file": "f.jsonl",
        "source_line": minute + 1,
    } | values


def signal(
    minute: int, value: float, acted_after: int | None = None, strategy: str = "s", **more: Any
) -> dict[str, Any]:
    acted = {} if acted_after is None else {"acted_upon": True, "acted_at": at(minute) + timedelta(seconds=acted_after)}
    return row(minute, strategy_id=strategy, signal_type="entry", signal_value=value, **acted, **more)


def metric(minute: int, total: float, day: int = 5, **more: Any) -> dict[str, Any]:
    return row(minute, day, strategy_id="s", total_pnl=total, **more)


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(spark, tmp_path_factory.mktemp("series") / "lake")
    early, late = signal(0, 0.9, acted_after=30, source="=1+1"), signal(1, 0.95, strategy="other")
    lake.fill(SIGNALS, [late, signal(3, 0.5, regime="calm"), early])
    lake.fill(REGIMES, [row(0, symbol="SPY", regime="calm", vix=14.2), row(2, symbol="SPY", regime="wild", vix=30.0)])
    lake.fill(REGIMES, [row(1, symbol="QQQ", regime="other", vix=20.0)])
    lake.fill(METRICS, [metric(1, 0.1, dte=45, regime_at_entry="wild"), metric(2, 0.2), metric(0, 4.0, 7, dte=0)])
    return lake


def asked(lake: Lake, capsys: pytest.CaptureFixture[str], query: str, form: str = "json", **options: Any) -> str:
    capsys.readouterr()
    lake.run("query_timeseries", as_of=NOON, query=query, format=form, **options)
    return capsys.readouterr().out


def answer(lake: Lake, capsys: pytest.CaptureFixture[str], query: str, **options: Any) -> dict[str, Any]:
    document = json.loads(asked(lake, capsys, query, **options))
    assert list(document) == ["query", "version", "rows", "summary"] and document["query"] == query
    return dict(document)


def minutes(document: Mapping[str, Any]) -> list[int]:
    return [datetime.fromisoformat(row["timestamp"]).minute for row in document["rows"]]


@pytest.mark.parametrize(
    ("query", "options", "expected", "summary"),
    [
        ("range", {"series": "signals"}, [0, 1, 3], [{"count": 3}]),
        ("range", {"series": "signals", "start": at(1), "end": at(3)}, [1], [{"count": 1}]),
        ("latest", {"series": "market_regimes"}, [1, 2], [{"count": 2}]),
        ("latest", {"series": "signals", "at": at(2)}, [0, 1], [{"count": 2}]),
        ("latest", {"series": "signals", "end": at(3), "where": (("strategy_id", "s"),)}, [0], [{"count": 1}]),
        ("audit", {"strategy": "s"}, [0, 3], [{"count": 2}]),
        ("acted", {}, [0], [{"count": 1}]),
        ("missed", {}, [1], [{"count": 1}]),
        ("missed", {"above": 0.4}, [1, 3], [{"count": 2}]),
        (
            "time_to_action",
            {},
            [0],
            [{"strategy_id": "s", "count": 1, "median_seconds": 30.0, "largest_seconds": 30.0}],
        ),
    ],
)
def test_the_answer_to_a_question(
    lake: Lake,
    capsys: pytest.CaptureFixture[str],
    query: str,
    options: Mapping[str, Any],
    expected: list[int],
    summary: list[dict[str, Any]],
) -> None:
    document = answer(lake, capsys, query, **options)
    assert (minutes(document), document["summary"]) == (expected, summary)


def test_performance_by_regime(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    def regimes(**options: Any) -> tuple[list[str | None], list[tuple[Any, ...]]]:
        document = answer(lake, capsys, "regime_performance", **options)
        return [row["regime"] for row in document["rows"]], [tuple(row.values()) for row in document["summary"]]

    calm, wild = ("s", "calm", 1, 0.1, 0.1), ("s", "wild", 2, 2.1, 4.2)
    assert regimes() == (["calm", "wild", "wild"], [calm, wild])
    assert regimes(symbol="QQQ")[0] == ["other", "other", "other"]
    assert regimes(by="at_entry") == (["wild", None, None], [("s", None, 2, 2.1, 4.2), ("s", "wild", 1, 0.1, 0.1)])
    assert regimes(by="current")[0] == [None, None, None]
    versions = answer(lake, capsys, "regime_performance", start=at(2))["version"]
    assert versions == {METRICS.name: 1, REGIMES.name: 2}


@pytest.mark.parametrize(
    ("series", "column", "text", "expected"),
    [
        ("signals", "strategy_id", "s", [0, 3]),
        ("signals", "signal_value", "+9.50e-1", [1]),
        ("signals", "acted_upon", "TRUE", [0]),
        ("signals", "acted_upon", "false", []),
        ("signals", "acted_at", "", [1, 3]),
        ("signals", "acted_at", "2026-01-05T13:00:30+01:00", [0]),
        ("performance_metrics", "dte", "45.0", [1]),
        ("performance_metrics", "date", "2026-01-07", [0]),
        ("performance_metrics", "source_line", "9223372036854775807", []),
    ],
)
def test_a_value_is_compared_by_the_type_of_its_column(
    lake: Lake, capsys: pytest.CaptureFixture[str], series: str, column: str, text: str, expected: list[int]
) -> None:
    assert minutes(answer(lake, capsys, "range", series=series, where=((column, text),))) == expected


@pytest.mark.parametrize(
    ("column", "text", "why"),
    [
        ("Regime", "calm", "there is no column 'Regime'; there are timestamp, symbol"),
        ("vix", "high", "--where vix: 'high' is no number"),
        ("vix", "nan", "is no number"),
        ("source_line", "1.5", "no whole number"),
        ("date", "2026-01-05T00:00", "is no day"),
        ("timestamp", "noon", "no ISO 8601 time"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(lake: Lake, column: str, text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        lake.run("query_timeseries", as_of=NOON, query="range", series="market_regimes", where=((column, text),))


def test_a_table_is_read_as_of_a_version_or_as_it_was_known(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    regimes = {"series": "market_regimes"}
    assert minutes(answer(lake, capsys, "range", version=1, **regimes)) == [0, 2]
    assert minutes(answer(lake, capsys, "range", version=0, **regimes)) == []
    made, first = (commit.at for commit in reversed(lake_commits(lake)[1:]))
    assert answer(lake, capsys, "range", time=first, **regimes)["version"] == 1
    assert answer(lake, capsys, "range", time=first - timedelta(milliseconds=1), **regimes)["version"] == 0
    assert answer(lake, capsys, "range", time=datetime.now(UTC) + timedelta(days=9), **regimes)["version"] == 2
    for refused in ({"version": 3}, {"time": made - timedelta(milliseconds=1)}):
        with pytest.raises(UsageError):
            asked(lake, capsys, "range", **regimes, **refused)


def test_a_version_older_than_the_retention_cannot_be_read(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    class Later(SystemClock):
        def now(self) -> datetime:
            return super().now() + timedelta(days=1000)

    with pytest.raises(StorageError, match="the oldest readable version is 2 of"):
        asked(lake, capsys, "range", series="market_regimes", version=1, clock=Later())


def lake_commits(lake: Lake) -> list[Any]:
    return DeltaMaintenance(lake.spark, lake.tables.path).commits(REGIMES)


def test_csv_has_the_rows_or_the_figures(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(asked(lake, capsys, "audit", "csv").splitlines()))
    assert [(row["signal_value"], row["seconds_to_action"], row["high_confidence"]) for row in rows] == [
        ("0.9", "30.0", "true"),
        ("0.95", "", "true"),
        ("0.5", "", "false"),
    ]
    assert (rows[0]["source"], rows[0]["timestamp"], rows[0]["date"]) == ("'=1+1", "2026-01-05T12:00:00Z", "2026-01-05")
    assert len(asked(lake, capsys, "audit", "csv", limit=2).splitlines()) == 3
    figures = asked(lake, capsys, "time_to_action", "csv", summary=True)
    assert figures.splitlines() == ["strategy_id,count,median_seconds,largest_seconds", "s,1,30.0,30.0"]


def test_text_has_the_rows_and_the_figures(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    shown = asked(lake, capsys, "audit", "text", limit=2).splitlines()
    assert shown[0] == "audit, version 1" and "... and more" in shown[6] and shown[-1] == "3"
    assert asked(lake, capsys, "audit", "text", limit=3).count("more") == 0


def test_before_anything_was_ingested_there_are_no_rows(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = Lake(spark, tmp_path / "none")
    document = answer(empty, capsys, "time_to_action")
    assert document == {"query": "time_to_action", "version": None, "rows": [], "summary": []}
    assert answer(empty, capsys, "range", series="signals")["summary"] == [{"count": 0}]
    assert answer(empty, capsys, "regime_performance")["rows"] == []
    assert not empty.root.exists()
    with pytest.raises(UsageError, match="nothing was ingested yet"):
        asked(empty, capsys, "acted", version=0)


def test_a_table_that_was_lost_is_not_one_that_never_was(
    lake: Lake, spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = Lake(spark, Path(shutil.copytree(lake.root, tmp_path / "torn")))
    record = dict.fromkeys(("run_id", "job", "code_version", "settings_hash"), "x") | dict.fromkeys(
        ("exit_code", "rows_in", "rows_out", "rows_rejected", "api_calls", "compute_units"), 0
    )
    written = json.dumps({SIGNALS.name: {"before": 0, "after": 1}})
    ends = {"started_at": NOON, "finished_at": NOON, "outcome": "ok", "table_versions": written}
    torn.fill(runs.TABLE, [record | ends])
    shutil.rmtree(torn.root / SIGNALS.path)
    with pytest.raises(StorageError, match=r"foundation\.signals: missing, though an earlier run wrote it"):
        asked(torn, capsys, "acted")
