"""What is known of a run before Spark starts."""

from dataclasses import dataclass
from datetime import datetime

from smart_trader import cli
from smart_trader.config.model import Settings


@dataclass(frozen=True, slots=True)
class RunContext:
    """Options, settings and times of a run. `as_of` is its business time, `started` the time on the wall."""

    options: cli.Options
    settings: Settings
    run_id: str
    started: datetime
    as_of: datetime

    @property
    def is_reading(self) -> bool:
        """Whether the run writes no table, so that it leaves no record."""
        return self.options.is_reading

    def seconds_left(self, now: datetime) -> float | None:
        """What is left of the time budget, at least 0; None without a budget."""
        minutes = self.settings.run.time_budget_minutes
        if minutes is None:
            return None
        return max(0.0, 60.0 * minutes - (now - self.started).total_seconds())
