"""Tokens: the query of `/defi/v3/token/list`, and its items as rows of bronze.token_metrics."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from smart_trader.domain.bronze.decimals import PERCENT, PRICE, USD
from smart_trader.domain.bronze.records import Record, Rejected, RejectionReason, Source
from smart_trader.domain.bronze.token_metrics import WINDOWS, TokenCriteria
from smart_trader.io.birdeye import fields
from smart_trader.io.birdeye.fields import RejectedField

_BIGINT = 2**63


def query_of(criteria: TokenCriteria) -> dict[str, str]:
    """The parameters that ask for the tokens that meet `criteria`."""
    return {
        "min_liquidity": _plain(criteria.min_liquidity_usd),
        "max_liquidity": _plain(criteria.max_liquidity_usd),
        "min_volume_1h_usd": _plain(criteria.min_volume_1h_usd),
        "min_price_change_24h_percent": _plain(criteria.min_price_change_24h_percent),
        "min_price_change_2h_percent": _plain(criteria.min_price_change_2h_percent),
        "min_holder": str(criteria.min_holders),
    }


def parse_token(item: Any, *, fetched_at: datetime) -> Record | Rejected:
    """The snapshot that `item` makes, or why it makes none. Never raises.

    Figures that cannot be read are null, but for the liquidity: a token must not fall out of the list in silence.
    """
    try:
        return _record(item, fetched_at)
    except RejectedField as why:
        return fields.rejected(item, why, source=Source.TOKEN_LIST, at=fetched_at, token=_mint(item))


def total_supply_in(raw: str) -> Decimal | None:
    """`total_supply` (units) in the `raw` of a row of bronze.token_metrics; older answers have none."""
    item = json.loads(raw, parse_float=Decimal, parse_int=Decimal)
    return fields.figure(item.get("total_supply"), PRICE) if isinstance(item, dict) else None


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _record(item: Any, fetched_at: datetime) -> Record:
    if type(item) is not dict:
        raise RejectedField(RejectionReason.NOT_AN_OBJECT, "row", item)
    return {
        "token_address": fields.address(item.get("address"), "address"),
        "symbol": fields.text(item.get("symbol")),
        "name": fields.text(item.get("name")),
        "decimals": fields.decimals(item.get("decimals")),
        "multiplier": fields.multiplier(item),
        "logo_uri": fields.text(item.get("logo_uri")),
        "price": _not_negative(fields.figure(item.get("price"), PRICE)),
        "liquidity": _liquidity(item.get("liquidity")),
        "market_cap": _usd(item, "market_cap"),
        "fdv": _usd(item, "fdv"),
        "holder": _count(item, "holder"),
        "recent_listing_time": fields.time(item.get("recent_listing_time")),
        "last_trade_unix_time": fields.time(item.get("last_trade_unix_time")),
        **{name: _usd(item, name) for name in (f"volume_{w}_usd" for w in WINDOWS)},
        **{name: _percent(item, name) for name in (f"volume_{w}_change_percent" for w in WINDOWS)},
        **{name: _percent(item, name) for name in (f"price_change_{w}_percent" for w in WINDOWS)},
        **{name: _count(item, name) for name in (f"trade_{w}_count" for w in WINDOWS)},
        "processing_date": fetched_at.date(),
        "processed": False,
        "processed_at": None,
        "not_tracked_reason": None,
        "raw": fields.json_text(item),
    }


def _mint(item: Any) -> str | None:
    return fields.text(item.get("address")) if type(item) is dict else None


def _liquidity(value: Any) -> Decimal | None:
    liquidity = _not_negative(fields.figure(value, USD))
    if liquidity is None and value is not None:
        raise RejectedField(RejectionReason.BAD_LIQUIDITY, "liquidity", value)
    return liquidity


def _usd(item: Record, field: str) -> Decimal | None:
    return _not_negative(fields.figure(item.get(field), USD))


def _percent(item: Record, field: str) -> Decimal | None:
    return fields.figure(item.get(field), PERCENT)


def _count(item: Record, field: str) -> int | None:
    count = fields.whole(item.get(field), _BIGINT)
    return None if count is None or count < 0 else count


def _not_negative(value: Decimal | None) -> Decimal | None:
    return None if value is None or value < 0 else value
