"""What a job is given (options, settings, the time of its run, Spark, tables, market) and what it says of itself."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pyspark.sql import SparkSession

from smart_trader import cli
from smart_trader.config.model import Settings
from smart_trader.io.machine.clock import SystemClock
from smart_trader.ports import MarketData, TableStore, TableUpkeep, Usage, WatchList
from smart_trader.run.connections import connect_market, connect_webhook
from smart_trader.run.results import TierChange, Work


@dataclass(slots=True)
class Report:
    """What a job says of its own run; filled in as it goes, so that a failed run has one too."""

    rows_in: int = 0
    rows_rejected: int = 0
    work: Work | None = None
    tiers: tuple[TierChange, ...] = ()
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What it did that no table and no figure shows."""
    document: dict[str, Any] | None = None
    """For programs: what a job that only reads has found, on standard output; what another has done, in `ops.runs`."""
    path: str | None = None
    """The file that holds what was found; then this goes to standard output, and the document to standard error."""


@dataclass
class App:
    """What a job is given. `as_of` is the business time of the whole run."""

    options: cli.Options
    settings: Settings
    as_of: datetime
    run_id: str
    spark: SparkSession
    tables: TableStore
    upkeep: TableUpkeep
    clock: SystemClock
    report: Report = field(default_factory=Report)

    @cached_property
    def market(self) -> MarketData:
        """BirdEye; asked for only by the jobs that fetch, as only they need a key."""
        return connect_market(self.settings, self.clock)

    @cached_property
    def watch_list(self) -> WatchList:
        """Our webhook at Helius; asked for only by the job that keeps it up to date."""
        return connect_webhook(self.settings, self.clock)

    def usage(self) -> Usage:
        """What was asked of the APIs so far; nothing of those that were never needed."""
        asked = [api.usage() for name, api in self.__dict__.items() if name in ("market", "watch_list")]
        return Usage(
            calls=sum(usage.calls for usage in asked),
            compute_units=sum(usage.compute_units for usage in asked),
            wait_seconds=sum(usage.wait_seconds for usage in asked),
        )
