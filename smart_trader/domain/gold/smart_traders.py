"""gold.smart_traders: the current ranking of every qualified wallet."""

from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.domain.kernel.wallets import WalletClass
from smart_trader.domain.silver import wallet_pnl
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    PERCENT,
    RATIO,
    SCORE,
    STRING,
    STRINGS,
    TIMESTAMP,
    USD,
    Column,
    Table,
    either,
    one_of,
)

WINDOW_DAYS = (7, 30, 90)


def _window(days: int) -> tuple[Column, ...]:
    return (
        Column(
            f"realized_pnl_{days}d",
            USD,
            f"Realized PnL of the {days} days before ranked_at.",
            nullable=False,
        ),
        Column(
            f"cost_of_sold_{days}d",
            USD,
            f"Cost of the matched sales of those {days} days.",
            nullable=False,
        ),
        Column(
            f"win_rate_{days}d",
            PERCENT,
            f"Winning of the matched sales of those {days} days; null without any.",
        ),
        Column(
            f"matched_sales_{days}d",
            COUNT,
            f"Matched sales of those {days} days.",
            nullable=False,
        ),
        Column(
            f"trade_count_{days}d",
            COUNT,
            f"Trades of those {days} days.",
            nullable=False,
        ),
    )


_EVIDENCE = (
    Column("score_rank", COUNT, "Place by smart_trader_score, then PnL, then address."),
    Column("skill_rank", COUNT, "Place by skill_return_low, then skill_win_rate_low, then address; unknown last."),
    Column("skill_win_rate", PERCENT, "Win rate of decided tokens, shrunk towards that of all persons."),
    Column("skill_win_rate_low", PERCENT, "Its one-sided lower bound at 95 %, at least 0."),
    Column("skill_return", PERCENT, "Mean return per decided token, shrunk towards that of all persons."),
    Column("skill_return_low", PERCENT, "Its one-sided lower bound at 95 %."),
    Column("pnl_ex_best_sale", USD, "Realized PnL without the best sale; null without a sale."),
    Column("pnl_ex_best_3_sales", USD, "Realized PnL without the three best sales; null without a sale."),
    Column("best_sale_share", RATIO, "Share of gross gains from the best sale; null without gains."),
    Column("wallet_class", STRING, f"{either(WalletClass)}."),
)
"""Null in a ranking from before they were added."""
DISCOVERY = (
    Column("discovered_at", TIMESTAMP, "When it was first seen as a holder; null if it was only ever named by hand."),
    Column("since_discovery_invested", USD, "Known value of what it bought since; null if it was not discovered."),
    Column("since_discovery_pnl", USD, "What following it since would have brought, without fees, delay or slippage."),
    Column("since_discovery_return", PERCENT, "100 x that / invested, per dollar bought; null where nothing was."),
    Column("since_discovery_sales", COUNT, "Sales since of what was bought since."),
    Column("since_discovery_winning_sales", COUNT, "Those of them with a gain."),
)
"""Null in a ranking from before they were added, too."""

TABLE = Table(
    name="gold.smart_traders",
    grain="one row per qualified wallet, current ranking",
    key=("wallet_address",),
    job="gold_traders",
    columns=(
        Column("wallet_address", STRING, "Who traded.", nullable=False),
        Column(
            "performance_tier",
            STRING,
            f"{either(PerformanceTier)}.",
            nullable=False,
        ),
        Column("smart_trader_score", SCORE, "0 to 100.", nullable=False),
        Column("profitability_score", SCORE, "PnL part, 0 to 100.", nullable=False),
        Column("roi_score", SCORE, "ROI part, 0 to 100.", nullable=False),
        Column("win_rate_score", SCORE, "Win rate part, 0 to 100.", nullable=False),
        Column("activity_score", SCORE, "Activity part, 0 to 100.", nullable=False),
        Column(
            "overall_rank",
            COUNT,
            "1 is the best of all qualified wallets.",
            nullable=False,
        ),
        Column("tier_rank", COUNT, "1 is the best of the tier.", nullable=False),
        Column("recommended", BOOLEAN, "Passes every gate: safe to follow.", nullable=False),
        Column(
            "gate_failures",
            STRINGS,
            "Every condition of `recommended` that failed.",
            nullable=False,
        ),
        *wallet_pnl.FIGURES,
        Column(
            "pnl_change",
            USD,
            "PnL against the previous ranking; null for a wallet that was not there.",
        ),
        Column("avg_trade_size_usd", USD, "(bought + sold) / trades."),
        Column("sell_ratio_percent", PERCENT, "Sells of trades.", nullable=False),
        Column(
            "trading_experience_days",
            COUNT,
            "First to last trade, counted up, at least 1.",
            nullable=False,
        ),
        Column("tokens_traded", COUNT, "Distinct tokens.", nullable=False),
        *(column for days in WINDOW_DAYS for column in _window(days)),
        *_EVIDENCE,
        *DISCOVERY,
        Column("ranked_at", TIMESTAMP, "Business time of the ranking.", nullable=False),
        Column(
            "wallet_pnl_version",
            COUNT,
            "Version of silver.wallet_pnl that was ranked.",
            nullable=False,
        ),
    ),
    checks=(one_of("performance_tier", PerformanceTier),),
)
