from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from smart_trader.domain.bronze.records import Rejected
from smart_trader.domain.bronze.token_metrics import TABLE
from smart_trader.io.birdeye.tokens import parse_token, total_supply_in
from smart_trader.io.http.json_body import parse_json
from tests.io.birdeye.rows import MINT, MISSING, NOW, assert_fits, changed, needs_samples, recorded

# Recorded, shortened to fewer windows.
TOKEN = parse_json(b"""
{"address": "PAWSEt8tsgMFXQVHeSZjn6GsMnCfL4nKtANgaT7vJ96", "logo_uri": "https://ipfs.io/ipfs/bafy",
 "name": "PAWSE", "symbol": "PAWSE ", "decimals": 9, "extensions": {"description": "quiet"},
 "market_cap": 3851241.4368894524, "fdv": 3851241.4368894524, "liquidity": 164136.95065347367,
 "last_trade_unix_time": 1750347733, "volume_1h_usd": 1251201.1251306743,
 "volume_1h_change_percent": -71.85424386452647, "volume_24h_usd": 83472417.25561422,
 "volume_24h_change_percent": 26301.946028602822, "trade_1h_count": 1060, "trade_24h_count": 67468,
 "price": 0.00038512427153692465, "price_change_1h_percent": null, "price_change_24h_percent": null,
 "holder": 32, "recent_listing_time": 1750258346, "total_supply": 10000000000}
""")


def parsed(changes=None):
    record = parse_token(changed(TOKEN, changes or {}), fetched_at=NOW)
    assert not isinstance(record, Rejected), record
    return record


def test_a_recorded_item():
    record = {name: value for name, value in parsed().items() if value is not None and name != "raw"}
    assert record == {
        "token_address": "PAWSEt8tsgMFXQVHeSZjn6GsMnCfL4nKtANgaT7vJ96",
        "symbol": "PAWSE",
        "name": "PAWSE",
        "decimals": 9,
        "logo_uri": "https://ipfs.io/ipfs/bafy",
        "price": Decimal("0.000385124271536925"),
        "liquidity": Decimal("164136.950653474"),
        "market_cap": Decimal("3851241.436889452"),
        "fdv": Decimal("3851241.436889452"),
        "holder": 32,
        "recent_listing_time": datetime(2025, 6, 18, 14, 52, 26, tzinfo=UTC),
        "last_trade_unix_time": datetime(2025, 6, 19, 15, 42, 13, tzinfo=UTC),
        "volume_1h_usd": Decimal("1251201.125130674"),
        "volume_24h_usd": Decimal("83472417.255614220"),
        "volume_1h_change_percent": Decimal("-71.854244"),
        "volume_24h_change_percent": Decimal("26301.946029"),
        "trade_1h_count": 1060,
        "trade_24h_count": 67468,
        "processing_date": date(2026, 1, 5),
        "processed": False,
    }


@pytest.mark.parametrize(("shown", "stored"), [(599921.27, "599921.27"), (99999.99, "99999.99"), (100000, "100000")])
def test_liquidity_at_the_limits_keeps_its_cents(shown, stored):
    value = parse_json(str(shown).encode())
    assert parsed({"liquidity": value})["liquidity"] == Decimal(stored)


@pytest.mark.parametrize("value", ["NaN", "lots", True, [], -1, Decimal("-0.5"), Decimal("1e400"), 10**19])
def test_a_token_whose_liquidity_cannot_be_read_is_rejected_with_its_address(value):
    rejected = parse_token(changed(TOKEN, {"liquidity": value}), fetched_at=NOW)
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.reason) == ("token_list", "bad_liquidity")
    assert rejected.token_address == TOKEN["address"]


@pytest.mark.parametrize("value", [None, MISSING])
def test_an_unknown_liquidity_is_not_zero(value):
    assert parsed({"liquidity": value})["liquidity"] is None


@pytest.mark.parametrize("field", ["price", "fdv", "market_cap", "holder", "volume_1h_usd", "trade_1h_count"])
@pytest.mark.parametrize("value", [None, MISSING, "NaN", -3, True, {}, Decimal("1e400")])
def test_other_figures_that_cannot_be_are_null(field, value):
    assert parsed({field: value})[field] is None


@pytest.mark.parametrize("time", [0, -1, None, 1750347733000, "soon"])
def test_times_that_cannot_be_are_null(time):
    assert parsed({"last_trade_unix_time": time})["last_trade_unix_time"] is None


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "not_an_object"),
        ({}, "no_address"),
        (changed(TOKEN, {"address": "0OIl"}), "bad_address"),
        (changed(TOKEN, {"address": ["x"]}), "bad_address"),
    ],
)
def test_what_is_no_token(item, reason):
    rejected = parse_token(item, fetched_at=NOW)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason


@pytest.mark.parametrize(
    ("extra", "supply"),
    [
        ({"total_supply": Decimal("607331645.8349773")}, Decimal("607331645.8349773")),
        ({"total_supply": 10**9}, Decimal(10**9)),
        ({}, None),
        ({"total_supply": None}, None),
        ({"total_supply": "NaN"}, None),
        ({"total_supply": Decimal("1e400")}, None),
    ],
)
def test_the_supply_stands_in_the_raw_text_of_the_token(extra, supply):
    record = parse_token({"address": MINT, **extra}, fetched_at=NOW)
    assert total_supply_in(record["raw"]) == supply


@needs_samples
@pytest.mark.parametrize("name", ["token_list_v3_items.json", "doc_example_token_list_v3.json"])
def test_every_recorded_item_is_read(name):
    items = recorded(name)
    assert items
    for item in items:
        record = parse_token(item, fetched_at=NOW)
        assert_fits(record, TABLE)
        assert record["liquidity"] == round(item["liquidity"], 9)


def test_a_scaled_token_has_its_multiplier_or_0():
    assert parsed()["multiplier"] is None
    assert parsed({"is_scaled_ui_token": True, "multiplier": Decimal("1.5")})["multiplier"] == Decimal("1.5")
    assert parsed({"is_scaled_ui_token": True})["multiplier"] == 0
    assert parsed({"is_scaled_ui_token": False, "multiplier": 3})["multiplier"] is None
