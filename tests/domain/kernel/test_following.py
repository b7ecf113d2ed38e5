"""Following a wallet: the kernel against a queue of single units, and what must hold of the figures."""

from collections import deque
from fractions import Fraction
from itertools import pairwise
from math import floor

from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.kernel.following import Followed, LastTrade, add_up, follow_return, follow_token

Trade = tuple[bool, int, int | None]

NOTHING = Followed(*[0] * len(Followed._fields))
TRADES = st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.none() | st.integers(0, 40)), max_size=12)
LAST = st.none() | st.builds(LastTrade, st.integers(0, 40), st.integers(1, 9))
OVERSOLD = [(True, 3, 10), (False, 5, 20), (True, 2, 7), (False, 1, None)]
UNKNOWN_IN_BETWEEN = [(True, 2, 5), (True, 2, None), (True, 2, 9), (False, 5, 13)]


def half_up(number: Fraction) -> int:
    return floor(number + Fraction(1, 2))


def unit_by_unit(trades: list[Trade], last: LastTrade | None) -> Followed:
    """A queue in which each unit has a cost: what its lot has cost up to it, less what up to the unit before."""
    units: deque[int | None] = deque()
    invested = realized = skipped = 0
    results = []
    for is_buy, quantity, value in trades:
        if is_buy:
            paid = [None if value is None else half_up(Fraction(value * n, quantity)) for n in range(quantity + 1)]
            units.extend(None if to is None or since is None else to - since for since, to in pairwise(paid))
            invested += value or 0
            continue
        taken = [units.popleft() for _ in range(min(quantity, len(units)))]
        known = [cost for cost in taken if cost is not None]
        matched = half_up(Fraction((value or 0) * len(known), quantity))
        skipped += (value or 0) - matched
        if known:
            results.append(matched - sum(known))
            realized += results[-1]
    left = [cost for cost in units if cost is not None]
    return Followed(
        invested=invested,
        realized=realized,
        skipped_proceeds=skipped,
        sales=len(results),
        winning_sales=len([result for result in results if result > 0]),
        open_cost=sum(left),
        open_value=half_up(Fraction(len(left) * last.value, last.quantity)) if last else 0,
        unmarked_cost=0 if last else sum(left),
        trades=len(trades),
    )


@given(TRADES, LAST)
@example(OVERSOLD, None)
@example(UNKNOWN_IN_BETWEEN, LastTrade(7, 3))
def test_following_is_counting_single_units(trades: list[Trade], last: LastTrade | None) -> None:
    assert follow_token(trades, last) == unit_by_unit(trades, last)


@given(TRADES, LAST)
def test_profit_is_what_comes_out_less_what_was_put_in(trades: list[Trade], last: LastTrade | None) -> None:
    """Cash: proceeds that were not skipped, and what is left at its mark, less all purchases."""
    found = follow_token(trades, last)
    proceeds = sum(value or 0 for is_buy, _, value in trades if not is_buy)
    assert found.pnl >= -found.invested
    assert found.unmarked_cost in (0, found.open_cost)
    if all(value is not None for is_buy, _, value in trades if is_buy):
        assert found.pnl == proceeds - found.skipped_proceeds + found.open_value - found.invested


@given(st.lists(st.tuples(TRADES, LAST), max_size=4))
def test_tokens_add_up(tokens: list[tuple[list[Trade], LastTrade | None]]) -> None:
    parts = [follow_token(*token) for token in tokens]
    assert add_up(parts) == Followed(*(sum(getattr(part, name) for part in parts) for name in Followed._fields))
    assert add_up(parts).pnl == sum(part.pnl for part in parts)


def test_quantities_and_values_of_any_width_are_exact() -> None:
    wide = 10**38 - 1
    found = follow_token([(True, wide, 10**27), (True, wide, 10**27), (False, wide, 10**28 - 1)], LastTrade(10**28, 1))
    assert (found.realized, found.open_cost, found.open_value) == (9 * 10**27 - 1, 10**27, wide * 10**28)


def test_the_return_is_a_percentage_of_what_was_bought_rounded_half_away() -> None:
    assert follow_token([], None) == NOTHING == add_up([])
    assert follow_return(0, 0) is None
    lost = follow_token([(True, 1, 16 * 10**7), (False, 1, 16 * 10**7 - 1)], None)
    assert (lost.pnl, follow_return(lost.pnl, lost.invested)) == (-1, -1), "half of a millionth of a percent"
    gained = follow_token([(True, 2, 8), (False, 1, 10)], LastTrade(3, 1))
    assert (gained.pnl, follow_return(gained.pnl, gained.invested)) == (5, 62_500_000)


def test_a_token_without_a_mark_is_worth_nothing_and_one_with_a_value_of_nothing_too() -> None:
    bought = [(True, 5, 100)]
    assert follow_token(bought, None).pnl == follow_token(bought, LastTrade(0, 3)).pnl == -100
    assert follow_token(bought, None).unmarked_cost == 100
    assert follow_token(bought, LastTrade(0, 3)).unmarked_cost == 0


def test_what_was_bought_before_is_not_followed() -> None:
    found = follow_token([(False, 4, 100), (True, 2, 10), (False, 4, 30)], None)
    assert (found.skipped_proceeds, found.realized, found.sales, found.winning_sales) == (115, 5, 1, 1)
