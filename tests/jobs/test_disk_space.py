"""disk_space: what takes the room, and what may go. No Spark: the tables are written by another program."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from smart_trader.cli import Options
from smart_trader.errors import StorageError
from smart_trader.io.machine import disks as disk
from smart_trader.io.machine import scratch
from smart_trader.io.machine.disks import Disk
from smart_trader.launch import job
from smart_trader.launch.setup import Installation
from tests.lake import ROOT

NOWHERE = Installation(ROOT / ".venv", ROOT, [])
DAY = 86_400


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A warehouse with one table, a living run and a dead one, a new log file and an old one."""
    table = str(tmp_path / "lake" / "silver" / "trades")
    write_deltalake(table, pa.table({"n": list(range(1_000))}))
    write_deltalake(table, pa.table({"n": [1]}), mode="overwrite")
    (tmp_path / "logs").mkdir()
    for name, days in (("smart-trader-new.jsonl", 1), ("smart-trader-old.jvm.jsonl", 40), ("else.jsonl", 40)):
        (tmp_path / "logs" / name).write_bytes(b"x" * 70)
        os.utime(tmp_path / "logs" / name, times=(time.time() - days * DAY,) * 2)
    (tmp_path / "scratch").mkdir()
    with scratch.folder(str(tmp_path / "scratch")):
        dead = tmp_path / "scratch" / "smart-trader-deadbeef"
        (dead / "blocks").mkdir(parents=True)
        dead.chmod(0o700)
        (dead / "alive").touch()
        (dead / "blocks" / "shuffle").write_bytes(b"x" * 5_000)
        yield tmp_path


def overrides(place: Path, **limits: str) -> tuple[tuple[str, str], ...]:
    disks = {"warn_percent": "100", "critical_percent": "100"} | limits
    return (
        ("warehouse.root", str(place / "lake")),
        ("warehouse.scratch", str(place / "scratch")),
        *((f"disk.{name}", value) for name, value in disks.items()),
    )


def ask(place: Path, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    asked = Options(job="disk_space", json=True, overrides=overrides(place), **options)
    assert job.run(ROOT, asked, [], NOWHERE) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_says_what_takes_the_room(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(place)
    answer = ask(place, capsys)
    [table] = answer["tables"]
    whole = sum(len(content) for name, content in before.items() if name.startswith("lake"))
    newest = min((place / "lake" / "silver" / "trades").glob("*.parquet"), key=lambda path: path.stat().st_size)
    assert table == {
        "table": "silver.trades",
        "version": 1,
        "versions": 2,
        "live_bytes": newest.stat().st_size,
        "total_bytes": whole,
    }
    runs = {run["run"]: run for run in answer["runs"]}
    assert (runs["dead"]["scratch"], runs["dead"]["bytes"]) == ("smart-trader-deadbeef", 5_000)
    assert len(runs) == len(answer["runs"]) == 2
    held = {folder["holds"]: folder["bytes"] for folder in answer["folders"]}
    assert held == {"warehouse": whole, "scratch": 5_000, "logs": 140}
    assert {name for found in answer["disks"] for name in found["holds"].split(", ")} == held.keys()
    assert files(place) == before


def test_cleaning_removes_what_nobody_needs_and_touches_no_table(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(place)
    answer = ask(place, capsys, clean=True)
    gone = {name for name in before if "dead" in name or "old" in name}
    assert len(gone) == 3
    assert files(place) == {name: content for name, content in before.items() if name not in gone}
    assert {Path(removed["removed"]).name: removed["bytes"] for removed in answer["removed"]} == {
        "smart-trader-deadbeef": 5_000,
        "smart-trader-old.jvm.jsonl": 70,
    }
    assert [run["run"] for run in answer["runs"]] == ["alive"]


def test_log_files_beyond_their_size_go_the_oldest_first(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for age, name in enumerate(("a", "b", "c")):
        with (place / "logs" / f"smart-trader-{name}.jsonl").open("wb") as file:
            file.truncate(400_000)
        os.utime(file.name, times=(time.time() - age * 60,) * 2)
    few = (*overrides(place), ("logs.keep_megabytes", "1"))
    job.run(ROOT, Options(job="disk_space", clean=True, overrides=few), [], NOWHERE)
    left = {path.name for path in (place / "logs").iterdir()}
    assert left == {"else.jsonl", "smart-trader-a.jsonl", "smart-trader-b.jsonl"}


def test_a_damaged_table_is_told_by_its_missing_figures(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "lake" / "silver" / "trades" / "_delta_log" / f"{0:020}.json").write_text("{")
    [table] = ask(place, capsys)["tables"]
    assert (table["version"], table["live_bytes"], table["versions"]) == (None, None, 2)
    assert table["total_bytes"] > 0


def found(used: str, inodes: str = "1.0") -> Disk:
    return Disk(Path("/srv"), ("warehouse", "logs"), 100, 10, Decimal(used), Decimal(inodes))


@pytest.mark.parametrize(
    ("measured", "says"),
    [
        (found("79.9"), None),
        (found("80.0"), r"/srv \(warehouse, logs\) is 80\.0 % full by bytes"),
        (found("1.0", inodes="89.9"), r"is 89\.9 % full by number of files"),
    ],
)
def test_a_disk_is_warned_of_from_its_limit_on(measured: Disk, says: str | None) -> None:
    warnings = disk.judge([found("0"), measured], warn_percent=Decimal(80), critical_percent=Decimal(90))
    assert len(warnings) == (says is not None)
    if says:
        [warning] = warnings
        assert re.search(says, warning)


@pytest.mark.parametrize("measured", [found("90.0"), found("1.0", inodes="100.0")])
def test_from_the_second_limit_on_no_run_is_started(measured: Disk) -> None:
    with pytest.raises(StorageError, match=r"/srv .* % full by .*disk\.critical_percent.*\n.*disk_space") as full:
        disk.judge([found("0"), measured], warn_percent=Decimal(80), critical_percent=Decimal(90))
    assert full.value.exit_status == 74


def test_disks_are_measured_as_df_does(tmp_path: Path) -> None:
    [measured] = disk.disks_of({"warehouse": tmp_path / "not" / "yet", "logs": tmp_path})
    asked = ["df", "--output=pcent,target", str(tmp_path)]
    percent, target = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[-2:]
    assert measured.holds == ("warehouse", "logs")
    assert str(measured.mount) == target
    assert abs(measured.used_percent - int(percent.rstrip("%"))) <= 1  # df rounds up
    assert 0 <= measured.inodes_percent <= 100 and 0 < measured.free_bytes < measured.total_bytes


def test_a_run_on_a_full_disk_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    full = overrides(tmp_path, warn_percent="0", critical_percent="0")
    with pytest.raises(StorageError):
        job.run(ROOT, Options(job="init", overrides=full), [], NOWHERE)
    assert files(tmp_path) == {} and not (tmp_path / "lake").exists()


def test_what_dead_runs_left_keeps_no_run_from_starting(place: Path) -> None:
    full = overrides(place, warn_percent="0", critical_percent="0")
    with pytest.raises(StorageError):
        job.run(ROOT, Options(job="init", overrides=full), [], NOWHERE)
    assert not (place / "scratch" / "smart-trader-deadbeef").exists()


def test_the_command_answers_on_standard_output_and_ends_with_74(place: Path) -> None:
    pairs = (f"{key}={value}" for key, value in overrides(place, warn_percent="0", critical_percent="0"))
    done = subprocess.run(
        [ROOT / "bin" / "submit.sh", "disk_space", *(part for pair in pairs for part in ("--set", pair))],
        cwd=place,
        env={"HOME": str(place), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 74
    assert "silver.trades" in done.stdout and "smart-trader-deadbeef" in done.stdout
    assert json.loads(done.stderr)["msg"].startswith("The disk at ")


def test_only_log_files_of_runs_are_cleaned(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = ("smart-trader-notes.jsonl.bak", "my-smart-trader-r1.jsonl", "smart-trader-.jsonl", "smart-trader-x.json")
    for name in others:
        (place / "logs" / name).touch()
        os.utime(place / "logs" / name, times=(0, 0))
    (place / "logs" / "smart-trader-linked.jsonl").symlink_to(place / "logs" / others[0])
    (place / "logs" / "smart-trader-r1.jsonl.2").touch()
    os.utime(place / "logs" / "smart-trader-r1.jsonl.2", times=(0, 0))
    removed = {Path(entry["removed"]).name for entry in ask(place, capsys, clean=True)["removed"]}
    assert removed == {"smart-trader-deadbeef", "smart-trader-old.jvm.jsonl", "smart-trader-r1.jsonl.2"}
    assert set(others) < {path.name for path in (place / "logs").iterdir()}


def test_statistics_nested_without_end_leave_the_figures_of_their_table_out(place: Path) -> None:
    stats = '{"minValues":{"n":' + "[" * 100_000 + "]" * 100_000 + "}}"
    file = {"path": "x", "partitionValues": {}, "size": 1, "modificationTime": 1, "dataChange": True, "stats": stats}
    (place / "lake" / "silver" / "trades" / "_delta_log" / f"{2:020}.json").write_text(json.dumps({"add": file}))
    asked = "import sys, pathlib; from smart_trader.run.tables_on_disk import usage_of_tables as usage"
    asked += "; print([(t.name, t.version, t.versions, t.live_bytes) for t in usage(pathlib.Path(sys.argv[1]))])"
    run = subprocess.run([sys.executable, "-c", asked, place / "lake"], capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stdout) == (0, "[('silver.trades', None, 3, None)]\n")
