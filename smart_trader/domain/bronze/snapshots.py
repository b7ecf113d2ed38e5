"""The newest snapshot of each token: what prices, symbols and liquidity are read from."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from smart_trader.domain.arrow import unscaled
from smart_trader.domain.kernel.marks import Multiplier, Quote
from smart_trader.rows import collect

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


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


def quotes_in(snapshots: DataFrame) -> Mapping[str, Quote]:
    """What marks need of the snapshots, by mint."""
    names = ("token_address", "price", "liquidity", "last_trade_unix_time", "multiplier", "ingested_at")
    rows = collect(snapshots.select(*names))
    return {
        row.token_address: Quote(
            price=None if row.price is None else unscaled(row.price, 18),
            liquidity=None if row.liquidity is None else unscaled(row.liquidity, 9),
            last_trade_at=None if row.last_trade_unix_time is None else _microseconds(row.last_trade_unix_time),
            multiplier=None
            if row.multiplier is None
            else Multiplier(unscaled(row.multiplier, 18), _microseconds(row.ingested_at)),
        )
        for row in rows
    }


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)
