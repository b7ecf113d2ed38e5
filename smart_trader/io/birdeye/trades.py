"""Trades: the items of `/trader/txs/seek_by_time` as rows of bronze.transaction_history."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from smart_trader.domain.bronze.decimals import PRICE, USD
from smart_trader.domain.bronze.records import Record, Rejected, RejectionReason, Source
from smart_trader.domain.bronze.transaction_history import event_id
from smart_trader.domain.kernel.base58 import is_address
from smart_trader.io.birdeye import fields
from smart_trader.io.birdeye.fields import RejectedField

_INT, _BIGINT = 2**31, 2**63
_CLOCKS_DIFFER = timedelta(days=1)
"""A later time is no time, such as one in milliseconds. Of an earlier one the clock may be wrong."""


def parse_trade(item: Any, *, wallet: str, fetched_at: datetime, now: datetime) -> Record | Rejected:
    """The row that `item`, served for `wallet`, makes, or why it makes none. Never raises. Rules: docs/pnl.md §1.

    `fetched_at` is the business time of the fetch, `now` its time by the clock.
    """
    try:
        return _record(item, wallet, fetched_at, now)
    except RejectedField as why:
        return fields.rejected(item, why, source=Source.TRADER_TXS, at=fetched_at, wallet=wallet)


def _record(item: Any, wallet: str, fetched_at: datetime, now: datetime) -> Record:
    if type(item) is not dict:
        raise RejectedField(RejectionReason.NOT_AN_OBJECT, "row", item)
    if item.get("owner") not in (None, wallet):
        raise RejectedField(RejectionReason.WRONG_OWNER, "owner", item["owner"])
    if item.get("tx_type") not in (None, "swap"):
        raise RejectedField(RejectionReason.NOT_A_SWAP, "tx_type", item["tx_type"])
    block_time, pool = _block_time(item, now), item.get("address")
    record = {
        "wallet_address": wallet,
        "tx_hash": fields.signature(item.get("tx_hash"), "tx_hash"),
        "block_time": block_time,
        "block_number": fields.whole(item.get("block_number"), _BIGINT),
        "ins_index": _index(item, "ins_index"),
        "inner_ins_index": _index(item, "inner_ins_index"),
        "pool_address": pool if type(pool) is str and is_address(pool) else None,
        "source": fields.text(item.get("source")),
        "tx_type": "swap",
        **_leg_columns(item.get("base"), "base"),
        **_leg_columns(item.get("quote"), "quote"),
        "volume_usd": fields.figure(item.get("volume_usd"), USD),
        "signers": _signers(item.get("signers")),
        "interacted_program_id": fields.text(item.get("interacted_program_id")),
        "transaction_date": block_time.date(),
        "fetched_at": fetched_at,
        "raw": fields.json_text(item),
    }
    return {"event_id": event_id(record), **record}


def _leg_columns(leg: Any, side: str) -> Record:
    if type(leg) is not dict:
        raise RejectedField(RejectionReason.NO_LEG, side, leg)
    mint = fields.address(leg.get("address"), f"{side}.address")
    places, multiplier = fields.decimals(leg.get("decimals")), fields.multiplier(leg)
    return {
        f"{side}_address": mint,
        f"{side}_symbol": fields.text(leg.get("symbol")),
        f"{side}_decimals": places,
        f"{side}_change_raw": _change_raw(leg, side, places, multiplier),
        f"{side}_ui_change_amount": fields.figure(leg.get("ui_change_amount"), PRICE),
        f"{side}_multiplier": multiplier,
        f"{side}_price": fields.figure(leg.get("price"), PRICE),
        f"{side}_nearest_price": fields.figure(leg.get("nearest_price"), PRICE),
        f"{side}_type_swap": fields.text(leg.get("type_swap")),
    }


def _change_raw(leg: Record, side: str, places: int | None, multiplier: Decimal | None) -> int:
    """Signed base units, from the most exact of the three figures that say it."""
    change = fields.base_units(leg.get("change_amount"), f"{side}.change_amount")
    if change is not None:
        return change
    amount = fields.base_units(leg.get("amount"), f"{side}.amount")
    shown = fields.number(leg.get("ui_change_amount"))
    if amount is not None and amount >= 0:
        return _signed(amount, shown, leg, side)
    if shown is None or places is None or multiplier == 0:
        raise RejectedField(RejectionReason.NO_AMOUNT, side, leg)
    return fields.base_units_of_units(shown, places, multiplier, f"{side}.ui_change_amount")


def _signed(amount: int, shown: Decimal | None, leg: Record, side: str) -> int:
    """`amount` carries no sign: it stands in the display figure, or in the direction."""
    if shown:
        return -amount if shown < 0 else amount
    direction = leg.get("type_swap")
    if amount and direction not in ("from", "to"):
        raise RejectedField(RejectionReason.NO_DIRECTION, side, leg)
    return -amount if direction == "from" else amount


def _block_time(item: Record, now: datetime) -> datetime:
    seconds = item.get("block_unix_time")
    time = fields.time(seconds)
    if time is None or time > now + _CLOCKS_DIFFER:
        raise RejectedField(
            RejectionReason.NO_TIME if seconds is None else RejectionReason.BAD_TIME, "block_unix_time", seconds
        )
    return time


def _index(item: Record, field: str) -> int | None:
    """A number that identifies the row: it may be missing, but not be something else.

    Without it, the row would land a second time as soon as it is served right.
    """
    value = item.get(field)
    if value is None:
        return None
    index = fields.whole(value, _INT)
    if index is None:
        raise RejectedField(RejectionReason.BAD_INDEX, field, value)
    return index


def _signers(value: Any) -> list[str] | None:
    if type(value) is not list:
        return None
    signers = [fields.text(signer) for signer in value]
    return None if None in signers else signers  # type: ignore[return-value]  # `in` narrows nothing
