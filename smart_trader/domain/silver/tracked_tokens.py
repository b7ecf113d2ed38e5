"""silver.tracked_tokens: tokens liquid enough that their holders are worth knowing."""

from pyspark.sql import types as T

from smart_trader.domain.table import (
    BOOLEAN,
    COUNT,
    DATE,
    INT,
    PRICE,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
    one_of,
)

TABLE = Table(
    name="silver.tracked_tokens",
    grain="one row per token",
    key=("token_address",),
    job="silver_tokens",
    columns=(
        Column("token_address", STRING, "Mint address, base58.", nullable=False),
        Column("symbol", STRING, "Hostile text."),
        Column("name", STRING, "Hostile text."),
        Column("decimals", INT, "Decimal places of the token's base unit."),
        Column("liquidity", USD, "USD in the token's pools, newest snapshot.", nullable=False),
        Column("price", PRICE, "USD of one whole token, newest snapshot."),
        Column("fdv", USD, "Fully diluted value, USD."),
        Column("holder", COUNT, "Number of holders."),
        Column("liquidity_tier", STRING, "HIGH, MEDIUM, LOW or MINIMAL by liquidity.", nullable=False),
        Column("fdv_per_holder", T.DecimalType(28, 2), "USD; null without holders."),
        Column("processing_date", DATE, "Day of the newest snapshot.", nullable=False),
        Column("bronze_batch_id", STRING, "Run of the newest snapshot.", nullable=False),
        Column("whale_fetch_status", STRING, "Holders: pending or completed.", False, "bronze_whales"),
        Column("whale_fetched_at", TIMESTAMP, "Business time of the last fetch of holders.", True, "bronze_whales"),
        Column("is_newly_tracked", BOOLEAN, "True until the first fetch of holders.", False, "bronze_whales"),
        Column("attempts", INT, "Failed fetches in a row.", False, "bronze_whales"),
        Column("last_error", STRING, "Why the last fetch failed.", True, "bronze_whales"),
    ),
    checks=(
        one_of("liquidity_tier", "HIGH", "MEDIUM", "LOW", "MINIMAL"),
        one_of("whale_fetch_status", "pending", "completed"),
    ),
)
