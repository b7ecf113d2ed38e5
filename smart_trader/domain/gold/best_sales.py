"""silver.realized_sales to what a wallet's gains owe to its best sales."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.tables.table import USD

BEST = 3
"""So many sales are left out at most."""
_WHOLE, _OF_THREE = T.DecimalType(37, 9), T.DecimalType(29, 9)
"""Narrow enough that Spark takes one from the other without rounding."""
_WITHOUT = {"pnl_ex_best_sale": "best_sale", "pnl_ex_best_3_sales": "best_3"}


def sum_best_sales(sales: DataFrame) -> DataFrame:
    """One row for each wallet with a sale of known result: `pnl_ex_best_sale` and `pnl_ex_best_3_sales`, the PnL of the
    others; `best_sale`, the PnL of the best, and `gross_gain`, that of all sales with a gain. Null where it does not
    fit."""
    result = F.col("realized_pnl_usd")
    known = sales.where(result.isNotNull()).select("wallet_address", "realized_pnl_usd")
    best_first = Window.partitionBy("wallet_address").orderBy(F.desc("realized_pnl_usd"))
    best = known.withColumn("nth", F.row_number().over(best_first)).where(F.col("nth") <= BEST)
    sums = known.groupBy("wallet_address").agg(
        F.try_sum(result).try_cast(_WHOLE).alias("whole"), F.try_sum(F.greatest(result, F.lit(0))).alias("gross_gain")
    )
    tops = best.groupBy("wallet_address").agg(
        F.max(result).alias("best_sale"), F.sum(result).cast(_OF_THREE).alias("best_3")
    )
    return sums.join(tops, "wallet_address").select(
        "wallet_address",
        *((F.col("whole") - F.col(of)).try_cast(USD).alias(name) for name, of in _WITHOUT.items()),
        F.col("best_sale"),
        F.col("gross_gain").try_cast(USD).alias("gross_gain"),
    )
