"""bronze.transaction_history: the trade rows of wallets, one per instruction, as served."""

from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from smart_trader.domain.bronze import payload
from smart_trader.domain.bronze.payload import Record, Rejected, Unusable
from smart_trader.domain.tables.state_flags import TRADES_READ
from smart_trader.domain.tables.table import (
    COUNT,
    DATE,
    INT,
    PRICE,
    RAW,
    STRING,
    STRINGS,
    TIMESTAMP,
    USD,
    Column,
    Table,
)


def _leg(side: str) -> tuple[Column, ...]:
    return (
        Column(f"{side}_address", STRING, f"Mint of the {side} leg; the pool decides which leg that is.", False),
        Column(f"{side}_symbol", STRING, "As served, chosen by the token's maker: hostile text."),
        Column(f"{side}_decimals", INT, "Decimal places of the base unit."),
        Column(f"{side}_change_raw", RAW, "Base units, signed: below zero left the wallet.", False),
        Column(f"{side}_ui_change_amount", PRICE, "Whole tokens, signed; null where it does not fit."),
        Column(f"{side}_price", PRICE, "USD used for this row."),
        Column(f"{side}_nearest_price", PRICE, "USD near the time; can be the stale one."),
        Column(f"{side}_type_swap", STRING, "`from`: given away, `to`: received."),
    )


TABLE = Table(
    name="bronze.transaction_history",
    grain="one row per trade row (instruction)",
    key=("event_id",),
    job="bronze_transactions",
    columns=(
        Column("event_id", STRING, "SHA-256 of what identifies the instruction (docs/pnl.md).", nullable=False),
        Column("wallet_address", STRING, "The wallet asked for.", nullable=False),
        Column("tx_hash", STRING, "Signature of the transaction; several rows share it.", nullable=False),
        Column("block_time", TIMESTAMP, "Time of the block, whole seconds, UTC.", nullable=False),
        Column("block_number", COUNT, "Slot; missing sorts first."),
        Column("ins_index", INT, "Instruction in the transaction; missing on order books."),
        Column("inner_ins_index", INT, "Inner instruction."),
        Column("pool_address", STRING, "The pool, or the market of an order book; null where no address is served."),
        Column("source", STRING, "Name of the exchange."),
        Column("tx_type", STRING, "Always `swap`.", nullable=False),
        *_leg("base"),
        *_leg("quote"),
        Column("volume_usd", USD, "USD value of the row as served."),
        Column("signers", STRINGS, "Who signed; may lack the wallet."),
        Column("interacted_program_id", STRING, "Program that was called."),
        Column("transaction_date", DATE, "Day of `block_time`, UTC.", nullable=False),
        Column("fetched_at", TIMESTAMP, "Business time of the fetch that served the row first.", nullable=False),
        Column("raw", STRING, "The row as served, compact JSON with sorted keys.", nullable=False),
    ),
    clustered_by=("wallet_address",),
    vouched_by=(TRADES_READ,),
)

SOURCE = "trader_txs"
"""The endpoint, as `bronze.rejected_rows` names it."""
_INT, _BIGINT = 2**31, 2**63


_CLOCKS_DIFFER = timedelta(days=1)
"""A later time is no time, such as one in milliseconds. Of an earlier one the clock may be wrong."""


def parse_trade(item: Any, *, wallet: str, fetched_at: datetime, now: datetime) -> Record | Rejected:
    """The row that `item`, served for `wallet`, makes, or why it makes none. Never raises. Rules: docs/pnl.md §1.

    `fetched_at` is the business time of the fetch, `now` its time by the clock.
    """
    try:
        return _record(item, wallet, fetched_at, now)
    except Unusable as why:
        return payload.rejected(item, why, source=SOURCE, at=fetched_at, wallet=wallet)


def event_id(record: Record) -> str:
    """Identity of an instruction. The amounts are in it for order books, which serve two fills alike but for them."""
    parts = (
        record["wallet_address"],
        record["tx_hash"],
        record["ins_index"],
        record["inner_ins_index"],
        record["pool_address"],
        record["base_address"],
        record["quote_address"],
        record["base_change_raw"],
        record["quote_change_raw"],
    )
    return sha256("|".join(["" if part is None else str(part) for part in parts]).encode()).hexdigest()


def _record(item: Any, wallet: str, fetched_at: datetime, now: datetime) -> Record:
    if type(item) is not dict:
        raise Unusable("not_an_object", "row", item)
    if item.get("owner") not in (None, wallet):
        raise Unusable("wrong_owner", "owner", item["owner"])
    if item.get("tx_type") not in (None, "swap"):
        raise Unusable("not_a_swap", "tx_type", item["tx_type"])
    block_time, pool = _block_time(item, now), item.get("address")
    record = {
        "wallet_address": wallet,
        "tx_hash": payload.signature(item.get("tx_hash"), "tx_hash"),
        "block_time": block_time,
        "block_number": payload.whole(item.get("block_number"), _BIGINT),
        "ins_index": _index(item, "ins_index"),
        "inner_ins_index": _index(item, "inner_ins_index"),
        "pool_address": pool if type(pool) is str and payload.is_address(pool) else None,
        "source": payload.text(item.get("source")),
        "tx_type": "swap",
        **_leg_columns(item.get("base"), "base"),
        **_leg_columns(item.get("quote"), "quote"),
        "volume_usd": payload.figure(item.get("volume_usd"), payload.USD),
        "signers": _signers(item.get("signers")),
        "interacted_program_id": payload.text(item.get("interacted_program_id")),
        "transaction_date": block_time.date(),
        "fetched_at": fetched_at,
        "raw": payload.json_text(item),
    }
    return {"event_id": event_id(record), **record}


def _leg_columns(leg: Any, side: str) -> Record:
    if type(leg) is not dict:
        raise Unusable("no_leg", side, leg)
    mint = payload.address(leg.get("address"), f"{side}.address")
    places = payload.decimals(leg.get("decimals"))
    return {
        f"{side}_address": mint,
        f"{side}_symbol": payload.text(leg.get("symbol")),
        f"{side}_decimals": places,
        f"{side}_change_raw": _change_raw(leg, side, places),
        f"{side}_ui_change_amount": payload.figure(leg.get("ui_change_amount"), payload.PRICE),
        f"{side}_price": payload.figure(leg.get("price"), payload.PRICE),
        f"{side}_nearest_price": payload.figure(leg.get("nearest_price"), payload.PRICE),
        f"{side}_type_swap": payload.text(leg.get("type_swap")),
    }


def _change_raw(leg: Record, side: str, places: int | None) -> int:
    """Signed base units, from the most exact of the three figures that say it."""
    change = payload.base_units(leg.get("change_amount"), f"{side}.change_amount")
    if change is not None:
        return change
    amount = payload.base_units(leg.get("amount"), f"{side}.amount")
    shown = payload.number(leg.get("ui_change_amount"))
    if amount is not None and amount >= 0:
        return _signed(amount, shown, leg, side)
    if shown is None or places is None:
        raise Unusable("no_amount", side, leg)
    return payload.base_units_of_whole(shown, places, f"{side}.ui_change_amount")


def _signed(amount: int, shown: Decimal | None, leg: Record, side: str) -> int:
    """`amount` carries no sign: it stands in the display figure, or in the direction."""
    if shown:
        return -amount if shown < 0 else amount
    direction = leg.get("type_swap")
    if amount and direction not in ("from", "to"):
        raise Unusable("no_direction", side, leg)
    return -amount if direction == "from" else amount


def _block_time(item: Record, now: datetime) -> datetime:
    seconds = item.get("block_unix_time")
    time = payload.time(seconds)
    if time is None or time > now + _CLOCKS_DIFFER:
        raise Unusable("no_time" if seconds is None else "bad_time", "block_unix_time", seconds)
    return time


def _index(item: Record, field: str) -> int | None:
    """A number that identifies the row: it may be missing, but not be something else.

    Without it, the row would land a second time as soon as it is served right.
    """
    value = item.get(field)
    if value is None:
        return None
    index = payload.whole(value, _INT)
    if index is None:
        raise Unusable("bad_index", field, value)
    return index


def _signers(value: Any) -> list[str] | None:
    if type(value) is not list:
        return None
    signers = [payload.text(signer) for signer in value]
    return None if None in signers else signers  # type: ignore[return-value]  # `in` narrows nothing
