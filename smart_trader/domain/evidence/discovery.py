"""What following each wallet since it was found would have brought: the finding cannot have flattered these figures."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.evidence.following import WINDOW, add_up_tokens, follow_tokens
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.kernel.following import MarkLimits

_FIGURES = {
    "since_discovery_invested": "invested_usd",
    "since_discovery_pnl": "follow_pnl_usd",
    "since_discovery_sales": "sales",
    "since_discovery_winning_sales": "winning_sales",
}
"""Each with the figure of `following` that it is."""


def since_discovery(trades: DataFrame, whales: DataFrame, *, ranked_at: datetime, limits: MarkLimits) -> DataFrame:
    """One row per discovered wallet, with the columns of `smart_traders.DISCOVERY`.

    Zeros and no return for a wallet that has not traded since, or was found at or after `ranked_at`. `trades` and
    `whales` are silver.trades and silver.tracked_whales. A wallet that was only ever named by hand was not discovered.
    """
    seen = whales.where(F.col("token_address").isNotNull())
    discovered = seen.groupBy("wallet_address").agg(F.min("discovered_at").alias("discovered_at"))
    windows = discovered.select(
        "wallet_address", F.col("discovered_at").alias("starts_at"), F.lit(ranked_at).alias("ends_at")
    ).where("starts_at < ends_at")
    sums = add_up_tokens(follow_tokens(trades, windows, limits)).drop(*WINDOW[1:])
    has_traded = F.col("trade_count").isNotNull()
    figures = {name: F.when(has_traded, F.col(of)).otherwise(F.lit(0)) for name, of in _FIGURES.items()}
    return (
        discovered.join(sums, "wallet_address", "left")
        .withColumns({**figures, "since_discovery_return": F.col("follow_return")})
        .select("wallet_address", *(column.name for column in smart_traders.DISCOVERY))
    )
