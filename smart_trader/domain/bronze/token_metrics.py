"""bronze.token_metrics: what the token list said, snapshot by snapshot."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from smart_trader.domain.bronze import payload
from smart_trader.domain.bronze.payload import Record, Rejected, Unusable
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
        Column("logo_uri", STRING, "As served, chosen by the token's maker: hostile text."),
        Column("price", PRICE, "USD of one whole token."),
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
            "Why the token is not tracked by this snapshot: no_symbol, no_price, no_liquidity, low_liquidity.",
            owner="silver_tokens",
        ),
        Column("raw", STRING, "The item as served, compact JSON with sorted keys.", nullable=False),
    ),
    partitioned_by=("processing_date",),
    vouched_by=(SNAPSHOTS_JUDGED,),
)

SOURCE = "token_list"
"""The endpoint, as `bronze.rejected_rows` names it."""
_BIGINT = 2**63


def parse_token(item: Any, *, fetched_at: datetime) -> Record | Rejected:
    """The snapshot that `item` makes, or why it makes none. Never raises.

    Figures that cannot be read are null, but for the liquidity: a token must not fall out of the list in silence.
    """
    try:
        return _record(item, fetched_at)
    except Unusable as why:
        return payload.rejected(item, why, source=SOURCE, at=fetched_at, token=_mint(item))


def _record(item: Any, fetched_at: datetime) -> Record:
    if type(item) is not dict:
        raise Unusable("not_an_object", "row", item)
    return {
        "token_address": payload.address(item.get("address"), "address"),
        "symbol": payload.text(item.get("symbol")),
        "name": payload.text(item.get("name")),
        "decimals": payload.decimals(item.get("decimals")),
        "logo_uri": payload.text(item.get("logo_uri")),
        "price": _not_negative(payload.figure(item.get("price"), payload.PRICE)),
        "liquidity": _liquidity(item.get("liquidity")),
        "market_cap": _usd(item, "market_cap"),
        "fdv": _usd(item, "fdv"),
        "holder": _count(item, "holder"),
        "recent_listing_time": payload.time(item.get("recent_listing_time")),
        "last_trade_unix_time": payload.time(item.get("last_trade_unix_time")),
        **{name: _usd(item, name) for name in (f"volume_{w}_usd" for w in WINDOWS)},
        **{name: _percent(item, name) for name in (f"volume_{w}_change_percent" for w in WINDOWS)},
        **{name: _percent(item, name) for name in (f"price_change_{w}_percent" for w in WINDOWS)},
        **{name: _count(item, name) for name in (f"trade_{w}_count" for w in WINDOWS)},
        "processing_date": fetched_at.date(),
        "processed": False,
        "processed_at": None,
        "not_tracked_reason": None,
        "raw": payload.json_text(item),
    }


def _mint(item: Any) -> str | None:
    return payload.text(item.get("address")) if type(item) is dict else None


def _liquidity(value: Any) -> Decimal | None:
    liquidity = _not_negative(payload.figure(value, payload.USD))
    if liquidity is None and value is not None:
        raise Unusable("bad_liquidity", "liquidity", value)
    return liquidity


def _usd(item: Record, field: str) -> Decimal | None:
    return _not_negative(payload.figure(item.get(field), payload.USD))


def _percent(item: Record, field: str) -> Decimal | None:
    return payload.figure(item.get(field), payload.PERCENT)


def _count(item: Record, field: str) -> int | None:
    count = payload.whole(item.get(field), _BIGINT)
    return None if count is None or count < 0 else count


def _not_negative(value: Decimal | None) -> Decimal | None:
    return None if value is None or value < 0 else value
