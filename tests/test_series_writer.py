"""The writer of time series, as programs use it."""

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smart_trader import series
from smart_trader.series import MarketRegime, SeriesRow, SeriesWriter
from tests.test_series import AT, regime, signal

ROOT = Path(__file__).parents[1]


def written(landing: Path) -> list[dict[str, Any]]:
    """All rows in files, in the order of the files' names."""
    files = sorted(landing.glob("*/*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(numbers, texts, st.sampled_from(("up", "flat", None))), min_size=1, max_size=5))
def test_what_is_written_is_what_was_given(tmp_path_factory: pytest.TempPathFactory, given_rows: list[Any]) -> None:
    landing = tmp_path_factory.mktemp("landing")
    rows = [regime(n, vix=abs(vix), regime=name, futures_trend=t) for n, (vix, name, t) in enumerate(given_rows)]
    with SeriesWriter(landing, MarketRegime) as writer:
        for row in rows:
            writer.write(row)
    (file,) = landing.glob("market_regimes/*")
    lines = file.read_bytes().split(b"\n")
    assert [MarketRegime.model_validate_json(line) for line in lines[:-1]] == rows and lines[-1] == b""


def test_rows_are_written_when_there_are_enough(tmp_path: Path) -> None:
    with SeriesWriter(tmp_path, MarketRegime, flush_rows=2) as writer:
        for nth in range(5):
            writer.write(regime(nth))
        assert len(written(tmp_path)) == 4
    assert [row["timestamp"] for row in written(tmp_path)] == [f"2026-01-05T14:3{nth}:00Z" for nth in range(5)]
    assert len(list(tmp_path.glob("market_regimes/*"))) == 3


def test_a_row_waits_no_longer_than_was_said_also_if_no_other_comes(tmp_path: Path) -> None:
    writer = SeriesWriter(tmp_path, MarketRegime, flush_seconds=0.2)
    for nth in range(2):
        writer.write(regime(nth))
        assert len(written(tmp_path)) == nth
        wait_until(lambda wanted=nth + 1: len(written(tmp_path)) == wanted)


def test_rows_stay_while_they_cannot_be_written(tmp_path: Path) -> None:
    in_the_way = tmp_path / "market_regimes"
    in_the_way.touch()
    writer = SeriesWriter(tmp_path, MarketRegime, flush_rows=2, flush_seconds=0.2)
    writer.write(regime(0))
    with pytest.raises(OSError):
        writer.write(regime(1))
    with pytest.raises(OSError):
        writer.flush()
    time.sleep(0.5)  # the timer fails as well, and tries again
    in_the_way.unlink()
    wait_until(lambda: len(written(tmp_path)) == 2)


def test_a_row_of_another_model_is_refused(tmp_path: Path) -> None:
    class More(MarketRegime):
        mood: str = "good"

    with SeriesWriter(tmp_path, MarketRegime) as writer:
        for other in (signal(), {"timestamp": AT}, More(timestamp=AT, symbol="SPY")):
            with pytest.raises(TypeError):
                writer.write(other)  # type: ignore[arg-type]  # the wrong one
    assert written(tmp_path) == []


def test_a_row_that_was_made_past_its_rules_is_refused(tmp_path: Path) -> None:
    with SeriesWriter(tmp_path, MarketRegime) as writer, pytest.raises(ValidationError):
        writer.write(regime().model_copy(update={"vix": -1.0}))
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("landing", SeriesRow), TypeError),
        (("landing", dict), TypeError),
        (("s3a://bucket/landing", MarketRegime), ValueError),
        (("landing", MarketRegime, 0), ValueError),
        (("landing", MarketRegime, 1, 0), ValueError),
        (("landing", MarketRegime, 1, math.nan), ValueError),
        (("landing", MarketRegime, 1, math.inf), ValueError),
    ],
)
def test_a_writer_that_cannot_write_is_not_made(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        SeriesWriter(*arguments)


def test_threads_share_a_writer(tmp_path: Path) -> None:
    with SeriesWriter(tmp_path, MarketRegime, flush_rows=7) as writer:
        each = [threading.Thread(target=write_many, args=(writer, start)) for start in range(0, 400, 100)]
        for thread in each:
            thread.start()
        for thread in each:
            thread.join()
    assert len({row["timestamp"] for row in written(tmp_path)}) == len(written(tmp_path)) == 400


def write_many(writer: SeriesWriter[MarketRegime], start: int) -> None:
    for nth in range(start, start + 100):
        writer.write(regime(nth))


def test_a_time_of_pandas_is_one_in_microseconds_or_none() -> None:
    moment = MarketRegime(timestamp=pandas.Timestamp("2026-01-05T14:30:00.123456789Z"), symbol="SPY").timestamp
    assert (moment, type(moment)) == (AT.replace(microsecond=123456), datetime)
    with pytest.raises(ValidationError):
        MarketRegime(timestamp=pandas.NaT, symbol="SPY")  # which is a datetime, too


class StuckClock(datetime):
    """A clock that goes back an hour whenever it is asked, and is the same for every writer."""

    asked = 0

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # the clock stands still
        cls.asked += 1
        return AT + timedelta(hours=10_000 - cls.asked % 100)


def test_files_of_a_writer_are_named_in_their_order_however_the_clock_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [regime(nth) for nth in range(3)]
    monkeypatch.setattr(series, "datetime", StuckClock)
    writer = SeriesWriter(tmp_path, MarketRegime, flush_rows=1)
    for row in rows:
        writer.write(row)
    assert [row["timestamp"] for row in written(tmp_path)] == [f"2026-01-05T14:3{nth}:00Z" for nth in range(3)]


def test_writers_that_write_in_the_same_moment_write_different_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StuckClock, "asked", 0)
    for nth in range(3):
        row = regime(nth)
        with monkeypatch.context() as context:
            context.setattr(series, "datetime", StuckClock)
            StuckClock.asked = 0
            SeriesWriter(tmp_path, MarketRegime, flush_rows=1).write(row)
    assert len(written(tmp_path)) == 3


def test_a_file_has_its_name_once_it_is_whole_and_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []

    def look(_descriptor: int) -> None:
        seen.extend((file.suffix, file.stat().st_size) for file in tmp_path.glob("*/*"))

    monkeypatch.setattr(os, "fsync", look)
    with SeriesWriter(tmp_path, MarketRegime) as writer:
        writer.write(regime())
    (file,) = tmp_path.glob("*/*")
    size = file.stat().st_size
    assert seen == [(".tmp", size), (".jsonl", size)]


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end, "it does not become so"
        time.sleep(0.02)


# Processes

START = """
import os, sys
from datetime import datetime
from smart_trader.series import MarketRegime, SeriesWriter
writer = SeriesWriter(sys.argv[1], MarketRegime)
def write(nth):
    writer.write(MarketRegime(timestamp=datetime(2026, 1, 5, 0, nth), symbol="SPY"))
write(0)
"""


def run(landing: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START + code, str(landing)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def minutes(landing: Path) -> list[int]:
    return sorted(datetime.fromisoformat(row["timestamp"]).minute for row in written(landing))


@pytest.mark.parametrize(
    ("code", "status"), [("", 0), ("sys.exit(3)", 3), ("raise KeyError('x')", 1), ("del writer, write", 0)]
)
def test_nothing_is_lost_when_a_program_ends(tmp_path: Path, code: str, status: int) -> None:
    assert run(tmp_path, code).returncode == status
    assert minutes(tmp_path) == [0]


def test_nothing_is_lost_when_a_thread_outlives_the_main_one(tmp_path: Path) -> None:
    code = "import threading, time; threading.Timer(0.3, write, [1]).start()"
    assert run(tmp_path, code).returncode == 0
    assert minutes(tmp_path) == [0, 1]


def test_a_killed_program_leaves_no_half_file(tmp_path: Path) -> None:
    assert run(tmp_path, "writer.flush(); write(1); os.kill(os.getpid(), 9)").returncode == -9
    assert minutes(tmp_path) == [0]
    assert [file.suffix for file in tmp_path.glob("*/*")] == [".jsonl"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_a_program_write_their_own_rows(tmp_path: Path, method: str) -> None:
    """The second row is the child's; the first waits in the memory of the parent when the child begins."""
    script = tmp_path / "program.py"
    fork = "def child():\n    write(1)\n"
    guarded = f"if __name__ == '__main__':\n    c = multiprocessing.get_context('{method}').Process(target=child)\n"
    text = f"import multiprocessing\n{START.replace('write(0)', '')}{fork}{guarded}    write(0); c.start(); c.join()\n"
    script.write_text(text)
    landing = tmp_path / "landing"
    done = subprocess.run([sys.executable, script, landing], env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60)
    assert done.returncode == 0
    assert minutes(landing) == [0, 1]
    assert len(list(landing.glob("*/*"))) == 2


def test_a_fork_while_another_thread_writes_does_not_block_the_child(tmp_path: Path) -> None:
    code = """
writer._lock.acquire()
import threading
def fork():
    if os.fork() == 0:
        write(1); writer.flush(); os._exit(0)
    os.wait()
thread = threading.Thread(target=fork); thread.start(); thread.join(20)
os._exit(thread.is_alive())
"""
    assert run(tmp_path, code).returncode == 0
    assert minutes(tmp_path) == [1]


def test_writing_needs_no_spark(tmp_path: Path) -> None:
    code = "sys.exit(bool({'pyspark', 'pyarrow', 'numpy', 'delta'} & set(sys.modules)))"
    assert run(tmp_path, code).returncode == 0
