"""Trusted figures: what money does not show is no gain, whatever its price, and a loss stays one."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import strategies
from tests.domain.gold.portfolios import ALSO_TRUSTED
from tests.domain.kernel import product
from tests.domain.kernel.test_performance import FACTS, both
from tests.oracle.fifo import is_trusted
from tests.oracle.numbers import DAY, HOUR, Row
from tests.oracle.performance import ALL_TOKENS
from tests.strategies import NOW, trade_row

FIGURES = ("pnl", "cost_of_sold", "sales", "winning_sales", "roi", "win_rate", "ratio")
BUY, BUY_BY_PRICE = ("BUY", 10, 100, "sol"), ("BUY", 10, 100, "token_price")
BUY_UNKNOWN, SELL_UNKNOWN = ("BUY", 10, None, "none"), ("SELL", 10, None, "none")
GAIN, LOSS = ("SELL", 10, 150, "stable"), ("SELL", 10, 90, "stable")
GAIN_BY_VOLUME, LOSS_BY_VOLUME = ("SELL", 10, 150, "volume_usd"), ("SELL", 10, 90, "volume_usd")


def history(*trades: tuple[str, int, int | None, str]) -> list[Row]:
    """Trades of one wallet in one token, an hour apart: side, whole tokens, dollars or None, source of the value."""
    return [
        trade_row(
            *(f"tx{place}", "Wallet", "MintWith6", side, whole * 10**6),
            *(None if usd is None else usd * 10**9, 100 * DAY + place * HOUR, None, source),
        )
        for place, (side, whole, usd, source) in enumerate(trades)
    ]


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        # pnl, cost, sales, wins, roi, win rate, ratio
        ((BUY, GAIN), (50, 100, 1, 1, 50, 100, 1)),
        ((BUY, GAIN_BY_VOLUME), (0, 0, 0, 0, None, None, 0)),
        ((BUY_BY_PRICE, GAIN), (0, 0, 0, 0, None, None, 0)),
        ((BUY, LOSS_BY_VOLUME), (-10, 100, 1, 0, -10, 0, 0)),
        ((BUY_BY_PRICE, LOSS), (-10, 100, 1, 0, -10, 0, 0)),
        ((BUY, GAIN, BUY_BY_PRICE, GAIN), (50, 100, 1, 1, 50, 100, "0.5")),
        # One unit out of an untrusted lot is enough, none is too few.
        ((BUY, BUY_BY_PRICE, ("SELL", 11, 220, "sol")), (0, 0, 0, 0, None, None, 0)),
        ((BUY, BUY_BY_PRICE, GAIN), (50, 100, 1, 1, 50, 100, 1)),
        # A lot of unknown cost says nothing of the others.
        ((BUY, BUY_UNKNOWN, ("SELL", 20, 300, "sol")), (50, 100, 1, 1, 50, 100, 1)),
        ((BUY_UNKNOWN, GAIN), (0, 0, 0, 0, None, None, None)),
        # Sold, and nobody knows for what: as if for nothing.
        ((BUY, SELL_UNKNOWN), (-100, 100, 1, 0, -100, 0, None)),
        ((BUY_BY_PRICE, SELL_UNKNOWN), (-100, 100, 1, 0, -100, 0, None)),
        ((("BUY", 10, 0, "sol"), SELL_UNKNOWN), (0, 0, 1, 0, None, 0, None)),
        # Neither gained nor lost: left out with the gains.
        ((BUY, ("SELL", 10, 100, "token_price")), (0, 0, 0, 0, None, None, 0)),
    ],
)
def test_what_counts_is_gained_by_money_or_lost(trades: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    row = both(history(*trades), {}, {"Wallet": FACTS})["Wallet", ALL_TOKENS]
    figures = tuple(row[f"trusted_{name}"] for name in FIGURES)
    assert figures == tuple(None if figure is None else Decimal(figure) for figure in expected)


@pytest.mark.parametrize(
    ("trades", "outcome"),
    [
        ((BUY, GAIN), (1, 0)),
        ((BUY, GAIN_BY_VOLUME), (0, 0)),
        ((BUY, LOSS_BY_VOLUME), (0, 1)),
        ((BUY, SELL_UNKNOWN), (0, 1)),  # without proceeds a token counts as covered
        ((BUY, ("SELL", 5, 500, "token_price")), (0, 1)),  # dead: what is left cost something
        ((BUY, ("SELL", 5, 500, "sol")), (1, 0)),
    ],
)
def test_a_token_is_won_or_lost_by_its_trusted_pnl(trades: tuple[Any, ...], outcome: tuple[int, int]) -> None:
    row = both(history(*trades), {}, {"Wallet": FACTS})["Wallet", "MintWith6"]
    assert (row["winning_tokens"], row["losing_tokens"]) == outcome


@given(strategies.trade_histories(values_known=True))
def test_where_money_shows_every_value_trusted_figures_are_the_others(trades: list[Row]) -> None:
    by_money = [trade | {"value_source": "sol"} for trade in trades]
    for row in figures_of(by_money):
        same = {name: (row[name], row[figure]) for name, figure in ALSO_TRUSTED.items()}
        assert all(trusted == figure for trusted, figure in same.values()), same
        assert row["trusted_ratio"] in (None, 1)


@given(strategies.trade_histories(), st.data())
@example(history(BUY, BUY_BY_PRICE, SELL_UNKNOWN, GAIN_BY_VOLUME), None)
def test_prices_that_strangers_make_up_gain_nothing(trades: list[Row], data: Any) -> None:
    """Trusted sales are what they are, and all the others together only take from what these gained."""
    before, made_up = figures_of(trades), figures_of([revalued(trade, data) for trade in trades])
    trusted = gained_by_money(trades)
    for was, row in zip(before, made_up, strict=True):
        key = row["wallet_address"], row["token_address"]
        assert row["trusted_winning_sales"] == was["trusted_winning_sales"]
        assert Fraction(row["trusted_pnl"]) <= trusted.get(key, 0)


def revalued(trade: Row, data: Any) -> Row:
    """The trade, with another value if it has one that money does not show."""
    if is_trusted(trade) or trade["value_usd"] is None:
        return trade
    nano = data.draw(st.integers(0, 10**27)) if data else 10**27
    return trade | {"value_usd": product.decimal(nano, 9)}


def gained_by_money(trades: list[Row]) -> dict[tuple[str, str], Fraction]:
    """What trusted sales alone realized, by wallet and token and by wallet."""
    by_money = {trade["trade_id"] for trade in trades if is_trusted(trade)}
    found: dict[tuple[str, str], Fraction] = {}
    for sale in product.match(trades)[0]:
        if sale["trade_id"] in by_money and sale["matched_raw"] and not sale["untrusted_raw"]:
            for token in (sale["token_address"], ALL_TOKENS):
                key = sale["wallet_address"], token
                found[key] = found.get(key, Fraction(0)) + Fraction(sale["realized_pnl_usd"])
    return found


@given(strategies.trade_histories(), st.integers(0, 13), st.integers(0, 10**27))
@example(history(BUY, LOSS_BY_VOLUME), 1, 5 * 10**9)
@example(history(BUY, LOSS_BY_VOLUME), 1, 500 * 10**9)
def test_a_dearer_untrusted_sale_can_only_undo_its_own_loss(trades: list[Row], place: int, more: int) -> None:
    sale = trades[place % len(trades)]
    if sale["side"] == "BUY" or is_trusted(sale) or sale["value_usd"] is None:
        return
    dearer = sale | {"value_usd": product.decimal((product.scaled(sale["value_usd"], 9) or 0) + more, 9)}
    (matched,) = (row for row in product.match(trades)[0] if row["trade_id"] == sale["trade_id"])
    loss = max(Fraction(0), -Fraction(matched["realized_pnl_usd"] or 0))
    after = figures_of([dearer if trade is sale else trade for trade in trades])
    for was, row in zip(figures_of(trades), after, strict=True):
        assert 0 <= Fraction(row["trusted_pnl"]) - Fraction(was["trusted_pnl"]) <= loss


@given(strategies.trade_histories())
def test_a_wallet_looks_worse_by_trusted_figures_and_never_better(trades: list[Row]) -> None:
    """Of PnL this holds always; of rates it does not, where an untrusted sale gained little or nothing."""
    without_value = {trade["trade_id"] for trade in trades if trade["value_usd"] is None}
    sales = product.match(trades)[0]
    for row in figures_of(trades):
        own = [sale for sale in sales if sale["wallet_address"] == row["wallet_address"]]
        if row["token_address"] != ALL_TOKENS:
            own = [sale for sale in own if sale["token_address"] == row["token_address"]]
        lost = sum(Fraction(sale["cost_usd"] or 0) for sale in own if sale["trade_id"] in without_value)
        assert Fraction(row["trusted_pnl"]) <= Fraction(row["realized_pnl"]) - lost
        assert row["trusted_winning_sales"] <= min(row["winning_sales"], row["trusted_sales"])
        assert row["trusted_sales"] <= row["sell_count"]
        assert row["trusted_ratio"] is None or 0 <= row["trusted_ratio"] <= 1


def figures_of(trades: list[Row]) -> list[Row]:
    facts = {trade["wallet_address"]: FACTS for trade in trades}
    return product.wallet_pnl(trades, {}, facts, NOW)
