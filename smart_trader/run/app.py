"""What a job gets (options, settings, the time of its run, Spark, tables, APIs) and the report that it fills in."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pyspark.sql import SparkSession

from smart_trader import cli
from smart_trader.config.model import Settings
from smart_trader.io.machine.clock import SystemClock
from smart_trader.ports import Landing, MarketData, TableMaintenance, TableStore, Usage, WatchList
from smart_trader.run.connections import connect_market, connect_webhook, open_landing
from smart_trader.run.results import TierChange, Work


@dataclass(slots=True)
class Report:
    """What a job did. It is filled in while the job runs, so a failed job has a report too."""

    rows_in: int = 0
    rows_rejected: int = 0
    work: Work | None = None
    tiers: tuple[TierChange, ...] = ()
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What the job did that neither tables nor figures show."""
    document: dict[str, Any] | None = None
    """For programs: what a job that only reads has found (standard output), what another job did (`ops.runs`)."""
    path: str | None = None
    """The file with the findings. Its path then goes to standard output, and the document to standard error."""


@dataclass
class App:
    """What a job gets. `as_of` is the business time of the whole run."""

    options: cli.Options
    settings: Settings
    as_of: datetime
    run_id: str
    spark: SparkSession
    tables: TableStore
    maintenance: TableMaintenance
    clock: SystemClock
    report: Report = field(default_factory=Report)

    @cached_property
    def market(self) -> MarketData:
        """BirdEye. Connected at the first use: only jobs that fetch need a key."""
        return connect_market(self.settings, self.clock)

    @cached_property
    def watch_list(self) -> WatchList:
        """Our webhook at Helius. Connected at the first use."""
        return connect_webhook(self.settings, self.clock)

    @cached_property
    def landing(self) -> Landing:
        """The landing folder of the time series."""
        return open_landing(self.settings, self.spark, is_dry_run=self.options.dry_run)

    def usage(self) -> Usage:
        """The calls and compute units of this run so far, of both APIs."""
        asked = [api.usage() for name, api in self.__dict__.items() if name in ("market", "watch_list")]
        return Usage(
            calls=sum(usage.calls for usage in asked),
            compute_units=sum(usage.compute_units for usage in asked),
            wait_seconds=sum(usage.wait_seconds for usage in asked),
        )
