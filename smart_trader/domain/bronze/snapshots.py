"""The newest snapshot of each token: what prices, symbols and liquidity are read from."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def newest_snapshots(token_metrics: DataFrame, *, until: date) -> DataFrame:
    """One row per token, its snapshot of the latest day up to `until`, the last one written on that day."""
    newest_first = Window.partitionBy("token_address").orderBy(
        F.desc("processing_date"), F.desc("ingested_at"), F.desc("batch_id")
    )
    return (
        token_metrics.where(F.col("processing_date") <= F.lit(until))
        .withColumn("_rank", F.row_number().over(newest_first))
        .where(F.col("_rank") == 1)
        .drop("_rank")
    )
