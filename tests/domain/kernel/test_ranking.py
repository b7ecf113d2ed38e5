"""Tier, score and gate: the kernel against the oracle, and each threshold at its edge."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.kernel import product
from tests.oracle import ranking as oracle
from tests.oracle.numbers import Row
from tests.strategies import NOW

CLASSES = ("person", "person", "bot", "pool", "exchange")


def portfolio(**figures: Any) -> Row:
    row: Row = {
        "wallet_address": "Wallet",
        "trusted_pnl": Decimal(10_000),
        "realized_pnl": Decimal(15_000),
        "total_pnl": Decimal(20_000),
        "trusted_roi": Decimal(50),
        "roi": Decimal(60),
        "trusted_win_rate": Decimal(40),
        "win_rate": Decimal(45),
        "token_win_rate": Decimal(30),
        "coverage_ratio": Decimal("0.8"),
        "trusted_ratio": Decimal("0.8"),
        "pnl_ex_best_token": Decimal(0),
        "history_complete": True,
        "trade_count": 10,
        "sell_count": 4,
        "total_bought": Decimal(100),
        "total_sold": Decimal(200),
        "first_transaction": NOW,
        "last_transaction": NOW,
    }
    return row | figures


def figures_near(digits: int, *edges: str) -> st.SearchStrategy[Decimal]:
    """Figures at a threshold, one unit in the last place beside it, and in between."""
    ulp = Decimal(1).scaleb(-digits)
    at_edges = [Decimal(edge) + step * ulp for edge in edges for step in (-1, 0, 1)]
    return st.sampled_from(at_edges) | st.decimals(-200, 20_000, places=digits)


_money = figures_near(9, "0", "10", "100", "1000", "10000")
_percent = st.none() | figures_near(6, "0", "1", "10", "20", "50", "100")
_rate = st.none() | figures_near(6, "0", "10", "20", "30", "40", "100").filter(lambda rate: 0 <= rate <= 100)
_ratio = st.none() | figures_near(6, "0", "0.8", "1").filter(lambda ratio: 0 <= ratio <= 1)
_portfolios = st.builds(
    portfolio,
    wallet_address=st.sampled_from([f"Wallet{n}" for n in range(9)]),
    trusted_pnl=_money,
    realized_pnl=_money,
    total_pnl=_money,
    trusted_roi=_percent,
    roi=_percent,
    trusted_win_rate=_rate,
    win_rate=_rate,
    token_win_rate=_rate,
    coverage_ratio=_ratio,
    trusted_ratio=_ratio,
    history_complete=st.booleans(),
    trade_count=st.integers(0, 12),
)


@given(
    st.lists(_portfolios, max_size=9, unique_by=lambda row: row["wallet_address"]),
    st.lists(st.sampled_from(CLASSES), min_size=9, max_size=9),
    st.sampled_from(("trusted", "realized", "total")),
)
def test_the_kernel_judges_as_the_oracle_does(rows: list[Row], classes: list[str], basis: str) -> None:
    class_of = {row["wallet_address"]: classes[place] for place, row in enumerate(rows)}
    expected = {row["wallet_address"]: row for row in oracle.rank(rows, class_of, basis)}
    for row in rows:
        wallet = row["wallet_address"]
        actual = product.judged(row, class_of[wallet], basis)
        assert actual.pop("qualifies") == (wallet in expected)
        if wallet in expected:
            assert actual == {column: expected[wallet][column] for column in actual}


@given(_portfolios, st.sampled_from(CLASSES))
def test_a_score_is_within_bounds_and_each_failure_is_named(row: Row, wallet_class: str) -> None:
    judged = product.judged(row, wallet_class, "trusted")
    for part in ("smart_trader_score", "profitability_score", "roi_score", "win_rate_score", "activity_score"):
        assert 0 <= judged[part] <= 100
    assert (f"class_{wallet_class}" in judged["gate_failures"]) == (wallet_class != "person")


@given(_portfolios, _money)
def test_more_profit_never_lowers_score_or_tier(row: Row, pnl: Decimal) -> None:
    tiers = ["QUALIFIED", "PROMISING", "STRONG", "ELITE"]
    poorer, richer = sorted((row["trusted_pnl"], pnl))
    less, more = (product.judged(row | {"trusted_pnl": amount}, "person", "trusted") for amount in (poorer, richer))
    assert less["smart_trader_score"] <= more["smart_trader_score"]
    assert tiers.index(less["performance_tier"]) <= tiers.index(more["performance_tier"])


@pytest.mark.parametrize(
    ("pnl", "roi", "win_rate", "tier"),
    [
        ("10000", "50", "30", "ELITE"),
        ("9999.999999999", "50", "30", "STRONG"),
        ("10000", "49.999999", "30", "STRONG"),
        ("10000", "50", "29.999999", "STRONG"),
        ("1000", "20", "20", "STRONG"),
        ("999.999999999", "20", "20", "PROMISING"),
        ("100", "10", "10", "PROMISING"),
        ("100", "9.999999", "10", "QUALIFIED"),
        ("100", "10", None, "QUALIFIED"),
        ("100000", None, "90", "QUALIFIED"),
    ],
)
def test_a_tier_is_reached_at_its_threshold(pnl: str, roi: str | None, win_rate: str | None, tier: str) -> None:
    rates = {"trusted_roi": roi and Decimal(roi), "trusted_win_rate": win_rate and Decimal(win_rate)}
    row = portfolio(trusted_pnl=Decimal(pnl), **rates)
    assert product.judged(row, "person", "trusted")["performance_tier"] == tier


def test_the_score_of_a_half_good_trader_by_hand() -> None:
    rates = {"trusted_roi": Decimal(25), "trusted_win_rate": Decimal("62.5")}
    row = portfolio(trusted_pnl=Decimal(5_000), trade_count=4, **rates)
    judged = product.judged(row, "person", "trusted")
    # 0.4 x 50 + 0.3 x 25 + 0.2 x 62.5 + 0.1 x 40
    assert judged["smart_trader_score"] == Decimal("44")


def test_the_gate_is_passed_at_its_thresholds_and_names_each_failure() -> None:
    at_the_edge = portfolio(trusted_pnl=Decimal(10), trusted_roi=Decimal(1))
    assert product.judged(at_the_edge, "person", "trusted")["gate_failures"] == []
    rates = ("trusted_roi", "trusted_win_rate", "token_win_rate", "coverage_ratio", "trusted_ratio")
    unknown = portfolio(trusted_pnl=Decimal("9.999999999"), history_complete=False, **dict.fromkeys(rates))
    assert product.judged(unknown, "bot", "trusted")["gate_failures"] == [
        "pnl_below",
        "roi_below",
        "win_rate_below",
        "token_win_rate_below",
        "coverage_below",
        "value_untrusted",
        "history_incomplete",
        "class_bot",
    ]


@pytest.mark.parametrize(
    ("figure", "below", "failure"),
    [
        ("token_win_rate", "29.999999", "token_win_rate_below"),
        ("trusted_ratio", "0.799999", "value_untrusted"),
        ("coverage_ratio", "0.799999", "coverage_below"),
        ("trusted_win_rate", "39.999999", "win_rate_below"),
    ],
)
def test_a_gate_fails_just_below_its_threshold(figure: str, below: str, failure: str) -> None:
    row = portfolio(**{figure: Decimal(below)})
    assert product.judged(row, "person", "trusted")["gate_failures"] == [failure]


@pytest.mark.parametrize(
    ("left", "failures"),
    [("0.000000001", []), ("0", ["pnl_from_one_token"]), (None, ["pnl_from_one_token"])],
    ids=["enough", "too little", "unknown"],
)
def test_profit_without_the_best_token_is_asked_for_where_the_settings_do(
    left: str | None, failures: list[str]
) -> None:
    row = portfolio(pnl_ex_best_token=left and Decimal(left))
    asked = replace(product.RANKING_RULES.gate, min_pnl_ex_best_token=Fraction(1, 10**9))
    rules = replace(product.RANKING_RULES, gate=asked)
    assert product.judged(row, "person", "trusted", rules)["gate_failures"] == failures
    assert product.judged(row, "person", "trusted")["gate_failures"] == []


def test_the_basis_decides_which_figures_count() -> None:
    nothing = {"trusted_pnl": Decimal(0), "trusted_win_rate": Decimal(0), "trusted_roi": None}
    only_by_price = portfolio(**nothing)
    assert not product.judged(only_by_price, "person", "trusted")["qualifies"]
    by_realized = product.judged(only_by_price, "person", "realized")
    assert (by_realized["roi_score"], by_realized["win_rate_score"]) == (60, 45)
    only_marked = portfolio(**nothing, realized_pnl=Decimal(0), win_rate=None)
    assert not product.judged(only_marked, "person", "realized")["qualifies"]
    assert product.judged(only_marked, "person", "total")["qualifies"]
    assert product.judged(only_marked, "person", "total")["profitability_score"] == 100
