"""bronze.whale_holders: the largest holders of a token on a day, account rows added up by owner."""

from smart_trader.domain.table import (
    DATE,
    INT,
    PERCENT,
    PRICE,
    RAW,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
    not_negative,
)

TABLE = Table(
    name="bronze.whale_holders",
    grain="one row per wallet, token and snapshot date",
    key=("wallet_address", "token_address", "rank_date"),
    job="bronze_whales",
    columns=(
        Column("wallet_address", STRING, "Owner of the token accounts.", nullable=False),
        Column("token_address", STRING, "Mint address.", nullable=False),
        Column("token_symbol", STRING, "From the token's newest snapshot."),
        Column("token_name", STRING, "From the token's newest snapshot."),
        Column("rank", INT, "1 is the largest holder among the rows served.", nullable=False),
        Column("amount", RAW, "Base units over all of the owner's accounts that were served.", nullable=False),
        Column("ui_amount", PRICE, "Whole tokens; null where it does not fit."),
        Column("decimals", INT, "Decimal places of the token's base unit."),
        Column("token_accounts", INT, "How many account rows were added up.", nullable=False),
        Column("holdings_value_usd", USD, "Amount at the price of the newest snapshot; null without one."),
        Column("share_of_supply_pct", PERCENT, "Amount of the total supply; null where that is unknown."),
        Column("rank_date", DATE, "Day of the snapshot's business time, UTC.", nullable=False),
        Column("fetched_at", TIMESTAMP, "Business time of the snapshot.", nullable=False),
        Column("raw", STRING, "The account rows as served, a compact JSON list with sorted keys.", nullable=False),
    ),
    partitioned_by=("rank_date",),
    checks=not_negative("amount", "token_accounts"),
)
