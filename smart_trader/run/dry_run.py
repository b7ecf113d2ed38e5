"""A dry run: the same jobs on clones of the tables and on planned APIs, and what they changed there."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from smart_trader.config.model import Settings
from smart_trader.domain import catalog
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.tables.changes import TableChange
from smart_trader.errors import ConfigurationError
from smart_trader.io.birdeye.client import DEEPEST_ROW
from smart_trader.io.birdeye.planned import Plan, PlannedMarket
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.helius.planned import PlannedWatchList
from smart_trader.paths import local_folder
from smart_trader.rows import collect
from smart_trader.run import clones, process
from smart_trader.run.app import App
from smart_trader.run.connections import connect_webhook
from smart_trader.run.prediction import Move, Prediction
from smart_trader.run.results import RunSummary

_TABLES = tuple(table for table in catalog.TABLES if table.layer != "ops")
"""Tables of which changes are predicted. The record of runs grows with every run, so it is not among them."""


@contextlib.contextmanager
def clones_place(spark: SparkSession, settings: Settings, run_id: str) -> Iterator[str]:
    """A folder for the clones, removed afterwards. Raises ConfigurationError if executors could not write there."""
    parent, root = settings.warehouse.scratch, settings.warehouse.root
    is_shared = parent is not None and local_folder(parent) is None
    if not is_shared and not settings.spark.master.startswith("local") and local_folder(root) is None:
        raise ConfigurationError(
            "A dry run on a cluster writes clones of the tables where all of its machines can write: set"
            " warehouse.scratch to an address such as hdfs://HOST/tmp. Nothing was started."
        )
    own = os.environ.get(process.RUN_DIR)
    with clones.place(spark, parent if is_shared else own or parent, run_id) as folder:
        yield folder


class DryRun:
    """Replaces the APIs of `app`, and collects what its jobs did to APIs and tables."""

    def __init__(self, app: App, tables: CloneStore) -> None:
        self._app, self._tables = app, tables
        self._plans: dict[str, Plan] = {}
        self._changes: Sequence[TableChange] = ()
        self._tiers: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
        self._market: PlannedMarket | None = None
        if not app.options.makes_calls:
            settings = app.settings
            self._market = app.market = PlannedMarket(
                listed=DEEPEST_ROW if app.options.tokens else 1 + (app.options.limit or settings.tokens.per_run),
                trades=settings.transactions.max_trades_per_wallet,
                units=settings.birdeye.units.model_dump(),
            )
        connect = partial(connect_webhook, app.settings, app.clock) if app.options.makes_calls else None
        self._watch_list = app.watch_list = PlannedWatchList(connect)

    def note_calls(self, job: str) -> None:
        """Keep the calls that `job` would have made."""
        if self._market and (plan := self._market.take_plan()):
            self._plans[job] = plan

    def compare(self) -> None:
        """Compare the tables after the jobs with the tables before."""
        self._changes = self._tables.changes(_TABLES)
        self._tiers = _tiers(self._tables.found(smart_traders.TABLE)), _tiers(self._tables.read(smart_traders.TABLE))

    def prediction(self, run: RunSummary) -> Prediction:
        """What a run would do, as far as the dry run came."""
        before, after = self._tiers
        moved = [wallet for wallet in after if before.get(wallet) != after[wallet]]
        gone = [wallet for wallet in before if wallet not in after]
        return Prediction(
            run=run,
            as_of=self._app.as_of,
            has_fetched=self._app.options.makes_calls,
            calls_per_second=self._app.settings.birdeye.requests_per_second,
            units_limit=self._app.settings.birdeye.compute_units_per_run,
            plans=self._plans,
            tables=self._changes,
            tiers=Counter(after.values()),
            webhook=self._watch_list.change,
            moves=[Move(wallet, before.get(wallet), after.get(wallet)) for wallet in [*moved, *gone]],
        )


def _tiers(traders: DataFrame) -> Mapping[str, str]:
    """Tier by wallet, best first."""
    ranked = traders.orderBy("overall_rank").select("wallet_address", "performance_tier")
    return {row.wallet_address: row.performance_tier for row in collect(ranked)}
