"""Figures as people read them: never better than they are, never a number where nothing is known."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.report import figures, numbers
from tests.report.example import bare

AMOUNTS = st.decimals(-(10**18), 10**18, places=9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "$0.00"),
        ("0.001", "<$0.01"),
        ("-0.001", "−$0.01"),
        ("12.345", "$12.34"),
        ("-12.341", "−$12.35"),
        ("999.999", "$999.99"),
        ("1234.99", "$1,234"),
        ("-1234.01", "−$1,235"),
        ("1234567890", "$1.23 B"),
        ("1234567890123", "$1.23 T"),
        ("1e18", "$1.00e+18"),
    ],
)
def test_dollars(value: str, text: str) -> None:
    assert numbers.money(Decimal(value)) == text


@given(AMOUNTS)
def test_no_amount_looks_better_than_it_is(value: Decimal) -> None:
    shown = numbers.money(value)
    if "<" in shown or "B" in shown or "T" in shown or "e" in shown:
        return
    assert Decimal(shown.replace("−", "-").replace("$", "").replace(",", "")) <= value


@given(AMOUNTS)
def test_every_digit_is_kept_beside(value: Decimal) -> None:
    assert Decimal(numbers.exact(value)) == value
    assert "E" not in numbers.exact(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [("79.99", "79.9 %"), ("99.999999", "99.9 %"), ("-0.01", "−0.1 %"), ("1234.5", "1,234 %"), ("1e12", "1.00e+12 %")],
)
def test_percent(value: str, text: str) -> None:
    assert numbers.percent(Decimal(value)) == text


@pytest.mark.parametrize(
    ("raw", "decimals", "multiplier", "text"),
    [
        (1_500_000, 6, None, "1.50"),
        (1, 9, None, "1.00e-9"),
        (10**30, None, None, "1.00e+30 base units"),
        (123_456_789_000_000, 6, None, "123,456,789"),
        (5_000_000_000_000_000, 6, None, "5.00 B"),
        (0, 6, None, "0.00"),
        (1_500_000, 6, "10", "15.00"),
        (10**38 - 1, 0, "0.000000000000000001", "1.00e+20"),
        (1_500_000, 6, "0", "1,500,000 base units"),
        (1_500_000, None, "10", "1,500,000 base units"),
    ],
)
def test_quantities(raw: int, decimals: int | None, multiplier: str | None, text: str) -> None:
    assert numbers.quantity(Decimal(raw), decimals, multiplier and Decimal(multiplier)) == text


@pytest.mark.parametrize(
    ("value", "text"), [("0", "$0"), ("0.000012345678", "$0.00001234"), ("190", "$190"), ("1.5", "$1.5")]
)
def test_prices(value: str, text: str) -> None:
    assert numbers.price(Decimal(value)) == text


@pytest.mark.parametrize(("value", "text"), [("0.5", "30.0 min"), ("2", "2.0 h"), ("47.9", "1.9 d")])
def test_time_spans(value: str, text: str) -> None:
    assert numbers.hours(Decimal(value)) == text


@pytest.mark.parametrize(
    "figure",
    [figures.roi, figures.win_rate, figures.token_win_rate, figures.lower_bound, figures.coverage, figures.unrealized],
)
def test_what_is_unknown_has_a_reason_and_no_number(figure: Callable[[Any], Any]) -> None:
    unknown = figure(bare())
    assert not unknown.is_known
    assert unknown.how and unknown.exact == ""
