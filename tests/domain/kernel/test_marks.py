"""How many units a position has, and what it is worth, where a token is scaled or nobody knows."""

from fractions import Fraction

import pytest

from smart_trader.domain.kernel.marks import (
    Holding,
    Multiplier,
    Quote,
    Scale,
    mark_position,
    newest_multiplier,
    scale_of,
)
from smart_trader.domain.kernel.money import PRICE, USD
from smart_trader.domain.kernel.totals import Inventory
from tests.domain.kernel.product import MARK_RULES

TEN, TWO, UNKNOWN = Multiplier(10 * PRICE, 7), Multiplier(2 * PRICE, 9), Multiplier(0, 8)


def quote(multiplier: Multiplier | None = None, price: int | None = 3 * PRICE) -> Quote:
    return Quote(price=price, liquidity=10**6 * USD, last_trade_at=0, multiplier=multiplier)


@pytest.mark.parametrize(
    ("of_wallet", "of_token", "multiplier"),
    [
        (None, None, 1),
        (TEN, None, 10),
        (None, TWO, 2),
        (TEN, TWO, 2),
        (Multiplier(10 * PRICE, 9), Multiplier(2 * PRICE, 8), 10),
        (TEN, UNKNOWN, 10),
        (UNKNOWN, TWO, 2),
        (UNKNOWN, None, None),
        (None, UNKNOWN, None),
        (UNKNOWN, UNKNOWN, None),
    ],
)
def test_the_newest_multiplier_that_is_given_counts(
    of_wallet: Multiplier | None, of_token: Multiplier | None, multiplier: int | None
) -> None:
    expected = None if multiplier is None else Scale(6, multiplier * PRICE)
    newest = newest_multiplier(of_wallet, quote(of_token))
    assert (newest is None) == (of_wallet is None and of_token is None), "not scaled"
    assert scale_of(6, newest) == expected
    assert scale_of(None, newest) is None
    if of_token is None:
        assert newest_multiplier(of_wallet, None) == newest


def marked(scale: Scale | None, of: Quote | None) -> Holding:
    position = Inventory(bought=200, left=200, known_left=150, known_cost=30 * USD)
    return mark_position(position, scale, of, 0, MARK_RULES)


def test_a_position_in_a_scaled_token_is_held_and_worth_by_units() -> None:
    held = marked(Scale(1, 10 * PRICE), quote())
    assert (held.tokens, held.value, held.unrealized) == (200 * PRICE, 600 * USD, (450 - 30) * USD)
    thirds = marked(Scale(18, PRICE // 3), quote())
    assert thirds.tokens == round(Fraction(200 * (PRICE // 3), PRICE))


def test_without_units_there_is_no_mark_whatever_the_price() -> None:
    for of in (quote(), quote(price=None), None):
        held = marked(None, of)
        assert (held.mark_reason, held.tokens, held.value, held.unrealized) == ("no_decimals", None, None, None)
        assert held.unmarked_cost_basis == 30 * USD
    assert marked(Scale(1), quote(price=None)).mark_reason == "no_price"
