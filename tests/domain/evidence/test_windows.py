"""Which windows are looked at, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from smart_trader.domain.evidence.windows import GradedWindow, WindowRules, due_windows

RANKED_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
RULES = WindowRules(horizons=(7, 30), revised_for=timedelta(days=28))
WEEK, MONTH = GradedWindow(RANKED_AT, 7), GradedWindow(RANKED_AT, 30)
LATER = RANKED_AT + timedelta(days=7)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("as_of", "stored", "due"),
    [
        pytest.param(WEEK.ends_at - MOMENT, set(), [], id="not over"),
        pytest.param(WEEK.ends_at, set(), [WEEK], id="over"),
        pytest.param(WEEK.ends_at + timedelta(days=28), {WEEK}, [WEEK, MONTH], id="revised to the end of four weeks"),
        pytest.param(WEEK.ends_at + timedelta(days=28) + MOMENT, {WEEK}, [MONTH], id="then no more"),
        pytest.param(RANKED_AT + timedelta(days=900), {WEEK}, [MONTH], id="as far back as rankings reach, once"),
        pytest.param(RANKED_AT + timedelta(days=900), {WEEK, MONTH}, [], id="all is final"),
    ],
)
def test_a_window_is_due_once_it_is_over_and_until_it_is_final(
    as_of: datetime, stored: set[GradedWindow], due: list[GradedWindow]
) -> None:
    assert due_windows([RANKED_AT], stored, RULES, as_of=as_of) == due


def test_windows_come_in_order_whatever_order_rankings_have() -> None:
    windows = due_windows([LATER, RANKED_AT], (), RULES, as_of=RANKED_AT + timedelta(days=40))
    assert windows == [WEEK, MONTH, GradedWindow(LATER, 7), GradedWindow(LATER, 30)]
