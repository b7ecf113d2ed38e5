"""Lots consumed first in, first out: the kernel against the oracle, and the laws of `pnl.md` §4."""

from collections import deque
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.pnl import matching
from tests import strategies
from tests.domain.kernel import product
from tests.oracle import fifo as oracle
from tests.oracle.fifo import order
from tests.oracle.numbers import Row
from tests.strategies import MAX_RAW, trade_row

NANO = Fraction(1, 10**9)
Pair = tuple[str, str]


def pair_of(row: Row) -> Pair:
    return row["wallet_address"], row["token_address"]


def by_id(rows: list[Row]) -> dict[str, Row]:
    return {row["trade_id"]: row for row in rows}


def history(*trades: tuple[Any, ...]) -> list[Row]:
    """Trades of one wallet and token: side, quantity, nano-dollars or None, microseconds, block number, source."""
    return [trade_row(f"tx{place}", "Wallet", "MintWith6", *trade) for place, trade in enumerate(trades)]


def money(rows: list[Row], column: str) -> Fraction:
    return sum((Fraction(row[column]) for row in rows if row[column] is not None), Fraction(0))


HALF_A_NANO_EACH = history(("BUY", 2, 1, 0), ("SELL", 1, 1, 1), ("SELL", 1, 1, 2))
THIRDS = history(("BUY", 3, 1, 0), ("BUY", 3, 1, 0), *(("SELL", 1, 5, at) for at in range(1, 7)))
BUY_FIRST_AT_A_TIE = history(("SELL", 2, 9, 5, 1), ("BUY", 2, 4, 5, 1))
NO_BLOCK_SORTS_FIRST = history(("BUY", 2, 4, 5, 1), ("SELL", 2, 9, 5, None))
UNKNOWN_IN_BETWEEN = history(("BUY", 2, 4, 0), ("BUY", 2, None, 1), ("BUY", 2, 6, 2), ("SELL", 5, 7, 3))
UNTRUSTED_IN_BETWEEN = history(
    *(("BUY", 2, 4, at, 1, source) for at, source in enumerate(("sol", "token_price", "stable", "volume_usd"))),
    *(("SELL", quantity, 9, 4 + at) for at, quantity in enumerate((1, 2, 1, 1, 2))),
)
ONLY_UNKNOWN = history(("BUY", 2, None, 0), ("SELL", 1, 7, 1))
OVERSOLD_AND_BOUGHT_AGAIN = history(("BUY", 2, 4, 0), ("SELL", 5, 9, 1), ("BUY", 3, 6, 2), ("SELL", 1, 3, 3))
SOLD_FIRST = history(("SELL", 5, 9, 0), ("BUY", 5, 6, 1), ("SELL", 6, 3, 2))
NO_VALUE = history(("BUY", 4, 8, 0), ("SELL", 2, None, 1), ("SELL", 1, 0, 2))
FREE = history(("BUY", 4, 0, 0), ("SELL", 4, 0, 1))
WIDEST = history(
    ("BUY", MAX_RAW, 10**27, 0), ("BUY", MAX_RAW, 10**27 - 1, 1), ("SELL", MAX_RAW - 1, 7, 2), ("SELL", MAX_RAW, 7, 3)
)
NARROW_LOTS_WIDE_COST = history(("BUY", 1, 6 * 10**18, 0), ("BUY", 1, 6 * 10**18, 1), ("SELL", 2, 7, 2))
TIMES_WITH_A_REST = history(("BUY", 1, 5, 0), ("BUY", 2, 5, 1), ("SELL", 3, 9, 3_600_000_001))


@given(strategies.trade_histories())
@example(HALF_A_NANO_EACH)
@example(THIRDS)
@example(BUY_FIRST_AT_A_TIE)
@example(NO_BLOCK_SORTS_FIRST)
@example(UNKNOWN_IN_BETWEEN)
@example(UNTRUSTED_IN_BETWEEN)
@example(ONLY_UNKNOWN)
@example(OVERSOLD_AND_BOUGHT_AGAIN)
@example(SOLD_FIRST)
@example(NO_VALUE)
@example(FREE)
@example(WIDEST)
@example(NARROW_LOTS_WIDE_COST)
@example(TIMES_WITH_A_REST)
def test_sale_by_sale_and_lot_by_lot_the_kernel_is_the_oracle(trades: list[Row]) -> None:
    (sales, lots), (expected_sales, expected_lots) = product.match(trades), oracle.match(trades)
    product.assert_same(sales, expected_sales, "trade_id")
    product.assert_same(lots, expected_lots, "trade_id")


@given(strategies.trade_histories(small=True), st.integers(0, 200))
@example(UNKNOWN_IN_BETWEEN, 0)
@example(UNTRUSTED_IN_BETWEEN, 10)
def test_wide_positions_are_matched_as_narrow_ones(trades: list[Row], limit: int) -> None:
    with patch.object(matching, "_LIMIT", float(limit)):  # so that some, or all, do not fit 64 bits
        some_wide = product.match(trades)
    for rows, expected in zip(some_wide, product.match(trades), strict=True):
        product.assert_same(rows, expected, "trade_id")


@given(strategies.trade_histories(small=True, max_trades=20, wallets=("Wallet",), tokens=("MintWith6",)))
@example(OVERSOLD_AND_BOUGHT_AGAIN)
@example(UNKNOWN_IN_BETWEEN)
@example(UNTRUSTED_IN_BETWEEN)
def test_matching_is_counting_out_single_coins(trades: list[Row]) -> None:
    sales, lots = (by_id(rows) for rows in product.match(trades))
    coins: deque[Row] = deque()
    for trade in sorted(trades, key=order):
        if trade["side"] == "BUY":
            coins.extend([trade] * trade["quantity_raw"])
            continue
        paid = [coins.popleft() for _ in range(min(trade["quantity_raw"], len(coins)))]
        known = [coin for coin in paid if coin["cost_known"]]
        sale = sales[trade["trade_id"]]
        assert sale["matched_raw"] == len(known)
        assert sale["untrusted_raw"] == sum(coin["value_source"] not in ("stable", "sol") for coin in known)
        assert sale["unknown_cost_raw"] == len(paid) - len(known)
        assert sale["unmatched_raw"] == trade["quantity_raw"] - len(paid)
        exact = sum((Fraction(coin["value_usd"]) / coin["quantity_raw"] for coin in known), Fraction(0))
        assert abs(Fraction(sale["cost_usd"] or 0) - exact) <= NANO
        if known:
            assert sale["acquired_at"] == sum(coin["block_time"] for coin in known) // len(known)
    remaining = {trade_id: lot["remaining_raw"] for trade_id, lot in lots.items()}
    assert remaining == {coin["trade_id"]: coins.count(coin) for coin in coins}


@given(strategies.trade_histories())
def test_no_unit_is_created_or_lost(trades: list[Row]) -> None:
    sales, lots = product.match(trades)
    for sale in sales:
        assert sale["quantity_raw"] == sale["matched_raw"] + sale["unknown_cost_raw"] + sale["unmatched_raw"]
    for pair in {pair_of(trade) for trade in trades}:
        bought = sum(t["quantity_raw"] for t in trades if pair_of(t) == pair and t["side"] == "BUY")
        taken = sum(s["matched_raw"] + s["unknown_cost_raw"] for s in sales if pair_of(s) == pair)
        assert bought == taken + sum(lot["remaining_raw"] for lot in lots if pair_of(lot) == pair)


@given(strategies.trade_histories())
@example(THIRDS)
@example(WIDEST)
def test_no_cent_is_created_or_lost(trades: list[Row]) -> None:
    sales, lots = product.match(trades)
    for pair in {pair_of(trade) for trade in trades}:
        paid = money([t for t in trades if pair_of(t) == pair and t["side"] == "BUY"], "value_usd")
        cost = money([s for s in sales if pair_of(s) == pair], "cost_usd")
        assert paid == cost + money([lot for lot in lots if pair_of(lot) == pair], "remaining_cost_usd")
    for sale in sales:
        if sale["realized_pnl_usd"] is not None:
            realized = Fraction(sale["matched_proceeds_usd"]) - Fraction(sale["cost_usd"])
            assert Fraction(sale["realized_pnl_usd"]) == realized
            assert 0 <= sale["matched_proceeds_usd"] <= sale["proceeds_usd"]


@given(strategies.trade_histories())
@example(SOLD_FIRST)
@example(ONLY_UNKNOWN)
@example(NO_VALUE)
def test_what_is_unknown_is_null_and_never_a_gain(trades: list[Row]) -> None:
    for sale in product.match(trades)[0]:
        is_matched, has_value = sale["matched_raw"] > 0, sale["proceeds_usd"] is not None
        for column in ("cost_usd", "acquired_at", "holding_hours"):
            assert (sale[column] is not None) == is_matched
        for column in ("matched_proceeds_usd", "realized_pnl_usd"):
            assert (sale[column] is not None) == (is_matched and has_value)
        if is_matched:
            assert sale["cost_usd"] >= 0
            assert sale["holding_hours"] >= 0
            assert sale["acquired_at"] <= sale["block_time"]


@given(strategies.trade_histories(), st.integers(0, 14))
def test_later_trades_never_change_an_earlier_sale(trades: list[Row], known: int) -> None:
    earlier = sorted(trades, key=order)[:known]
    of_all = by_id(product.match(trades)[0])
    for trade_id, sale in by_id(product.match(earlier)[0]).items():
        assert of_all[trade_id] == sale


@given(strategies.trade_histories(), st.integers(0, 13))
def test_a_late_row_changes_only_its_own_wallet_and_token(trades: list[Row], place: int) -> None:
    late = trades[place % len(trades)]
    before, after = product.match([trade for trade in trades if trade is not late]), product.match(trades)
    for rows_before, rows_after in zip(before, after, strict=True):
        was = [row for row in rows_before if pair_of(row) != pair_of(late)]
        product.assert_same([row for row in rows_after if pair_of(row) != pair_of(late)], was, "trade_id")


@given(strategies.trade_histories())
def test_each_pair_alone_and_in_any_order_gives_the_same(trades: list[Row]) -> None:
    together = product.match(trades)
    for pair in {pair_of(trade) for trade in trades}:
        alone = product.match([trade for trade in reversed(trades) if pair_of(trade) == pair])
        for rows_alone, rows in zip(alone, together, strict=True):
            product.assert_same(rows_alone, [row for row in rows if pair_of(row) == pair], "trade_id")


@st.composite
def flat_histories(draw: Any) -> list[Row]:
    """A complete history of one pair that ends with nothing held; all values known."""
    trades, held = [], 0
    quantities = st.integers(1, 10) | st.integers(1, 10**37)
    nano = st.integers(0, 10**24)
    for place in range(draw(st.integers(1, 6))):
        quantity = draw(quantities)
        trades.append(("BUY", quantity, draw(nano), place))
        held += quantity
        if draw(st.booleans()):
            sold = draw(st.integers(1, held))
            trades.append(("SELL", sold, draw(nano), place))
            held -= sold
    return history(*trades, *([("SELL", held, draw(nano), 99)] if held else []))


@given(flat_histories())
@example(THIRDS)
def test_flat_and_complete_fifo_is_average_cost_is_cash_flow(trades: list[Row]) -> None:
    sales, lots = product.match(trades)
    assert lots == []
    bought = money([trade for trade in trades if trade["side"] == "BUY"], "value_usd")
    sold = money([trade for trade in trades if trade["side"] == "SELL"], "value_usd")
    assert money(sales, "realized_pnl_usd") == sold - bought == _average_cost_total(trades)


def _average_cost_total(trades: list[Row]) -> Fraction:
    held, cost, total = 0, Fraction(0), Fraction(0)
    for trade in sorted(trades, key=order):
        if trade["side"] == "BUY":
            held, cost = held + trade["quantity_raw"], cost + Fraction(trade["value_usd"])
        else:
            share = cost * trade["quantity_raw"] / held
            total += Fraction(trade["value_usd"]) - share
            held, cost = held - trade["quantity_raw"], cost - share
    return total


@given(strategies.trade_histories(small=True), st.integers(2, 10**36))
def test_scaling_quantities_leaves_the_money(trades: list[Row], factor: int) -> None:
    larger = [trade | {"quantity_raw": trade["quantity_raw"] * factor} for trade in trades]
    for rows, scaled in zip(product.match(trades), product.match(larger), strict=True):
        of_sale = {"quantity_raw", "matched_raw", "untrusted_raw", "unknown_cost_raw", "unmatched_raw"}
        counts = of_sale | {"bought_raw", "remaining_raw"}
        expected = [{c: v * factor if c in counts else v for c, v in row.items()} for row in rows]
        product.assert_same(scaled, expected, "trade_id")


@given(strategies.trade_histories(), st.integers(2, 10**6))
def test_scaling_values_scales_the_money(trades: list[Row], factor: int) -> None:
    def times(value: Decimal | None) -> Decimal | None:
        nano = product.scaled(value, 9)
        return product.decimal(None if nano is None else nano * factor, 9)

    dearer = [trade | {"value_usd": times(trade["value_usd"])} for trade in trades]
    scaled = by_id(product.match(dearer)[0])
    for trade_id, sale in by_id(product.match(trades)[0]).items():
        for column in ("cost_usd", "matched_proceeds_usd", "realized_pnl_usd"):
            if sale[column] is None:
                assert scaled[trade_id][column] is None
            else:
                # Each figure is a difference of numbers rounded to a nano-dollar, on both sides.
                gap = Fraction(scaled[trade_id][column]) - factor * Fraction(sale[column])
                assert abs(gap) <= 2 * (factor + 1) * NANO


def test_a_half_nano_dollar_is_rounded_up_and_nothing_is_lost() -> None:
    sales, lots = product.match(HALF_A_NANO_EACH)
    assert [sale["cost_usd"] for sale in sales] == [Decimal("1E-9"), Decimal(0)]
    assert lots == []


def test_a_later_buy_does_not_fill_an_earlier_sale() -> None:
    sales, lots = product.match(SOLD_FIRST)
    assert [sale["unmatched_raw"] for sale in sales] == [5, 1]
    assert [sale["matched_raw"] for sale in sales] == [0, 5]
    assert lots == []
