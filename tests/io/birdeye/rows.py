"""Valid API rows to spoil, and the recorded ones."""

import copy
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_trader.domain.bronze.records import Record, Rejected
from smart_trader.domain.bronze.whale_holders import HolderAccount
from smart_trader.domain.tables.table import Table
from smart_trader.io.birdeye.fields import json_text
from smart_trader.io.http.json_body import parse_json

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
WALLET = "HhD25cE6M4PiTtJfbMKj2J8gnjMUnVHkVtQS3bzpCNen"
OTHER = "MfDuWeqSHEqTFVYZ7LoexgAK9dxk7cy4DFJWjWMGVWa"
MINT = "BDWvvvKUS9c3C4Rz1w9tk5uD519CzD2f6n7zBk2Bbonk"
SOL = "So11111111111111111111111111111111111111112"
POOL = "GNnJhyq7Jswm6YtfNNPkjwGeMEEaEpBa3PeG3YwHQoYw"
TX = "5dRK75rVdwVwbFfwSrdTDZLhxsTZdpYHDnAb83pBhQrrDydwxApgAUAWkSmQBiu4xBUS1XejuqxmxdFJzXeuxFK2"

# Recorded: a sale of DELULU for SOL.
TRADE = """
{"quote": {"symbol": "DELULU", "decimals": 6, "address": "BDWvvvKUS9c3C4Rz1w9tk5uD519CzD2f6n7zBk2Bbonk",
   "amount": 28691345364, "type": "transferChecked", "type_swap": "from", "ui_amount": 28691.345364,
   "price": 0.0035533755982611382, "nearest_price": 0.0035296153124395996,
   "change_amount": -28691345364, "ui_change_amount": -28691.345364},
 "base": {"symbol": "SOL", "decimals": 9, "address": "So11111111111111111111111111111111111111112",
   "amount": 515677997, "type": "transferChecked", "type_swap": "to", "ui_amount": 0.515677997,
   "price": 197.70307651447155, "nearest_price": 197.70307651447155,
   "change_amount": 515677997, "ui_change_amount": 0.515677997},
 "base_price": 197.70307651447155, "quote_price": 0.0035533755982611382,
 "tx_hash": "5dRK75rVdwVwbFfwSrdTDZLhxsTZdpYHDnAb83pBhQrrDydwxApgAUAWkSmQBiu4xBUS1XejuqxmxdFJzXeuxFK2",
 "source": "raydium_cp", "block_unix_time": 1753110551, "tx_type": "swap",
 "address": "GNnJhyq7Jswm6YtfNNPkjwGeMEEaEpBa3PeG3YwHQoYw",
 "owner": "HhD25cE6M4PiTtJfbMKj2J8gnjMUnVHkVtQS3bzpCNen", "block_number": 354797902,
 "volume_usd": 101.95112649772044, "volume": 0.515677997, "ins_index": 2, "inner_ins_index": null,
 "signers": ["HhD25cE6M4PiTtJfbMKj2J8gnjMUnVHkVtQS3bzpCNen"],
 "interacted_program_id": "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"}
"""

SAMPLES = Path(os.environ.get("SMART_TRADER_SAMPLES", "../shared/reference/birdeye_samples"))
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded samples: set SMART_TRADER_SAMPLES")

MISSING = object()


def trade(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The recorded trade with some fields changed: `{"base.price": None}`; `MISSING` removes one."""
    return changed(parse_json(TRADE.encode()), changes or {})


def changed(item: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    item = copy.deepcopy(item)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = item
        for parent in parents:
            place = place[parent]
        if value is MISSING:
            place.pop(last, None)
        else:
            place[last] = value
    return item


def recorded(name: str) -> list[Any]:
    """The rows of a recorded answer, or of a list of labelled rows."""
    answer = parse_json((SAMPLES / name).read_bytes())
    if isinstance(answer, dict):
        items: list[Any] = answer["data"]["items"]
        return items
    return [item.get("row", item) for item in answer]


def as_served(rows: Iterable[Record | Rejected | HolderAccount]) -> list[Any]:
    """The items of the API that `rows` were made of."""
    return [parse_json((row["raw"] if isinstance(row, dict) else row.raw).encode()) for row in rows]


def assert_fits(record: dict[str, Any], table: Table) -> None:
    """Each value is of its column's type and fits it, so that Spark stores it as it is."""
    assert list(record) == list(table.column_names)
    for column in table.columns:
        value = record[column.name]
        if value is None:
            assert column.nullable, column.name
        else:
            _FITS[column.type.typeName()](value, column.type)


def assert_rejected(item: Any, rejected: Rejected) -> None:
    assert rejected.raw == json_text(item)
    assert rejected.reason.isascii()
    assert len(rejected.detail) < 300
    for text in (rejected.raw, rejected.detail, rejected.token_address or ""):
        assert "\0" not in text
        text.encode()


def _fits_decimal(value: Any, column: Any) -> None:
    assert type(value) in (int, Decimal)
    if column.scale == 0:
        assert type(value) is int
    exact = Decimal(value)
    assert exact.is_finite()
    assert exact.copy_abs() < 10 ** (column.precision - column.scale)
    assert exact.as_tuple().exponent >= -column.scale


def _fits_text(value: Any, _: Any) -> None:
    assert type(value) is str
    assert "\0" not in value
    value.encode()


def _is_utc(value: Any, _: Any) -> None:
    assert type(value) is datetime
    assert value.utcoffset() is not None
    assert datetime(2020, 1, 1, tzinfo=UTC) < value < datetime(2100, 1, 2, tzinfo=UTC)


def _has_type(kind: type, limit: int = 0) -> Any:
    def fits(value: Any, _: Any) -> None:
        assert type(value) is kind
        assert not limit or -limit < value < limit

    return fits


def _fits_list(value: Any, column: Any) -> None:
    assert type(value) is list
    for item in value:
        _fits_text(item, column)


_FITS = {
    "decimal": _fits_decimal,
    "string": _fits_text,
    "timestamp": _is_utc,
    "date": _has_type(type(NOW.date())),
    "integer": _has_type(int, 2**31),
    "long": _has_type(int, 2**63),
    "boolean": _has_type(bool),
    "array": _fits_list,
}
