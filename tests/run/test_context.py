"""What is known of a run before Spark starts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smart_trader.cli import Options
from smart_trader.config.settings import load
from smart_trader.run.context import RunContext

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("minutes", "seconds_later", "left"),
    [("", 10, None), ("1", 0, 60.0), ("1", 59.5, 0.5), ("1", 61, 0.0), ("90", 60, 5340.0)],
)
def test_a_time_budget_counts_from_the_start_of_the_run(minutes: str, seconds_later: float, left: float | None) -> None:
    settings = load(
        environ={}, home=ROOT, env_file=ROOT / ".env.example", overrides=[("run.time_budget_minutes", minutes)]
    )
    context = RunContext(Options(job="pipeline"), settings, "r", START, START)
    assert context.seconds_left(START + timedelta(seconds=seconds_later)) == left
