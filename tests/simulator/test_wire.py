"""The simulator's texts have the shape of the recorded ones."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_trader.simulator.addresses import EXCHANGES, INCINERATOR, WRAPPED_SOL, address, base58, is_address, signature
from smart_trader.simulator.market import Market
from smart_trader.simulator.wire import json_text, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (17140000.0, "17140000"),
        (1e20, "100000000000000000000"),
        (0.1, "0.1"),
        (5.149e-05, "0.00005149"),
        (1.2583e-07, "1.2583e-7"),
        (1e-10, "1e-10"),
        (10**38 - 1, "9" * 38),
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1e+3"),
        (None, "null"),
    ],
)
def test_numbers_are_written_as_the_api_writes_them(value: Any, text: str) -> None:
    assert number(value) == text


def test_any_value_reads_back_the_same() -> None:
    value = {"a": [1, Decimal("0.123456789012345678901234567890"), None, True], 'q"': "\u202e\x00<é", "b": {}}
    assert json.loads(json_text(value), parse_float=Decimal) == value


def test_base58_of_known_addresses() -> None:
    assert base58(bytes(32)) == "1" * 32
    assert base58(b"\0\x01") == "12"
    assert base58(bytes.fromhex("73696d706c792061206c6f6e6720737472696e67")) == "2cFupjhnEsSn59qHXstmK2ffpLv2"
    assert all(is_address(known) for known in (WRAPPED_SOL, INCINERATOR, *EXCHANGES))
    assert not any(is_address(text) for text in ("", "0" * 44, WRAPPED_SOL + "1", WRAPPED_SOL[:-2], "I" * 43))
    assert {len(address("any", nth)) for nth in range(500)} <= {43, 44}
    assert {len(signature("any", nth)) for nth in range(500)} <= {86, 87, 88}


def recorded(samples: Path, pattern: str) -> list[dict[str, Any]]:
    """Items of all samples of that name, whatever stands around them."""
    found = []
    for path in sorted(samples.glob(pattern)):
        content = json.loads(path.read_text(), parse_float=Decimal)
        items = content if isinstance(content, list) else content["data"]["items"]
        found += [item.get("row", item) for item in items]
    return found


def served(texts: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(text, parse_float=Decimal) for text in texts]


def kinds(rows: Iterable[Mapping[str, Any]], path: str = "") -> dict[str, set[str]]:
    """JSON types seen at each path; a double may happen to be integral."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for key, value in row.items():
            if isinstance(value, dict) and key in ("base", "quote"):
                for name, types in kinds([value], f"{path}leg.").items():
                    seen[name] |= types
            else:
                seen[path + key].add("number" if isinstance(value, (int, Decimal)) else type(value).__name__)
    return seen


@pytest.fixture(scope="module")
def rows(market: Market) -> list[dict[str, Any]]:
    return served(row.text for rows in market.trades.values() for row in rows)


NEWER = ("is_scaled_ui_token", "multiplier")
"""Keys that came after the samples were recorded."""


def test_trade_rows_have_the_recorded_keys_in_the_recorded_order(samples: Path, rows: list[dict[str, Any]]) -> None:
    shapes = {tuple(row) for row in recorded(samples, "trader_txs_*.json")}
    assert {tuple(row) for row in rows} == shapes
    leg = tuple(recorded(samples, "trader_txs_complete_1*.json")[0]["base"])
    without_nearest = tuple(key for key in leg if key != "nearest_price")
    for row in rows:
        added = NEWER if row["block_unix_time"] >= 1_754_006_400 else ()
        assert tuple(row["base"]) in (leg + added, without_nearest + added)


def test_trade_rows_have_the_recorded_types_and_documented_nulls(samples: Path, rows: list[dict[str, Any]]) -> None:
    mine, theirs = kinds(rows), kinds(recorded(samples, "trader_txs_*.json"))
    may_be_null = {"leg.price", "base_price", "quote_price", "volume_usd", "leg.decimals"}
    for key, types in theirs.items():
        assert mine[key] - ({"NoneType"} if key in may_be_null else set()) <= types, key
    assert mine["leg.amount"] == theirs["leg.amount"] == {"number", "str"}
    assert mine["signers"] == theirs["signers"] == {"list", "NoneType"}


def test_token_and_holder_items_have_the_recorded_shape(samples: Path, market: Market) -> None:
    mine = served(entry.text for entry in market.tokens)
    theirs = recorded(samples, "token_list_v3_items.json")
    assert {tuple(item) for item in mine} == {(*item, *NEWER) for item in theirs}
    for key, types in kinds(theirs).items():
        documented_null = {"NoneType"} if "change" in key or key in ("logo_uri", "extensions") else set()
        assert kinds(mine)[key] <= types | documented_null, key
    holders = served(text for texts in market.holders.values() for text in texts)
    recorded_holders = recorded(samples, "token_holder_v3_item.json")
    assert {key: types for key, types in kinds(holders).items() if key not in NEWER} == kinds(recorded_holders)
    assert {tuple(item) for item in holders} == {(*item, *NEWER) for item in recorded_holders}


def test_display_figures_are_doubles_of_the_exact_amounts(market: Market) -> None:
    decimals = {entry.fields["address"]: entry.fields["decimals"] for entry in market.tokens}
    for rows in market.trades.values():
        for row in rows[:20]:
            fields = json.loads(row.text)
            for leg in (fields["base"], fields["quote"]):
                assert leg["ui_amount"] == abs(leg["ui_change_amount"])
                assert (leg["type_swap"] == "from") == (leg["change_amount"] < 0)
                is_silent = leg.get("is_scaled_ui_token") and leg["multiplier"] is None
                if leg["address"] in decimals and not is_silent:
                    raw, multiplier = round(leg["change_amount"]), leg.get("multiplier") or 1
                    assert float(leg["ui_change_amount"]) == raw / 10 ** decimals[leg["address"]] * multiplier
