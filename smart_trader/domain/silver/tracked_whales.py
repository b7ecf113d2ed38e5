"""silver.tracked_whales: who holds what, and how far each wallet has been read."""

from smart_trader.domain.table import BOOLEAN, INT, PRICE, STRING, TIMESTAMP, USD, Column, Table, one_of

TABLE = Table(
    name="silver.tracked_whales",
    grain="one row per wallet and token",
    key=("whale_id",),
    job="silver_whales",
    columns=(
        Column("whale_id", STRING, "SHA-256 of wallet and mint.", nullable=False),
        Column("wallet_address", STRING, "The holder.", nullable=False),
        Column("token_address", STRING, "Mint; null for a wallet that was named by hand and holds none."),
        Column("token_symbol", STRING, "Hostile text."),
        Column("token_name", STRING, "Hostile text."),
        Column("rank", INT, "Among the holders of the token when last seen."),
        Column("ui_amount", PRICE, "Whole tokens held when last seen."),
        Column("holdings_value_usd", USD, "What they were worth."),
        Column("whale_tier", STRING, "MEGA, LARGE, MEDIUM, SMALL or MINIMAL by that value.", nullable=False),
        Column("is_current", BOOLEAN, "Holder in the newest snapshot of that token.", nullable=False),
        Column("discovered_at", TIMESTAMP, "Business time of the first snapshot with this row.", nullable=False),
        Column("discovered_via", STRING, "The token that led to this wallet first."),
        Column("wallet_class", STRING, "person, bot, pool or exchange; null before the first PnL.", True, "silver_pnl"),
        Column("class_reason", STRING, "Why.", True, "silver_pnl"),
        Column("txns_fetch_status", STRING, "Trades: pending or completed.", False, "bronze_transactions"),
        Column("txns_last_fetched_at", TIMESTAMP, "Business time of the last fetch.", True, "bronze_transactions"),
        Column(
            "history_complete", BOOLEAN, "Every page down to the first trade was read.", True, "bronze_transactions"
        ),
        Column("oldest_trade_at", TIMESTAMP, "Reading goes on from here when cut.", True, "bronze_transactions"),
        Column("newest_trade_at", TIMESTAMP, "The next fetch reads back to here.", True, "bronze_transactions"),
        Column("gap_newer_than", TIMESTAMP, "Lower end of a stretch not read yet.", True, "bronze_transactions"),
        Column("gap_older_than", TIMESTAMP, "Upper end of that stretch.", True, "bronze_transactions"),
        Column("attempts", INT, "Failed fetches in a row.", False, "bronze_transactions"),
        Column("last_error", STRING, "Why the last fetch failed.", True, "bronze_transactions"),
        Column("pnl_processing_status", STRING, "PnL: pending or completed.", False, "silver_pnl"),
        Column("pnl_last_processed_at", TIMESTAMP, "Business time of the last PnL.", True, "silver_pnl"),
    ),
    checks=(
        one_of("whale_tier", "MEGA", "LARGE", "MEDIUM", "SMALL", "MINIMAL"),
        one_of("wallet_class", "person", "bot", "pool", "exchange"),
        one_of("txns_fetch_status", "pending", "completed"),
        one_of("pnl_processing_status", "pending", "completed"),
    ),
)
