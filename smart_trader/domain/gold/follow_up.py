"""Which wallets of a ranking are followed up: fetched after it, and graded."""

from datetime import datetime, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from smart_trader.domain.kernel.following import FollowUp


def graded_wallets(history: DataFrame, *, panel: int) -> DataFrame:
    """Those rows of gold.rank_history that are graded: of each ranking the recommended, as many of the first by skill,
    and of the others the `panel` wallets with the smallest SHA-256 of their address."""
    judged = _judged(history)
    by_hash = Window.partitionBy("ranked_at").orderBy(F.sha2("wallet_address", 256))
    others = judged.where(~F.col("_is_chosen")).withColumn("_place", F.row_number().over(by_hash))
    sample = others.where(F.col("_place") <= panel).drop("_place")
    return judged.where("_is_chosen").unionByName(sample).drop("_is_chosen")


def followed_up(
    history: DataFrame, *, as_of: datetime, longest: timedelta, follow_up: FollowUp, panel: int
) -> DataFrame:
    """The `wallet_address` of whom `follow_up` names on the rankings of at most `longest` before `as_of`."""
    since = as_of - longest
    recent = history.where(
        (F.col("ranking_date") >= F.lit(since.date()))
        & (F.col("ranked_at") >= F.lit(since))
        & (F.col("ranked_at") <= F.lit(as_of))
    )
    match follow_up:
        case FollowUp.RANKED:
            found = graded_wallets(recent, panel=panel)
        case FollowUp.RECOMMENDED:
            found = _judged(recent).where("_is_chosen")
        case FollowUp.NONE:
            found = recent.limit(0)
    return found.select("wallet_address").distinct()


def _judged(history: DataFrame) -> DataFrame:
    """`history`, and whether a wallet is recommended, or would be if skill decided."""
    counts = history.groupBy("ranked_at").agg(F.count_if("recommended").alias("_recommended"))
    is_skilled = F.coalesce(F.col("skill_rank") <= F.col("_recommended"), F.lit(False))
    return (
        history.join(F.broadcast(counts), "ranked_at")
        .withColumn("_is_chosen", F.col("recommended") | is_skilled)
        .drop("_recommended")
    )
