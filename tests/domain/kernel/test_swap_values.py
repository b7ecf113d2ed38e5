"""What a swap was worth, on both sides of each limit: the kernel after it agreed with the oracle."""

from decimal import Decimal
from typing import Any

from tests.domain.kernel.by_swaps import NATIVE, SOL, USDC, A, B, both, leg, rows_of
from tests.oracle.numbers import Row
from tests.strategies import MAX_RAW

ONE_A, ONE_B, ONE_SOL, ONE_USDC = 10**6, 10**9, 10**9, 10**6


def one(rows: list[Row]) -> Row:
    """The only trade, after kernel and oracle agreed on it."""
    (trade,) = both(rows).trades
    return trade


def test_native_and_wrapped_sol_are_the_same_money() -> None:
    netted = both(rows_of((leg(SOL, -5, "100"), leg(A, 3)), (leg(A, -3), leg(NATIVE, 5, "100"))))
    assert (netted.trades, netted.arbitrage_count) == ([], {"Wallet": 1})


def test_a_stable_coin_is_a_dollar_unless_it_is_further_off_than_2_percent() -> None:
    for price, value in (
        *(("0.98", 10), ("0.979999", "9.79999"), ("1.02", 10), ("1.020001", "10.20001"), (None, 10)),
        *(("0.5", 5), ("0.499999", 10), ("2", 20), ("2.000001", 10)),
    ):
        trade = one(rows_of((leg(A, ONE_A), leg(USDC, -10 * ONE_USDC, price))))
        assert (trade["value_usd"], trade["value_source"]) == (Decimal(value), "stable")


def test_a_price_of_sol_counts_within_its_bounds() -> None:
    for price, source in (("1", "sol"), ("0.999999999", "volume_usd"), ("10000", "sol"), ("10000.01", "volume_usd")):
        rows = rows_of((leg(A, ONE_A), leg(SOL, -ONE_SOL, price)), volume="7")
        assert one(rows)["value_source"] == source


def test_the_price_gap_decides_up_to_its_limits() -> None:
    for price, check in (("125", "ok"), ("125.000001", "suspect"), ("1000", "suspect"), ("1000.000001", "rejected")):
        direct = both(rows_of((leg(A, -ONE_A, "100"), leg(B, ONE_B, price))))
        assert {trade["price_check"] for trade in direct.trades} == {check}
        assert all((trade["value_usd"] is None) == (check == "rejected") for trade in direct.trades)
        by_money = one(rows_of((leg(A, ONE_A, price), leg(SOL, -ONE_SOL, "100"))))
        assert by_money["price_check"] == ("suspect" if check == "rejected" else check)
        assert by_money["value_usd"] == 100


def test_volume_counts_the_rows_that_touch_the_token_and_no_other_hop() -> None:
    hops = (leg(SOL, -ONE_SOL), leg(B, ONE_B)), (leg(B, -ONE_B), leg(A, ONE_A)), (leg(A, 1), leg(B, 0))
    trade = one(rows_of(*hops, volume="7"))
    assert (trade["value_usd"], trade["value_source"]) == (14, "volume_usd")


def test_money_that_passed_through_values_a_swap_of_two_tokens_and_joins_the_two_sides() -> None:
    netted = both(rows_of((leg(A, -ONE_A), leg(SOL, 3 * ONE_SOL, "100")), (leg(A, -1), leg(B, 7))))
    assert [trade["value_source"] for trade in netted.trades] != ["sol", "sol"]
    passed = (
        (leg(A, -ONE_A), leg(SOL, ONE_SOL, "100")),
        (leg(SOL, -ONE_SOL, "100"), leg(B, 7)),
        (leg(A, -1), leg(B, 1)),
    )
    netted = both(rows_of(*passed))
    assert {trade["value_source"] for trade in netted.trades} == {"sol"}
    sale = next(trade["trade_id"] for trade in netted.trades if trade["side"] == "SELL")
    assert [trade["swap_group_id"] for trade in netted.trades] == [sale, sale]


def test_two_swaps_of_two_tokens_in_one_transaction_are_two_groups() -> None:
    netted = both(rows_of((leg(A, -5), leg(B, 7)), (leg("MintC", -5, decimals=6), leg("MintD", 7, decimals=6))))
    assert len({trade["swap_group_id"] for trade in netted.trades}) == 2


def test_a_leg_that_moved_nothing_gives_no_price() -> None:
    trade = one(rows_of((leg(A, ONE_A), leg(SOL, -ONE_SOL)), (leg(A, 0, "5"), leg(SOL, 0, "100"))))
    assert (trade["value_usd"], trade["value_source"]) == (None, "none")


def test_a_value_that_does_not_fit_is_unknown_and_a_quantity_that_just_fits_is_kept() -> None:
    widest = one(rows_of((leg(A, MAX_RAW), leg(USDC, -ONE_USDC))))
    assert widest["quantity_raw"] == 10**38 - 1
    dear = one(rows_of((leg(A, ONE_A), leg(USDC, -(10**25)))))
    assert (dear["value_usd"], dear["value_source"]) == (None, "none")


def test_a_value_below_half_a_nano_dollar_is_a_known_zero() -> None:
    trade = one(rows_of((leg(A, ONE_A), leg(USDC, 0)), (leg(A, 1), leg(SOL, -1, "1"))))
    assert (trade["value_usd"], trade["value_source"], trade["cost_known"]) == (Decimal("1E-9"), "sol", True)
    trade = one(rows_of((leg(A, 1, "0.0004"), leg(USDC, 0))))
    assert (trade["value_usd"], trade["value_source"], trade["cost_known"]) == (0, "token_price", True)


def test_a_value_is_looked_for_in_order_and_zero_is_not_given() -> None:
    cases: list[tuple[Any, ...]] = [
        ("100", "5", "7", Decimal(100), "sol"),
        ("0", "5", "7", Decimal(5), "volume_usd"),
        (None, "0", "7", Decimal(7), "token_price"),
        ("-1", "-1", "0", None, "none"),
        (None, None, None, None, "none"),
    ]
    for sol, volume, own, value, source in cases:
        trade = one(rows_of((leg(A, ONE_A, own), leg(SOL, -ONE_SOL, sol)), volume=volume))
        assert (trade["value_usd"], trade["value_source"]) == (value, source)
