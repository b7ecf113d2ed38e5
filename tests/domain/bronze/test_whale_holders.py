from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.bronze.records import Rejected
from smart_trader.domain.bronze.whale_holders import HeldToken, HolderAccount, add_up_holders
from tests.io.birdeye.rows import MINT, NOW, OTHER, POOL, WALLET

HELD = HeldToken(MINT, "DELULU", "Delulu", price=Decimal("0.0035"), total_supply=Decimal(10**9))
SOME = 139366170110914


def account(owner: str, amount: int, name: str | None, decimals: int | None = 6) -> HolderAccount:
    return HolderAccount(owner, name, amount, decimals, None, raw=f'{{"amount":{amount}}}')


def holders_of(*accounts, token=HELD):
    holders, rejected = add_up_holders(accounts, token=token, fetched_at=NOW)
    assert rejected == []
    return holders


def test_accounts_of_one_owner_are_added_up_before_they_are_ranked():
    holders = holders_of(
        account(OTHER, 70, "a"), account(WALLET, 60, "b"), account(POOL, 50, "c"), account(WALLET, 40, "d")
    )
    assert [(h["wallet_address"], h["rank"], h["amount"], h["token_accounts"]) for h in holders] == [
        (WALLET, 1, 100, 2),
        (OTHER, 2, 70, 1),
        (POOL, 3, 50, 1),
    ]
    assert holders[0]["raw"] == '[{"amount":60},{"amount":40}]'


def test_equal_amounts_are_ranked_by_address():
    assert [h["wallet_address"] for h in holders_of(account(WALLET, 5, "a"), account(POOL, 5, "b"))] == [
        POOL,
        WALLET,
    ]


def test_an_account_that_two_pages_serve_counts_once():
    [holder] = holders_of(account(WALLET, 60, "b"), account(WALLET, 61, "b"))
    assert (holder["amount"], holder["token_accounts"]) == (60, 1)


def test_accounts_without_a_name_all_count():
    [holder] = holders_of(account(WALLET, 60, None), account(WALLET, 60, None))
    assert (holder["amount"], holder["token_accounts"]) == (120, 2)


def test_a_sum_that_does_not_fit_rejects_the_account_that_breaks_it():
    most = 10**38 - 1
    [holder], [rejected] = add_up_holders(
        [account(WALLET, most, "a"), account(WALLET, 1, "b"), account(WALLET, 0, "c")], token=HELD, fetched_at=NOW
    )
    assert (holder["amount"], holder["token_accounts"]) == (most, 2)
    assert (rejected.source, rejected.token_address, rejected.rejected_at) == ("token_holder", MINT, NOW)
    assert (rejected.reason, rejected.detail) == ("too_large", f"amount: {10**38}")
    # printf '{"amount":1}' | sha256sum
    assert rejected.raw == '{"amount":1}'
    assert rejected.raw_sha256 == "c2b11e657e12fd177359627ca89412018e2274d0873cfbfcf1fc50f685582e9e"


def test_what_was_rejected_before_is_handed_on_and_the_others_land():
    unread = Rejected("token_holder", "00", "no_address", "owner: null", None, MINT, "{}", NOW)
    holders, rejected = add_up_holders([unread, account(OTHER, 5, "good")], token=HELD, fetched_at=NOW)
    assert [holder["wallet_address"] for holder in holders] == [OTHER]
    assert rejected == [unread]


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
    [holder] = holders_of(account(WALLET, SOME, "a"), token=token)
    assert (holder["holdings_value_usd"], holder["share_of_supply_pct"]) == (value, share)


def test_nothing_of_nothing_is_unknown():
    [holder] = holders_of(account(WALLET, 0, "a"), token=replace(HELD, total_supply=Decimal(0)))
    assert (holder["holdings_value_usd"], holder["share_of_supply_pct"]) == (0, None)


def test_without_decimals_only_the_raw_amount_is_known():
    [holder] = holders_of(account(WALLET, SOME, "a", decimals=None))
    assert holder["amount"] == SOME
    assert (holder["ui_amount"], holder["holdings_value_usd"], holder["share_of_supply_pct"]) == (None, None, None)


def test_figures_are_exact_beyond_twenty_eight_digits():
    token = replace(HELD, price=Decimal("0.000000000000000001"), total_supply=Decimal("0.0003"))
    [holder] = holders_of(account(WALLET, int("1" * 26), "a"), token=token)
    assert holder["ui_amount"] == Decimal("1" * 20 + ".111111")
    assert holder["holdings_value_usd"] == Decimal("11.111111111")
    # 10^6 / 3 of it, by hand.
    assert holder["share_of_supply_pct"] == Decimal("3703703703703703703703703.666667")
    [holder] = holders_of(
        account(WALLET, 2000000000000000000000000001, "a", decimals=9),
        token=replace(HELD, price=Decimal("0.5")),
    )
    assert holder["holdings_value_usd"] == Decimal("1000000000000000000.000000001")


@given(st.lists(st.tuples(st.sampled_from([WALLET, OTHER, POOL]), st.integers(0, 9)), max_size=8), st.randoms())
def test_the_order_of_the_rows_changes_no_figure(owners, random):
    items = [account(owner, amount, f"a{i}") for i, (owner, amount) in enumerate(owners)]
    shuffled = random.sample(items, len(items))
    first, second = holders_of(*items), holders_of(*shuffled)
    for holder in first + second:
        del holder["raw"]
    assert first == second
