"""The benchmarks run: they use names of the package that change, and nothing else would notice."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.long, pytest.mark.spark]


def printed(what: str, **sizes: int) -> str:
    """In a temporary folder of its own: in that of a test the paths of Spark's sockets would be too long."""
    options = [part for name, size in sizes.items() for part in (f"--{name.replace('_', '-')}", str(size))]
    command = [sys.executable, "-m", "benchmarks", what, *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def test_the_engine_is_measured_and_agrees_with_its_peers() -> None:
    said = printed("pnl", small=3_000, large=6_000, warm_up=2_000, tries=1)
    assert said.count("the same sum of costs") == 3
    assert "of these 0 are others than ours" in said
    assert "| engine over floor, 6,000 trades" in said
