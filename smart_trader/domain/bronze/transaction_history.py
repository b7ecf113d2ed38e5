"""bronze.transaction_history: the trade rows of wallets, one per instruction, as served."""

from hashlib import sha256

from smart_trader.domain.bronze.records import Record
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
        Column(f"{side}_ui_change_amount", PRICE, "Units, signed; null where it does not fit."),
        Column(f"{side}_multiplier", PRICE, "Units of 10^decimals base units; null unless scaled, 0 if not given."),
        Column(f"{side}_price", PRICE, "USD a unit, used for this row."),
        Column(f"{side}_nearest_price", PRICE, "USD a unit near the time; can be the stale one."),
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
    reset_on_restore=(TRADES_READ,),
)


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
