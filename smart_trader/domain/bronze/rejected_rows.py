"""bronze.rejected_rows: API rows that could not be used, with the reason and the text."""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.bronze.records import RejectionReason, Source
from smart_trader.domain.tables.state_flags import HOLDERS_READ, TRADES_READ
from smart_trader.domain.tables.table import STRING, TIMESTAMP, Column, Table

TABLE = Table(
    name="bronze.rejected_rows",
    grain="one row per rejected API row",
    key=("source", "raw_sha256"),
    job="bronze_tokens, bronze_whales, bronze_transactions",
    columns=(
        Column(
            "source",
            STRING,
            "Endpoint that served the row: token_list, token_holder, trader_txs.",
            nullable=False,
        ),
        Column("raw_sha256", STRING, "SHA-256 of `raw`, lower-case hex.", nullable=False),
        Column("reason", STRING, "One word of a fixed set.", nullable=False),
        Column("detail", STRING, "What was wrong with this row."),
        Column("wallet_address", STRING, "The wallet asked for."),
        Column("token_address", STRING, "The token asked for."),
        Column(
            "raw",
            STRING,
            "The row as served, compact JSON with sorted keys.",
            nullable=False,
        ),
        Column("rejected_at", TIMESTAMP, "Business time of the fetch.", nullable=False),
    ),
    reset_on_restore=(TRADES_READ, HOLDERS_READ),
)

_NO_TRADE_OF_THE_WALLET = (RejectionReason.WRONG_OWNER, RejectionReason.NOT_A_SWAP)


def unread_trades(rejected: DataFrame) -> DataFrame:
    """Trade rows of wallets among `rejected`, rows of the table: `wallet_address`, `tx_hash`, `rejected_at`.

    The hash is null where it is what could not be read. `rejected_at` is when the row was written.
    """
    is_trade = (F.col("source") == Source.TRADER_TXS) & ~F.col("reason").isin(*_NO_TRADE_OF_THE_WALLET)
    return rejected.where(is_trade).select(
        "wallet_address",
        F.get_json_object("raw", "$.tx_hash").alias("tx_hash"),
        F.col("ingested_at").alias("rejected_at"),
    )


def count_unread(unread: DataFrame, history: DataFrame) -> DataFrame:
    """`rejected_rows` of each wallet in `unread`: those of whose transaction no row of `history` was written later.

    `history` are rows of bronze.transaction_history. Half of a transaction that could be read makes up for nothing.
    """
    place = ("wallet_address", "tx_hash")
    transactions = F.broadcast(unread.select(*place).distinct())
    landed = history.join(transactions, list(place), "left_semi").groupBy(*place)
    return (
        unread.join(landed.agg(F.max("ingested_at").alias("landed_at")), list(place), "left")
        .groupBy("wallet_address")
        .agg(F.count_if(still_counts(F.col("rejected_at"), F.col("landed_at"))).alias("rejected_rows"))
    )


def still_counts(rejected_at: SparkColumn, landed_at: SparkColumn) -> SparkColumn:
    """Whether nothing makes up for a row that was rejected then: the last readable one of its transaction is older."""
    return landed_at.isNull() | (landed_at <= rejected_at)
