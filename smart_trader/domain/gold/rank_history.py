"""gold.rank_history: every ranking that was ever made, with what it was made from."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.tables.table import BOOLEAN, COUNT, DATE, PERCENT, SCORE, STRING, TIMESTAMP, USD, Column, Table

TABLE = Table(
    name="gold.rank_history",
    grain="one row per wallet and ranking",
    key=("ranked_at", "wallet_address"),
    job="gold_traders",
    columns=(
        Column("ranked_at", TIMESTAMP, "Business time of the ranking.", nullable=False),
        Column("ranking_date", DATE, "Its day, UTC.", nullable=False),
        Column("wallet_address", STRING, "Who traded.", nullable=False),
        Column(
            "performance_tier",
            STRING,
            "ELITE, STRONG, PROMISING or QUALIFIED.",
            nullable=False,
        ),
        Column("smart_trader_score", SCORE, "0 to 100.", nullable=False),
        Column(
            "overall_rank",
            COUNT,
            "1 is the best of all qualified wallets.",
            nullable=False,
        ),
        Column("tier_rank", COUNT, "1 is the best of the tier.", nullable=False),
        Column("recommended", BOOLEAN, "Passed every gate.", nullable=False),
        Column(
            "total_pnl",
            USD,
            "Realized, and unrealized as far as known.",
            nullable=False,
        ),
        Column(
            "realized_pnl",
            USD,
            "Matched proceeds less first-in-first-out cost.",
            nullable=False,
        ),
        Column("roi", PERCENT, "100 x realized / cost of sold."),
        Column("win_rate", PERCENT, "100 x winning / matched sales."),
        Column(
            "wallet_pnl_version",
            COUNT,
            "Version of silver.wallet_pnl that was ranked.",
            nullable=False,
        ),
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
    ),
    partitioned_by=("ranking_date",),
)


def made_last(history: DataFrame) -> DataFrame:
    """A row of the ranking that was made last, whatever business time it has: one of the future must not hide it."""
    made = (F.desc(name) for name in ("wallet_pnl_version", "trades_version", "ingested_at", "ranked_at"))
    return history.orderBy(*made).limit(1)
