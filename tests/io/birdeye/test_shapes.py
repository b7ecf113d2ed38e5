"""Whatever a row looks like, it is read or rejected with a reason, and the rows beside it are read."""

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.bronze import token_metrics, transaction_history, whale_holders
from smart_trader.domain.bronze.records import Rejected
from smart_trader.io.birdeye.fields import json_text
from smart_trader.io.birdeye.holders import parse_account
from smart_trader.io.birdeye.tokens import parse_token
from smart_trader.io.birdeye.trades import parse_trade
from smart_trader.io.http.json_body import parse_json
from smart_trader.jobs.bronze_transactions import fetch_trades
from smart_trader.ports import TradePage
from smart_trader.simulator.addresses import signature
from tests.io.birdeye.rows import (
    MINT,
    MISSING,
    NOW,
    OTHER,
    POOL,
    TX,
    WALLET,
    assert_fits,
    assert_rejected,
    changed,
    trade,
)
from tests.io.birdeye.test_holders import ACCOUNT, HELD
from tests.io.birdeye.test_tokens import TOKEN
from tests.jobs.test_fetch_trades import Wallet

READ = "read"
NESTED: Any = []
for _ in range(600):
    NESTED = [NESTED]

SHAPES = {
    # the row itself
    "null": (None, "not_an_object"),
    "a number": (7, "not_an_object"),
    "text": ("swap", "not_an_object"),
    "a list": ([], "not_an_object"),
    "true": (True, "not_an_object"),
    "nothing in it": ({}, "no_time"),
    # owner, type
    "owner missing": ({"owner": MISSING}, READ),
    "owner null": ({"owner": None}, READ),
    "owner of another": ({"owner": OTHER}, "wrong_owner"),
    "owner a number": ({"owner": 7}, "wrong_owner"),
    "owner empty": ({"owner": ""}, "wrong_owner"),
    "type missing": ({"tx_type": MISSING}, READ),
    "type add": ({"tx_type": "add"}, "not_a_swap"),
    "type a list": ({"tx_type": ["swap"]}, "not_a_swap"),
    # time
    "time missing": ({"block_unix_time": MISSING}, "no_time"),
    "time null": ({"block_unix_time": None}, "no_time"),
    "time 0": ({"block_unix_time": 0}, "bad_time"),
    "time negative": ({"block_unix_time": -5}, "bad_time"),
    "time in ms": ({"block_unix_time": 1753110551000}, "bad_time"),
    "time in us": ({"block_unix_time": 1753110551000000}, "bad_time"),
    "time as text": ({"block_unix_time": "1753110551"}, READ),
    "time as ISO": ({"block_unix_time": "2025-07-21T15:09:11Z"}, "bad_time"),
    "time with a fraction": ({"block_unix_time": Decimal("1753110551.25")}, "bad_time"),
    "time NaN": ({"block_unix_time": "NaN"}, "bad_time"),
    "time 1e400": ({"block_unix_time": Decimal("1e400")}, "bad_time"),
    "time 1e999999999": ({"block_unix_time": Decimal("1e999999999")}, "bad_time"),
    "time in the future": ({"block_unix_time": 3_000_000_000}, "bad_time"),
    "time an object": ({"block_unix_time": {}}, "bad_time"),
    # hash
    "hash missing": ({"tx_hash": MISSING}, "no_tx_hash"),
    "hash empty": ({"tx_hash": ""}, "bad_tx_hash"),
    "hash not base58": ({"tx_hash": TX[:-1] + "0"}, "bad_tx_hash"),
    "hash over-long": ({"tx_hash": TX * 2}, "bad_tx_hash"),
    "hash a number": ({"tx_hash": 7}, "bad_tx_hash"),
    "hash with a line break": ({"tx_hash": TX + "\n"}, "bad_tx_hash"),
    # legs and mints
    "leg missing": ({"base": MISSING}, "no_leg"),
    "leg null": ({"quote": None}, "no_leg"),
    "leg a list": ({"quote": []}, "no_leg"),
    "mint missing": ({"quote.address": MISSING}, "no_address"),
    "mint not base58": ({"quote.address": "l" + MINT[1:]}, "bad_address"),
    "mint over-long": ({"quote.address": MINT + "1"}, "bad_address"),
    "mint short": ({"quote.address": "abc"}, "bad_address"),
    "mint of 33 bytes": ({"quote.address": "z" * 44}, "bad_address"),
    "mint with blanks": ({"quote.address": f" {MINT}"}, "bad_address"),
    "mint of an SQL injector": ({"quote.address": "'; DROP TABLE x; --"}, "bad_address"),
    "both mints the same": ({"quote.address": MINT, "base.address": MINT}, READ),
    "pool missing": ({"address": MISSING}, READ),
    "pool not base58": ({"address": "0x" + POOL}, READ),
    "pool the name of an exchange": ({"address": "jupiterz", "inner_ins_index": None, "signers": None}, READ),
    "pool an object": ({"address": {"pool": POOL}}, READ),
    # amounts
    "change missing": ({"base.change_amount": MISSING}, READ),
    "change and amount missing": ({"base.change_amount": MISSING, "base.amount": MISSING}, READ),
    "no amount at all": (
        {"base.change_amount": None, "base.amount": None, "base.ui_change_amount": None},
        "no_amount",
    ),
    "change text": ({"base.change_amount": "515677997"}, READ),
    "change a float": ({"base.change_amount": Decimal("515677997.0000001")}, READ),
    "change an object": ({"base.change_amount": {"raw": 1}}, READ),
    "all amounts are objects": (
        {"base.change_amount": {}, "base.amount": [], "base.ui_change_amount": True},
        "no_amount",
    ),
    "change 39 digits": ({"base.change_amount": 10**38}, "too_large"),
    "change 38 digits": ({"base.change_amount": 10**38 - 1}, READ),
    "change 39 digits as text": ({"base.change_amount": "1" * 39}, "too_large"),
    "change 1e400": ({"base.change_amount": Decimal("1e400")}, "too_large"),
    "change 1e999999999": ({"base.change_amount": Decimal("1e999999999")}, "too_large"),
    "change NaN": ({"base.change_amount": "NaN", "base.amount": "NaN", "base.ui_change_amount": "NaN"}, "no_amount"),
    "only a display figure of 1e999999999": (
        {"base.change_amount": None, "base.amount": None, "base.ui_change_amount": Decimal("1e999999999")},
        "too_large",
    ),
    "amount negative": ({"base.change_amount": None, "base.amount": -7}, READ),
    "zero on both sides": ({"base.change_amount": 0, "quote.change_amount": 0}, READ),
    "decimals missing": ({"base.decimals": MISSING}, READ),
    "decimals negative": ({"base.decimals": -1}, READ),
    "decimals 256": ({"base.decimals": 256}, READ),
    "decimals text": ({"base.decimals": "nine"}, READ),
    "direction wrong": ({"base.type_swap": "sideways"}, READ),
    # numbers beside them
    "price null": ({"base.price": None}, READ),
    "price NaN": ({"base.price": "NaN"}, READ),
    "price 1e400": ({"base.price": Decimal("1e400")}, READ),
    "price negative": ({"base.price": Decimal("-3.5")}, READ),
    "volume 39 digits": ({"volume_usd": 10**38}, READ),
    "volume -Infinity": ({"volume_usd": "-Infinity"}, READ),
    "index text": ({"ins_index": "2"}, READ),
    "index no number": ({"ins_index": "second"}, "bad_index"),
    "index too large": ({"inner_ins_index": 2**31}, "bad_index"),
    "block a fraction": ({"block_number": Decimal("7.5")}, READ),
    "block too large": ({"block_number": 2**63}, READ),
    "block missing": ({"block_number": MISSING}, READ),
    # text
    "symbol hostile": ({"base.symbol": "<script>alert(1)</script>"}, READ),
    "symbol right to left": ({"base.symbol": "\u202eCDSU"}, READ),
    "symbol NUL": ({"base.symbol": "a\0b"}, READ),
    "symbol half a pair": ({"base.symbol": "\udc00"}, READ),
    "symbol a megabyte": ({"base.symbol": "x" * 1_000_000}, READ),
    "symbol an object": ({"base.symbol": {"$ne": 1}}, READ),
    "source null": ({"source": None}, READ),
    "signers null": ({"signers": None}, READ),
    "signers text": ({"signers": WALLET}, READ),
    "keys nobody knows": ({"fee_info": {"a": [1, None, True]}, "": 1, "\ud800": 2}, READ),
    "nested beyond reason": ({"fee_info": NESTED}, READ),
}  # fmt: skip


def test_there_are_as_many_shapes_as_promised():
    assert len(SHAPES) >= 70


@pytest.mark.parametrize(("shape", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_a_shape_is_read_or_rejected(shape, expected):
    item = trade(shape) if isinstance(shape, dict) and shape else shape
    result = parse_trade(item, wallet=WALLET, fetched_at=NOW, now=NOW)
    if expected == READ:
        assert_fits(result, transaction_history.TABLE)
    else:
        assert_rejected(item, result)
        assert result.reason == expected


POSITIONS = (0, 1, 50, 98, 99)


@pytest.mark.parametrize("position", POSITIONS)
def test_a_shape_at_any_place_of_a_page_leaves_the_rows_around_it_alone(position):
    """The page as the job reads it: 99 good rows, and each shape in turn among them."""
    good = [trade({"tx_hash": signature(nth)}) for nth in range(99)]
    wanted = {parse_trade(item, wallet=WALLET, fetched_at=NOW, now=NOW)["event_id"] for item in good}
    settings = SimpleNamespace(transactions=SimpleNamespace(max_trades_per_wallet=1000, overlap_hours=24))
    for name, (shape, expected) in SHAPES.items():
        item = trade(shape) if isinstance(shape, dict) and shape else shape
        served = (*good[:position], item, *good[position:])
        rows = [parse_trade(row, wallet=WALLET, fetched_at=NOW, now=NOW) for row in served]
        page = TradePage(rows, is_last=True, asked=100)
        app = SimpleNamespace(
            as_of=NOW,
            settings=settings,
            market=SimpleNamespace(trade_pages=lambda *_, p=page, **__: [p]),
        )
        read = fetch_trades(app, Wallet())
        assert wanted <= {row["event_id"] for row in read.rows}, name
        assert [row.reason for row in read.rejected] == ([] if expected == READ else [expected]), name
        assert [row.raw for row in read.rejected] == ([] if expected == READ else [json_text(item)]), name


def test_one_transaction_in_several_rows_and_on_two_pages():
    page = [trade({"ins_index": index}) for index in (1, 2, 3)]
    rows = [parse_trade(item, wallet=WALLET, fetched_at=NOW, now=NOW) for item in page + page]
    assert len({row["event_id"] for row in rows}) == 3
    assert len({row["tx_hash"] for row in rows}) == 1


# Arbitrary JSON, as `parse_json` hands it on: no float, and names for what JSON does not know.
numbers = (
    st.integers()
    | st.integers(-(10**40), 10**40)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from([Decimal("1e400"), Decimal("-1e999999999"), Decimal("1e-999999999"), Decimal("0e99999"), 2**63])
)
# Halves of surrogate pairs too: JSON can hold them.
texts = st.text(st.characters() | st.sampled_from("\0\ud800\udfff\u202e\n"), max_size=60) | st.sampled_from(
    ["NaN", "Infinity", "", " ", "1e5", "-7", "0.5", "1e999999999", "9" * 45, "from", "to", "swap", WALLET, MINT, TX]
)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def spoiled(valid: dict[str, Any]) -> st.SearchStrategy[Any]:
    """`valid` with up to four fields changed or removed; now and then something else altogether."""
    paths = [*valid, *(f"{key}.{inner}" for key, value in valid.items() if isinstance(value, dict) for inner in value)]
    by_depth = sorted(paths, key=lambda path: -path.count("."))
    changes = st.dictionaries(st.sampled_from(by_depth), values | st.just(MISSING), max_size=4)
    # Inner fields first: the object around them may be replaced afterwards.
    in_order = changes.map(lambda made: {path: made[path] for path in by_depth if path in made})
    return in_order.map(lambda made: changed(valid, made)) | values


def is_judged(result: Any, item: Any, table: Any) -> None:
    if isinstance(result, Rejected):
        assert_rejected(item, result)
    else:
        assert_fits(result, table)


@given(spoiled(trade()))
def test_no_trade_row_is_an_exception(item):
    is_judged(parse_trade(item, wallet=WALLET, fetched_at=NOW, now=NOW), item, transaction_history.TABLE)


@given(spoiled(TOKEN))
def test_no_token_row_is_an_exception(item):
    is_judged(parse_token(item, fetched_at=NOW), item, token_metrics.TABLE)


@given(st.lists(spoiled(ACCOUNT), max_size=5))
def test_no_holder_row_is_an_exception_and_none_is_lost(items):
    holders, rejected = whale_holders.add_up_holders(
        [parse_account(item, mint=MINT, fetched_at=NOW) for item in items], token=HELD, fetched_at=NOW
    )
    for holder in holders:
        assert_fits(holder, whale_holders.TABLE)
    assert len({holder["wallet_address"] for holder in holders}) == len(holders)
    texts_in = [json_text(item) for item in items]
    repeats = len(texts_in) - sum(holder["token_accounts"] for holder in holders) - len(rejected)
    assert 0 <= repeats <= len(items)
    assert {row.raw for row in rejected} <= set(texts_in)


@given(values)
def test_the_raw_text_is_json_that_says_the_same(value):
    text = json_text(value)
    assert text.isascii()
    read_back = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert read_back == value
    assert json_text(parse_json(text.encode())) == text
