"""silver.rejected_rows: trade rows of swaps that cannot be stored as a trade."""

from enum import StrEnum

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.tables.state_flags import PNL_COMPUTED
from smart_trader.domain.tables.table import STRING, TIMESTAMP, Column, Table, either


class RejectedReason(StrEnum):
    """Why a swap cannot be stored as a trade."""

    TOO_LARGE = "too_large"


TABLE = Table(
    name="silver.rejected_rows",
    grain="one row per rejected row",
    key=("event_id", "reason"),
    job="silver_pnl",
    columns=(
        Column("event_id", STRING, "Row of bronze.transaction_history.", nullable=False),
        Column("reason", STRING, f"{either(RejectedReason)}.", nullable=False),
        Column("wallet_address", STRING, "Who traded.", nullable=False),
        Column("tx_hash", STRING, "Signature of the transaction.", nullable=False),
        Column("detail", STRING, "What the reason means."),
        Column("raw", STRING, "The row as served.", nullable=False),
        Column(
            "rejected_at",
            TIMESTAMP,
            "Time of the block: the same input gives the same row.",
            nullable=False,
        ),
    ),
    clustered_by=("wallet_address",),
    reset_on_restore=(PNL_COMPUTED,),
)

_MOST_SENT_AROUND = 100_000
"""Rejected rows that the driver can send to all tasks at once."""


def with_text(rejected: DataFrame, count: int, history: DataFrame) -> DataFrame:
    """The `count` rejected rows with their text in `history`, which did not travel with them: it is ten times as long
    as what they need."""
    if not count:
        return rejected.where("false").withColumn("raw", F.lit(""))
    texts = history.select("event_id", "raw")
    return texts.join(F.broadcast(rejected) if count <= _MOST_SENT_AROUND else rejected, "event_id")
