from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.bronze.token_metrics import parse_token
from smart_trader.domain.bronze.whale_holders import TABLE, HeldToken, add_up_holders, total_supply_in
from smart_trader.io.http.json_body import parse_json
from tests.bronze.rows import MINT, MISSING, NOW, OTHER, POOL, WALLET, assert_fits, changed, needs_samples, recorded

ACCOUNT = {
    "amount": "139366170110914",
    "decimals": 6,
    "mint": MINT,
    "owner": WALLET,
    "token_account": "9ooqvpk6b13EV4BSfqKNdeRDWyM3qWQ6cfZGtSLoLmh9",
    "ui_amount": Decimal("139366170.110914"),
}
HELD = HeldToken(MINT, "DELULU", "Delulu", price=Decimal("0.0035"), total_supply=Decimal(10**9))


def account(owner, amount, name, **changes):
    return changed(ACCOUNT, {"owner": owner, "amount": amount, "token_account": name, **changes})


def holders_of(*items, token=HELD):
    holders, refused = add_up_holders(items, token=token, fetched_at=NOW)
    assert refused == []
    return holders


def test_a_recorded_account():
    [holder] = holders_of(ACCOUNT)
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
        "token_accounts": 1,
        "holdings_value_usd": Decimal("487781.595388199"),
        "share_of_supply_pct": Decimal("13.936617"),
        "rank_date": NOW.date(),
        "fetched_at": NOW,
    }


def test_accounts_of_one_owner_are_added_up_before_they_are_ranked():
    holders = holders_of(
        account(OTHER, "70", "a"), account(WALLET, "60", "b"), account(POOL, "50", "c"), account(WALLET, "40", "d")
    )
    assert [(h["wallet_address"], h["rank"], h["amount"], h["token_accounts"]) for h in holders] == [
        (WALLET, 1, 100, 2),
        (OTHER, 2, 70, 1),
        (POOL, 3, 50, 1),
    ]


def test_equal_amounts_are_ranked_by_address():
    assert [h["wallet_address"] for h in holders_of(account(WALLET, "5", "a"), account(POOL, "5", "b"))] == [
        POOL,
        WALLET,
    ]


def test_an_account_that_two_pages_serve_counts_once():
    [holder] = holders_of(account(WALLET, "60", "b"), account(WALLET, "61", "b"))
    assert (holder["amount"], holder["token_accounts"]) == (60, 1)


def test_accounts_without_a_name_all_count():
    [holder] = holders_of(account(WALLET, "60", None), account(WALLET, "60", MISSING))
    assert (holder["amount"], holder["token_accounts"]) == (120, 2)


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
    [holder] = holders_of(changed(ACCOUNT, changes))
    assert holder["amount"] == amount


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
        (changed(ACCOUNT, {"amount": "1" * 39}), "too_large"),
        (changed(ACCOUNT, {"amount": Decimal("1e400")}), "too_large"),
    ],
)
def test_a_bad_row_is_refused_and_the_others_land(item, reason):
    good = account(OTHER, "5", "good")
    holders, [refused] = add_up_holders([item, good], token=HELD, fetched_at=NOW)
    assert [h["wallet_address"] for h in holders] == [OTHER]
    assert (refused.source, refused.reason, refused.token_address) == ("token_holder", reason, MINT)


def test_a_sum_that_does_not_fit_refuses_the_account_that_breaks_it():
    most = "9" * 38
    [holder], [refused] = add_up_holders(
        [account(WALLET, most, "a"), account(WALLET, "1", "b")], token=HELD, fetched_at=NOW
    )
    assert (holder["amount"], holder["token_accounts"]) == (int(most), 1)
    assert refused.reason == "too_large"


@pytest.mark.parametrize(
    ("token", "value", "share"),
    [
        (replace(HELD, price=None), None, Decimal("13.936617")),
        (replace(HELD, total_supply=None), Decimal("487781.595388199"), None),
        (replace(HELD, total_supply=Decimal(0)), Decimal("487781.595388199"), None),
        (replace(HELD, total_supply=Decimal(-5)), Decimal("487781.595388199"), None),
        (replace(HELD, price=Decimal(10**19)), None, Decimal("13.936617")),
    ],
)
def test_what_cannot_be_known_is_null(token, value, share):
    [holder] = holders_of(ACCOUNT, token=token)
    assert (holder["holdings_value_usd"], holder["share_of_supply_pct"]) == (value, share)


def test_nothing_of_nothing_is_unknown():
    [holder] = holders_of(changed(ACCOUNT, {"amount": 0}), token=replace(HELD, total_supply=Decimal(0)))
    assert (holder["holdings_value_usd"], holder["share_of_supply_pct"]) == (0, None)


def test_without_decimals_only_the_raw_amount_is_known():
    [holder] = holders_of(changed(ACCOUNT, {"decimals": None}))
    assert holder["amount"] == 139366170110914
    assert (holder["ui_amount"], holder["holdings_value_usd"], holder["share_of_supply_pct"]) == (None, None, None)


def test_figures_are_exact_beyond_twenty_eight_digits():
    token = replace(HELD, price=Decimal("0.000000000000000001"), total_supply=Decimal("0.0003"))
    [holder] = holders_of(changed(ACCOUNT, {"amount": "1" * 26, "decimals": 6}), token=token)
    assert holder["ui_amount"] == Decimal("1" * 20 + ".111111")
    assert holder["holdings_value_usd"] == Decimal("11.111111111")
    # 10^6 / 3 of it, by hand.
    assert holder["share_of_supply_pct"] == Decimal("3703703703703703703703703.666667")
    [holder] = holders_of(
        changed(ACCOUNT, {"amount": "2000000000000000000000000001", "decimals": 9}),
        token=replace(HELD, price=Decimal("0.5")),
    )
    assert holder["holdings_value_usd"] == Decimal("1000000000000000000.000000001")


@given(st.lists(st.tuples(st.sampled_from([WALLET, OTHER, POOL]), st.integers(0, 9)), max_size=8), st.randoms())
def test_the_order_of_the_rows_changes_no_figure(owners, random):
    items = [account(owner, str(amount), f"a{i}") for i, (owner, amount) in enumerate(owners)]
    shuffled = random.sample(items, len(items))
    first, second = holders_of(*items), holders_of(*shuffled)
    for holder in first + second:
        del holder["raw"]
    assert first == second


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
@pytest.mark.parametrize("name", ["token_holder_v3_item.json", "doc_example_token_holder_v3.json"])
def test_every_recorded_account_is_read(name):
    for item in recorded(name):
        [holder] = holders_of(item, token=replace(HELD, mint=item["mint"]))
        assert_fits(holder, TABLE)
        assert holder["ui_amount"] == item["ui_amount"]
