"""Rows of a transaction to trades by the second edition: the kernel against the oracle, and the rules of both."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.kernel import swaps
from smart_trader.domain.kernel.money import MONEY
from tests.domain.kernel.by_swaps import (
    NATIVE,
    RULES,
    SOL,
    USDC,
    USDT,
    A,
    B,
    C,
    both,
    known_units,
    leg,
    net,
    rows_of,
    swap_row,
    told,
)
from tests.oracle import swaps as oracle
from tests.oracle.numbers import SECOND, Row
from tests.oracle.units import Scales

# Amounts around 2 % of one another, prices around the bounds of sanity, and what cancels out.
_amounts = st.sampled_from(
    (1, 2, 20, 98, 100, 1_000, 10**6, 98 * 10**4, 102 * 10**4, 10**9, 98 * 10**7, 10**7, 3 * 10**9)
)
_wild = st.integers(1, 10**38 - 1)
_prices = st.sampled_from(
    [
        None,
        *map(Decimal, ("0", "-1", "1", "0.98", "1.03", "0.5", "0.4999", "2", "2.01", "150", "0.99", "10000", "10001")),
    ]
) | st.sampled_from([Decimal(p) for p in ("1E-18", "1E-9", "123456789012", "0.03", "40", "7")])
_volumes = st.sampled_from([None, *map(Decimal, ("0", "-5", "0.000000001", "100", "99.9", "90", "110", "1E+17"))])
_mints = st.sampled_from((A, A, B, C, SOL, SOL, NATIVE, USDC, USDT))
_decimals = st.sampled_from((None, 0, 6, 6, 6, 9))
_multipliers = st.sampled_from((None, None, None, Decimal(0), Decimal(1), Decimal(10), Decimal("0.5")))


@st.composite
def _leg(draw: Any) -> Row:
    mint = draw(_mints)
    amount = draw(st.one_of(_amounts, _amounts, _amounts, _amounts, st.just(0), _wild))
    more = {} if mint in MONEY else {"decimals": draw(_decimals), "multiplier": draw(_multipliers)}
    price = draw(_prices)
    return leg(mint, draw(st.sampled_from((1, -1))) * amount, None, **more) | {"price": price}


@st.composite
def wallets(draw: Any) -> list[Row]:
    rows: list[Row] = []
    for nth in range(draw(st.integers(1, 3))):
        pairs = draw(st.lists(st.tuples(_leg(), _leg()), min_size=1, max_size=5))
        own = rows_of(*pairs, tx=f"tx{nth}", at=1_000 + draw(st.integers(0, 2)))
        rows += [row | {"volume_usd": draw(_volumes)} for row in own]
    return rows


@st.composite
def routes(draw: Any) -> list[Row]:
    """Money to a middle token to a token, or back, of which something is left at each stop."""
    stops = draw(st.permutations((SOL, A, B, USDC)))[: draw(st.integers(3, 4))]
    pairs, amount = [], draw(_amounts)
    for here, there in pairwise(stops):
        arrives = draw(_amounts)
        pairs.append((leg(here, -amount) | {"price": draw(_prices)}, leg(there, arrives) | {"price": draw(_prices)}))
        amount = max(1, arrives + draw(st.sampled_from((0, 0, 1, -1, arrives // 50, -(arrives // 50), arrives // 9))))
    return [row | {"volume_usd": draw(_volumes)} for row in rows_of(*pairs)]


@given(wallets())
def test_the_kernel_nets_and_values_as_the_oracle_does(rows: list[Row]) -> None:
    both(rows)


@given(routes())
def test_routes_with_something_left_at_each_stop_agree_too(rows: list[Row]) -> None:
    both(rows)


ONE_SOL, SOL_150 = 10**9, "150"


def bought(token: str, raw: int, dollars: int, **more: Any) -> tuple[Row, Row]:
    return leg(token, raw, **more), leg(USDC, -dollars * 10**6)


def sold(token: str, raw: int, dollars: int, **more: Any) -> tuple[Row, Row]:
    return leg(token, -raw, **more), leg(USDC, dollars * 10**6)


def round_trip(out: int, back: int) -> list[Row]:
    """7 A bought for a SOL, and 3 more that were bought and sold again for so many millionths of a dollar."""
    return rows_of(
        (leg(A, 7), leg(SOL, -ONE_SOL, SOL_150)), (leg(A, 3), leg(USDC, -out)), (leg(A, -3), leg(USDC, back))
    )


def paid(dollars: str) -> tuple[Any, ...]:
    return A, "BUY", 7, Decimal(dollars), "sol"


CASES: dict[str, tuple[list[Row], list[tuple[Any, ...]], int]] = {
    "a route that leaves dust is one purchase": (
        rows_of((leg(B, 10**9), leg(USDC, -100 * 10**6)), (leg(A, 5 * 10**6), leg(B, -(10**9) + 3))),
        [(A, "BUY", 5 * 10**6, Decimal("100.000000000"), "stable")],
        0,
    ),
    "what a transfer fee keeps of a middle token is dust up to 2 %": (
        rows_of((leg(B, 100), leg(USDC, -100 * 10**6)), (leg(A, 5), leg(B, -98))),
        [(A, "BUY", 5, Decimal("100.000000000"), "stable")],
        0,
    ),
    "more than 2 % is not": (
        rows_of((leg(B, 100), leg(USDC, -100 * 10**6)), (leg(A, 5), leg(B, -97))),
        [
            (A, "BUY", 5, None, "none"),
            (B, "BUY", 100, Decimal("100.000000000"), "stable"),
            (B, "SELL", 97, None, "none"),
        ],
        0,
    ),
    "nor is what is worth more than ten dollars": (
        rows_of((leg(C, 100, "6"), leg(USDC, -600 * 10**6)), (leg(A, 5), leg(C, -98, "6"))),
        [
            (A, "BUY", 5, Decimal("588.000000000"), "token_price"),
            (C, "BUY", 100, Decimal("600.000000000"), "stable"),
            (C, "SELL", 98, Decimal("588.000000000"), "token_price"),
        ],
        0,
    ),
    "two sales in one transaction have each their own money": (
        rows_of((leg(A, -10), leg(SOL, ONE_SOL, SOL_150)), (leg(B, -20), leg(SOL, 2 * ONE_SOL, SOL_150))),
        [(A, "SELL", 10, Decimal("150.000000000"), "sol"), (B, "SELL", 20, Decimal("300.000000000"), "sol")],
        0,
    ),
    "a rotation over SOL is a sale and a purchase": (
        rows_of((leg(A, -10), leg(SOL, ONE_SOL, SOL_150)), (leg(B, 20), leg(SOL, -ONE_SOL, SOL_150))),
        [(A, "SELL", 10, Decimal("150.000000000"), "sol"), (B, "BUY", 20, Decimal("150.000000000"), "sol")],
        0,
    ),
    "a loop that leaves one base unit is arbitrage": (
        rows_of(bought(A, 1_000_000, 100), sold(A, 999_999, 101)),
        [],
        1,
    ),
    "a loop that keeps a tenth is a purchase and a sale": (
        rows_of(bought(A, 1_000, 150), sold(A, 900, 150)),
        [(A, "BUY", 1_000, Decimal("150.000000000"), "stable"), (A, "SELL", 900, Decimal("150.000000000"), "stable")],
        0,
    ),
    "money alone is a conversion": (rows_of((leg(SOL, -ONE_SOL, SOL_150), leg(USDC, 150 * 10**6))), [], 0),
    "a token that only passes by while money is changed is a conversion": (
        rows_of((leg(A, 10), leg(SOL, -ONE_SOL, SOL_150)), (leg(A, -10), leg(USDC, 150 * 10**6))),
        [],
        0,
    ),
    "with a row of money that brings it back it is a loop": (
        rows_of(
            (leg(A, 10), leg(SOL, -ONE_SOL, SOL_150)),
            (leg(A, -10), leg(USDC, 150 * 10**6)),
            (leg(USDC, -150 * 10**6), leg(SOL, ONE_SOL, SOL_150)),
        ),
        [],
        1,
    ),
    "a loop beside a trade is not counted": (
        rows_of(bought(A, 10, 100), sold(A, 10, 101), bought(B, 5, 7)),
        [(B, "BUY", 5, Decimal("7.000000000"), "stable")],
        0,
    ),
    "money of the token's sign counts as not there": (
        rows_of((leg(C, 7, "3"), leg(USDC, 10**6))),
        [(C, "BUY", 7, Decimal("21.000000000"), "token_price")],
        0,
    ),
    "a stable coin at an absurd price is a dollar": (
        rows_of((leg(A, 7), leg(USDC, -(10**9), "0.001"))),
        [(A, "BUY", 7, Decimal("1000.000000000"), "stable")],
        0,
    ),
    "SOL at an absurd price has none": (
        rows_of((leg(A, -7), leg(SOL, ONE_SOL, "150000")), volume="150000"),
        [(A, "SELL", 7, Decimal("150000.000000000"), "volume_usd")],
        0,
    ),
    "units of a scaled token are raw times its multiplier": (
        rows_of((leg(A, 2 * 10**6, "100", multiplier=Decimal(10)), leg(B, -1)), volume=None),
        [
            (A, "BUY", 2 * 10**6, Decimal("2000.000000000"), "token_price"),
            (B, "SELL", 1, Decimal("2000.000000000"), "token_price"),
        ],
        0,
    ),
    "volumes that nearly cancel out are none": (
        [
            row | {"volume_usd": volume, "quote_price": None}
            for row, volume in zip(
                rows_of((leg(A, 1_000), leg(SOL, -ONE_SOL)), (leg(A, -900), leg(SOL, ONE_SOL + ONE_SOL // 5))),
                (Decimal("150"), Decimal("149.999")),
                strict=True,
            )
        ],
        [
            (A, "BUY", 1_000, Decimal("150.000000000"), "volume_usd"),
            (A, "SELL", 900, Decimal("149.999000000"), "volume_usd"),
        ],
        0,
    ),
    "money that passed through half of the token sold values a swap of two": (
        rows_of(
            (leg(A, -6), leg(USDC, 60 * 10**6)),
            (leg(A, -6), leg(B, 5)),
            (leg(B, 5), leg(USDC, -60 * 10**6)),
        ),
        [(A, "SELL", 12, Decimal("120.000000000"), "stable"), (B, "BUY", 10, Decimal("120.000000000"), "stable")],
        0,
    ),
    "a dollar that is left of twenty is nothing": (round_trip(20_000_000, 19_000_000), [paid("150")], 0),
    "more than a dollar is not": (round_trip(20_000_000, 18_999_999), [paid("151.000001")], 0),
    "nor is more than a tenth of what moved": (round_trip(5_000_000, 4_499_999), [paid("150.500001")], 0),
    "half in stable coins is SOL": (
        rows_of((leg(A, 7), leg(SOL, -ONE_SOL, SOL_150)), (leg(A, 7), leg(USDC, -150 * 10**6))),
        [(A, "BUY", 14, Decimal("300.000000000"), "sol")],
        0,
    ),
    "a tenth that is left of volumes is none": (
        [
            row | {"volume_usd": Decimal(volume)}
            for row, volume in zip(rows_of((leg(A, -9), leg(B, 1)), (leg(A, 4), leg(C, 0))), ("110", "90"), strict=True)
        ],
        [(A, "SELL", 5, Decimal("110.000000000"), "volume_usd"), (B, "BUY", 1, Decimal("110.000000000"), "volume_usd")],
        0,
    ),
    "money that went the wrong way values no swap of two": (
        rows_of((leg(A, -6), leg(USDC, -5 * 10**6)), (leg(A, -6), leg(B, 5)), (leg(B, 5), leg(USDC, 5 * 10**6))),
        [(A, "SELL", 12, None, "none"), (B, "BUY", 10, None, "none")],
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_shape_becomes_what_is_said_of_it(name: str) -> None:
    rows, trades, loops = CASES[name]
    netted = both(rows)
    assert told(netted) == sorted(trades, key=lambda trade: trade[:3])
    assert netted.arbitrage_count["Wallet"] == loops


def test_decimals_are_what_most_rows_say_and_of_equally_many_the_newest() -> None:
    said = (6, None, 9, 9, 6, None)
    rows = [
        row
        for at, decimals in enumerate(said)
        for row in rows_of((leg(A, 5, decimals=decimals), leg(USDC, -(10**6))), tx=f"tx{at}", at=1_000 + at)
    ]
    assert {row["decimals"] for row in both(rows).trades} == {6}
    assert {row["decimals"] for row in both(rows[:4]).trades} == {9}


def test_a_missing_multiplier_is_that_of_the_nearest_earlier_row_then_of_the_nearest_later_one() -> None:
    given = (Decimal(0), Decimal(2), Decimal(0), Decimal(5))
    rows = [
        row
        for at, multiplier in enumerate(given)
        for row in rows_of((leg(A, 10**6, "3", multiplier=multiplier), leg(B, -1)), tx=f"tx{at}", at=1_000 + at)
    ]
    values = {row["block_time"]: row["value_usd"] for row in both(rows).trades if row["side"] == "BUY"}
    assert list(values.values()) == [6, 6, 6, 15]


def test_a_quantity_that_does_not_fit_rejects_its_swap_and_no_other() -> None:
    rows = rows_of(bought(A, 10**38 - 1, 1), bought(A, 1, 1), bought(B, 5, 7))
    netted = both(rows)
    assert netted.rejected == [("tx 0", "too_large"), ("tx 1", "too_large")]
    assert told(netted) == [(B, "BUY", 5, Decimal("7.000000000"), "stable")]


@given(wallets(), st.integers(2, 5))
def test_scaling_the_prices_of_a_swap_of_two_tokens_changes_no_trusted_value(rows: list[Row], factor: int) -> None:
    """No price of a token and no volume makes a value that is trusted."""
    money = {row["trade_id"]: row["value_usd"] for row in net(rows).trades if row["value_source"] in ("stable", "sol")}
    scaled_rows = []
    for row in rows:
        changed = dict(row)
        for side in ("base", "quote"):
            if row[f"{side}_address"] not in MONEY and row[f"{side}_price"] is not None:
                changed[f"{side}_price"] = row[f"{side}_price"] * factor
        if row["volume_usd"] is not None:
            changed["volume_usd"] = row["volume_usd"] * factor
        scaled_rows.append(changed)
    after = {row["trade_id"]: row for row in net(scaled_rows).trades}
    trusted = {key: row["value_usd"] for key, row in after.items() if row["value_source"] in ("stable", "sol")}
    # What is left over is judged by the token's price too, so shapes may differ; values of money that stay are equal.
    assert all(trusted[key] == value for key, value in money.items() if key in trusted)


@given(wallets())
def test_a_swap_that_shares_no_token_changes_no_other(rows: list[Row]) -> None:
    first = rows[0]["tx_hash"]
    new = rows_of(bought(A, 5, 7), tx=first, at=rows[0]["block_time"] // SECOND)[0]
    new |= {"base_address": "TokenNew", "event_id": "new", "ins_index": 99}
    before = {row["trade_id"]: row for row in net(rows).trades}
    after = {row["trade_id"]: row for row in net([*rows, new]).trades}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


@given(wallets(), st.integers(2, 4))
def test_rows_split_into_equal_ones_change_nothing_but_the_rows(rows: list[Row], parts: int) -> None:
    def figures(netted: oracle.Netted) -> list[tuple[Any, ...]]:
        return [(row["trade_id"], row["quantity_raw"], row["value_usd"], row["value_source"]) for row in netted.trades]

    whole = [
        row
        | {name: row[name] * parts for name in ("base_change_raw", "quote_change_raw")}
        | {"volume_usd": None if row["volume_usd"] is None else row["volume_usd"] * parts}
        for row in rows
    ]
    split = [
        row | {"event_id": f"{row['event_id']} {nth}", "ins_index": row["ins_index"] * parts + nth}
        for row in rows
        for nth in range(parts)
    ]
    for row in (*whole, *split):
        if max(abs(row["base_change_raw"]), abs(row["quote_change_raw"])) * 5 >= 10**37:
            return
    assert sorted(figures(net(whole))) == sorted(figures(net(split)))


@given(st.data())
def test_the_short_way_of_the_usual_transaction_is_equal_to_the_long_one(data: st.DataObject) -> None:
    one, other = data.draw(_leg()), data.draw(_leg())
    (row,) = [row | {"volume_usd": data.draw(_volumes)} for row in rows_of((one, other))]
    known = {f"{side}_known": known_units(row, side, Scales([row], {}), 0) for side in ("base", "quote")}
    plain = swap_row(row | known)
    assert swaps.net([plain], RULES) == swaps.net_any([swaps.SwapRow(*plain)], RULES)
