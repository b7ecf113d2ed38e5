"""What is read from the properties of a table, which other programs may have set. No Spark."""

from datetime import UTC, datetime, timedelta

import pytest

from smart_trader.domain.tables.log_rules import retention_hours

CENTURY = 876_000


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("interval 7 days", 168),
        ("interval 1 week", 168),
        ("48 hours", 48),
        ("interval 36500 days", CENTURY),
        ("interval 1000000 days", CENTURY),
        ("interval 2147483647 weeks", CENTURY),
        pytest.param(f"interval {'9' * 400} days", None, id="400 digits"),
        pytest.param(f"interval {'9' * 5_000} days", None, id="5000 digits"),
        ("interval 1 month", None),
        ("", None),
    ],
)
def test_a_retention_can_be_counted_back_whatever_was_set(text: str, hours: int | None) -> None:
    found = retention_hours({"kept": text}, "kept")
    assert found == hours
    assert datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=found or 0)
