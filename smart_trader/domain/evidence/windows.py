"""Which earlier rankings are graded over which time, and for how long their outcomes may still change."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.evidence.grades import GRADED
from smart_trader.domain.gold.outcomes import RANKED
from smart_trader.domain.kernel.grading import Cohort
from smart_trader.domain.tables.table import USD

_MONDAY = 0


class GradedWindow(NamedTuple):
    """The time after `ranked_at` until `horizon_days` later, that end included."""

    ranked_at: datetime
    horizon_days: int

    @property
    def ends_at(self) -> datetime:
        return self.ranked_at + timedelta(days=self.horizon_days)


@dataclass(frozen=True, slots=True)
class WindowRules:
    """`horizons` in days, and for how long after its end a window is looked at again."""

    horizons: tuple[int, ...]
    revised_for: timedelta


def monday_rankings(rankings: DataFrame) -> DataFrame:
    """The last `ranked_at` of each Monday (UTC) on which there is any, of rows with `ranked_at` and `ranking_date`."""
    mondays = rankings.where(F.weekday("ranking_date") == _MONDAY)
    return mondays.groupBy("ranking_date").agg(F.max("ranked_at").alias("ranked_at")).select("ranked_at")


def due_windows(
    rankings: Iterable[datetime], stored: Collection[GradedWindow], rules: WindowRules, *, as_of: datetime
) -> list[GradedWindow]:
    """The windows over rankings that are over by `as_of` and were never looked at, or may still change; in order."""
    windows = (GradedWindow(ranked_at, horizon) for ranked_at in rankings for horizon in rules.horizons)
    return sorted(
        window
        for window in windows
        if window.ends_at <= as_of and (window not in stored or as_of <= window.ends_at + rules.revised_for)
    )


def of_other_rankings(outcomes: DataFrame, history: DataFrame) -> DataFrame:
    """The windows of `outcomes` (GRADED) with a wallet that its ranking in `history` has otherwise: it was replaced."""
    kept = history.select("ranked_at", "wallet_address", F.struct(*RANKED).alias("_kept"))
    found = outcomes.join(kept, ["ranked_at", "wallet_address"], "left")
    return found.where(~F.struct(*RANKED).eqNullSafe(F.col("_kept"))).select(*GRADED).distinct()


def without_their_grade(outcomes: DataFrame, grades: DataFrame) -> DataFrame:
    """The windows of `outcomes` (GRADED) whose grades in gold.grades do not add up to them: a run was stopped between
    the two, or a table was restored."""
    is_observed = F.col("is_observed")
    sums: dict[str, Column] = {
        "wallets": F.count(F.lit(1)),
        "observed": F.count_if(is_observed),
        "active": F.count_if(is_observed & (F.col("invested_usd") > 0)),
        "profitable": F.count_if(is_observed & (F.col("follow_pnl_usd") > 0)),
        **{name: F.coalesce(F.sum(name).try_cast(USD), F.lit(0)) for name in ("invested_usd", "follow_pnl_usd")},
    }
    added = outcomes.groupBy(*GRADED).agg(F.struct(*(sum_.alias(name) for name, sum_ in sums.items())).alias("_added"))
    known = {name: F.coalesce(name, F.lit(0)) if name.endswith("_usd") else F.col(name) for name in sums}
    whole = grades.where(F.col("cohort") == Cohort.RANKED).select(
        *GRADED, F.struct(*(value.alias(name) for name, value in known.items())).alias("_graded")
    )
    found = added.join(whole, list(GRADED), "left")
    return found.where(~F.col("_added").eqNullSafe(F.col("_graded"))).select(*GRADED)
