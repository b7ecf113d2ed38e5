"""From the rows of `/trader/txs/seek_by_time` to rows of bronze.transaction_history (the columns that numbers need)."""

import json
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.oracle.numbers import SECOND, Row, id_of, rounded


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def read_items(path: Path) -> list[Row]:
    items: list[Row] = read_json(path)["data"]["items"]
    return items


def bronze_rows(items: Iterable[Row]) -> list[Row]:
    """One row per event; of rows with the same event_id the first that was served stays."""
    rows: dict[str, Row] = {}
    for item in items:
        row = _bronze_row(item)
        rows.setdefault(row["event_id"], row)
    return list(rows.values())


def event_id(row: Row) -> str:
    columns = (
        "wallet_address",
        "tx_hash",
        "ins_index",
        "inner_ins_index",
        "pool_address",
        "base_address",
        "quote_address",
        "base_change_raw",
        "quote_change_raw",
    )
    return id_of(*(row[column] for column in columns))


def _bronze_row(item: Row) -> Row:
    row: Row = {
        "wallet_address": item["owner"],
        "tx_hash": item["tx_hash"],
        "block_time": item["block_unix_time"] * SECOND,
        "block_number": item.get("block_number"),
        "ins_index": item.get("ins_index"),
        "inner_ins_index": item.get("inner_ins_index"),
        "pool_address": item.get("address"),
        "source": item.get("source"),
        "tx_type": item.get("tx_type"),
        "volume_usd": _decimal(item.get("volume_usd"), 9),
    }
    for side in ("base", "quote"):
        leg = item[side]
        row[f"{side}_address"] = leg["address"]
        row[f"{side}_symbol"] = leg.get("symbol")
        row[f"{side}_decimals"] = leg["decimals"]
        row[f"{side}_change_raw"] = _change_raw(leg)
        row[f"{side}_price"] = _decimal(leg.get("price"), 18)
    return row | {"event_id": event_id(row)}


def _change_raw(leg: Row) -> int:
    """`change_amount`, else `amount` with the sign of the direction, else the display figure."""
    change, amount = _integer(leg.get("change_amount")), _integer(leg.get("amount"))
    if change is not None:
        return change
    if amount is not None:
        return -amount if leg["type_swap"] == "from" else amount
    return int(rounded(Fraction(leg["ui_change_amount"]) * 10 ** leg["decimals"], 0))


def _integer(value: Any) -> int | None:
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return None


def _decimal(value: Decimal | int | None, digits: int) -> Decimal | None:
    return None if value is None else rounded(Fraction(value), digits)
