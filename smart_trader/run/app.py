"""What a job is given (options, settings, the time of its run, Spark, tables, market) and what it says of itself."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from pyspark.sql import SparkSession

from smart_trader import cli, version
from smart_trader.config.model import Api, Settings
from smart_trader.config.settings import require, require_webhook
from smart_trader.io.birdeye import client as birdeye
from smart_trader.io.delta.maintenance import DeltaUpkeep
from smart_trader.io.helius import client as helius
from smart_trader.io.http.client import HttpPolicy
from smart_trader.io.machine.clock import SystemClock
from smart_trader.ports import MarketData, TableStore, TableUpkeep, Usage, WatchList
from smart_trader.report import file
from smart_trader.run.results import TierChange, Work

log = structlog.get_logger(__name__)


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
    clock: SystemClock
    report: Report = field(default_factory=Report)

    @cached_property
    def market(self) -> MarketData:
        """BirdEye; asked for only by the jobs that fetch, as only they need a key."""
        api = self.settings.birdeye
        return birdeye.connect(
            base_url=api.base_url,
            api_key=require(self.settings, "birdeye.api_key"),
            requests_per_second=api.requests_per_second,
            concurrent_requests=api.concurrent_requests,
            compute_units_per_run=api.compute_units_per_run,
            units=api.units.model_dump(),
            clock=self.clock,
            policy=_policy(api),
            user_agent=f"smart-trader/{version.VERSION}",
        )

    @cached_property
    def watch_list(self) -> WatchList:
        """Our webhook at Helius; asked for only by the job that keeps it up."""
        return self.connect_webhook()

    def connect_webhook(self) -> WatchList:
        """The webhook over HTTP. Raises ConfigurationError if the settings say too little of it."""
        require_webhook(self.settings)
        api = self.settings.helius
        return helius.connect(
            base_url=api.base_url,
            api_key=require(self.settings, "helius.api_key"),
            ours=helius.WebhookSettings(
                url=api.webhook_url,
                webhook_id=api.webhook_id,
                webhook_type=api.webhook_type,
                transaction_types=api.transaction_types,
                auth_header=api.auth_header.get_secret_value() if api.auth_header else None,
            ),
            clock=self.clock,
            policy=_policy(api),
            user_agent=f"smart-trader/{version.VERSION}",
        )

    def publish(self, text: str, target: Path) -> None:
        """Make `text` the whole of the file `target`; a dry run leaves that as it is."""
        if self.options.dry_run:
            return
        target.parent.mkdir(exist_ok=True)
        file.write(text, target)
        log.info("report written", path=str(target), bytes=len(text.encode()))

    @cached_property
    def upkeep(self) -> TableUpkeep:
        """What Delta itself offers for the tables of this warehouse."""
        root = self.settings.warehouse.root.rstrip("/")
        return DeltaUpkeep(self.spark, lambda table: f"{root}/{table.path}")

    def usage(self) -> Usage:
        """What was asked of the APIs so far; nothing of those that were never needed."""
        asked = [api.usage() for name, api in self.__dict__.items() if name in ("market", "watch_list")]
        return Usage(
            calls=sum(usage.calls for usage in asked),
            compute_units=sum(usage.compute_units for usage in asked),
            wait_seconds=sum(usage.wait_seconds for usage in asked),
        )


def _policy(api: Api) -> HttpPolicy:
    return HttpPolicy(
        connect_timeout_seconds=float(api.connect_timeout_seconds),
        read_timeout_seconds=float(api.read_timeout_seconds),
        total_timeout_seconds=float(api.total_timeout_seconds),
        attempts=api.attempts,
        max_retry_wait_seconds=float(api.max_retry_wait_seconds),
        max_body_bytes=api.max_body_bytes,
    )
