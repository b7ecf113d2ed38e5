"""silver.rejected_rows: trade rows of transactions that cannot be read as a trade."""

from smart_trader.domain.kernel.netting import NettingReason
from smart_trader.domain.tables.state_flags import PNL_COMPUTED
from smart_trader.domain.tables.table import STRING, TIMESTAMP, Column, Table, either

TABLE = Table(
    name="silver.rejected_rows",
    grain="one row per refused row",
    key=("event_id", "reason"),
    job="silver_pnl",
    columns=(
        Column("event_id", STRING, "Row of bronze.transaction_history.", nullable=False),
        Column("reason", STRING, f"{either(NettingReason)}.", nullable=False),
        Column("wallet_address", STRING, "Who traded.", nullable=False),
        Column("tx_hash", STRING, "Signature of the transaction.", nullable=False),
        Column("detail", STRING, "What was left over after netting."),
        Column("raw", STRING, "The row as served.", nullable=False),
        Column(
            "rejected_at",
            TIMESTAMP,
            "Time of the block: the same input gives the same row.",
            nullable=False,
        ),
    ),
    clustered_by=("wallet_address",),
    vouched_by=(PNL_COMPUTED,),
)
