"""Grades of cohorts: the kernel against the oracle, wallet by wallet, and their rules at the edge."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.kernel.grading import Cohort, Contrast, GradingRules
from tests.domain.kernel import graded
from tests.oracle import grading as oracle
from tests.oracle.numbers import Row, quotient, rounded

RULES = GradingRules(min_observed=3, max_return_percent=Fraction(1000), min_active=2, min_watched=1)
MOST = Fraction(1000)
HOURS = (None, Decimal(0), Decimal("1.5"), Decimal(24), Decimal(720))


@st.composite
def wallet_rows(draw: st.DrawFn) -> list[Row]:
    """Wallets that share few tokens and few holding times; some are not observed, some silent."""
    count = draw(st.integers(0, 24))
    return [_wallet(draw, place) for place in range(count)]


def _wallet(draw: st.DrawFn, place: int) -> Row:
    cohorts = {"ranked", draw(st.sampled_from(("ELITE", "STRONG", "PROMISING", "QUALIFIED")))}
    cohorts |= draw(st.sets(st.sampled_from(("recommended", "watched", "skilled"))))
    row: Row = {
        "wallet_address": f"Wallet{place * 7 % 24:02}",
        "cohorts": cohorts,
        "is_observed": draw(st.sampled_from((True, True, True, False))),
        "smart_trader_score": Decimal(draw(st.integers(0, 5))) * 10,
        "avg_holding_time_hours": draw(st.sampled_from(HOURS)),
        "tokens": {},
    }
    if not row["is_observed"]:
        return row | dict.fromkeys(("invested_usd", "follow_pnl_usd", "follow_return"))
    for token in draw(st.sets(st.sampled_from("ABCDE"), max_size=3)):
        invested = rounded(Fraction(draw(st.sampled_from((1, 7, 1000, 10**12, 3 * 10**9)))) / 10**9, 9)
        share = draw(st.sampled_from((-100, -50, -1, 0, 1, 33, 900, 1000, 1001, 10**6)))
        row["tokens"][token] = (invested, rounded(Fraction(invested) * share / 100, 9))
    return row | totals(row["tokens"])


def totals(tokens: dict[str, tuple[Decimal, Decimal]]) -> Row:
    invested, pnl = (sum((found[side] for found in tokens.values()), Decimal(0)) for side in (0, 1))
    return {
        "invested_usd": invested,
        "follow_pnl_usd": pnl,
        "follow_return": quotient(100 * Fraction(pnl), Fraction(invested)),
    }


@given(wallet_rows())
@example([])
def test_a_grade_is_that_of_the_specification(wallets: list[Row]) -> None:
    for cohort in Cohort:
        least = (RULES.least_inside(cohort), RULES.min_active)
        expected = oracle.grade(cohort, wallets, most=MOST, min_observed=RULES.min_observed, least=least)
        assert graded.grade(cohort, wallets, RULES) == expected, cohort


def market(inside: int, outside: int, **figures: Any) -> list[Row]:
    """Active wallets, every second one of them recommended as long as there are any."""
    rows = []
    for place in range(inside + outside):
        is_inside = (place % 2 == 0 and place < 2 * inside) or place >= 2 * outside
        tokens = {f"Token{place % 9}": (Decimal(100), Decimal(5 + place % 7) if is_inside else Decimal(place % 3))}
        rows.append(
            {
                "wallet_address": f"Wallet{place:03}",
                "cohorts": {"ranked", "QUALIFIED", *(("recommended", "watched") if is_inside else ())},
                "is_observed": True,
                "smart_trader_score": Decimal(place),
                "avg_holding_time_hours": Decimal(place % 5),
                "tokens": tokens,
                **totals(tokens),
                **figures,
            }
        )
    return rows


DEFAULTS = GradingRules(min_observed=20, max_return_percent=Fraction(1000))


@pytest.mark.parametrize(
    ("inside", "outside", "recommended", "watched"),
    [(20, 20, True, True), (19, 20, False, True), (20, 19, False, False), (5, 30, False, True), (4, 30, False, False)],
)
def test_both_sides_need_active_wallets(inside: int, outside: int, recommended: bool, watched: bool) -> None:
    wallets = market(inside, outside)
    assert (graded.grade(Cohort.RECOMMENDED, wallets, DEFAULTS)["excess_return"] is not None) is recommended
    assert (graded.grade(Cohort.WATCHED, wallets, DEFAULTS)["excess_return"] is not None) is watched


@pytest.mark.parametrize(("observed", "is_known"), [(20, True), (19, False)])
def test_rates_need_observed_wallets_and_counts_do_not(observed: int, is_known: bool) -> None:
    grade = graded.grade(Cohort.RANKED, market(observed, 0), DEFAULTS)
    rates = ("hit_rate", "mean_return", "median_return", "rank_correlation")
    assert [grade[name] is not None for name in rates] == [is_known] * 4
    assert (grade["observed"], grade["active"]) == (observed, observed)
    assert grade["invested_usd"] == 100 * observed


def test_a_silent_wallet_counts_with_a_return_of_0() -> None:
    silent = {"tokens": {}, **totals({})}
    wallets = [row | silent if place < 30 else row for place, row in enumerate(market(20, 20))]
    grade = graded.grade(Cohort.RANKED, wallets, DEFAULTS)
    assert (grade["active"], grade["observed"], grade["median_return"]) == (10, 40, 0)
    assert grade["hit_rate"] == quotient(100 * grade["profitable"], 40)


def test_a_sum_that_does_not_fit_its_column_is_unknown() -> None:
    grade = graded.grade(Cohort.RANKED, market(20, 20, invested_usd=Decimal(10) ** 18), DEFAULTS)
    assert grade["invested_usd"] is None
    assert grade["follow_pnl_usd"] is not None


def test_what_everybody_made_is_no_excess() -> None:
    """All wallets hold one token, at one return: e_t is 0, and nothing is known."""
    wallets = [row | {"tokens": {"A": (Decimal(1), Decimal(2))}} for row in market(20, 20)]
    for row in wallets:
        row |= totals(row["tokens"])
    grade = graded.grade(Cohort.RECOMMENDED, wallets, DEFAULTS)
    assert (grade["excess_return"], grade["tokens"], grade["p_value"]) == (0, 0, Decimal("0.5"))


@given(wallet_rows())
def test_weights_add_up_to_nothing(wallets: list[Row]) -> None:
    """Whatever a whole quartile made, shared by all of its wallets, is not in the excess."""
    active = graded.active(wallets)
    for cohort in Cohort:
        contrast = Contrast(graded.strata(cohort, active, RULES))
        for quartile in range(4):
            members = Counter(cohort in wallet["cohorts"] for place, wallet in active if place == quartile)
            sums = [graded.TokenSums(quartile, side, 0, count) for side, count in members.items()]
            assert contrast.of_token(sums) == 0
