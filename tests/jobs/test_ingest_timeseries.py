"""Landed files become rows, each once, whatever is repeated, changed or stopped on the way."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader import failpoints
from smart_trader.domain.catalog import SERIES_TABLES
from smart_trader.domain.foundation import rejected_rows
from smart_trader.domain.foundation.tables import TABLES
from smart_trader.domain.tables.file_policy import Step, plan_maintenance
from smart_trader.errors import ConfigurationError, QualityError, UsageError
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.run.app import Report
from smart_trader.run.driver import start_anew
from tests.lake import Lake

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
REGIMES, SIGNALS = TABLES["market_regimes"], TABLES["signals"]
REJECTED = rejected_rows.TABLE


class Place:
    """A warehouse with a landing folder beside it."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.lake, self.landing = Lake(spark, folder / "lake"), folder / "landing"

    def land(self, name: str, *records: Mapping[str, Any], at: int = 1_000) -> Path:
        """Write records as JSON lines to a file that is as old as `at`, seconds after 1970."""
        return self.land_text(name, "".join(json.dumps(dict(record)) + "\n" for record in records), at=at)

    def land_text(self, name: str, text: str, *, at: int = 1_000) -> Path:
        file = self.landing / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, (at, at))
        return file

    def ingest(self, settings: Sequence[tuple[str, str]] = (), as_of: datetime = NOW, **options: Any) -> Report:
        given = [("series.landing", str(self.landing)), *settings]
        return self.lake.run("ingest_timeseries", as_of=as_of, settings=given, **options)["ingest_timeseries"]

    def regimes(self) -> dict[str, str | None]:
        return {f"{row.timestamp:%H:%M} {row.symbol}": row.regime for row in self.lake.rows(REGIMES)}

    def rejected(self) -> list[tuple[str, int | None, str]]:
        return [(row.source_file, row.line, row.reason) for row in self.lake.rows(REJECTED)]


@pytest.fixture
def place(spark: SparkSession, tmp_path: Path) -> Place:
    return Place(spark, tmp_path)


def regime(minute: int, value: str | None = "calm", **more: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-11-20T08:{minute:02}:00Z", "symbol": "SPY", "regime": value, **more}


def test_files_land_once_and_a_second_run_commits_nothing(place: Place) -> None:
    place.land("market_regimes/b.jsonl", regime(1), regime(2, vix="high"), {"symbol": "SPY"}, regime(4))
    place.land("market_regimes/sub/x=1/a.json", regime(1, "storm", vix=20), regime(3))
    place.land("market_regimes/_later.jsonl", regime(9))
    place.land_text("signals/empty.csv", "")
    report = place.ingest()
    wanted = {"08:01 SPY": "storm", "08:03 SPY": "calm", "08:04 SPY": "calm"}
    assert place.regimes() == wanted, "of equal times the greater path wins"
    assert place.rejected() == [("market_regimes/b.jsonl", 2, "bad_type"), ("market_regimes/b.jsonl", 3, "missing_key")]
    assert (report.rows_in, report.rows_rejected) == (6, 2)
    row = place.lake.rows(REGIMES)[0]
    assert (row.source_file, row.source_line, row.vix) == ("market_regimes/sub/x=1/a.json", 1, 20.0)
    assert row.updated_at.timestamp() == 1_000

    versions = place.lake.versions()
    place.land("market_regimes/b.jsonl", regime(5), at=2_000)
    again = place.ingest()
    assert place.lake.versions() == versions
    assert any("b.jsonl has changed since" in warning for warning in again.warnings)

    shutil.rmtree(place.lake.root / "_checkpoints")
    (place.landing / "market_regimes/b.jsonl").unlink()
    place.ingest()
    assert place.lake.versions() == versions, "without its checkpoint all is read again, and nothing is new"


def test_the_greater_version_wins_in_whatever_order_it_comes(place: Place) -> None:
    place.land("market_regimes/1.jsonl", regime(1, "old", updated_at="2026-11-20T08:02Z", vix=1))
    place.ingest()
    place.land("market_regimes/0.jsonl", regime(1, "new", updated_at="2026-11-20T08:03Z"))
    place.ingest()
    place.land("market_regimes/2.jsonl", regime(1, "older", updated_at="2026-11-20T08:01Z"))
    place.ingest()
    assert place.regimes() == {"08:01 SPY": "new"}
    assert place.lake.rows(REGIMES)[0].vix is None, "the whole row is replaced"
    version = place.lake.tables.version(REGIMES)
    place.land("market_regimes/3.jsonl", regime(1, "new", updated_at="2026-11-20T08:03Z"))
    place.ingest()
    assert place.lake.tables.version(REGIMES) == version, "a winner with equal values writes nothing"


def test_rejected_files_are_named_and_all_others_land(place: Place) -> None:
    place.land("market_regimes/a.jsonl", regime(1), regime(2, price=1))
    place.land("market_regimes/a:b.jsonl", regime(3))
    place.land("market_regimes/c.jsonl", regime(4))
    place.land("market_regimes/d.txt", regime(5))
    place.land("market_regimes/e.jsonl", regime(6), {}, {})
    with pytest.raises(QualityError, match=r"3 files were rejected whole.*More than half.*in 1 files") as refused:
        place.ingest()
    assert "ingest_timeseries --again" in str(refused.value)
    assert place.regimes().keys() == {"08:04 SPY", "08:06 SPY"}
    assert [(file[15:], line, reason) for file, line, reason in place.rejected()] == [
        ("a.jsonl", None, "unknown_column"),
        ("a:b.jsonl", None, "unreadable_file"),
        ("d.txt", None, "unknown_format"),
        ("e.jsonl", 2, "missing_key"),
        ("e.jsonl", 3, "missing_key"),
    ]
    versions = place.lake.versions()
    place.ingest()
    assert place.lake.versions() == versions, "a rejected file counts as ingested"

    file = place.land("market_regimes/a.jsonl", regime(1), at=3_000)
    place.ingest(again=(str(file),))
    assert "08:01 SPY" in place.regimes()
    assert "market_regimes/a.jsonl" not in [file for file, _, _ in place.rejected()], "what was said is replaced"


def test_batches_are_limited_by_files_and_bytes(place: Place) -> None:
    for nth in range(5):
        place.land(f"signals/{nth}.csv")
        place.land(f"market_regimes/{nth}.jsonl", regime(nth))
    before = place.lake.tables
    place.lake.make_tables()
    version = before.version(REGIMES)
    place.ingest([("series.files_per_batch", "2")], series="market_regimes")
    assert place.lake.tables.version(REGIMES) == version + 3
    assert len(place.regimes()) == 5


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
@pytest.mark.parametrize("table", [REGIMES, REJECTED])
def test_a_run_that_fails_at_a_commit_is_repeated_without_loss(place: Place, point: str, table: Any) -> None:
    place.land("market_regimes/a.jsonl", regime(1), regime(2), {}, regime(3))
    failpoints.arm({failpoints.VARIABLE: f"ingest_timeseries.{point}:{table.name}=raise"})
    try:
        with pytest.raises(failpoints.FailpointReached):
            place.ingest()
    finally:
        failpoints.arm({})
    place.ingest()
    assert len(place.regimes()) == 3
    assert place.rejected() == [("market_regimes/a.jsonl", 3, "missing_key")]


def test_the_greatest_version_of_each_key_stays_however_versions_are_split(place: Place) -> None:
    """Three hundred keys, whose versions are spread over lines, files, batches and runs; the oracle is a dictionary."""
    random = Random(20261120)
    runs: list[dict[str, list[dict[str, Any]]]] = [{}, {}, {}]
    greatest: dict[str, tuple[tuple[int, bytes, int], str | None]] = {}
    for key in range(300):
        for minute in random.sample(range(3), random.randrange(1, 4)) if key % 3 else (1, 1):
            run, name = random.randrange(len(runs)), f"{random.choice('aBéz')}{random.randrange(3)}"
            file = (
                f"market_regimes/{name}-{run}.jsonl" if random.random() < 0.5 else f"market_regimes/{-run}{name}.json"
            )
            lines = runs[run].setdefault(file, [])
            value = random.choice(("calm", "storm", None))
            lines.append(regime(0, value, symbol=f"K{key}", updated_at=f"2026-11-20T08:{minute:02}Z"))
            version = ((minute, file.encode(), len(lines)), value)
            greatest[f"K{key}"] = max(greatest.get(f"K{key}", version), version, key=lambda one: one[0])
    for files in runs:
        for file, lines in files.items():
            place.land(file, *lines)
        place.ingest([("series.files_per_batch", "12")])
    found = {row.symbol: row.regime for row in place.lake.rows(REGIMES)}
    assert found == {key: value for key, (_, value) in greatest.items()}


def test_files_may_add_columns_where_they_are_allowed_to(place: Place) -> None:
    place.land("market_regimes/a.jsonl", regime(1, price=1.5, note="x"), regime(2, note=None))
    place.ingest(allow_new_columns=True)
    place.land("market_regimes/c.jsonl", regime(3, price=2), regime(4, price="dear"), regime(5))
    place.ingest()
    rows = {row.timestamp.minute: row for row in place.lake.rows(REGIMES)}
    assert {minute: (row.price, row.note) for minute, row in rows.items()} == {
        1: (1.5, "x"),
        2: (None, None),
        3: (2.0, None),
        5: (None, None),
    }
    assert place.rejected() == [("market_regimes/c.jsonl", 2, "bad_type")]
    place.lake.run("validate", as_of=NOW)


def test_files_are_deleted_long_after_they_were_ingested(place: Place) -> None:
    good, bad = place.land("market_regimes/a.jsonl", regime(1)), place.land("market_regimes/b.txt")
    keep = [("series.keep_days", "2")]
    with pytest.raises(QualityError):
        place.ingest(keep)
    place.ingest(keep, as_of=NOW + timedelta(days=2))
    assert good.exists()
    later = place.land("market_regimes/c.jsonl", regime(2))
    place.ingest(keep, as_of=NOW + timedelta(days=2, seconds=1))
    assert [file.exists() for file in (good, bad, later)] == [False, True, True]


def test_the_files_of_a_day_are_merged_and_clustered(place: Place, spark: SparkSession) -> None:
    signal = {"strategy_id": "s", "signal_type": "entry", "acted_upon": True}
    for nth in range(3):
        place.land(f"signals/{nth}.jsonl", signal | {"timestamp": f"2026-11-20T08:0{nth}Z"})
    place.ingest([("series.files_per_batch", "1")])
    maintenance = DeltaMaintenance(spark, place.lake.tables.path)
    before = maintenance.files(SIGNALS, clustered_at=None)
    assert (before.files, before.mergeable) == (3, 3)
    assert plan_maintenance(SIGNALS, before, expired_files=0, commits_to_replay=0) == [Step.COMPACT]
    maintenance.optimize(SIGNALS, cluster=True)
    assert maintenance.files(SIGNALS, clustered_at=None).files == 1
    assert maintenance.commits(SIGNALS)[0].is_clustering
    assert len(place.lake.rows(SIGNALS)) == 3


def test_of_many_batches_each_day_has_one_file_after_maintenance(place: Place) -> None:
    """Files below `series.file_megabytes` that share a day are merged, two by two until no two fit into one: so a day
    of less than 700 MB has at most 12, however many batches it came in."""
    for nth in range(14):
        place.land(f"market_regimes/{nth}.jsonl", regime(nth), regime(nth) | {"timestamp": f"2026-11-19T08:{nth:02}Z"})
    place.ingest([("series.files_per_batch", "1")])
    assert len(place.lake.tables.read(REGIMES).inputFiles()) == 28
    rows = place.lake.digest(REGIMES)
    for _ in range(2):
        place.lake.run("maintain", as_of=NOW)
        assert len(place.lake.tables.read(REGIMES).inputFiles()) == 2
    assert place.lake.digest(REGIMES) == rows


def test_a_restore_says_that_files_ingested_since_are_not_read_again_by_themselves(place: Place) -> None:
    place.land("market_regimes/a.jsonl", regime(1))
    place.ingest()
    then = place.lake.tables.version(REGIMES)
    since = place.land("market_regimes/b.jsonl", regime(1, "storm"), regime(2), at=2_000)
    place.ingest()
    restored = place.lake.run("restore", as_of=NOW, table=REGIMES.name, version=then, yes=True)["restore"]
    assert "Files that were ingested since are not read again by themselves" in restored.notes[0]
    assert "`ingest_timeseries --again FILE`" in restored.notes[0]
    place.land("market_regimes/c.jsonl", regime(3))
    place.ingest()
    assert place.regimes() == {"08:01 SPY": "calm", "08:03 SPY": "calm"}
    place.ingest(again=(str(since),))
    assert place.regimes() == {"08:01 SPY": "storm", "08:02 SPY": "calm", "08:03 SPY": "calm"}


def test_new_tables_take_every_file_once_more_also_after_a_failure_in_between(place: Place) -> None:
    place.land("market_regimes/a.jsonl", regime(1), {})
    place.ingest()
    before = place.lake.digests(SERIES_TABLES)
    app = place.lake._app(place.lake.tables, "init", NOW, None, (), {"recreate": True})
    failpoints.arm({failpoints.VARIABLE: f"init.after_commit:{REJECTED.name}=raise"})
    try:
        with place.lake.tables.committing_as("init", "test"), pytest.raises(failpoints.FailpointReached):
            start_anew(app, place.lake.tables)
    finally:
        failpoints.arm({})
    assert not any((place.lake.root / table.path).exists() for table in SERIES_TABLES)
    place.lake.tables.create(SERIES_TABLES)
    place.ingest()
    assert place.lake.digests(SERIES_TABLES) == before


def test_what_is_no_landing_folder_or_no_file_in_it_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no landing folder"):
        place.ingest()
    place.land("gossip/a.csv")
    assert "gossip/" in place.ingest().warnings[0]
    hidden = place.land("market_regimes/_a.jsonl", regime(1))
    for file in (tmp_path / "a.csv", place.landing / "gossip/a.csv", place.landing / "market_regimes", hidden):
        with pytest.raises(UsageError, match="no file of a series"):
            place.ingest(again=(str(file),))


def test_a_dry_run_says_what_would_change_and_moves_nothing(place: Place) -> None:
    place.land("market_regimes/a.jsonl", regime(1))
    place.ingest()
    place.land("market_regimes/b.jsonl", regime(2), regime(1, "storm"), at=2_000)
    files = sorted(place.lake.root.rglob("*"))
    prediction = place.lake.dry_run("ingest_timeseries", as_of=NOW, settings=[("series.landing", str(place.landing))])
    (change,) = [table for table in prediction.tables if table.table == REGIMES.name]
    assert (change.inserted, change.updated) == (1, 1)
    assert sorted(place.lake.root.rglob("*")) == files
    place.ingest()
    assert place.regimes() == {"08:01 SPY": "storm", "08:02 SPY": "calm"}
