"""gold.outcomes to gold.grades in Spark: each grade as the oracle grades it, wallet by wallet."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from smart_trader.domain.evidence.grades import grade
from smart_trader.domain.gold import grades
from smart_trader.domain.kernel.grading import Cohort, GradingRules
from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.domain.tables.table import BOOLEAN, COUNT, HOURS, PERCENT, SCORE, STRING, TIMESTAMP, USD
from tests.frames import collected
from tests.oracle import grading as oracle
from tests.oracle.numbers import Row, quotient

RULES = GradingRules(min_observed=20, max_return_percent=Fraction(1000), min_active=6, min_watched=2)
MONDAYS = (datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 12, 9, tzinfo=UTC))
HORIZONS = (7, 30)
WATCHED = {MONDAYS[0]: 5, MONDAYS[1]: 8}
_KEY = {"ranked_at": TIMESTAMP, "horizon_days": COUNT}
_FIGURES = {"invested_usd": USD, "follow_pnl_usd": USD}
OUTCOMES = {
    **_KEY,
    **{"wallet_address": STRING, "performance_tier": STRING, "smart_trader_score": SCORE, "overall_rank": COUNT},
    **{"skill_rank": COUNT, "recommended": BOOLEAN, "is_observed": BOOLEAN, **_FIGURES, "follow_return": PERCENT},
}
TOKENS = {**_KEY, "wallet_address": STRING, "token_address": STRING, **_FIGURES}
HISTORY = {"ranked_at": TIMESTAMP, "wallet_address": STRING, "avg_holding_time_hours": HOURS}


def outcomes(ranked_at: datetime, horizon: int, wallets: int, random: Random) -> list[Row]:
    """A ranking and what came after it; every tenth wallet is not observed, others are silent."""
    rows = []
    for place in range(wallets):
        tokens = {
            f"Token{random.randrange(9)}": (
                Decimal(random.choice((1, 50, 700))),
                Decimal(random.randrange(-(10**12), 10**13)) / 10**9,
            )
            for _ in range(random.randrange(4))
        }
        row: Row = {
            "ranked_at": ranked_at,
            "horizon_days": horizon,
            "wallet_address": f"Wallet{place * 7 % wallets:03}",
            "performance_tier": tuple(PerformanceTier)[4 * place // wallets].value,
            "smart_trader_score": Decimal(100 - place // 2),
            "overall_rank": place + 1,
            "skill_rank": wallets - place,
            "recommended": place % 4 == 0,
            "avg_holding_time_hours": random.choice((None, Decimal(1), Decimal("2.5"), Decimal(300))),
            "is_observed": place % 10 != 9,
            **dict.fromkeys((*_FIGURES, "follow_return")),
            "tokens": {},
        }
        if row["is_observed"]:
            invested, pnl = (sum((of[side] for of in tokens.values()), Decimal(0)) for side in (0, 1))
            percent = quotient(100 * Fraction(pnl), Fraction(invested))
            row |= {"tokens": tokens, "invested_usd": invested, "follow_pnl_usd": pnl, "follow_return": percent}
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def market() -> list[Row]:
    random = Random(7)
    return [
        row
        for ranked_at in MONDAYS
        for horizon in HORIZONS
        for row in outcomes(ranked_at, horizon, 60 if ranked_at == MONDAYS[0] else 12, random)
    ]


def frames(spark: SparkSession, rows: Sequence[Row]) -> tuple[DataFrame, ...]:
    tokens = [
        row | {"token_address": token, "invested_usd": invested, "follow_pnl_usd": pnl}
        for row in rows
        for token, (invested, pnl) in row["tokens"].items()
    ]
    history = {(row["ranked_at"], row["wallet_address"]): row for row in rows if row["horizon_days"] == HORIZONS[0]}
    watched = [{"ranked_at": ranked_at, "max_addresses": most} for ranked_at, most in WATCHED.items()]
    return (
        _frame(spark, OUTCOMES, rows),
        _frame(spark, TOKENS, tokens),
        _frame(spark, HISTORY, list(history.values())),
        _frame(spark, {"ranked_at": TIMESTAMP, "max_addresses": COUNT}, watched),
    )


def _frame(spark: SparkSession, columns: dict[str, T.DataType], rows: Sequence[Row]) -> DataFrame:
    schema = T.StructType([T.StructField(name, kind) for name, kind in columns.items()])
    return spark.createDataFrame([tuple(row[name] for name in columns) for row in rows], schema)


def cohorts(row: Row, rows: Sequence[Row]) -> set[str]:
    recommended = sorted(other["overall_rank"] for other in rows if other["recommended"])
    found = {"ranked", row["performance_tier"]}
    found |= {"recommended"} if row["recommended"] else set()
    found |= {"watched"} if row["overall_rank"] in recommended[: WATCHED[row["ranked_at"]]] else set()
    return found | ({"skilled"} if row["skill_rank"] <= len(recommended) else set())


def expected(rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    graded = {}
    for key in {(row["ranked_at"], row["horizon_days"]) for row in rows}:
        of_grade = [row for row in rows if (row["ranked_at"], row["horizon_days"]) == key]
        holding = {
            row["wallet_address"]: row["avg_holding_time_hours"]
            for row in rows
            if row["ranked_at"] == key[0] and row["horizon_days"] == HORIZONS[0]
        }
        wallets = [
            row | {"cohorts": cohorts(row, of_grade), "avg_holding_time_hours": holding[row["wallet_address"]]}
            for row in of_grade
        ]
        for cohort in Cohort:
            least = (RULES.least_inside(cohort), RULES.min_active)
            figures = oracle.grade(cohort, wallets, most=Fraction(1000), min_observed=20, least=least)
            graded[(*key, cohort.value)] = figures
    return graded


def by_key(rows: DataFrame) -> dict[tuple[Any, ...], Row]:
    keys = grades.TABLE.key
    return {tuple(row.pop(key) for key in keys): row for row in collected(rows)}


def test_grades_are_those_of_the_specification_in_whatever_order_rows_lie(
    spark: SparkSession, market: list[Row]
) -> None:
    mixed = market.copy()
    Random(1).shuffle(mixed)
    found = by_key(grade(*(rows.repartition(3) for rows in frames(spark, mixed)), RULES))
    assert found == expected(market)
    assert sum(row["excess_return"] is not None for row in found.values()) >= 10
