"""silver.tracked_tokens: tokens liquid enough that their holders are worth knowing."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.bronze.token_metrics import NotTrackedReason
from smart_trader.domain.silver.due import is_due, known_time
from smart_trader.domain.tables.state_flags import SNAPSHOTS_JUDGED, ProcessingStatus
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    DATE,
    INT,
    PRICE,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
    either,
    one_of,
)


class LiquidityTier(StrEnum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    MINIMAL = "MINIMAL"


TABLE = Table(
    name="silver.tracked_tokens",
    grain="one row per token",
    key=("token_address",),
    job="silver_tokens",
    columns=(
        Column("token_address", STRING, "Mint address, base58.", nullable=False),
        Column("symbol", STRING, "Hostile text."),
        Column("name", STRING, "Hostile text."),
        Column("decimals", INT, "Decimal places of the token's base unit."),
        Column(
            "liquidity",
            USD,
            "USD in the token's pools, newest snapshot; null if it does not say.",
        ),
        Column("price", PRICE, "USD of one whole token, newest snapshot."),
        Column("fdv", USD, "Fully diluted value, USD."),
        Column("holder", COUNT, "Number of holders."),
        Column(
            "liquidity_tier",
            STRING,
            f"{either(LiquidityTier)} by liquidity.",
            nullable=False,
        ),
        Column("fdv_per_holder", T.DecimalType(28, 2), "USD; null without holders."),
        Column("processing_date", DATE, "Day of the newest snapshot.", nullable=False),
        Column("bronze_batch_id", STRING, "Run of the newest snapshot.", nullable=False),
        Column(
            "whale_fetch_status",
            STRING,
            f"Holders: {either(ProcessingStatus)}.",
            False,
            "bronze_whales",
        ),
        Column(
            "whale_fetched_at",
            TIMESTAMP,
            "Business time of the last fetch of holders.",
            True,
            "bronze_whales",
        ),
        Column(
            "is_newly_tracked",
            BOOLEAN,
            "True until the first fetch of holders.",
            False,
            "bronze_whales",
        ),
        Column("attempts", INT, "Failed fetches in a row.", False, "bronze_whales"),
        Column("last_error", STRING, "Why the last fetch failed.", True, "bronze_whales"),
    ),
    checks=(
        one_of("liquidity_tier", LiquidityTier),
        one_of("whale_fetch_status", ProcessingStatus),
    ),
    reset_on_restore=(SNAPSHOTS_JUDGED,),
)

_TIERS = ((LiquidityTier.HIGH, 1_000_000), (LiquidityTier.MEDIUM, 500_000), (LiquidityTier.LOW, 100_000))


def _new_state() -> dict[str, SparkColumn]:
    """State of a token that is seen for the first time."""
    return {
        "whale_fetch_status": F.lit(ProcessingStatus.PENDING),
        "whale_fetched_at": F.lit(None).cast(TIMESTAMP),
        "is_newly_tracked": F.lit(True),
        "attempts": F.lit(0),
        "last_error": F.lit(None).cast(STRING),
    }


def judge_tokens(newest: DataFrame, tracked: DataFrame, min_liquidity_usd: Decimal) -> DataFrame:
    """Rows of the tokens in `newest` (one snapshot each) that are to be tracked, or were once.

    A newer snapshot keeps the state of its token; a fallen token keeps its row, with what it has fallen to.
    """
    new = _new_state()
    state = tracked.select("token_address", F.lit(True).alias("_is_tracked"), *new)
    is_tracked = not_tracked_reason(min_liquidity_usd).isNull()
    is_known = F.col("_is_tracked").isNotNull()
    made = {
        "liquidity_tier": liquidity_tier(F.col("liquidity")),
        "fdv_per_holder": F.when(F.col("holder") > 0, F.round(F.col("fdv") / F.col("holder"), 2)).cast(
            TABLE.schema["fdv_per_holder"].dataType
        ),
        "bronze_batch_id": F.col("batch_id"),
        **{name: F.when(is_known, F.col(name)).otherwise(value) for name, value in new.items()},
    }
    return (
        newest.join(state, "token_address", "left")
        .where(is_tracked | is_known)
        .select(*(made[name].alias(name) if name in made else name for name in TABLE.column_names))
    )


def not_tracked_reason(min_liquidity_usd: Decimal) -> SparkColumn:
    """Why the token of a snapshot is not tracked; null if it is."""
    return (
        F.when(F.trim(F.coalesce("symbol", F.lit(""))) == "", NotTrackedReason.NO_SYMBOL)
        .when(F.coalesce("price", F.lit(0)) <= 0, NotTrackedReason.NO_PRICE)
        .when(F.col("liquidity").isNull(), NotTrackedReason.NO_LIQUIDITY)
        .when(F.col("liquidity") < F.lit(min_liquidity_usd), NotTrackedReason.LOW_LIQUIDITY)
    )


def count_reasons(judged: DataFrame) -> DataFrame:
    """How many of the snapshots in `judged` have each `not_tracked_reason`, with one of their tokens."""
    counted = F.count("*").alias("snapshots"), F.min("token_address").alias("example")
    return judged.groupBy("not_tracked_reason").agg(*counted).orderBy("not_tracked_reason")


def liquidity_tier(liquidity: SparkColumn) -> SparkColumn:
    """HIGH from $1M, MEDIUM from $500k, LOW from $100k, MINIMAL below or unknown."""
    tier = F.lit(LiquidityTier.MINIMAL)
    for name, least in reversed(_TIERS):
        tier = F.when(liquidity >= least, name).otherwise(tier)
    return tier


def still_tracked(
    tracked: DataFrame,
    *,
    as_of: datetime,
    min_liquidity_usd: Decimal,
    max_age_days: int,
) -> DataFrame:
    """Tokens that their newest snapshot lets be tracked, if it is not too old: their holders count for what is due."""
    oldest = (as_of - timedelta(days=max_age_days)).date()
    is_recent = (F.col("processing_date") >= F.lit(oldest)) & (F.col("processing_date") <= F.lit(as_of.date()))
    return tracked.where(not_tracked_reason(min_liquidity_usd).isNull() & is_recent)


def due_tokens(live: DataFrame, *, as_of: datetime, refresh_hours: int) -> DataFrame:
    """Tokens of `live` whose holders are to be fetched, the most urgent first."""
    to_fetch = is_due("whale_fetch_status", "whale_fetched_at", as_of=as_of, after=timedelta(hours=refresh_hours))
    longest_ago_first = known_time("whale_fetched_at", as_of=as_of).asc_nulls_first()
    return live.where(to_fetch).orderBy(longest_ago_first, "token_address")
