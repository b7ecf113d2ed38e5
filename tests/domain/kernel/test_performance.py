"""silver.wallet_pnl and the class of a wallet: the kernel against the oracle, and figures worked by hand."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given

from smart_trader.domain.kernel import performance
from smart_trader.domain.silver import wallet_pnl
from tests import strategies
from tests.domain.kernel import product
from tests.oracle import fifo
from tests.oracle import performance as oracle
from tests.oracle.numbers import DAY, HOUR, SECOND, Row
from tests.strategies import NOW, trade_row

START = 120 * DAY
"""Microseconds from the first possible trade of `trade_row` to NOW."""
FACTS: Row = {
    "history_complete": True,
    "arbitrage_tx_count": 0,
    "transaction_count": 10,
    "rejected_rows": 0,
    "is_pool_of_a_row": False,
    "listed_as": None,
}
USD = 10**9
ONE = 10**6


KEY = ("wallet_address", "token_address")


def both(trades: list[Row], marks: dict[str, Row], facts: dict[str, Row]) -> dict[tuple[str, str], Row]:
    """The rows, after kernel and oracle agreed on them."""
    actual = product.wallet_pnl(trades, marks, facts, NOW)
    product.assert_same(actual, oracle.wallet_pnl(trades, *fifo.match(trades), marks, facts, NOW), *KEY)
    return {(row["wallet_address"], row["token_address"]): row for row in actual}


def history(*trades: tuple[Any, ...]) -> list[Row]:
    """Trades of one wallet in MintWith6: side, whole tokens, dollars or None, microseconds before NOW."""
    return [
        trade_row(
            f"tx{place}", "Wallet", "MintWith6", side, whole * ONE, None if usd is None else usd * USD, START - ago
        )
        for place, (side, whole, usd, ago) in enumerate(trades)
    ]


def row_of(trades: list[Row], token: str = "MintWith6", **mark: Any) -> Row:
    marks = {"MintWith6": {"price": Decimal(1), "last_trade_at": NOW, "liquidity_usd": Decimal(10**9)} | mark}
    return both(trades, marks if mark else {}, {"Wallet": FACTS})["Wallet", token]


def test_each_declared_figure_is_computed_and_no_other() -> None:
    rows = product.wallet_pnl(history(("BUY", 2, 3, HOUR)), {}, {"Wallet": FACTS}, NOW)
    declared = {column.name for column in wallet_pnl.FIGURES}
    assert [set(row) - {*KEY, "computed_at"} for row in rows] == [declared, declared]


@given(strategies.trade_histories(), strategies.markets(), strategies.wallet_facts())
@example([], {}, {"Wallet": FACTS})
def test_figure_by_figure_the_kernel_is_the_oracle(
    trades: list[Row], marks: dict[str, Row], facts: dict[str, Row]
) -> None:
    both(trades, marks, facts)


def test_sums_of_narrow_numbers_may_be_wide() -> None:
    """Each of these fits 64 bits, and no two of a kind together do."""
    wide = 6 * 10**18
    trades = [trade_row(f"tx{place}", "Wallet", "MintWith6", "BUY", wide, wide, place) for place in range(2)]
    trades += [trade_row(f"sale{place}", "Wallet", "MintWith6", "SELL", wide // 2, wide, 9) for place in range(2)]
    row = both(trades, {}, {"Wallet": FACTS})["Wallet", "MintWith6"]
    assert row["total_bought"] == row["total_sold"] == Decimal(12 * 10**9)
    assert row["current_position_tokens"] == Decimal(wide // ONE)


@given(
    strategies.trade_histories(max_trades=40, wallets=("Wallet",), tokens=strategies.TOKENS),
    strategies.markets(),
)
def test_many_tokens_of_one_wallet_agree_too(trades: list[Row], marks: dict[str, Row]) -> None:
    both(trades, marks, {"Wallet": FACTS})


@given(strategies.trade_histories(small=True, max_trades=30), strategies.markets(), strategies.wallet_facts())
def test_a_wallet_is_classed_as_the_oracle_does(
    trades: list[Row], marks: dict[str, Row], facts: dict[str, Row]
) -> None:
    sales, _ = fifo.match(trades)
    for wallet, fact in facts.items():
        assert product.wallet_class(wallet, trades, fact) == oracle.wallet_class(wallet, trades, sales, fact)


@given(strategies.trade_histories(), strategies.markets(), strategies.wallet_facts())
def test_what_must_hold_between_the_figures(trades: list[Row], marks: dict[str, Row], facts: dict[str, Row]) -> None:
    rows = product.wallet_pnl(trades, marks, facts, NOW)
    for row in rows:
        known = Fraction(row["realized_pnl"]) + Fraction(row["unrealized_pnl"] or 0)
        assert Fraction(row["total_pnl"]) == known
        assert row["trade_count"] == row["buy_count"] + row["sell_count"]
        assert row["winning_sales"] <= row["matched_sales"] <= row["sell_count"]
        assert row["coverage_ratio"] is None or 0 <= row["coverage_ratio"] <= 1
        assert 0 <= row["unmatched_proceeds"] <= row["total_sold"]
        assert row["mark_reason"] in (None, "no_decimals", "no_price", "stale_price", "thin_market")
        assert row["mark_reason"] is None or row["current_position_value"] is None
        bound, rate = row["win_rate_lower_bound"], row["token_win_rate"]
        assert (bound is None) == (rate is None) and (rate is None or 0 <= bound <= rate <= 100)
    portfolios = {row["wallet_address"]: row for row in rows if row["token_address"] == oracle.ALL_TOKENS}
    assert portfolios.keys() == facts.keys()
    for wallet, portfolio in portfolios.items():
        tokens = [row for row in rows if row["wallet_address"] == wallet and row is not portfolio]
        for column in ("realized_pnl", "total_bought", "total_sold", "unmatched_proceeds", "trade_count", "total_pnl"):
            assert sum(Fraction(row[column]) for row in tokens) == Fraction(portfolio[column])


@given(strategies.trade_histories(), strategies.markets(), strategies.wallet_facts())
def test_other_wallets_change_nothing(trades: list[Row], marks: dict[str, Row], facts: dict[str, Row]) -> None:
    together = product.wallet_pnl(trades, marks, facts, NOW)
    for wallet in facts:
        own = [trade for trade in trades if trade["wallet_address"] == wallet]
        alone = product.wallet_pnl(own, marks, {wallet: facts[wallet]}, NOW)
        product.assert_same(alone, [row for row in together if row["wallet_address"] == wallet], *KEY)


def test_a_wallet_without_trades_has_zeros_and_nulls() -> None:
    row = both([], {}, {"Wallet": FACTS})["Wallet", oracle.ALL_TOKENS]
    money = ("realized_pnl", "unrealized_pnl", "total_pnl", "cost_of_sold", "total_bought", "total_sold")
    also = ("unmatched_proceeds", "current_position_cost_basis", "current_position_value", "unmarked_cost_basis")
    counts = ("winning_sales", "matched_sales", "winning_tokens", "losing_tokens", "trade_count", "rejected_rows")
    for column in (*money, *also, *counts, "pnl_ex_best_token"):
        assert row[column] == 0, column
    rates = ("roi", "win_rate", "token_win_rate", "win_rate_lower_bound", "coverage_ratio", "trade_frequency_daily")
    others = ("avg_holding_time_hours", "first_transaction", "mark_price", "best_token_share", "best_trade_roi")
    for column in (*rates, *others):
        assert row[column] is None, column


@pytest.mark.parametrize(
    ("wins", "decided", "bound"),
    # 95 % bounds of Wilson (1927), from tables of the score interval: 0 of n is exactly 0, n of n is n / (n + z²).
    [(0, 1, "0"), (0, 5, "0"), (1, 1, "20.654931"), (5, 10, "23.659309"), (8, 10, "49.016247"), (10, 10, "72.246720")],
)
def test_the_wilson_bound_has_its_known_values(wins: int, decided: int, bound: str) -> None:
    assert product.decimal(performance.wilson_lower_bound(wins, decided), 6) == Decimal(bound)


def test_the_wilson_bound_is_the_oracles_for_every_small_count() -> None:
    for decided in range(1, 40):
        for wins in range(decided + 1):
            bound = product.decimal(performance.wilson_lower_bound(wins, decided), 6)
            assert bound == oracle.wilson_lower_bound(wins, decided - wins)
    assert performance.wilson_lower_bound(0, 0) is None


def test_a_token_is_closed_from_98_percent() -> None:
    for sold, outcome in ((98, 1), (97, 0)):
        row = row_of(history(("BUY", 100, 100, 9 * HOUR), ("SELL", sold, 500, 8 * HOUR)))
        assert (row["winning_tokens"], row["losing_tokens"]) == (outcome, 0)


def test_a_token_is_dead_after_seven_days_without_a_price_or_nearly_without_worth() -> None:
    bought: list[tuple[Any, ...]] = [("BUY", 100, 100, 30 * DAY)]
    sold = ("SELL", 10, 30, 7 * DAY + 1)
    assert row_of(history(*bought, sold))["losing_tokens"] == 1
    assert row_of(history(*bought, ("SELL", 10, 30, 7 * DAY)))["losing_tokens"] == 0
    for price, dead in (("0.1", 0), ("0.099999999", 1)):
        assert row_of(history(*bought, sold), price=Decimal(price))["losing_tokens"] == dead
    for age, dead in ((DAY, 0), (DAY + SECOND, 1)):
        assert row_of(history(*bought, sold), last_trade_at=NOW - age)["losing_tokens"] == dead
    # Sold for more than all of it cost: what is left cannot turn it into a loss.
    assert row_of(history(*bought, ("SELL", 10, 101, 8 * DAY)))["winning_tokens"] == 1


def test_a_token_counts_from_80_percent_coverage() -> None:
    for unmatched, outcome in ((25, 1), (26, 0)):
        trades = history(
            ("SELL", unmatched, unmatched, 9 * HOUR), ("BUY", 100, 50, 8 * HOUR), ("SELL", 100, 100, 7 * HOUR)
        )
        assert row_of(trades)["winning_tokens"] == outcome


def test_a_mark_is_refused_beyond_24_hours_and_2_percent_of_liquidity() -> None:
    trades = history(("BUY", 100, 50, DAY))
    fresh = row_of(trades, last_trade_at=NOW - DAY, liquidity_usd=Decimal(5000))
    assert (fresh["mark_reason"], fresh["current_position_value"], fresh["unrealized_pnl"]) == (None, 100, 50)
    stale = row_of(trades, last_trade_at=NOW - DAY - SECOND)
    thin = row_of(trades, liquidity_usd=Decimal("4999.999999999"))
    for row, reason in ((stale, "stale_price"), (thin, "thin_market"), (row_of(trades), "no_price")):
        assert row["mark_reason"] == reason
        assert row["current_position_value"] is None and row["unrealized_pnl"] is None
        assert (row["unmarked_cost_basis"], row["total_pnl"]) == (50, 0)
        assert row["mark_price"] == (None if reason == "no_price" else 1)


def test_unrealized_is_rounded_once_and_half_a_nano_dollar_away_from_zero() -> None:
    # One unit of 10^-9 tokens at $0.5 is worth half a nano-dollar, and cost a whole one.
    trades = [trade_row("tx", "Wallet", "MintWith9", "BUY", 1, 1, START)]
    mark: Row = {"price": Decimal("0.5"), "last_trade_at": NOW, "liquidity_usd": Decimal(1)}
    row = both(trades, {"MintWith9": mark}, {"Wallet": FACTS})["Wallet", "MintWith9"]
    assert (row["unrealized_pnl"], row["current_position_value"]) == (Decimal("-1E-9"), Decimal("1E-9"))


def test_holding_time_is_weighted_by_cost_and_not_last_minus_first() -> None:
    row = row_of(
        history(("BUY", 3, 30, 10 * HOUR), ("SELL", 3, 1, 8 * HOUR), ("BUY", 1, 10, 6 * HOUR), ("SELL", 1, 1, 0))
    )
    assert row["avg_holding_time_hours"] == 3


def test_begun_days_count_whole_in_the_frequency() -> None:
    for ago, per_day in ((0, "2"), (DAY, "2"), (DAY + 1, "1"), (2 * DAY, "1")):
        row = row_of(history(("BUY", 1, 1, ago), ("BUY", 1, 1, 0)))
        assert row["trade_frequency_daily"] == Decimal(per_day)


def test_more_than_200_trades_on_an_average_day_are_a_bot() -> None:
    for count, expected in ((200, "person"), (201, "bot")):
        trades = [trade_row(f"tx{n}", "Wallet", "MintWith6", "BUY", 1, 1, n) for n in range(count)]
        assert product.wallet_class("Wallet", trades, FACTS) == expected
        assert oracle.wallet_class("Wallet", trades, [], FACTS) == expected


def test_a_median_hold_under_a_minute_over_20_sales_is_a_bot() -> None:
    for count, held, expected in ((20, 59, "bot"), (20, 60, "person"), (19, 1, "person")):
        trades = []
        for n in range(count):
            trades.append(trade_row(f"b{n}", "Wallet", "MintWith6", "BUY", 1, 1, n * HOUR))
            trades.append(trade_row(f"s{n}", "Wallet", "MintWith6", "SELL", 1, 1, n * HOUR + held * SECOND))
        assert product.wallet_class("Wallet", trades, FACTS) == expected
        assert oracle.wallet_class("Wallet", trades, fifo.match(trades)[0], FACTS) == expected


def test_arbitrage_in_more_than_a_fifth_of_50_transactions_is_a_bot() -> None:
    for loops, transactions, expected in ((10, 50, "person"), (11, 50, "bot"), (49, 49, "person")):
        facts = FACTS | {"arbitrage_tx_count": loops, "transaction_count": transactions}
        assert product.wallet_class("Wallet", [], facts) == expected
        assert oracle.wallet_class("Wallet", [], [], facts) == expected


def test_a_listed_address_is_what_the_list_says() -> None:
    for facts, expected in (
        (FACTS | {"is_pool_of_a_row": True}, "pool"),
        (FACTS | {"listed_as": "pool"}, "pool"),
        (FACTS | {"listed_as": "exchange", "arbitrage_tx_count": 60, "transaction_count": 60}, "exchange"),
    ):
        assert product.wallet_class("Wallet", [], facts) == expected
        assert oracle.wallet_class("Wallet", [], [], facts) == expected
