"""The standard questions to the time series: functions from DataFrames to DataFrames.

`rows`, `signals`, `metrics` and `regimes` are rows of the tables in `foundation`; their other columns are kept. Times
are aware `datetime`s. Null counts in no figure. Nothing here sorts: the order of rows is the caller's.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

HIGH_CONFIDENCE = 0.8
"""A signal with a greater value should have been acted upon."""
MARKET = "SPY"
"""The symbol whose regimes explain performance."""
_MICROSECONDS = 10**6


def between(rows: DataFrame, start: datetime | None = None, end: datetime | None = None) -> DataFrame:
    """The rows with `start` <= timestamp < `end`."""
    if start is not None:
        rows = rows.where((F.col("timestamp") >= F.lit(start)) & (F.col("date") >= _day(start)))
    return rows if end is None else rows.where((F.col("timestamp") < F.lit(end)) & (F.col("date") <= _day(end)))


def latest(rows: DataFrame, key: Sequence[str], at: datetime | None = None) -> DataFrame:
    """The newest row of each `key` (columns other than timestamp), of those with timestamp <= `at`."""
    known = rows if at is None else rows.where((F.col("timestamp") <= F.lit(at)) & (F.col("date") <= _day(at)))
    newest = known.groupBy(*key).agg(F.max_by(F.struct(*rows.columns), "timestamp").alias("newest"))
    return newest.select("newest.*")


def audit(signals: DataFrame, above: float = HIGH_CONFIDENCE) -> DataFrame:
    """All signals with `seconds_to_action` (null if nobody acted) and `high_confidence`: signal_value > `above`."""
    return signals.withColumns(
        {"seconds_to_action": _seconds_to_action(), "high_confidence": F.col("signal_value") > above}
    )


def acted(signals: DataFrame) -> DataFrame:
    """The signals that were acted upon."""
    return signals.where("acted_upon")


def missed(signals: DataFrame, above: float = HIGH_CONFIDENCE) -> DataFrame:
    """The signals with signal_value > `above` that nobody acted upon, as far as is known."""
    return signals.where((F.col("signal_value") > above) & ~F.coalesce("acted_upon", F.lit(False)))


def time_to_action(signals: DataFrame) -> DataFrame:
    """The signals that were acted upon, with `seconds_to_action`: from timestamp to acted_at, null where that is."""
    return acted(signals).withColumn("seconds_to_action", _seconds_to_action())


def time_to_action_figures(signals: DataFrame) -> DataFrame:
    """By strategy_id: count, median_seconds and largest_seconds, of the rows of `time_to_action`.

    The median of an even number is the mean of the middle two.
    """
    waited = _microseconds_to_action()
    return (
        acted(signals)
        .groupBy("strategy_id")
        .agg(
            F.count(waited).alias("count"),
            (F.median(waited) / _MICROSECONDS).alias("median_seconds"),
            (F.max(waited) / _MICROSECONDS).alias("largest_seconds"),
        )
    )


def newest_regime(metrics: DataFrame, regimes: DataFrame, symbol: str = MARKET) -> DataFrame:
    """Each of `metrics` with `regime`: that of the newest row of `symbol` with a timestamp not after the metric's.

    Null where there is no such row, or it has none. Works day by day, since one market has few rows a day, and all
    metrics together are too many for one task.
    """
    seen = regimes.where(F.col("symbol") == symbol).select("date", "timestamp", F.struct("regime").alias("_known"))
    own = F.struct(*metrics.drop("regime").columns)
    asked = metrics.select("date", "timestamp", own.alias("_metric"))
    both = asked.unionByName(seen, allowMissingColumns=True)
    is_metric = F.col("_metric").isNotNull()
    until_now = Window.partitionBy("date").orderBy("timestamp", is_metric)  # at one time the regime comes first
    today = both.withColumn("_known", F.last("_known", ignorenulls=True).over(until_now)).where(is_metric)
    known = F.coalesce("_known", "_known_before")
    found = today.join(_known_before(both), "date", "left")
    return found.select("_metric.*", known["regime"].alias("regime"))


def _known_before(both: DataFrame) -> DataFrame:
    """For each day with rows the regime that was newest when it began."""
    seen_at = F.when(F.col("_known").isNotNull(), F.col("timestamp"))
    days = both.groupBy("date").agg(F.max_by("_known", seen_at).alias("_last"))
    earlier = Window.partitionBy(F.lit(0)).orderBy("date").rowsBetween(Window.unboundedPreceding, -1)
    return days.select("date", F.last("_last", ignorenulls=True).over(earlier).alias("_known_before"))


def own_regime(metrics: DataFrame, column: str) -> DataFrame:
    """Each of `metrics` with `regime`: what its own `column`, regime_at_entry or regime_current, says."""
    return metrics.withColumn("regime", F.col(column))


def regime_figures(metrics: DataFrame) -> DataFrame:
    """By strategy_id and regime: count, mean_total_pnl and sum_total_pnl, of metrics with a `regime`.

    The sum is rounded once, so it does not depend on the order of rows. Null where it is beyond double precision.
    """
    figures = metrics.groupBy("strategy_id", "regime").agg(
        _count_of("total_pnl").alias("count"), _sum_of("total_pnl").alias("sum_total_pnl")
    )
    mean = F.when(F.col("count") > 0, F.col("sum_total_pnl") / F.col("count"))
    return figures.select("strategy_id", "regime", "count", mean.alias("mean_total_pnl"), "sum_total_pnl")


def _sum(values: pa.Array) -> float | None:
    """The sum of doubles, rounded once; null without values."""
    known = values.drop_null().to_pylist()
    try:
        return math.fsum(known) if known else None
    except OverflowError:
        return None


def _count(values: pa.Array) -> int:
    """How many are not null. Spark mixes its own aggregates with none of Python."""
    return len(values.drop_null())


# PySpark's own types do not have it.
_sum_of = F.arrow_udf(_sum, T.DoubleType())  # type: ignore[attr-defined]
_count_of = F.arrow_udf(_count, T.LongType())  # type: ignore[attr-defined]


def count(rows: DataFrame) -> DataFrame:
    """The number of rows, in one row."""
    return rows.agg(F.count(F.lit(1)).alias("count"))


def _day(moment: datetime) -> Column:
    """The UTC day of `moment`. Tables are partitioned by day: a condition on it is what keeps files unread."""
    return F.lit(moment.astimezone(UTC).date())


def _microseconds_to_action() -> Column:
    return F.unix_micros("acted_at") - F.unix_micros("timestamp")


def _seconds_to_action() -> Column:
    return _microseconds_to_action() / _MICROSECONDS
