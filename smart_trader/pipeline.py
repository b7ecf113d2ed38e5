"""The pipeline as a value: which job reads and writes which tables, in the order in which they run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One job of the pipeline. `keeps` names the tables in which the job only keeps its state columns."""

    job: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    keeps: tuple[str, ...] = ()


STEPS = (
    Step(
        "bronze_tokens",
        reads=(),
        writes=("bronze.token_metrics", "bronze.rejected_rows"),
    ),
    Step(
        "silver_tokens",
        reads=("bronze.token_metrics",),
        writes=("silver.tracked_tokens",),
        keeps=("bronze.token_metrics",),
    ),
    Step(
        "bronze_whales",
        reads=("bronze.token_metrics", "silver.tracked_tokens"),
        writes=("bronze.whale_holders", "bronze.rejected_rows"),
        keeps=("silver.tracked_tokens",),
    ),
    Step(
        "silver_whales",
        reads=("bronze.whale_holders", "silver.tracked_tokens"),
        writes=("silver.tracked_whales",),
    ),
    Step(
        "bronze_transactions",
        reads=("silver.tracked_tokens", "silver.tracked_whales", "gold.smart_traders"),
        writes=("bronze.transaction_history", "bronze.rejected_rows"),
        keeps=("silver.tracked_whales",),
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
        keeps=("silver.tracked_whales",),
    ),
    Step(
        "gold_traders",
        reads=(
            "silver.wallet_pnl",
            "silver.realized_sales",
            "silver.trades",
            "silver.tracked_whales",
        ),
        writes=("gold.smart_traders", "gold.rank_history"),
        keeps=("silver.wallet_pnl",),
    ),
    Step(
        "helius_webhooks",
        reads=("gold.smart_traders", "ops.runs"),
        writes=(),
    ),
    Step(
        "report",
        reads=(
            "gold.smart_traders",
            "gold.rank_history",
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
