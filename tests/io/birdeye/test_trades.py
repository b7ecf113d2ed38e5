import json
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256

import pytest

from smart_trader.domain.bronze.records import Rejected
from smart_trader.domain.bronze.transaction_history import TABLE
from smart_trader.io.birdeye.trades import parse_trade
from tests.io.birdeye.rows import (
    MINT,
    MISSING,
    NOW,
    POOL,
    SAMPLES,
    SOL,
    TX,
    WALLET,
    assert_fits,
    needs_samples,
    recorded,
    trade,
)


def parsed(changes=None):
    record = parse_trade(trade(changes), wallet=WALLET, fetched_at=NOW, now=NOW)
    assert not isinstance(record, Rejected), record
    return record


def reason(changes):
    rejected = parse_trade(trade(changes), wallet=WALLET, fetched_at=NOW, now=NOW)
    assert isinstance(rejected, Rejected)
    return rejected.reason


def test_a_recorded_row():
    record = parsed()
    raw = record.pop("raw")
    assert json.loads(raw, parse_float=Decimal) == trade()
    assert record == {
        # printf '%s' "$wallet|$tx|2||$pool|$SOL|$MINT|515677997|-28691345364" | sha256sum
        "event_id": "d967fe6c03eb8a7d0d6ea3ba248b48b612422678ca7e85875b0721a05dae56dc",
        "wallet_address": WALLET,
        "tx_hash": TX,
        "block_time": datetime(2025, 7, 21, 15, 9, 11, tzinfo=UTC),
        "block_number": 354797902,
        "ins_index": 2,
        "inner_ins_index": None,
        "pool_address": POOL,
        "source": "raydium_cp",
        "tx_type": "swap",
        "base_address": SOL,
        "base_symbol": "SOL",
        "base_decimals": 9,
        "base_change_raw": 515677997,
        "base_ui_change_amount": Decimal("0.515677997"),
        "base_multiplier": None,
        "base_price": Decimal("197.70307651447155"),
        "base_nearest_price": Decimal("197.70307651447155"),
        "base_type_swap": "to",
        "quote_address": MINT,
        "quote_symbol": "DELULU",
        "quote_decimals": 6,
        "quote_change_raw": -28691345364,
        "quote_ui_change_amount": Decimal("-28691.345364"),
        "quote_multiplier": None,
        "quote_price": Decimal("0.003553375598261138"),
        "quote_nearest_price": Decimal("0.003529615312439600"),
        "quote_type_swap": "from",
        "volume_usd": Decimal("101.951126498"),
        "signers": [WALLET],
        "interacted_program_id": "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C",
        "transaction_date": date(2025, 7, 21),
        "fetched_at": NOW,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, -28691345364),
        ({"quote.change_amount": "-28691345364"}, -28691345364),
        # Not an integer: `amount` is the next, its sign stands in the display figure.
        ({"quote.change_amount": Decimal("-28691345364.000004")}, -28691345364),
        ({"quote.change_amount": MISSING, "quote.amount": "7"}, -7),
        ({"quote.change_amount": None, "quote.amount": 7, "quote.ui_change_amount": Decimal("0.000007")}, 7),
        ({"quote.change_amount": None, "quote.amount": 7, "quote.ui_change_amount": None}, -7),
        ({"quote.change_amount": None, "quote.amount": 7, "quote.ui_change_amount": 0}, -7),
        (
            {"quote.change_amount": None, "quote.amount": 0, "quote.ui_change_amount": None, "quote.type_swap": None},
            0,
        ),
        # Neither is: the display figure, a half away from zero.
        ({"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": Decimal("-0.0000025")}, -3),
        ({"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": Decimal("0.0000025")}, 3),
        ({"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": Decimal("0.00000249")}, 2),
        ({"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": "1.5"}, 1_500_000),
        ({"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": 2}, 2_000_000),
        ({"quote.change_amount": Decimal("1e3"), "quote.amount": Decimal("1.0"), "quote.decimals": 0,
          "quote.ui_change_amount": 5}, 5),
        (
            {"quote.change_amount": None, "quote.amount": None, "quote.decimals": 0,
             "quote.ui_change_amount": Decimal("0.4" + "9" * 2000)},
            0,
        ),
        ({"quote.change_amount": 2**64}, 2**64),
        ({"quote.change_amount": 10**38 - 1}, 10**38 - 1),
        ({"quote.change_amount": -(10**38) + 1}, -(10**38) + 1),
    ],
)  # fmt: skip
def test_the_exact_amount(changes, expected):
    assert parsed(changes)["quote_change_raw"] == expected


SCALED = {"quote.is_scaled_ui_token": True, "quote.multiplier": Decimal("2.5")}
SHOWN = {"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": Decimal("-3.0000015")}


@pytest.mark.parametrize(
    ("changes", "multiplier", "raw"),
    [
        ({}, "2.5", -1_200_001),
        ({"quote.multiplier": "2.5"}, "2.5", -1_200_001),
        ({"quote.multiplier": Decimal("1E-7")}, "1E-7", -30_000_015_000_000),
        ({"quote.is_scaled_ui_token": False}, None, -3_000_002),
        ({"quote.is_scaled_ui_token": None}, None, -3_000_002),
        ({"quote.change_amount": -7}, "2.5", -7),
        ({"quote.change_amount": -7, "quote.multiplier": None}, "0", -7),
        ({"quote.change_amount": -7, "quote.multiplier": Decimal("-1")}, "0", -7),
        ({"quote.change_amount": -7, "quote.multiplier": Decimal("1E+21")}, "0", -7),
    ],
)
def test_an_amount_of_a_scaled_token_is_divided_by_its_own_multiplier(changes, multiplier, raw):
    record = parsed({**SHOWN, **SCALED, **changes})
    assert (record["quote_multiplier"], record["quote_change_raw"]) == (multiplier and Decimal(multiplier), raw)
    assert record["base_multiplier"] is None


def test_a_float_that_is_off_in_its_last_digit_is_repaired_from_the_display_figure():
    record = parsed(
        {
            "base.amount": Decimal("16123000000.000002"),
            "base.change_amount": Decimal("16123000000.000002"),
            "base.ui_change_amount": Decimal("16.123"),
        }
    )
    assert record["base_change_raw"] == 16_123_000_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"block_unix_time": MISSING}, "no_time"),
        ({"tx_hash": None}, "no_tx_hash"),
        ({"quote.address": MISSING}, "no_address"),
        ({**SHOWN, **SCALED, "quote.multiplier": None}, "no_amount"),
        ({**SHOWN, "quote.decimals": None}, "no_amount"),
        ({"base": MISSING}, "no_leg"),
        ({"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": None}, "no_amount"),
        ({"quote.change_amount": None, "quote.amount": None, "quote.decimals": None}, "no_amount"),
        ({"quote.change_amount": None, "quote.amount": -7, "quote.ui_change_amount": None}, "no_amount"),
        (
            {"quote.change_amount": None, "quote.amount": 7, "quote.ui_change_amount": None, "quote.type_swap": None},
            "no_direction",
        ),
        ({"owner": POOL}, "wrong_owner"),
        ({"tx_type": "add"}, "not_a_swap"),
        ({"quote.change_amount": 10**38}, "too_large"),
        ({"quote.change_amount": -(10**38)}, "too_large"),
        ({"quote.change_amount": Decimal("1e400")}, "too_large"),
        ({"quote.change_amount": None, "quote.amount": 10**38}, "too_large"),
        (
            {"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": Decimal("1e32")},
            "too_large",
        ),
    ],
)
def test_what_cannot_be_used(changes, expected):
    assert reason(changes) == expected


def test_the_largest_amount_that_only_the_display_figure_says():
    changes = {"quote.change_amount": None, "quote.amount": None, "quote.ui_change_amount": Decimal("9" * 32)}
    assert parsed(changes)["quote_change_raw"] == int("9" * 32 + "0" * 6)


def test_a_missing_owner_or_type_is_what_was_asked_for():
    record = parsed({"owner": MISSING, "tx_type": None})
    assert (record["wallet_address"], record["tx_type"]) == (WALLET, "swap")
    assert record["event_id"] == parsed()["event_id"]


@pytest.mark.parametrize("field", ["block_number", "base_decimals"])
@pytest.mark.parametrize("value", [None, MISSING, "many", Decimal("7.5"), -1, 2**63, {}, []])
def test_what_identity_and_quantity_do_not_need_is_null_where_it_cannot_be_read(field, value):
    record = parsed({field.replace("base_", "base."): value})
    assert record[field] is None or (field, value) == ("block_number", -1)
    assert (record["event_id"], record["base_change_raw"]) == (parsed()["event_id"], 515677997)


@pytest.mark.parametrize("field", ["base_price", "base_nearest_price", "base_ui_change_amount", "volume_usd"])
@pytest.mark.parametrize(
    "value", [None, MISSING, "NaN", "Infinity", True, {}, [1], "", "1,5", Decimal("1e400"), 10**30, "1e999999999"]
)
def test_a_display_figure_that_cannot_be_shown_is_null_and_the_row_stays(field, value):
    record = parsed({field.replace("base_", "base."): value})
    assert record[field] is None
    assert record["base_change_raw"] == 515677997


@pytest.mark.parametrize(
    ("price", "stored"),
    [
        ("0.0000000000000000005", "0.000000000000000001"),
        ("0.00000000000000000049", "0"),
        ("-0.0000000000000000005", "-0.000000000000000001"),
        ("1.2583e-7", "0.00000012583"),
        ("1e-999999999", "0"),
        ("99999999999999999999.4", "99999999999999999999.4"),
        ("99999999999999999999.9999999999999999995", None),
        ("100000000000000000000", None),
        ("1", "1"),
    ],
)
def test_prices_are_rounded_half_up_to_eighteen_digits(price, stored):
    for value in (Decimal(price), price):
        assert parsed({"base.price": value})["base_price"] == (None if stored is None else Decimal(stored))


def test_a_volume_is_rounded_half_up_to_nine_digits():
    assert parsed({"volume_usd": Decimal("0.0000000005")})["volume_usd"] == Decimal("0.000000001")
    assert parsed({"volume_usd": Decimal("9" * 19 + ".4")})["volume_usd"] == Decimal("9" * 19 + ".4")
    assert parsed({"volume_usd": Decimal("9" * 19 + ".9999999995")})["volume_usd"] is None


@pytest.mark.parametrize(
    "time", [0, -1, 1_000_000_000, 1753110551000, 1753110551000000, "2025-07-21", "", True, Decimal("1753110551.5"), {}]
)
def test_a_time_that_is_no_plausible_second_is_not_guessed(time):
    assert reason({"block_unix_time": time}) == "bad_time"


@pytest.mark.parametrize("time", ["1753110551", Decimal("1753110551.0"), Decimal("1.753110551e9")])
def test_a_second_may_be_written_in_other_ways(time):
    assert parsed({"block_unix_time": time})["event_id"] == parsed()["event_id"]


def test_a_time_may_be_a_day_ahead_of_the_clock_and_no_more():
    tomorrow = int(NOW.timestamp()) + 86_400
    assert parsed({"block_unix_time": tomorrow})["transaction_date"] == date(2026, 1, 6)
    assert reason({"block_unix_time": tomorrow + 1}) == "bad_time"


@pytest.mark.parametrize("pool", ["jupiterz", "1" * 31, "1" * 33, "z" * 44, POOL + "\n", "0x" + POOL[2:], 7, [], {}])
def test_what_is_no_address_of_a_pool_is_none_and_the_row_lands(pool):
    """The API serves the name of an exchange for trades that market makers filled."""
    record = parsed({"address": pool, "inner_ins_index": None, "signers": None})
    assert record["pool_address"] is None
    assert record["event_id"] == parsed({"address": MISSING})["event_id"]


def test_the_address_of_the_system_program_is_one():
    assert parsed({"address": "1" * 32})["pool_address"] == "1" * 32


@pytest.mark.parametrize(
    "change",
    [
        {"tx_hash": TX[::-1]},
        {"ins_index": 3},
        {"ins_index": MISSING},
        {"inner_ins_index": 0},
        {"address": SOL},
        {"base.address": POOL},
        {"quote.address": POOL},
        {"base.change_amount": 515677998},
        {"quote.change_amount": 28691345364},
    ],
)
def test_all_that_tells_two_instructions_apart_is_in_the_event_id(change):
    assert parsed(change)["event_id"] != parsed()["event_id"]


@pytest.mark.parametrize(
    "change",
    [{"base.price": 7}, {"volume_usd": None}, {"source": "x"}, {"block_number": 5}, {"signers": None}, {"new": 1}],
)
def test_a_corrected_repeat_has_the_same_event_id(change):
    assert parsed(change)["event_id"] == parsed()["event_id"]


def test_hostile_text_is_kept_but_can_be_stored():
    record = parsed({"base.symbol": " \ud800Fart\0coin\U0001f4a8 ", "source": "=cmd|'/c calc'!A1"})
    assert record["base_symbol"] == "\ufffdFart\ufffdcoin\U0001f4a8"
    assert record["source"] == "=cmd|'/c calc'!A1"
    assert record["raw"].isascii()
    assert json.loads(record["raw"])["base"]["symbol"] == " \ud800Fart\0coin\U0001f4a8 "


@pytest.mark.parametrize("signers", [None, MISSING, "WALLET", [1], [None], {}])
def test_signers_that_are_no_list_of_addresses_are_unknown(signers):
    assert parsed({"signers": signers})["signers"] is None


def test_a_rejected_row_says_where_it_came_from_and_what_was_wrong():
    item = trade({"owner": POOL, "base.price": Decimal("1.50")})
    rejected = parse_trade(item, wallet=WALLET, fetched_at=NOW, now=NOW)
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.wallet_address, rejected.token_address) == ("trader_txs", WALLET, None)
    assert rejected.detail == f'owner: "{POOL}"'
    assert rejected.rejected_at == NOW
    assert '"price":1.50,' in rejected.raw
    assert ": " not in rejected.raw
    assert rejected.raw_sha256 == sha256(rejected.raw.encode()).hexdigest()


def test_the_raw_text_does_not_depend_on_the_order_of_keys():
    item = trade()
    turned = dict(reversed([(k, dict(reversed(v.items())) if isinstance(v, dict) else v) for k, v in item.items()]))
    assert parse_trade(turned, wallet=WALLET, fetched_at=NOW, now=NOW) == parse_trade(
        item, wallet=WALLET, fetched_at=NOW, now=NOW
    )


@needs_samples
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*trader_txs_*.json")), ids=lambda path: path.stem)
def test_every_recorded_row_is_read(path):
    for item in recorded(path.name):
        record = parse_trade(item, wallet=item["owner"], fetched_at=NOW, now=NOW)
        assert not isinstance(record, Rejected), record
        assert_fits(record, TABLE)
        for side in ("base", "quote"):
            leg = item[side]
            # The double that is shown is within one unit of what we call exact.
            assert abs(record[f"{side}_change_raw"] - leg["ui_change_amount"] * 10 ** leg["decimals"]) < max(
                1, abs(record[f"{side}_change_raw"]) * Decimal("1e-15")
            )


@needs_samples
def test_recorded_fills_that_share_their_indices_are_different_events():
    rows = [
        parse_trade(item, wallet=item["owner"], fetched_at=NOW, now=NOW)
        for item in recorded("trader_txs_edge_rows.json")
    ]
    fills = [row for row in rows if row["tx_hash"].startswith("5q38oRGA")]
    assert {(row["ins_index"], row["inner_ins_index"]) for row in fills} == {(None, None)}
    assert len({row["event_id"] for row in fills}) == len({row["raw"] for row in fills}) == 2


@needs_samples
def test_a_row_that_is_on_two_recorded_pages_is_one_event():
    first, second = (
        {
            row["event_id"]: row
            for row in (parse_trade(item, wallet=item["owner"], fetched_at=NOW, now=NOW) for item in page)
        }
        for page in (recorded("trader_txs_drift_offset_000.json"), recorded("trader_txs_drift_offset_100.json"))
    )
    both = first.keys() & second.keys()
    assert len(both) == 20
    assert all(first[event] == second[event] for event in both)
