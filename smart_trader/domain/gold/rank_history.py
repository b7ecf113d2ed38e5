"""gold.rank_history: every ranking that was ever made, with what it was made from."""

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.gold import smart_traders
from smart_trader.domain.tables.state_flags import CERTIFIED
from smart_trader.domain.tables.table import BOOLEAN, COUNT, DATE, PERCENT, STRING, Column, Table

_OF_TRADERS = {column.name: column for column in smart_traders.TABLE.columns}

TABLE = Table(
    name="gold.rank_history",
    grain="one row per wallet and ranking",
    key=("ranked_at", "wallet_address"),
    job="gold_traders",
    columns=(
        _OF_TRADERS["ranked_at"],
        Column("ranking_date", DATE, "Its day, UTC.", nullable=False),
        *(_OF_TRADERS[name] for name in ("wallet_address", "performance_tier", "smart_trader_score")),
        *(_OF_TRADERS[name] for name in ("overall_rank", "tier_rank")),
        Column("recommended", BOOLEAN, "Passed every gate.", nullable=False),
        *(replace(_OF_TRADERS[name], nullable=False) for name in ("total_pnl", "realized_pnl")),
        Column("roi", PERCENT, "100 x realized / cost of sold."),
        Column("win_rate", PERCENT, "100 x winning / matched sales."),
        _OF_TRADERS["wallet_pnl_version"],
        Column(
            "trades_version",
            COUNT,
            "Version of silver.trades at that time.",
            nullable=False,
        ),
        Column(
            "settings_hash",
            STRING,
            "Settings that the ranking was made with.",
            nullable=False,
        ),
        *(_OF_TRADERS[name] for name in ("score_rank", "skill_rank")),
        *(replace(_OF_TRADERS[name], nullable=True) for name in ("trade_count", "avg_holding_time_hours")),
        _OF_TRADERS["wallet_class"],
    ),
    partitioned_by=("ranking_date",),
    reset_on_restore=(CERTIFIED,),
)


def made_last(history: DataFrame) -> DataFrame:
    """A row of the ranking that was made last, whatever business time it has: one of the future must not hide it."""
    made = (F.desc(name) for name in ("wallet_pnl_version", "trades_version", "ingested_at", "ranked_at"))
    return history.orderBy(*made).limit(1)
