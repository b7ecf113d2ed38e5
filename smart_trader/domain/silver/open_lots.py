"""silver.open_lots: purchases that have not been sold in full."""

from smart_trader.domain.tables.state_flags import PNL_COMPUTED
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    RAW,
    STRING,
    TIMESTAMP,
    USD,
    Check,
    Column,
    Table,
    not_negative,
)

TABLE = Table(
    name="silver.open_lots",
    grain="one row per open lot",
    key=("trade_id",),
    job="silver_pnl",
    columns=(
        Column("trade_id", STRING, "The BUY in silver.trades.", nullable=False),
        Column("wallet_address", STRING, "Who holds.", nullable=False),
        Column("token_address", STRING, "Mint.", nullable=False),
        Column("acquired_at", TIMESTAMP, "Time of the block, UTC.", nullable=False),
        Column("block_number", COUNT, "Slot; missing sorts first."),
        Column("bought_raw", RAW, "Base units bought.", nullable=False),
        Column("remaining_raw", RAW, "Base units left, above zero.", nullable=False),
        Column("cost_known", BOOLEAN, "Whether the purchase has a value.", nullable=False),
        Column("remaining_cost_usd", USD, "Cost of what is left; null when unknown."),
    ),
    clustered_by=("wallet_address",),
    checks=(
        Check("something_left", "remaining_raw > 0 AND remaining_raw <= bought_raw"),
        *not_negative("remaining_cost_usd"),
    ),
    reset_on_restore=(PNL_COMPUTED,),
)
