"""Rows of gold.grades by hand: three Mondays, of the second of which few wallets are observed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from smart_trader.domain.kernel.grading import Cohort

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def grade_row(week: int, cohort: Cohort, wallets: int, observed: int, **figures: Any) -> dict[str, Any]:
    """A row of gold.grades of the Monday of a week."""
    known = {
        "active": observed,
        "profitable": observed // 2,
        "mean_return": Decimal(5),
        "rank_correlation": Decimal("0.1") if cohort is Cohort.RANKED else None,
        **dict.fromkeys(("excess_return", "excess_variance", "excess_low", "excess_high")),
    }
    key = {"ranked_at": MONDAY + timedelta(weeks=week), "horizon_days": 7, "cohort": cohort.value}
    return key | {"wallets": wallets, "observed": observed} | known | figures


def excess(percent: str, variance: str = "1") -> dict[str, Decimal]:
    value = Decimal(percent)
    return {
        "excess_return": value,
        "excess_variance": Decimal(variance),
        "excess_low": value - 2,
        "excess_high": value + 2,
    }


GRADES = [
    grade_row(0, Cohort.RANKED, 200, 200, profitable=90),
    grade_row(0, Cohort.RECOMMENDED, 40, 40, profitable=30, mean_return=Decimal("1.000001"), **excess("4")),
    grade_row(0, Cohort.SKILLED, 40, 40, **excess("-4")),
    grade_row(1, Cohort.RANKED, 200, 180, profitable=1, rank_correlation=Decimal("0.9")),
    grade_row(1, Cohort.RECOMMENDED, 40, 20, profitable=20, mean_return=Decimal(900), **excess("99")),
    grade_row(1, Cohort.SKILLED, 40, 20, **excess("99")),
    grade_row(2, Cohort.RANKED, 200, 200, profitable=50, rank_correlation=Decimal("0.2")),
    grade_row(2, Cohort.RECOMMENDED, 40, 40, profitable=10, mean_return=Decimal(2), **excess("2")),
    grade_row(2, Cohort.SKILLED, 40, 40, **excess("-4")),
    grade_row(0, Cohort.ELITE, 10, 10),
    grade_row(0, Cohort.RANKED, 9, 9) | {"horizon_days": 30},
]
