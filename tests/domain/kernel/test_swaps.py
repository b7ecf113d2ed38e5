"""Rows of a transaction to trades: the kernel against the oracle, and the rules of both."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from tests import strategies
from tests.domain.kernel.by_swaps import SOL, USDC, A, B, C, both, bought, leg, rows_of, sold, told
from tests.domain.kernel.swap_strategies import routes, wallets
from tests.oracle.numbers import Row


@given(wallets())
def test_the_kernel_nets_and_values_as_the_oracle_does(rows: list[Row]) -> None:
    both(rows)


@given(strategies.bronze_histories())
def test_transactions_of_every_shape_agree_too(rows: list[Row]) -> None:
    both(rows)


@given(routes())
def test_routes_with_something_left_at_each_stop_agree_too(rows: list[Row]) -> None:
    both(rows)


ONE_SOL, SOL_150 = 10**9, "150"


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
