"""What the grades say together: the figures beside a verdict are those of the rankings that it rests on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from smart_trader.domain.evidence.track_record import first_due, track_record
from smart_trader.domain.kernel.verdict import Answer, VerdictRules
from tests.domain.evidence.graded import GRADES, MONDAY
from tests.oracle.numbers import DAY

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULES = VerdictRules(horizon_days=7, revised_for=28 * DAY, min_observed_ratio=Fraction(95, 100))


def test_the_figures_are_those_of_the_rankings_that_were_taken() -> None:
    found = track_record(GRADES, MONDAY, NOW, RULES)
    by_score = found.by_score
    assert [ranking.is_taken for ranking in by_score.rankings] == [True, False, True]
    assert (by_score.verdict.answer, found.by_skill.verdict.answer) == (Answer.SHOWN, Answer.CONTRARY)
    assert (by_score.hit_rate, by_score.rest_hit_rate) == (50, Decimal("31.25"))  # 40 of 80, and 100 of 320
    assert by_score.mean_return == Decimal("1.500001")  # half is rounded away from zero
    assert found.rank_correlation == Decimal("0.15")
    assert (found.graded, found.observed_ratio) == (3, Decimal("0.966667"))


def test_without_grades_nothing_is_known_but_the_day() -> None:
    found = track_record([], MONDAY, MONDAY + timedelta(days=3), RULES)
    assert found.by_score.verdict.answer is Answer.NONE_YET
    assert (found.graded, found.observed_ratio, found.rank_correlation) == (0, None, None)
    assert (found.by_score.hit_rate, found.by_score.mean_return) == (None, None)
    assert found.first_due == MONDAY + timedelta(days=7)


@pytest.mark.parametrize(("day", "monday"), [(5, 5), (6, 12), (11, 12), (12, 12)])
def test_without_a_ranking_of_a_monday_the_next_one_counts(day: int, monday: int) -> None:
    now = datetime(2026, 1, day, 15, tzinfo=UTC)
    assert first_due(None, 30, now) == datetime(2026, 1, monday, tzinfo=UTC) + timedelta(days=30)
