"""silver.realized_sales: what each sale earned, lot by lot first in, first out."""

from smart_trader.domain.tables.state_flags import PNL_COMPUTED
from smart_trader.domain.tables.table import COUNT, HOURS, RAW, STRING, TIMESTAMP, USD, Check, Column, Table

TABLE = Table(
    name="silver.realized_sales",
    grain="one row per sale",
    key=("trade_id",),
    job="silver_pnl",
    columns=(
        Column("trade_id", STRING, "The SELL in silver.trades.", nullable=False),
        Column("wallet_address", STRING, "Who sold.", nullable=False),
        Column("token_address", STRING, "Mint.", nullable=False),
        Column("block_time", TIMESTAMP, "Time of the block, UTC.", nullable=False),
        Column("block_number", COUNT, "Slot; missing sorts first."),
        Column("quantity_raw", RAW, "Base units sold.", nullable=False),
        Column("matched_raw", RAW, "Base units out of lots of known cost.", nullable=False),
        Column(
            "unknown_cost_raw",
            RAW,
            "Base units out of lots of unknown cost.",
            nullable=False,
        ),
        Column("unmatched_raw", RAW, "Base units never seen bought.", nullable=False),
        Column("proceeds_usd", USD, "Value of the sale; null when unknown."),
        Column(
            "matched_proceeds_usd",
            USD,
            "Share of the matched part; null without a value or a match.",
        ),
        Column(
            "cost_usd",
            USD,
            "First-in-first-out cost of the matched part; null without one.",
        ),
        Column(
            "realized_pnl_usd",
            USD,
            "Matched proceeds less cost; network fees are not in the data.",
        ),
        Column(
            "acquired_at",
            TIMESTAMP,
            "When the matched units were bought, weighted by quantity.",
        ),
        Column("holding_hours", HOURS, "From acquired_at to the sale."),
    ),
    clustered_by=("wallet_address",),
    checks=(
        Check(
            "parts_add_up",
            "quantity_raw = matched_raw + unknown_cost_raw + unmatched_raw",
        ),
    ),
    reset_on_restore=(PNL_COMPUTED,),
)
