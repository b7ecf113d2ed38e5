"""gold.outcomes: what following each wallet of an earlier ranking would have brought."""

from smart_trader.domain.gold import rank_history
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    PERCENT,
    TIMESTAMP,
    USD,
    Check,
    Column,
    Table,
    not_negative,
)

_OF_RANKING = {column.name: column for column in rank_history.TABLE.columns}
RANKED = (
    *("performance_tier", "smart_trader_score", "overall_rank", "skill_rank", "recommended"),
    *("wallet_pnl_version", "settings_hash"),
)
"""What an outcome has of the ranking; the last two are others when the ranking is made again."""

FIGURES = (
    Column("trade_count", COUNT, "Trades of the window."),
    Column("invested_usd", USD, "Known value of the purchases of the window."),
    Column("realized_usd", USD, "Matched proceeds less cost; a sale without a value is a sale for 0."),
    Column("sales", COUNT, "Sales with a matched part."),
    Column("winning_sales", COUNT, "Those of them with a gain."),
    Column("skipped_proceeds_usd", USD, "Proceeds for what was bought before the ranking, or at an unknown cost."),
    Column("open_cost_usd", USD, "Known cost of what was left at the end."),
    Column("open_value_usd", USD, "Value of that by the last trade of anybody, where it is recent."),
    Column("unmarked_cost_usd", USD, "Known cost of that which nobody traded recently: worth nothing to a follower."),
    Column(
        "follow_pnl_usd",
        USD,
        "Realized, and the value of what was left less its cost. No network fees, delay or slippage: an upper bound.",
    ),
    Column("follow_return", PERCENT, "100 x follow_pnl_usd / invested_usd, per dollar bought; null without any."),
)
"""Null where the wallet was not observed."""

TABLE = Table(
    name="gold.outcomes",
    grain="one row per wallet, ranking and horizon",
    key=("ranked_at", "horizon_days", "wallet_address"),
    job="evaluate",
    columns=(
        _OF_RANKING["ranked_at"],
        _OF_RANKING["ranking_date"],
        Column("horizon_days", COUNT, "Days of the window, which begins after ranked_at.", nullable=False),
        _OF_RANKING["wallet_address"],
        *(_OF_RANKING[name] for name in RANKED),
        Column(
            "is_observed",
            BOOLEAN,
            "All trades of the window are known; once they are, they stay known.",
            nullable=False,
        ),
        *FIGURES,
        Column("computed_at", TIMESTAMP, "Business time of the last change of a figure.", nullable=False),
    ),
    partitioned_by=("ranking_date",),
    checks=(
        Check("observed_or_unknown", "is_observed = (trade_count IS NOT NULL)"),
        *not_negative("trade_count", "invested_usd", "skipped_proceeds_usd", "open_cost_usd", "open_value_usd"),
    ),
)
