"""The verdict on a cohort: the kernel against the oracle, which rankings are taken, and that the choice only grows."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.kernel.verdict import Answer, Graded, Verdict, VerdictRules, verdict
from tests.oracle import grading as oracle
from tests.oracle.numbers import DAY, HOUR, Row

MONDAY = 20_000 * DAY + 3 * HOUR
RULES = VerdictRules(horizon_days=7, revised_for=28 * DAY, min_observed_ratio=Fraction(95, 100))
PERCENT = 10**6
WALLETS = 40


def ranking(week: int, percent: int | None = 1, variance: int = 1, missing: int = 0, inside: bool = True) -> Graded:
    """A graded ranking of the Monday of a week; `missing` wallets of one side are not observed."""
    return Graded(
        ranked_at=MONDAY + 7 * week * DAY,
        wallets=WALLETS,
        observed=WALLETS - missing * inside,
        other_wallets=WALLETS,
        other_observed=WALLETS - missing * (not inside),
        excess_return=None if percent is None else percent * PERCENT,
        excess_variance=None if percent is None else variance * PERCENT,
    )


def weeks(found: Verdict) -> list[int]:
    return [(ranked_at - MONDAY) // (7 * DAY) for ranked_at in found.taken]


_rankings = st.lists(
    st.builds(
        ranking,
        st.integers(0, 30),
        st.none() | st.integers(-9, 9),
        st.integers(0, 9),
        st.sampled_from((0, 0, 0, 1, 2, 3, 40)),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda graded: graded.ranked_at,
).map(sorted)


def asked(graded: Graded) -> Row:
    scaled = {
        name: None if value is None else Decimal(value).scaleb(-6)
        for name, value in (("excess_return", graded.excess_return), ("excess_variance", graded.excess_variance))
    }
    sides = ((graded.wallets, graded.observed), (graded.other_wallets, graded.other_observed))
    return {"ranked_at": graded.ranked_at, "sides": sides, **scaled}


@given(_rankings, st.integers(0, 60), st.sampled_from((7, 30)))
@example([], 0, 7)
def test_a_verdict_is_that_of_the_specification(graded: list[Graded], weeks_later: int, horizon: int) -> None:
    now = MONDAY + 7 * weeks_later * DAY
    found = verdict(graded, now, replace(RULES, horizon_days=horizon))
    expected = oracle.verdict(
        [asked(each) for each in graded], now, horizon_days=horizon, revised_days=28, ripe=Fraction(95, 100)
    )
    scaled = {name: value for name, value in found._asdict().items() if value is not None}
    for name in scaled.keys() - {"answer", "taken"}:
        scaled[name] = Decimal(scaled[name]).scaleb(-6)
    assert scaled == expected


@pytest.mark.parametrize(
    ("graded", "answer"),
    [
        ([], Answer.NONE_YET),
        ([ranking(0, missing=3)], Answer.TOO_FEW),
        ([ranking(0, None)], Answer.TOO_FEW),
        ([ranking(0, 0, variance=0)], Answer.NOT_SHOWN),
        ([ranking(0, 3)], Answer.SHOWN),
        ([ranking(0, 2)], Answer.NOT_SHOWN),
        ([ranking(0, -2)], Answer.NOT_SHOWN),
        ([ranking(0, -3)], Answer.CONTRARY),
    ],
)
def test_the_answers(graded: list[Graded], answer: Answer) -> None:
    assert verdict(graded, MONDAY + 365 * DAY, RULES).answer is answer


def test_rankings_that_scatter_more_than_their_tokens_say_count_with_what_they_scatter() -> None:
    alike, scattered = [ranking(0, 3), ranking(1, 3)], [ranking(0, -10), ranking(1, 16)]
    assert verdict(alike, MONDAY + 365 * DAY, RULES).answer is Answer.SHOWN
    assert verdict(scattered, MONDAY + 365 * DAY, RULES).answer is Answer.NOT_SHOWN


@pytest.mark.parametrize(("missing", "is_taken"), [(2, True), (3, False)])
@pytest.mark.parametrize("inside", [True, False])
def test_a_ripe_ranking_has_nearly_all_of_both_sides_observed(missing: int, is_taken: bool, inside: bool) -> None:
    found = verdict([ranking(0, missing=missing, inside=inside)], MONDAY + 365 * DAY, RULES)
    assert bool(found.taken) is is_taken


def test_windows_do_not_overlap() -> None:
    graded = [ranking(week) for week in range(12)]
    assert weeks(verdict(graded, MONDAY + 365 * DAY, RULES)) == list(range(12))
    assert weeks(verdict(graded, MONDAY + 365 * DAY, replace(RULES, horizon_days=30))) == [0, 5, 10]


def test_days_count_and_not_hours() -> None:
    """A ranking of Monday evening and one of the next Monday morning are seven days apart."""
    evening = ranking(0)._replace(ranked_at=MONDAY + 20 * HOUR)
    assert len(verdict([evening, ranking(1)], MONDAY + 365 * DAY, RULES).taken) == 2


def test_a_ranking_that_may_still_become_ripe_stops_the_choice() -> None:
    graded = [ranking(0), ranking(1, missing=3), ranking(2)]
    end_of_revisions = MONDAY + (7 + 7 + 28) * DAY
    assert weeks(verdict(graded, end_of_revisions, RULES)) == [0]
    assert weeks(verdict(graded, end_of_revisions + 1, RULES)) == [0, 2]


@given(_rankings, st.data())
def test_the_choice_only_grows(graded: list[Graded], data: st.DataObject) -> None:
    """Time goes on, windows end, wallets become observed: what was taken stays taken, in its place."""
    before: tuple[int, ...] = ()
    seen: dict[int, Graded] = {}
    for now in range(MONDAY, MONDAY + 365 * DAY, 7 * DAY):
        for final in graded:
            end = final.ranked_at + 7 * DAY
            if now < end:
                continue
            is_revised = now <= end + RULES.revised_for and data.draw(st.booleans())
            if final.ranked_at not in seen:
                fewer = final._replace(observed=final.observed // 2, excess_return=None, excess_variance=None)
                seen[final.ranked_at] = final if is_revised else fewer
            elif is_revised:
                seen[final.ranked_at] = final
        taken = verdict([seen[ranked_at] for ranked_at in sorted(seen)], now, RULES).taken
        assert taken[: len(before)] == before
        before = taken
