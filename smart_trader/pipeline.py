"""The pipeline as a value: which job reads and writes which tables, in the order in which they run."""

from dataclasses import dataclass

from smart_trader.errors import ExitStatus


@dataclass(frozen=True, slots=True)
class Step:
    """One job of the pipeline, with the tables that it reads and writes."""

    job: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    updates_state_of: tuple[str, ...] = ()
    """Tables in which it changes state columns only."""
    api: str | None = None
    """The service that it cannot do without."""


BIRDEYE = "BirdEye"
HELIUS = "Helius"

STEPS = (
    Step(
        "bronze_tokens",
        reads=(),
        writes=("bronze.token_metrics", "bronze.rejected_rows"),
        api=BIRDEYE,
    ),
    Step(
        "silver_tokens",
        reads=("bronze.token_metrics",),
        writes=("silver.tracked_tokens",),
        updates_state_of=("bronze.token_metrics",),
    ),
    Step(
        "bronze_whales",
        reads=("bronze.token_metrics", "silver.tracked_tokens"),
        writes=("bronze.whale_holders", "bronze.rejected_rows"),
        updates_state_of=("silver.tracked_tokens",),
        api=BIRDEYE,
    ),
    Step(
        "silver_whales",
        reads=("bronze.whale_holders", "silver.tracked_tokens"),
        writes=("silver.tracked_whales",),
    ),
    Step(
        "bronze_transactions",
        reads=("silver.tracked_tokens", "silver.tracked_whales", "gold.smart_traders", "gold.rank_history"),
        writes=("bronze.transaction_history", "bronze.rejected_rows"),
        updates_state_of=("silver.tracked_whales",),
        api=BIRDEYE,
    ),
    Step(
        "silver_pnl",
        reads=(
            "bronze.token_metrics",
            "bronze.transaction_history",
            "silver.tracked_whales",
        ),
        writes=(
            "silver.trades",
            "silver.rejected_rows",
            "silver.realized_sales",
            "silver.open_lots",
            "silver.wallet_pnl",
        ),
        updates_state_of=("silver.tracked_whales",),
    ),
    Step(
        "gold_traders",
        reads=(
            "silver.wallet_pnl",
            "silver.realized_sales",
            "silver.trades",
            "silver.tracked_whales",
        ),
        writes=("gold.smart_traders", "gold.rank_history", "gold.rankings"),
        updates_state_of=("silver.wallet_pnl",),
    ),
    Step(
        "evaluate",
        reads=("gold.rank_history", "gold.rankings", "silver.trades", "silver.tracked_whales"),
        writes=("gold.outcomes", "gold.grades"),
    ),
    Step(
        "validate",  # before anything leaves the lake
        reads=(
            "bronze.token_metrics",
            "bronze.whale_holders",
            "bronze.transaction_history",
            "bronze.rejected_rows",
            "silver.tracked_tokens",
            "silver.tracked_whales",
            "silver.trades",
            "silver.rejected_rows",
            "silver.realized_sales",
            "silver.open_lots",
            "silver.wallet_pnl",
            "gold.smart_traders",
            "gold.rank_history",
            "gold.rankings",
            "gold.outcomes",
            "gold.grades",
            "foundation.market_regimes",
            "foundation.performance_metrics",
            "foundation.signals",
            "foundation.rejected_rows",
            "ops.runs",
        ),
        writes=(),
    ),
    Step(
        "helius_webhooks",
        reads=("gold.smart_traders", "ops.runs"),
        writes=(),
        api=HELIUS,
    ),
    Step(
        "report",
        reads=(
            "gold.smart_traders",
            "gold.rank_history",
            "gold.rankings",
            "gold.grades",
            "silver.wallet_pnl",
            "silver.realized_sales",
            "silver.open_lots",
            "silver.trades",
            "silver.tracked_tokens",
            "silver.tracked_whales",
            "bronze.rejected_rows",
            "silver.rejected_rows",
            "ops.runs",
        ),
        writes=(),
    ),
)

TABLE_NAMES = tuple(sorted({table for step in STEPS for table in (*step.reads, *step.writes)}))
"""Every table that a step reads or writes."""
SERIES_NAMES = tuple(
    name.removeprefix("foundation.")
    for name in TABLE_NAMES
    if name.startswith("foundation.") and not name.endswith("rejected_rows")
)
"""Every time series."""
FETCHING = frozenset(step.job for step in STEPS if step.api == BIRDEYE)
_NOTIFYING = frozenset(step.job for step in STEPS if step.api == HELIUS)
_PASSABLE = tuple(status.number for status in (ExitStatus.UNAVAILABLE, ExitStatus.BUG, ExitStatus.INTERRUPTED))
"""Statuses of a fetching step after which the others still have a point: the key is good, and the tables can be read
and written."""


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended. `is_early`: an error ended it before it had tried all of its work."""

    status: int = 0
    message: str = ""
    is_early: bool = False


class Course:
    """Which jobs of a run still follow. However the fetching ends, the jobs that need no API run on what it committed.

    `end` is that of the run: of the fetching, unless a later job fails as well.
    """

    def __init__(self) -> None:
        self.end = End()

    def left_out(self, job: str) -> str:
        """Why `job` is left out; empty if it runs."""
        if job in FETCHING and self.end.is_early:
            return "an earlier step could not fetch all"
        if job in _NOTIFYING and self.end.status:
            return "not all could be fetched, so the list of wallets stays as it is"
        return ""

    def note(self, job: str, end: End) -> bool:
        """Note the end of `job`; returns whether the run goes on."""
        if not end.status:
            return True
        if job not in FETCHING:
            self.end = end
            return False
        if not self.end.status or end.status not in _PASSABLE:
            self.end = end
        return end.status in _PASSABLE
