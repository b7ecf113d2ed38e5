"""Rows of a transaction to trades: the kernel against the oracle, and the rules that both must keep."""

from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.kernel import money, netting
from tests import strategies
from tests.domain.kernel import product
from tests.oracle import netting as oracle
from tests.oracle.numbers import Row
from tests.strategies import USDC, WRAPPED_SOL

A, B = "MintWith6", "MintWith9"
ONE_A, ONE_B, ONE_SOL, ONE_USDC = 10**6, 10**9, 10**9, 10**6


def rows_of(*swaps: tuple[Row, Row], volume: str | None = None) -> list[Row]:
    """Rows of one transaction; a leg is what `leg` makes."""
    rows = []
    for place, (base, quote) in enumerate(swaps):
        row: Row = {
            "event_id": f"event{place}",
            "wallet_address": "Wallet",
            "tx_hash": "tx",
            "block_time": strategies.NOW,
            "block_number": 7,
            "ins_index": place,
            "inner_ins_index": None,
            "pool_address": "Pool",
            "source": "venue",
            "tx_type": "swap",
            "volume_usd": volume and Decimal(volume),
        }
        for side, given_leg in (("base", base), ("quote", quote)):
            row |= {f"{side}_{name}": value for name, value in given_leg.items()}
        rows.append(row)
    return rows


def leg(mint: str, change: int, price: str | None = None) -> Row:
    return {
        "address": mint,
        "symbol": mint[:4],
        "decimals": strategies.DECIMALS[mint],
        "change_raw": change,
        "price": price and Decimal(price),
    }


def one(rows: list[Row]) -> Row:
    """The only trade, after kernel and oracle agreed on it."""
    (trade,) = both(rows).trades
    return trade


def both(rows: list[Row]) -> oracle.Netted:
    actual, expected = product.net(rows), oracle.net(rows)
    product.assert_same(actual.trades, expected.trades, "trade_id")
    assert sorted(actual.rejected) == sorted(expected.rejected)
    assert actual.arbitrage_count == expected.arbitrage_count
    assert actual.transaction_count == expected.transaction_count
    return actual


@given(strategies.bronze_histories())
def test_the_kernel_nets_and_values_as_the_oracle_does(rows: list[Row]) -> None:
    both(rows)


@given(strategies.transactions())
def test_one_transaction_at_a_time_agrees_too(rows: list[Row]) -> None:
    both(rows)


_mints = st.sampled_from((*strategies.DECIMALS, *strategies.STABLE_MINTS))
_decimals = st.none() | st.integers(0, 12)
_changes = st.sampled_from((0, 1, -1, 10**9, -(10**9), 3 * 10**6, -3 * 10**6, strategies.MAX_RAW, -strategies.MAX_RAW))
_prices = st.sampled_from(
    [None, *("0", "-1", "1E-18", "0.5", "0.979999", "0.98", "1", "1.02", "1.020001", "100", "1.25E+2", "1E+19")]
)


@st.composite
def single_rows(draw: Any) -> list[Row]:
    """A transaction of one row, whatever stands in it: on, within and beyond every limit of the short way."""
    legs = []
    for _ in range(2):
        mint = draw(_mints)
        decimals = draw(st.just(strategies.DECIMALS[mint]) | _decimals)
        legs.append(leg(mint, draw(_changes | st.integers(-(10**12), 10**12)), draw(_prices)) | {"decimals": decimals})
    return rows_of((legs[0], legs[1]), volume=draw(st.sampled_from((None, "0", "7.5"))))


@given(single_rows())
@example(rows_of((leg(A, ONE_A, "125"), leg(WRAPPED_SOL, -ONE_SOL, "100"))))
@example(rows_of((leg(USDC, 7 * ONE_USDC, "0.979999"), leg(A, -ONE_A, "7"))))
@example(rows_of((leg(A, strategies.MAX_RAW, "1E+19"), leg(USDC, -(10**25), "1"))))
def test_the_short_way_of_a_single_row_ends_where_the_long_one_does(rows: list[Row]) -> None:
    (row,) = map(product.row_of, rows)
    assert netting.net([row], product.VALUE_RULES) == netting.net_any([row], product.VALUE_RULES)
    legs = (row.base, row.quote)
    has_decimals = all(leg.decimals is not None for leg in legs if leg.mint in strategies.MONEY_MINTS)
    if has_decimals and row.base.mint != row.quote.mint:
        both(rows)  # the oracle takes it that money has its decimals, and a mint the same ones


@given(strategies.bronze_histories(), st.integers(0, 2**32))
def test_order_and_repeats_of_rows_change_nothing(rows: list[Row], seed: int) -> None:
    dice = Random(seed)
    again = rows + dice.choices(rows, k=len(rows))
    dice.shuffle(again)
    once, twice = product.net(rows), product.net(again)
    product.assert_same(twice.trades, once.trades, "trade_id")
    assert sorted(twice.rejected) == sorted(once.rejected)
    assert twice.arbitrage_count == once.arbitrage_count


@given(strategies.bronze_histories())
def test_other_wallets_change_nothing(rows: list[Row]) -> None:
    together = product.net(rows)
    for wallet in {row["wallet_address"] for row in rows}:
        alone = product.net([row for row in rows if row["wallet_address"] == wallet])
        own = [trade for trade in together.trades if trade["wallet_address"] == wallet]
        product.assert_same(alone.trades, own, "trade_id")


@given(strategies.bronze_histories())
def test_each_event_ends_as_a_trade_or_refused_or_arbitrage(rows: list[Row]) -> None:
    netted = product.net(rows)
    traded = {event for trade in netted.trades for event in trade["event_ids"]}
    refused = {event for event, _ in netted.rejected}
    assert not traded & refused
    left = {row["event_id"] for row in rows} - traded - refused
    transactions = {(row["wallet_address"], row["tx_hash"]) for row in rows if row["event_id"] in left}
    assert len(transactions) == sum(netted.arbitrage_count.values())


@given(strategies.bronze_histories())
def test_a_trade_is_never_empty_and_an_unknown_value_never_zero(rows: list[Row]) -> None:
    for trade in product.net(rows).trades:
        assert 0 < trade["quantity_raw"] <= strategies.MAX_RAW
        assert (trade["value_usd"] is None) == (trade["value_source"] == "none")
        assert trade["value_usd"] is None or 0 <= trade["value_usd"] < 10**19
        assert trade["price_check"] != "rejected" or trade["value_usd"] is None
        assert trade["cost_known"] == (None if trade["side"] == "SELL" else trade["value_usd"] is not None)


def test_the_money_mints_are_these() -> None:
    assert money.SOL == "So11111111111111111111111111111111111111112"
    assert money.NATIVE_SOL == "So11111111111111111111111111111111111111111"
    assert money.USDC == "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    assert money.USDT == "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
    assert money.PYUSD == "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
    assert money.USDS == "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA"
    assert set(money.MONEY) == {money.SOL, money.NATIVE_SOL} | money.STABLE_COINS
    assert {money.USDC, money.USDT, money.PYUSD, money.USDS} == money.STABLE_COINS


def test_hops_vanish_and_the_swap_is_valued_once() -> None:
    trade = one(
        rows_of(
            (leg(WRAPPED_SOL, -ONE_SOL, "100"), leg(B, 5 * ONE_B, "20")),
            (leg(B, -5 * ONE_B, "20"), leg(A, 10 * ONE_A, "10")),
            volume="100",
        )
    )
    assert (trade["side"], trade["token_address"], trade["quantity_raw"]) == ("BUY", A, 10 * ONE_A)
    assert (trade["value_usd"], trade["value_source"]) == (Decimal(100), "sol")


def test_native_and_wrapped_sol_are_the_same_money() -> None:
    assert not both(
        rows_of((leg(WRAPPED_SOL, -5, "100"), leg(A, 3)), (leg(A, -3), leg(strategies.NATIVE_SOL, 5, "100")))
    ).trades


def test_a_stable_coin_is_a_dollar_unless_it_is_further_off_than_2_percent() -> None:
    for price, value in (("0.98", 10), ("0.979999", "9.79999"), ("1.02", 10), ("1.020001", "10.20001"), (None, 10)):
        trade = one(rows_of((leg(A, ONE_A), leg(USDC, -10 * ONE_USDC, price))))
        assert (trade["value_usd"], trade["value_source"]) == (Decimal(value), "stable")


def test_the_price_gap_decides_up_to_its_limits() -> None:
    for price, check in (("125", "ok"), ("125.000001", "suspect"), ("1000", "suspect"), ("1000.000001", "rejected")):
        direct = both(rows_of((leg(A, -ONE_A, "100"), leg(B, ONE_B, price))))
        assert {trade["price_check"] for trade in direct.trades} == {check}
        assert all((trade["value_usd"] is None) == (check == "rejected") for trade in direct.trades)
        by_money = one(rows_of((leg(A, ONE_A, price), leg(WRAPPED_SOL, -ONE_SOL, "100"))))
        assert by_money["price_check"] == ("suspect" if check == "rejected" else check)
        assert by_money["value_usd"] == 100


def test_stable_coins_give_the_source_from_more_than_half() -> None:
    for stable, source in ((100 * ONE_USDC, "sol"), (100 * ONE_USDC + 1, "stable")):
        rows = rows_of((leg(A, 1), leg(WRAPPED_SOL, -ONE_SOL, "100")), (leg(A, 1), leg(USDC, -stable)))
        assert one(rows)["value_source"] == source


def test_volume_counts_the_rows_that_touch_the_token_and_no_other_hop() -> None:
    rows = rows_of(
        (leg(WRAPPED_SOL, -ONE_SOL), leg(B, ONE_B)), (leg(B, -ONE_B), leg(A, ONE_A)), (leg(A, 1), leg(B, 0)), volume="7"
    )
    assert (one(rows)["value_usd"], one(rows)["value_source"]) == (14, "volume_usd")


def test_a_fee_in_a_token_swap_has_limits() -> None:
    fees: list[tuple[Row, bool]] = [
        (leg(WRAPPED_SOL, -5 * 10**7, "100"), True),
        (leg(WRAPPED_SOL, -5 * 10**7 - 1, "100"), False),
        (leg(WRAPPED_SOL, 5 * 10**7), True),
        (leg(USDC, -10 * ONE_USDC), True),
        (leg(USDC, -10 * ONE_USDC - 1), False),
        (leg(USDC, -20 * ONE_USDC, "0.5"), True),
        (leg(USDC, -10 * ONE_USDC, "1.5"), False),
    ]
    for fee, passes in fees:
        netted = both(rows_of((leg(A, -ONE_A), leg(B, ONE_B)), (fee, leg(A, 0))))
        assert [trade["side"] for trade in netted.trades] == (["SELL", "BUY"] if passes else [])
        assert {reason for _, reason in netted.rejected} == (set() if passes else {"several_tokens"})


def test_money_that_passed_through_values_a_token_swap() -> None:
    netted = both(
        rows_of((leg(A, -ONE_A), leg(WRAPPED_SOL, 3 * ONE_SOL, "100")), (leg(WRAPPED_SOL, -3 * ONE_SOL), leg(B, 7)))
    )
    assert {trade["value_usd"] for trade in netted.trades} == {Decimal(300)}
    assert {trade["value_source"] for trade in netted.trades} == {"sol"}
    assert len({trade["swap_group_id"] for trade in netted.trades}) == 1


def test_what_was_sold_and_bought_back_on_the_way_is_no_proceeds() -> None:
    # 4 A sold for 2 SOL, 2 A bought back for 1 SOL, 1 SOL spent on B: 2 A left for 1 SOL, not for 2.
    netted = both(
        rows_of(
            (leg(A, -4 * ONE_A), leg(WRAPPED_SOL, 2 * ONE_SOL, "100")),
            (leg(A, 2 * ONE_A), leg(WRAPPED_SOL, -ONE_SOL, "100")),
            (leg(WRAPPED_SOL, -ONE_SOL, "100"), leg(B, ONE_B)),
        )
    )
    assert {trade["value_usd"] for trade in netted.trades} == {Decimal(100)}


def test_a_leg_that_moved_nothing_gives_no_price() -> None:
    trade = one(rows_of((leg(A, ONE_A), leg(WRAPPED_SOL, -ONE_SOL)), (leg(A, 0, "5"), leg(WRAPPED_SOL, 0, "100"))))
    assert (trade["value_usd"], trade["value_source"]) == (None, "none")


def test_what_does_not_fit_is_refused_and_what_just_fits_is_not() -> None:
    widest = one(rows_of((leg(A, strategies.MAX_RAW), leg(USDC, -ONE_USDC))))
    assert widest["quantity_raw"] == 10**38 - 1
    half = 5 * 10**37
    netted = both(rows_of((leg(A, half), leg(USDC, -1)), (leg(A, half), leg(USDC, -2))))
    assert {reason for _, reason in netted.rejected} == {"too_large"}
    dear = both(rows_of((leg(A, ONE_A), leg(USDC, -(10**25)))))
    assert {reason for _, reason in dear.rejected} == {"too_large"}


def test_a_value_below_half_a_nano_dollar_is_a_known_zero() -> None:
    trade = one(rows_of((leg(A, ONE_A), leg(WRAPPED_SOL, -1, "0.4"))))
    assert (trade["value_usd"], trade["value_source"], trade["cost_known"]) == (0, "sol", True)


def test_a_value_is_looked_for_in_order_and_zero_is_not_given() -> None:
    cases: list[tuple[Any, ...]] = [
        ("100", "5", "7", Decimal(100), "sol"),
        ("0", "5", "7", Decimal(5), "volume_usd"),
        (None, "0", "7", Decimal(7), "token_price"),
        ("-1", "-1", "0", None, "none"),
        (None, None, None, None, "none"),
    ]
    for sol, volume, own, value, source in cases:
        trade = one(rows_of((leg(A, ONE_A, own), leg(WRAPPED_SOL, -ONE_SOL, sol)), volume=volume))
        assert (trade["value_usd"], trade["value_source"]) == (value, source)
