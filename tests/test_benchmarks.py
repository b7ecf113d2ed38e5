"""The benchmarks run: they use names of the package that change, and nothing else would notice."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


pytestmark = [pytest.mark.long, pytest.mark.spark]


def printed(what: str, **sizes: int | Sequence[int]) -> str:
    """In a temporary folder of its own: in that of a test the paths of Spark's sockets would be too long."""
    options = []
    for name, size in sizes.items():
        options += [f"--{name.replace('_', '-')}", *map(str, (size,) if isinstance(size, int) else size)]
    command = [sys.executable, "-m", "benchmarks", what, *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def test_the_engine_is_measured_and_agrees_with_its_peers() -> None:
    said = printed("pnl", small=3_000, large=6_000, warm_up=2_000)
    assert said.count("the same sum of costs") == 3
    assert "of these 0 are others than ours" in said
    assert "| engine over floor, 6,000 trades" in said


def test_growth_is_measured_over_a_tenth_of_the_largest_lake() -> None:
    said = printed("growth", sizes=(500, 5_000))
    assert re.findall(r"^\| ([\d,]+) \|", said, re.MULTILINE) == ["500", "5,000"]
    assert re.findall(r"news of (\d+) wallets  ", said) == ["2", "3"]
    ratios = dict(re.findall(r"^\| (.+), 5,000 over 500 trades +\| +([\d.]+) ", said, re.MULTILINE))
    assert set(ratios) == {"time", "memory of the JVM", "memory of Python", "bytes written", "news", "bytes of news"}
    assert 1 < float(ratios["bytes written"]) < 11
    assert 0.5 < float(ratios["memory of Python"]) < 2


def test_ingesting_series_is_measured() -> None:
    said = printed("series", stored=20_000, new=4_000, files=30)
    assert "| 4,000 rows, a tenth updates of the last days, over the same" in said
    figures = [line.split("|")[1:5] for line in said.splitlines() if line.startswith("| ")]
    met = {name.strip(): is_met.strip() for name, _, _, is_met in figures}
    assert (met["commits of the same files again"], met["30 files of one row, commits"]) == ("yes", "yes")
    assert met["read for a day and a symbol, of all bytes"] == "yes"
