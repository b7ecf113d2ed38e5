"""gold.rank_history and silver.trades to gold.outcomes: what became of the wallets of earlier rankings."""

from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.evidence.following import WINDOW, add_up_tokens
from smart_trader.domain.gold.outcomes import FIGURES, RANKED, TABLE
from smart_trader.domain.silver.due import known_time
from smart_trader.domain.tables.state_flags import ProcessingStatus

KEY = TABLE.key
_STATE = (
    *("txns_last_fetched_at", "read_until", "history_complete", "oldest_trade_at"),
    *("gap_newer_than", "gap_older_than", "pnl_processing_status"),
)
_NAMES = tuple(column.name for column in FIGURES)


def graded_rows(
    graded: DataFrame, windows: DataFrame, whales: DataFrame, stored: DataFrame, *, as_of: datetime
) -> DataFrame:
    """Each wallet of a ranking that is graded, for each window: as ranked, the window's `starts_at` and `ends_at`, and
    whether it is observed.

    `graded` are rows of gold.rank_history, `windows` has ranked_at, horizon_days and ends_at, `whales` is
    silver.tracked_whales, `stored` gold.outcomes. What was observed stays observed: a state that was set back, or that
    a run at an earlier business time may not know, does not take an outcome away.
    """
    state = whales.groupBy("wallet_address").agg(*(F.max(name).alias(name) for name in _STATE))
    before = stored.where("is_observed").select(*KEY, F.lit(True).alias("_was_observed"))
    rows = (
        graded.select("ranked_at", "ranking_date", "wallet_address", *RANKED)
        .join(F.broadcast(windows), "ranked_at")
        .join(state, "wallet_address", "left")
        .join(before, list(KEY), "left")
    )
    is_observed = F.coalesce("_was_observed", _is_observed(as_of), F.lit(False))
    return rows.select(
        *("ranked_at", "ranking_date", "horizon_days", "wallet_address", *RANKED, "ends_at"),
        F.col("ranked_at").alias("starts_at"),
        is_observed.alias("is_observed"),
    )


def _is_observed(as_of: datetime) -> Column:
    """Read at or after the end, back to the ranking, without a gap inside, and computed since."""
    said = F.col("read_until").isNotNull()
    until = F.when(said, known_time("read_until", as_of=as_of)).otherwise(
        known_time("txns_last_fetched_at", as_of=as_of)
    )
    is_read_back = F.coalesce("history_complete", F.lit(False)) | (F.col("oldest_trade_at") <= F.col("ranked_at"))
    is_gap_inside = (F.col("gap_older_than") > F.col("ranked_at")) & (F.col("gap_newer_than") <= F.col("ends_at"))
    is_computed = F.col("pnl_processing_status") == ProcessingStatus.COMPLETED
    return (
        (until >= F.col("ends_at"))
        & F.coalesce(is_read_back, F.lit(False))
        & ~F.coalesce(is_gap_inside, F.lit(False))
        & is_computed
    )


def outcomes_of(rows: DataFrame, followed: DataFrame, stored: DataFrame, *, as_of: datetime) -> DataFrame:
    """The rows of gold.outcomes: `rows` as `graded_rows` gives them, with the figures of `followed`.

    Observed and without a trade: zeros. Not observed: null. `computed_at` stays where nothing else differs from
    `stored`.
    """
    figures = rows.join(add_up_tokens(followed), list(WINDOW), "left")
    is_silent = F.col("is_observed") & F.col("trade_count").isNull()
    zeros = {
        field.name: F.when(is_silent, F.lit(0).cast(field.dataType)).otherwise(F.col(field.name))
        for field in TABLE.fields(_NAMES)
        if field.name != "follow_return"
    }
    compared = F.struct(*RANKED, "is_observed", *_NAMES)
    before = stored.select(*KEY, compared.alias("_before"), F.col("computed_at").alias("_computed_at"))
    is_same = F.col("_before").eqNullSafe(compared)
    computed_at = F.when(is_same, F.col("_computed_at")).otherwise(F.lit(as_of))
    return (
        figures.withColumns(zeros)
        .join(before, list(KEY), "left")
        .withColumn("computed_at", computed_at)
        .select(*TABLE.column_names)
    )
