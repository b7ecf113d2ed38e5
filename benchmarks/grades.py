"""The grades of many wallets, each of which traded many tokens. What the figures were: docs/performance.md."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks import session
from benchmarks.session import Figure
from smart_trader.domain.evidence.grades import GRADED, grade
from smart_trader.domain.kernel.grading import GradingRules
from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.domain.tables.table import PERCENT, SCORE, USD

_RANKED_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
_TOKENS_EACH = 40
_TOKENS = 50_000
_HORIZON_DAYS = 7


def run(scratch: Path, *, wallets: int) -> None:
    """Grade one ranking of `wallets`, all of them observed, over one horizon; print how long that took."""
    spark = session.start(scratch)
    tokens = _stored(_positions(spark, wallets), scratch / "tokens")
    outcomes = _stored(_outcomes(tokens, wallets), scratch / "outcomes")
    history = outcomes.select("ranked_at", "wallet_address", (F.xxhash64("wallet_address") % 1000).alias("hours"))
    holding = history.withColumn("avg_holding_time_hours", F.col("hours").cast("decimal(18,6)"))
    watched = spark.range(1).select(F.lit(_RANKED_AT).alias("ranked_at"), F.lit(10).alias("max_addresses"))
    rules = GradingRules(min_observed=20, max_return_percent=Fraction(1000))
    print(f"  {wallets:,} wallets with {_TOKENS_EACH} tokens each", flush=True)
    graded = grade(outcomes, tokens, holding, watched, rules)
    cost = session.measure(spark, scratch, "grades", graded.collect)
    session.show([Figure(f"grades of {wallets:,} wallets", cost.seconds, 120, unit=" s")])


def _stored(rows: DataFrame, folder: Path) -> DataFrame:
    rows.write.parquet(str(folder))
    return rows.sparkSession.read.parquet(str(folder))


def _positions(spark: SparkSession, wallets: int) -> DataFrame:
    """What each wallet made in each of its tokens, which are not the same for two of them."""
    places = F.explode(F.sequence(F.lit(0), F.lit(_TOKENS_EACH - 1)))
    each = _TOKENS // _TOKENS_EACH
    token = F.col("place") * each + F.pmod(F.xxhash64("id", "place"), F.lit(each))
    invested = (F.pmod(F.xxhash64("place", "id"), F.lit(10**12)) + 1).cast("decimal(20,0)") / 10**9
    percent = F.pmod(F.xxhash64("id", "place", F.lit(1)), F.lit(300)) - 100
    rows = spark.range(wallets).withColumn("place", places).withColumns({"_invested": invested, "_percent": percent})
    return rows.select(
        F.lit(_RANKED_AT).alias("ranked_at"),
        F.lit(_HORIZON_DAYS).cast("bigint").alias("horizon_days"),
        F.concat(F.lit("Wallet"), F.col("id").cast("string")).alias("wallet_address"),
        F.concat(F.lit("Token"), token.cast("string")).alias("token_address"),
        F.col("_invested").cast(USD).alias("invested_usd"),
        (F.col("_invested") * F.col("_percent") / 100).cast(USD).alias("follow_pnl_usd"),
    )


def _outcomes(tokens: DataFrame, wallets: int) -> DataFrame:
    sums = {name: F.sum(name).cast(USD).alias(name) for name in ("invested_usd", "follow_pnl_usd")}
    place = F.substring("wallet_address", 7, 20).cast("bigint")
    tier = F.element_at(F.array(*(F.lit(tier.value) for tier in PerformanceTier)), (place % 4 + 1).cast("int"))
    return (
        tokens.groupBy(*GRADED, "wallet_address")
        .agg(*sums.values())
        .withColumns(
            {
                "performance_tier": tier,
                "smart_trader_score": (place % 1000).cast(SCORE) / 10,
                "overall_rank": place + 1,
                "skill_rank": wallets - place,
                "recommended": place % 5 == 0,
                "is_observed": F.lit(True),
                "follow_return": (100 * F.col("follow_pnl_usd") / F.col("invested_usd")).cast(PERCENT),
            }
        )
        .withColumn("smart_trader_score", F.col("smart_trader_score").cast(SCORE))
    )
