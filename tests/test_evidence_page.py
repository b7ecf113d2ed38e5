"""docs/evidence.md: the kernel computes what its worked example says."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from smart_trader.domain.kernel.grading import Cohort, GradingRules
from smart_trader.domain.kernel.verdict import Answer, Graded, VerdictRules, verdict
from tests.domain.kernel import graded
from tests.examples import DOCS, records, stated
from tests.oracle.numbers import DAY, Row, quotient

PAGE = "evidence.md"
RULES = GradingRules(min_observed=4, max_return_percent=Fraction(1000), min_active=4)
MICRO = 10**6


def wallets() -> list[Row]:
    found: dict[str, Row] = {}
    for row in records(PAGE, "positions"):
        wallet = found.setdefault(
            row["wallet"],
            {
                "wallet_address": row["wallet"],
                "cohorts": {"ranked", row["cohort"]},
                "is_observed": True,
                "smart_trader_score": Decimal(0),
                "avg_holding_time_hours": Decimal(row["holding_hours"]),
                "tokens": {},
            },
        )
        wallet["tokens"][row["token"]] = (Decimal(row["invested"]), Decimal(row["result"]))
    return [wallet | _totals(wallet) for wallet in found.values()]


def _totals(wallet: Row) -> Row:
    invested, pnl = (sum((of[side] for of in wallet["tokens"].values()), Decimal(0)) for side in (0, 1))
    percent = quotient(100 * Fraction(pnl), Fraction(invested))
    return {"invested_usd": invested, "follow_pnl_usd": pnl, "follow_return": percent}


def test_the_grade_of_the_example_is_what_the_kernel_computes() -> None:
    said = {name: Decimal(text) for name, text in stated(PAGE, "grade").items()}
    computed = graded.grade(Cohort.RECOMMENDED, wallets(), RULES)
    assert said == {name: computed[name] for name in said}


def test_the_verdict_of_the_example_is_what_the_kernel_computes() -> None:
    rankings = [
        Graded(
            _microseconds(row["ranked_at"]),
            *(int(row[name]) for name in ("recommended", "observed", "rest", "observed_rest")),
            *(int(Decimal(row[name]) * MICRO) for name in ("excess_return", "excess_variance")),
        )
        for row in records(PAGE, "rankings")
    ]
    rules = VerdictRules(horizon_days=7, revised_for=28 * DAY, min_observed_ratio=Fraction(95, 100))
    found = verdict(rankings, _microseconds("2026-06-01"), rules)
    said = stated(PAGE, "verdict")
    assert said["verdict"] == found.answer
    assert int(said["rankings"]) == len(found.taken)
    for name in ("mean_excess", "excess_low", "excess_high", "p_value"):
        assert Decimal(said[name]) * MICRO == getattr(found, name)


def test_each_verdict_is_explained() -> None:
    text = (DOCS / PAGE).read_text("utf-8")
    assert all(f"\n| `{answer}` |" in text for answer in Answer)


def _microseconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * MICRO
