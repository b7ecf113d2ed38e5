"""The benchmarks run: they use names of the package that change, and nothing else would notice."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.long
@pytest.mark.spark
def test_the_engine_is_measured_and_agrees_with_its_peers(tmp_path: Path) -> None:
    printed = benchmark("pnl", "--small", "3000", "--large", "6000", "--warm-up", "2000", scratch=tmp_path)
    assert printed.count("the same sum of costs") == 3
    assert "of these 0 are others than ours" in printed
    assert "| engine over floor, 6,000 trades" in printed


@pytest.mark.long
@pytest.mark.spark
def test_growth_is_measured_over_a_tenth_of_the_largest_lake(tmp_path: Path) -> None:
    printed = benchmark("growth", "--sizes", "500", "5000", scratch=tmp_path)
    assert re.findall(r"^\| ([\d,]+) \|", printed, re.MULTILINE) == ["500", "5,000"]
    assert re.findall(r"news of (\d+) wallets  ", printed) == ["2", "3"]
    ratios = dict(re.findall(r"^\| (.+), 5,000 over 500 trades +\| +([\d.]+) ", printed, re.MULTILINE))
    assert set(ratios) == {"time", "memory of the JVM", "memory of Python", "bytes written", "news", "bytes of news"}
    assert 1 < float(ratios["bytes written"]) < 11
    assert 0.5 < float(ratios["memory of Python"]) < 2


def benchmark(*arguments: str, scratch: Path) -> str:
    """What a benchmark of a small size prints."""
    command = [sys.executable, "-m", "benchmarks", *arguments, "--scratch", str(scratch)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert not list(scratch.iterdir())
    return ran.stdout
