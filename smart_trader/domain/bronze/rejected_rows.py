"""bronze.rejected_rows: API rows that could not be used, with the reason and the text."""

from smart_trader.domain.marks import HOLDERS_READ, TRADES_READ
from smart_trader.domain.table import STRING, TIMESTAMP, Column, Table

TABLE = Table(
    name="bronze.rejected_rows",
    grain="one row per refused API row",
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
    vouched_by=(TRADES_READ, HOLDERS_READ),
)
