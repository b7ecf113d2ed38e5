"""silver.wallet_pnl: profit and loss per wallet and token, and per wallet."""

from pyspark.sql import types as T

from smart_trader.domain.kernel.marks import MarkReason
from smart_trader.domain.tables.state_flags import PNL_COMPUTED
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    HOURS,
    PERCENT,
    PRICE,
    RATIO,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
    one_of,
)

ALL_TOKENS = "ALL_TOKENS"
"""Stands for the mint in the row of a whole wallet."""

FIGURES = (
    Column("realized_pnl", USD, "Matched proceeds less first-in-first-out cost."),
    Column(
        "unrealized_pnl",
        USD,
        "Mark value less cost of open lots of known cost; null without a mark.",
    ),
    Column("total_pnl", USD, "Realized, and unrealized as far as known."),
    Column("cost_of_sold", USD, "Cost of the matched sales."),
    Column("roi", PERCENT, "100 x realized / cost of sold; null when that cost is 0."),
    Column("win_rate", PERCENT, "100 x winning / matched sales; null without any."),
    Column("winning_sales", COUNT, "Sales with a realized PnL above 0.", nullable=False),
    Column("matched_sales", COUNT, "Sales with a matched part and a value.", nullable=False),
    Column("token_win_rate", PERCENT, "100 x winning / decided tokens; null without any."),
    Column(
        "winning_tokens",
        COUNT,
        "Closed or dead tokens that made money.",
        nullable=False,
    ),
    Column("losing_tokens", COUNT, "Closed or dead tokens that lost money.", nullable=False),
    Column("win_rate_lower_bound", PERCENT, "Wilson 95 % lower bound of token_win_rate."),
    Column("trade_count", COUNT, "Trades after netting.", nullable=False),
    Column("buy_count", COUNT, "Purchases.", nullable=False),
    Column("sell_count", COUNT, "Sales.", nullable=False),
    Column("total_bought", USD, "Known value of purchases."),
    Column("total_sold", USD, "Known value of sales, matched or not."),
    Column(
        "coverage_ratio",
        RATIO,
        "Matched / all proceeds by value; null without proceeds.",
    ),
    Column("unmatched_proceeds", USD, "Proceeds whose cost is unknown; never profit."),
    Column(
        "avg_holding_time_hours",
        HOURS,
        "Holding hours of the sales, weighted by cost; null without cost.",
    ),
    Column(
        "trade_frequency_daily",
        RATIO,
        "Trades per day from first to last; null without trades.",
    ),
    Column(
        "current_position_tokens",
        T.DecimalType(38, 18),
        "Units in open lots; null where it does not fit.",
    ),
    Column(
        "current_position_cost_basis",
        USD,
        "Known cost of open lots; null if none is known.",
    ),
    Column(
        "current_position_value",
        USD,
        "Worth of open lots by the mark; null where it was refused.",
    ),
    Column("unmarked_cost_basis", USD, "Known cost of open lots whose mark was refused."),
    Column("mark_price", PRICE, "Price of the token's newest snapshot, also when refused."),
    Column(
        "mark_reason",
        STRING,
        f"Why the mark was refused: {', '.join(MarkReason)}.",
    ),
    Column("first_transaction", TIMESTAMP, "First trade."),
    Column("last_transaction", TIMESTAMP, "Last trade."),
    Column(
        "history_complete",
        BOOLEAN,
        "Every page down to the first trade was read, and every trade row on them could be.",
        nullable=False,
    ),
    Column(
        "arbitrage_tx_count",
        COUNT,
        "Transactions that left money only; null on token rows.",
    ),
    Column(
        "rejected_rows",
        COUNT,
        "Trade rows that could not be read, and rows in silver.rejected_rows; null on token rows.",
    ),
    Column(
        "pnl_ex_best_token",
        USD,
        "Realized PnL without the best token; null on token rows.",
    ),
    Column(
        "best_token_share",
        RATIO,
        "Share of gross gains from the best token; null on token rows.",
    ),
    Column("best_trade_roi", PERCENT, "Largest 100 x realized / cost of a sale with cost."),
    Column(
        "trusted_pnl",
        USD,
        "Realized over the sales that are trusted or lost money; a sale without a value counts as one for 0.",
    ),
    Column("trusted_cost_of_sold", USD, "Cost of those sales."),
    Column("trusted_sales", COUNT, "Number of those sales."),
    Column("trusted_winning_sales", COUNT, "Those of them with a gain, all of which are trusted."),
    Column("trusted_roi", PERCENT, "100 x trusted_pnl / their cost; null when that cost is 0."),
    Column("trusted_win_rate", PERCENT, "100 x winning / trusted_sales; null without any."),
    Column(
        "trusted_ratio",
        RATIO,
        "Matched proceeds of trusted sales / all matched proceeds; null without proceeds.",
    ),
)
"""What is known about a wallet's trading, in one token or in all: shared with gold.smart_traders."""

TABLE = Table(
    name="silver.wallet_pnl",
    grain="one row per wallet and token, and one per wallet with token_address ALL_TOKENS",
    key=("wallet_address", "token_address"),
    job="silver_pnl",
    columns=(
        Column("wallet_address", STRING, "Who traded.", nullable=False),
        Column("token_address", STRING, "Mint, or ALL_TOKENS.", nullable=False),
        *FIGURES,
        Column(
            "multiplier",
            PRICE,
            "Units of 10^decimals base units by the newest row that says it; null unless scaled, 0 if none does.",
        ),
        Column(
            "computed_at",
            TIMESTAMP,
            "Business time of the figures that age: marks, dead tokens.",
            nullable=False,
        ),
        Column("moved_to_gold", BOOLEAN, "Seen by a ranking.", False, "gold_traders"),
        Column(
            "gold_processed_at",
            TIMESTAMP,
            "Business time of that ranking.",
            True,
            "gold_traders",
        ),
    ),
    clustered_by=("wallet_address",),
    checks=(one_of("mark_reason", MarkReason),),
    reset_on_restore=(PNL_COMPUTED,),
)
