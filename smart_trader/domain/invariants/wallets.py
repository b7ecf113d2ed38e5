"""What must hold of a wallet over all tables: it is tracked, the rows its state counts are there, its tokens add up."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.bronze import transaction_history, whale_holders
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.kernel.edition import EDITION_PREFIX
from smart_trader.domain.silver import tracked_whales, trades, wallet_pnl
from smart_trader.domain.silver.tracked_whales import WALLET_STATE
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.row_rules import Examination, Rule, exact_sum, together
from smart_trader.domain.tables.state_flags import ProcessingStatus
from smart_trader.domain.tables.table import Table

Rows = Callable[[Table], DataFrame]

_STATUSES = ("txns_fetch_status", "pnl_processing_status")
"""May be set by hand on one row of a wallet alone."""
_FROM_WALLET = (transaction_history.TABLE, trades.TABLE, wallet_pnl.TABLE, smart_traders.TABLE)
"""Tables whose wallets must be tracked."""
USES = (*_FROM_WALLET, tracked_whales.TABLE, whale_holders.TABLE)

_COUNTS = (
    *("winning_sales", "matched_sales", "winning_tokens", "losing_tokens"),
    *("trade_count", "buy_count", "sell_count", "trusted_sales", "trusted_winning_sales"),
)
_SUMS = (
    *("realized_pnl", "cost_of_sold", "trusted_pnl", "trusted_cost_of_sold"),
    *("total_bought", "total_sold", "unmatched_proceeds"),
)
"""Null where the sum is too large for its column."""
_KNOWN_PARTS = ("unrealized_pnl", "current_position_cost_basis", "unmarked_cost_basis")
"""The portfolio has the sum of what is known. They fit their columns where the purchases do, of which they are made."""
_ADDED_UP = (*_COUNTS, *_SUMS, *_KNOWN_PARTS)
_TIMES = {"first_transaction": F.min, "last_transaction": F.max}


def summarize_wallets(read: Rows) -> DataFrame:
    """One row per wallet that stands in any table, with its state and its figures.

    `is_consistent`: its PnL is completed by the rules of this edition, and bronze holds as many rows of it as its state
    counts. A stopped run and an upgrade leave other wallets too; their tables need not agree yet.
    """
    holders = read(whale_holders.TABLE).select("wallet_address", F.lit(True).alias("is_holder"))
    rows = together(_states(read), holders, *_tables(read))
    grouped = rows.groupBy("wallet_address").agg(*_of_state(), *_of_figures())
    held = F.col(_present(transaction_history.TABLE))
    is_consistent = F.col("is_completed") & F.col("is_of_this_edition") & (held == F.col("trade_rows"))
    return grouped.withColumn("is_consistent", F.coalesce(is_consistent, F.lit(False)))


def _states(read: Rows) -> DataFrame:
    """The state of each row of a wallet in silver.tracked_whales."""
    state = [name for name in WALLET_STATE if name not in _STATUSES]
    return read(tracked_whales.TABLE).select(
        "wallet_address",
        F.lit(True).alias("is_tracked"),
        F.struct(*state).alias("state"),
        *("trade_rows", "rejected_rows", "pnl_last_processed_at"),
        (F.col("pnl_processing_status") == ProcessingStatus.COMPLETED).alias("is_completed"),
        F.col("pnl_definition").startswith(EDITION_PREFIX).alias("is_of_this_edition"),
    )


def _tables(read: Rows) -> list[DataFrame]:
    """A mark for each row of a wallet in the other tables, with its figures in silver.wallet_pnl."""
    is_portfolio = (F.col("token_address") == ALL_TOKENS).alias("is_portfolio")
    figures = (is_portfolio, *(F.col(name) for name in (*_ADDED_UP, *_TIMES)))
    return [
        read(table).select(
            "wallet_address",
            F.lit(1).alias(_present(table)),
            *(figures if table is wallet_pnl.TABLE else ()),
        )
        for table in _FROM_WALLET
    ]


def _of_state() -> list[Column]:
    """The state of a wallet, and how many rows it has in each table."""
    return [
        *(F.bool_or(name).alias(name) for name in ("is_tracked", "is_holder")),
        F.min("state").eqNullSafe(F.max("state")).alias("has_one_state"),
        F.max("trade_rows").alias("trade_rows"),
        F.max("rejected_rows").alias("counted_rejected"),
        F.max("pnl_last_processed_at").alias("computed_at"),
        *(F.bool_and(name).alias(name) for name in ("is_completed", "is_of_this_edition")),
        *(F.count(_present(table)).alias(_present(table)) for table in _FROM_WALLET),
    ]


def _of_figures() -> list[Column]:
    """The figures of a wallet's portfolio, and what those of its tokens add up to."""
    is_portfolio, of_tokens = F.col("is_portfolio"), ~F.col("is_portfolio")
    return [
        F.bool_or("is_portfolio").alias("has_portfolio"),
        *(F.max(F.when(is_portfolio, F.col(name))).alias(name) for name in (*_ADDED_UP, *_TIMES)),
        *(exact_sum(F.when(of_tokens, F.col(name))).alias(f"sum {name}") for name in _ADDED_UP),
        *(how(F.when(of_tokens, F.col(name))).alias(f"sum {name}") for name, how in _TIMES.items()),
        *(F.count_if(of_tokens & F.col(name).isNull()).alias(f"unknown {name}") for name in _SUMS),
    ]


def consistent_wallets(summaries: DataFrame) -> DataFrame:
    """Wallets whose tables must agree, with the business time of their PnL and the rejected rows that it counts."""
    counted = F.coalesce("counted_rejected", F.lit(0)).alias("counted_rejected")
    return summaries.where("is_consistent").select("wallet_address", "computed_at", counted)


def examine_wallets(summaries: DataFrame) -> Examination:
    """`summaries` is what `summarize_wallets` gives."""
    pnl, whales = wallet_pnl.TABLE.name, tracked_whales.TABLE.name
    # A holder of the last fetch is tracked by the next job.
    is_unknown = F.col("is_tracked").isNull() & F.col("is_holder").isNull()
    held = F.col(_present(transaction_history.TABLE))
    has_portfolio = F.coalesce("has_portfolio", F.lit(False))
    return Examination(
        summaries,
        ("wallet_address",),
        (
            *(Rule(t.name, "wallet_is_tracked", is_unknown & (F.col(_present(t)) > 0)) for t in _FROM_WALLET),
            Rule(whales, "state_is_the_same_on_all_rows", ~F.col("has_one_state")),
            Rule(whales, "rows_it_vouches_for_are_there", held < F.col("trade_rows")),
            Rule(whales, "figures_it_vouches_for_are_there", F.col("is_completed") & ~has_portfolio),
            Rule(pnl, "portfolio_is_the_sum_of_its_tokens", has_portfolio & _differs_from_sum()),
        ),
    )


def _differs_from_sum() -> Column:
    differs = F.lit(False)
    for name in (*_ADDED_UP, *_TIMES):
        part = "total_bought" if name in _KNOWN_PARTS else name
        all_fit = F.col(f"unknown {part}") == 0 if part in _SUMS else F.lit(True)
        differs = differs | (all_fit & (F.col(name) != F.col(f"sum {name}")))
    return differs


def _present(table: Table) -> str:
    """The column that counts a wallet's rows in `table`."""
    return f"in_{table.name.rpartition('.')[2]}"
