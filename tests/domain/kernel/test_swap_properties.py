"""What must hold for whatever rows a wallet has."""

from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from smart_trader.domain.kernel import swaps
from smart_trader.domain.kernel.money import MONEY
from tests import strategies
from tests.domain.kernel.by_swaps import SOL, USDC, A, bought, known_units, leg, net, rows_of, swap_row
from tests.domain.kernel.product import VALUE_RULES, assert_same
from tests.domain.kernel.swap_strategies import legs, volumes, wallets
from tests.oracle import swaps as oracle
from tests.oracle.numbers import SECOND, Row
from tests.oracle.units import Scales


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

    # A row that has one token twice can give itself a multiplier when it is split.
    assume(all(row["base_address"] != row["quote_address"] for row in rows))
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
    assume(all(max(abs(row["base_change_raw"]), abs(row["quote_change_raw"])) < 10**36 for row in whole))
    assert sorted(figures(net(whole))) == sorted(figures(net(split)))


_changes = st.sampled_from((0, 1, -1, 10**9, -(10**9), 3 * 10**6, -3 * 10**6, strategies.MAX_RAW, -strategies.MAX_RAW))
_edges = st.sampled_from(
    [
        *(None, "0", "-1", "1E-18", "0.4999", "0.5", "0.979999", "0.98", "1", "1.02", "1.020001", "2", "2.01"),
        *("0.999999999", "125", "125.000001", "1000", "1000.000001", "10000", "10000.000001", "1E+19"),
    ]
)


@st.composite
def single_rows(draw: Any) -> list[Row]:
    """A transaction of one row, whatever is in it: on, within and beyond every limit of the short way."""
    sides = []
    for _ in range(2):
        side = draw(legs())
        if draw(st.booleans()):
            price = draw(_edges)
            side |= {"change_raw": draw(_changes), "price": price and Decimal(price)}
        sides.append(side)
    return [row | {"volume_usd": draw(volumes)} for row in rows_of((sides[0], sides[1]))]


ONE_SOL = 10**9


@given(single_rows())
@example(rows_of((leg(A, 10**6, "125"), leg(SOL, -ONE_SOL, "100"))))
@example(rows_of((leg(A, 10**6, "125.000001"), leg(SOL, -ONE_SOL, "100"))))
@example(rows_of((leg(A, 10**6, "1000"), leg(SOL, -ONE_SOL, "100"))))
@example(rows_of((leg(A, 10**6, "1000.000001"), leg(SOL, -ONE_SOL, "100"))))
@example(rows_of((leg(A, 10**6), leg(SOL, -ONE_SOL, "1"))))
@example(rows_of((leg(A, 10**6), leg(SOL, -ONE_SOL, "0.999999999"))))
@example(rows_of((leg(A, 10**6), leg(SOL, -ONE_SOL, "10000"))))
@example(rows_of((leg(SOL, -ONE_SOL, "10000.000001"), leg(A, 10**6))))
@example(rows_of((leg(USDC, 7 * 10**6, "0.979999"), leg(A, -(10**6), "7"))))
@example(rows_of((leg(A, strategies.MAX_RAW, "1E+19"), leg(USDC, -(10**25), "1"))))
@example(rows_of((leg(A, 10**6, "7", multiplier=Decimal(10)), leg(USDC, -(10**6)))))
@example(rows_of((leg(A, 10**6, "7", decimals=None), leg(USDC, -(10**6)))))
def test_the_short_way_of_the_usual_transaction_is_equal_to_the_long_one(rows: list[Row]) -> None:
    (row,) = rows
    known = {f"{side}_known": known_units(row, side, Scales(rows, {}), 0) for side in ("base", "quote")}
    plain = swap_row(row | known)
    assert swaps.net([plain], VALUE_RULES) == swaps.net_any([swaps.SwapRow(*plain)], VALUE_RULES)


@given(st.one_of(wallets(), strategies.bronze_histories()), st.integers(0, 2**32))
def test_order_and_repeats_of_rows_change_nothing(rows: list[Row], seed: int) -> None:
    dice = Random(seed)
    again = rows + dice.choices(rows, k=len(rows))
    dice.shuffle(again)
    for wallet in {row["wallet_address"] for row in rows}:
        once, twice = (net([row for row in some if row["wallet_address"] == wallet]) for some in (rows, again))
        assert_same(twice.trades, once.trades, "trade_id")
        assert sorted(twice.rejected) == sorted(once.rejected)
        assert twice.arbitrage_count == once.arbitrage_count


@given(st.one_of(wallets(), strategies.bronze_histories()))
def test_a_row_is_in_one_swap_and_what_a_token_has_moved_is_in_its_trades(rows: list[Row]) -> None:
    netted = net(rows)
    swaps_of: dict[str, set[str]] = {}
    moved: dict[tuple[str, str, str], int] = {}
    for trade in netted.trades:
        signed = trade["quantity_raw"] if trade["side"] == "BUY" else -trade["quantity_raw"]
        key = (trade["wallet_address"], trade["tx_hash"], trade["token_address"])
        moved[key] = moved.get(key, 0) + signed
        for event in trade["event_ids"]:
            swaps_of.setdefault(event, set()).add(str(trade["event_ids"]))
    assert all(len(found) == 1 for found in swaps_of.values())
    assert not swaps_of.keys() & {event for event, _ in netted.rejected}
    for (wallet, tx_hash, token), change in moved.items():
        own = [row for row in rows if (row["wallet_address"], row["tx_hash"]) == (wallet, tx_hash)]
        served = sum(
            row[f"{side}_change_raw"] for row in own for side in ("base", "quote") if row[f"{side}_address"] == token
        )
        assert change == served


@given(st.one_of(wallets(), strategies.bronze_histories()))
def test_a_trade_is_never_empty_and_an_unknown_value_never_zero(rows: list[Row]) -> None:
    for trade in net(rows).trades:
        assert 0 < trade["quantity_raw"] <= strategies.MAX_RAW
        assert (trade["value_usd"] is None) == (trade["value_source"] == "none")
        assert trade["value_usd"] is None or 0 <= trade["value_usd"] < 10**19
        assert trade["price_check"] != "rejected" or trade["value_usd"] is None
        assert trade["cost_known"] == (None if trade["side"] == "SELL" else trade["value_usd"] is not None)
