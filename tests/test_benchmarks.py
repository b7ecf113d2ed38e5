"""The benchmarks run: they use names of the package that change, and nothing else would notice."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.long
@pytest.mark.spark
def test_the_engine_is_measured_and_agrees_with_its_peers(tmp_path: Path) -> None:
    sizes = ("--small", "3000", "--large", "6000", "--warm-up", "2000")
    command = [sys.executable, "-m", "benchmarks", "pnl", *sizes, "--scratch", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.count("the same sum of costs") == 3
    assert "of these 0 are others than ours" in ran.stdout
    assert "| engine over floor, 6,000 trades" in ran.stdout
