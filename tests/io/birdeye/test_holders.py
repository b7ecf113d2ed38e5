"""Accounts of the API become rows of bronze.whale_holders; tests/domain/bronze has how they are added up."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from smart_trader.domain.bronze.records import Rejected
from smart_trader.domain.bronze.whale_holders import TABLE, HeldToken, add_up_holders
from smart_trader.io.birdeye.holders import parse_account
from smart_trader.io.http.json_body import parse_json
from tests.io.birdeye.rows import MINT, MISSING, NOW, POOL, WALLET, assert_fits, changed, needs_samples, recorded

ACCOUNT = {
    "amount": "139366170110914",
    "decimals": 6,
    "mint": MINT,
    "owner": WALLET,
    "token_account": "9ooqvpk6b13EV4BSfqKNdeRDWyM3qWQ6cfZGtSLoLmh9",
    "ui_amount": Decimal("139366170.110914"),
}
HELD = HeldToken(MINT, "DELULU", "Delulu", price=Decimal("0.0035"), total_supply=Decimal(10**9))


def holder_of(item: Any, token: HeldToken = HELD) -> dict[str, Any]:
    account = parse_account(item, mint=token.mint, fetched_at=NOW)
    [holder], rejected = add_up_holders([account], token=token, fetched_at=NOW)
    assert rejected == []
    return holder


def test_a_recorded_account():
    holder = holder_of(ACCOUNT)
    raw = holder.pop("raw")
    assert parse_json(raw.encode()) == [ACCOUNT]
    assert holder == {
        "wallet_address": WALLET,
        "token_address": MINT,
        "token_symbol": "DELULU",
        "token_name": "Delulu",
        "rank": 1,
        "amount": 139366170110914,
        "ui_amount": Decimal("139366170.110914"),
        "decimals": 6,
        "multiplier": None,
        "token_accounts": 1,
        "holdings_value_usd": Decimal("487781.595388199"),
        "share_of_supply_pct": Decimal("13.936617"),
        "rank_date": NOW.date(),
        "fetched_at": NOW,
    }


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({"amount": 7}, 7),
        ({"amount": 2**70}, 2**70),
        ({"amount": 0}, 0),
        ({"amount": Decimal("7.1"), "ui_amount": Decimal("0.0000074")}, 7),
        ({"amount": None, "ui_amount": Decimal("0.0000075")}, 8),
        ({"amount": MISSING, "ui_amount": "2"}, 2_000_000),
        ({"mint": MISSING}, 139366170110914),
    ],
)
def test_the_exact_amount(changes, amount):
    assert holder_of(changed(ACCOUNT, changes))["amount"] == amount


def test_what_is_held_of_a_scaled_token_is_shown_and_valued_by_units() -> None:
    scaled = changed(ACCOUNT, {"is_scaled_ui_token": True, "multiplier": 10, "amount": None, "ui_amount": 20})
    holder = holder_of(scaled)
    assert (holder["amount"], holder["multiplier"], holder["ui_amount"]) == (2_000_000, 10, 20)
    assert (holder["holdings_value_usd"], holder["share_of_supply_pct"]) == (Decimal("0.07"), Decimal("0.000002"))
    unknown = holder_of(changed(scaled, {"amount": "7", "multiplier": None}))
    assert (unknown["amount"], unknown["multiplier"]) == (7, 0)
    assert (unknown["ui_amount"], unknown["holdings_value_usd"], unknown["share_of_supply_pct"]) == (None, None, None)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "not_an_object"),
        (changed(ACCOUNT, {"mint": POOL}), "wrong_mint"),
        (changed(ACCOUNT, {"mint": {}}), "wrong_mint"),
        (changed(ACCOUNT, {"owner": None}), "no_address"),
        (changed(ACCOUNT, {"owner": "0"}), "bad_address"),
        (changed(ACCOUNT, {"amount": None, "decimals": -1}), "no_amount"),
        (changed(ACCOUNT, {"amount": "-7"}), "bad_amount"),
        (changed(ACCOUNT, {"amount": "7.5", "ui_amount": None}), "no_amount"),
        (changed(ACCOUNT, {"amount": None, "decimals": None}), "no_amount"),
        (changed(ACCOUNT, {"amount": None, "is_scaled_ui_token": True}), "no_amount"),
        (changed(ACCOUNT, {"amount": "1" * 39}), "too_large"),
        (changed(ACCOUNT, {"amount": Decimal("1e400")}), "too_large"),
    ],
)
def test_what_is_no_account(item, reason):
    rejected = parse_account(item, mint=MINT, fetched_at=NOW)
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.reason, rejected.token_address) == ("token_holder", reason, MINT)
    assert rejected.rejected_at == NOW


@needs_samples
@pytest.mark.parametrize("name", ["token_holder_v3_item.json", "doc_example_token_holder_v3.json"])
def test_every_recorded_account_is_read(name):
    for item in recorded(name):
        holder = holder_of(item, replace(HELD, mint=item["mint"]))
        assert_fits(holder, TABLE)
        assert holder["ui_amount"] == item["ui_amount"]
