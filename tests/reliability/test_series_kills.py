"""Time series by real processes: whatever is killed, each landed file counts once."""

import json
import time
from pathlib import Path
from random import Random

import pytest

from smart_trader.domain.foundation import rejected_rows
from smart_trader.domain.foundation.tables import TABLES
from smart_trader.domain.tables.table import Table
from tests.reliability import lakes
from tests.reliability.kills import VICTIMS, Kill, kill_after
from tests.reliability.processes import LONGEST, Place, Run, eventually

pytestmark = [pytest.mark.long, pytest.mark.spark]

JOB = "ingest_timeseries"
FOUNDATION = (*TABLES.values(), rejected_rows.TABLE)
KILLS, SEED = 10, 20261130
AT = ("--as-of", "2026-11-20T10:00:00Z")
ONE_BY_ONE = (*AT, "--set", "series.files_per_batch=1")
"""So that every run has several batches."""
LINES = 8
FIELDS = {
    "market_regimes": {"symbol": "SPY", "regime": "calm"},
    "performance_metrics": {"strategy_id": "condor", "total_pnl": 1.5},
    "signals": {"strategy_id": "condor", "signal_type": "entry", "signal_value": 0.9},
}
INSERTED, APPENDED = "numTargetRowsInserted", "numOutputRows"


def land_part(landing: Path, part: int, random: Random) -> None:
    """One file of each series, after those of earlier parts by its name: versions of six keys on two days, of different
    times, and a record without a key."""
    for name, fields in FIELDS.items():
        lines = []
        for nth in range(LINES):
            at = f"2026-11-{random.choice((19, 20))}T08:0{random.randrange(3)}Z"
            updated_at = f"2026-11-20T{random.randrange(10):02}:{part:02}:{nth:02}Z"
            lines.append(json.dumps({"timestamp": at, "updated_at": updated_at} | fields))
        file = landing / name / f"{part:03}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([*lines, "{}"]), encoding="utf-8")


def start(place: Place) -> Run:
    """A run whose ingestion has begun."""
    run = place.start(JOB, *ONE_BY_ONE)
    assert eventually(lambda: run.under_way == JOB, LONGEST), run.said
    return run


def seconds_of(run: Run) -> float:
    """What an undisturbed run takes from now on."""
    began = time.monotonic()
    assert run.wait() == 0, run.said
    return time.monotonic() - began


def batches(root: Path, table: Table) -> tuple[set[str], list[int], int]:
    """What the commits to `table` say: names, numbers of batches, and how many rows they inserted."""
    names, numbers, inserted = set(), [], 0
    for file in (root / table.path / "_delta_log").glob("*.json"):
        said = dict(item for line in file.read_text().splitlines() for item in json.loads(line).items())
        if "txn" in said:
            names.add(said["txn"]["appId"])
            numbers.append(said["txn"]["version"])
            is_append = said["commitInfo"]["operation"] == "WRITE"
            inserted += int(said["commitInfo"]["operationMetrics"][APPENDED if is_append else INSERTED])
    return names, sorted(numbers), inserted


def each_batch_was_committed_once(root: Path, files: int) -> None:
    """By the ingestion of so many files of each series, all of which have a rejected record."""
    for table in FOUNDATION:
        lakes.log_is_contiguous_and_every_version_reads(root, table)
        names, numbers, inserted = batches(root, table)
        each = len(TABLES) if table is rejected_rows.TABLE else 1
        assert len(names) == each, f"{table.name}: the checkpoint was lost"
        assert inserted == len(lakes.rows_of(root, table)), f"{table.name}: a row was inserted twice"
        if table is rejected_rows.TABLE:
            assert numbers == sorted(each * [*range(files)])
        else:
            assert len(numbers) == len(set(numbers))


def test_ten_kills_end_in_the_tables_of_an_undisturbed_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random, place, kills, landing = Random(SEED), Place(tmp_path / "disturbed"), list[Kill](), tmp_path / "landing"
    place.settings["series.landing"] = str(landing)
    land_part(landing, 0, random)
    seconds = seconds_of(start(place))
    moments = [seconds * (nth + random.random()) / KILLS for nth in range(KILLS)]
    random.shuffle(moments)
    part = 0
    while moments:
        part += 1
        land_part(landing, part, random)
        victim, run = random.choice(VICTIMS), start(place)
        if kill_after(run, moments[-1], victim):
            moments[-1] /= 2  # this run was faster than the measured one
        else:
            kills.append(Kill(victim, round(moments.pop(), 1), run.under_way))
    seconds_of(start(place))
    calm = Place(tmp_path / "undisturbed")
    calm.settings |= place.settings
    assert calm.start(JOB, *AT).wait() == 0
    assert lakes.digests(place.root, FOUNDATION) == lakes.digests(calm.root, FOUNDATION)
    each_batch_was_committed_once(place.root, part + 1)
    assert list(place.scratch.iterdir()) == []
    with capsys.disabled():
        print(f"\n  {seconds:.1f} s undisturbed: {', '.join(map(str, kills))}")  # noqa: T201 - shows where they hit
