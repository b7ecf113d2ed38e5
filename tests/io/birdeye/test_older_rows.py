"""What a row that landed before a column gets from its `raw` is what it gets today."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smart_trader.io.birdeye.fields import json_text
from smart_trader.io.birdeye.holders import parse_account
from smart_trader.io.birdeye.older_rows import FROM_RAW
from smart_trader.io.birdeye.tokens import parse_token
from smart_trader.io.birdeye.trades import parse_trade
from tests.io.birdeye.rows import MINT, MISSING, NOW, OTHER, WALLET, changed, trade

KEYS = {
    "is_scaled_ui_token": st.sampled_from([True, True, True, False, None, "true", 1, MISSING]),
    "multiplier": st.one_of(
        st.decimals("-2", "2000", places=9),
        st.sampled_from([None, 0, 10, "2.5", "1e-7", " 3", "NaN", 10**40, {}, MISSING]),
    ),
    "symbol": st.sampled_from([None, '"is_scaled_ui_token":true', '\\"is_scaled_ui_token":true']),
}
SCALING = st.fixed_dictionaries(KEYS)
ACCOUNT = {"amount": "7", "decimals": 6, "mint": MINT, "owner": OTHER, "token_account": WALLET, "ui_amount": 7}


def filled(table: str, raw: str) -> dict[str, Any]:
    return {name: read(raw) for name, read in FROM_RAW[table].items()}


@given(SCALING, SCALING)
def test_of_both_legs_of_a_trade(base: dict[str, Any], quote: dict[str, Any]) -> None:
    changes = {f"base.{key}": value for key, value in base.items()}
    item = trade(changes | {f"quote.{key}": value for key, value in quote.items()})
    record = parse_trade(item, wallet=WALLET, fetched_at=NOW, now=NOW)
    assert isinstance(record, dict)
    assert filled("bronze.transaction_history", record["raw"]).items() <= record.items()


@given(SCALING)
def test_of_a_token(scaling: dict[str, Any]) -> None:
    record = parse_token(changed({"address": MINT}, scaling), fetched_at=NOW)
    assert isinstance(record, dict)
    assert filled("bronze.token_metrics", record["raw"]).items() <= record.items()


@given(SCALING, SCALING)
def test_of_a_holder_by_the_first_of_its_accounts(first: dict[str, Any], second: dict[str, Any]) -> None:
    accounts = [changed(ACCOUNT, scaling) for scaling in (first, second)]
    parsed = parse_account(accounts[0], mint=MINT, fetched_at=NOW)
    assert filled("bronze.whale_holders", json_text(accounts)) == {"multiplier": parsed.multiplier}
