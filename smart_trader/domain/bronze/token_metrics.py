"""bronze.token_metrics: what the token list said, snapshot by snapshot."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from smart_trader.domain.tables.state_flags import SNAPSHOTS_JUDGED
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    DATE,
    INT,
    PERCENT,
    PRICE,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
)

WINDOWS = ("1h", "2h", "4h", "8h", "24h")


class NotTrackedReason(StrEnum):
    """Why silver_tokens does not track the token of a snapshot."""

    NO_SYMBOL = "no_symbol"
    NO_PRICE = "no_price"
    NO_LIQUIDITY = "no_liquidity"
    LOW_LIQUIDITY = "low_liquidity"


TABLE = Table(
    name="bronze.token_metrics",
    grain="one row per token and snapshot",
    key=("token_address", "batch_id"),
    job="bronze_tokens",
    columns=(
        Column("token_address", STRING, "Mint address, base58.", nullable=False),
        Column("symbol", STRING, "As served, chosen by the token's maker: hostile text."),
        Column("name", STRING, "As served, chosen by the token's maker: hostile text."),
        Column("decimals", INT, "Decimal places of the token's base unit."),
        Column("multiplier", PRICE, "Units of 10^decimals base units; null unless scaled, 0 if not given."),
        Column("logo_uri", STRING, "As served, chosen by the token's maker: hostile text."),
        Column("price", PRICE, "USD a unit."),
        Column("liquidity", USD, "USD in the token's pools."),
        Column("market_cap", USD, "USD, of the circulating supply."),
        Column("fdv", USD, "Fully diluted value, USD."),
        Column("holder", COUNT, "Number of holders."),
        Column("recent_listing_time", TIMESTAMP, "When a pool last listed the token."),
        Column("last_trade_unix_time", TIMESTAMP, "When the token was last traded by anybody."),
        *(Column(f"volume_{w}_usd", USD, f"Traded in the last {w}, USD.") for w in WINDOWS),
        *(Column(f"volume_{w}_change_percent", PERCENT, f"Volume of {w} against the {w} before.") for w in WINDOWS),
        *(Column(f"price_change_{w}_percent", PERCENT, f"Price against {w} ago.") for w in WINDOWS),
        *(Column(f"trade_{w}_count", COUNT, f"Trades in the last {w}.") for w in WINDOWS),
        Column("processing_date", DATE, "Day of the snapshot's business time, UTC.", nullable=False),
        Column("processed", BOOLEAN, "Judged by silver_tokens.", nullable=False, owner="silver_tokens"),
        Column("processed_at", TIMESTAMP, "Business time of that judgement.", owner="silver_tokens"),
        Column(
            "not_tracked_reason",
            STRING,
            f"Why the token is not tracked by this snapshot: {', '.join(NotTrackedReason)}.",
            owner="silver_tokens",
        ),
        Column("raw", STRING, "The item as served, compact JSON with sorted keys.", nullable=False),
    ),
    partitioned_by=("processing_date",),
    reset_on_restore=(SNAPSHOTS_JUDGED,),
)


@dataclass(frozen=True, slots=True)
class TokenCriteria:
    """Which tokens of the market are listed."""

    min_liquidity_usd: Decimal
    max_liquidity_usd: Decimal
    min_volume_1h_usd: Decimal
    min_price_change_24h_percent: Decimal
    min_price_change_2h_percent: Decimal
    min_holders: int
