"""From served rows to the figures that rank: whatever prices of tokens and volumes say, only money makes a gain."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from smart_trader.domain.kernel.money import MONEY
from tests import strategies
from tests.domain.kernel import by_swaps, product
from tests.domain.kernel.by_swaps import SOL, USDC, A, B, leg, rows_of
from tests.domain.kernel.test_performance import FACTS
from tests.domain.kernel.test_trusted import gained_by_money
from tests.oracle.fifo import is_trusted
from tests.oracle.numbers import HOUR, Row
from tests.oracle.performance import ALL_TOKENS
from tests.strategies import NOW

SIDES = ("base", "quote")
_made_up = st.sampled_from([None, *map(Decimal, ("0", "1E-9", "0.001", "1", "5", "150000", "1E+17"))])


@st.composite
def histories(draw: Any) -> list[Row]:
    """Transactions of one wallet, one after the other."""
    drawn = draw(st.lists(strategies.transactions(wallets=strategies.WALLETS[:1]), min_size=1, max_size=4))
    return [
        row | {"tx_hash": f"tx{place}", "event_id": f"{place} {nth}", "block_time": NOW - 60 * HOUR + place * HOUR}
        for place, transaction in enumerate(drawn)
        for nth, row in enumerate(transaction)
    ]


def portfolio(rows: list[Row]) -> tuple[list[Row], Row]:
    """The trades of the wallet, and its figures over all tokens."""
    netted = by_swaps.net(rows)
    facts = {row["wallet_address"]: FACTS for row in rows}
    figures = product.wallet_pnl(netted.trades, {}, facts, NOW)
    (whole,) = (row for row in figures if row["token_address"] == ALL_TOKENS)
    return netted.trades, whole


def with_made_up_prices(rows: list[Row], draw: Any) -> list[Row]:
    """The rows with other volumes, and other prices of everything but money."""
    changed = []
    for row in rows:
        prices = {f"{side}_price": draw(_made_up) for side in SIDES if row[f"{side}_address"] not in MONEY}
        changed.append(row | prices | {"volume_usd": draw(_made_up)})
    return changed


def moves_money(row: Row, sign: int) -> bool:
    return any(row[f"{side}_address"] in MONEY and row[f"{side}_change_raw"] * sign > 0 for side in SIDES)


FAKE_PAIR = [
    *rows_of((leg(A, 10**12, "0.000015"), leg(SOL, -(10**8), "150")), volume="15", tx="in", at=1),
    *rows_of((leg(A, -(10**12), "5"), leg(B, 5 * 10**15, "1")), volume="5000000", tx="out", at=2),
]
GIFT = [
    *rows_of((leg(A, -(10**9)), leg(B, 10**12)), volume="1", tx="in", at=1),
    *rows_of((leg(B, -(10**12), "1"), leg(USDC, 10**9, "1")), volume="1000", tx="out", at=2),
]


@given(histories())
@example(FAKE_PAIR)
def test_where_no_money_came_in_nothing_was_gained(rows: list[Row]) -> None:
    spent = [row for row in rows if not moves_money(row, 1)]
    assume(spent)
    _, whole = portfolio(spent)
    assert whole["trusted_winning_sales"] == 0
    assert whole["trusted_pnl"] <= 0
    assert whole["trusted_ratio"] in (None, 0)


@given(histories())
@example(GIFT)
def test_where_no_money_went_out_nothing_was_gained(rows: list[Row]) -> None:
    received = [row for row in rows if not moves_money(row, -1)]
    assume(received)
    _, whole = portfolio(received)
    assert whole["trusted_winning_sales"] == 0
    assert whole["trusted_pnl"] <= 0


@given(histories(), st.data())
def test_made_up_prices_and_volumes_gain_nothing(rows: list[Row], data: Any) -> None:
    """A token that moves both ways in a transaction is left out: whether its rest is dust depends on its price."""
    plain = [row for row in rows if not _moves_a_token_both_ways(row["tx_hash"], rows)]
    assume(plain)
    trades, whole = portfolio(plain)
    made_up_trades, made_up = portfolio(with_made_up_prices(plain, data.draw))

    assert by_money(made_up_trades) == by_money(trades)
    assert made_up["trusted_winning_sales"] == whole["trusted_winning_sales"]
    gained = gained_by_money(trades).get((plain[0]["wallet_address"], ALL_TOKENS), Fraction(0))
    assert max(Fraction(made_up["trusted_pnl"]), Fraction(whole["trusted_pnl"])) <= gained


def by_money(trades: list[Row]) -> set[tuple[Any, ...]]:
    """What money says of each trusted trade."""
    names = ("trade_id", "side", "quantity_raw", "value_usd", "value_source")
    return {tuple(trade[name] for name in names) for trade in trades if is_trusted(trade)}


def _moves_a_token_both_ways(tx_hash: str, rows: list[Row]) -> bool:
    moved = {
        (row[f"{side}_address"], row[f"{side}_change_raw"] > 0)
        for row in rows
        for side in SIDES
        if row["tx_hash"] == tx_hash and row[f"{side}_change_raw"] and row[f"{side}_address"] not in MONEY
    }
    return any((mint, not is_in) in moved for mint, is_in in moved)
