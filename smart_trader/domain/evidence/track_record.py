"""What the grades of all rankings say together: a verdict for each horizon and each order of the ranking."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from smart_trader.domain.kernel.grading import Cohort
from smart_trader.domain.kernel.money import MICRO, round_half_away
from smart_trader.domain.kernel.verdict import Graded, Verdict, VerdictRules, verdict

Row = Mapping[str, Any]
SHOWN_COHORTS = (Cohort.RANKED, Cohort.RECOMMENDED, Cohort.SKILLED)
"""What a track record is made from: everybody, and the first by each order."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class GradedRanking:
    """The excess of a cohort after one ranking: percent, with the interval of 95 %."""

    ranked_at: datetime
    excess: Decimal
    low: Decimal
    high: Decimal
    is_taken: bool
    """Whether the verdict rests on it: windows that overlap do not count twice."""


@dataclass(frozen=True, slots=True)
class CohortRecord:
    """How a cohort did against the rest. Figures are of the rankings that were taken, None without any: percent."""

    cohort: Cohort
    verdict: Verdict
    mean_return: Decimal | None
    hit_rate: Decimal | None
    rest_hit_rate: Decimal | None
    rankings: tuple[GradedRanking, ...]
    """Those with an excess, the oldest first."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Whether earlier rankings held over one horizon."""

    horizon_days: int
    first_due: datetime
    """When the first window is over."""
    graded: int
    """Rankings whose windows are over."""
    last_graded: datetime | None
    """The newest of them."""
    observed_ratio: Decimal | None
    """Share of their wallets that is observed."""
    rank_correlation: Decimal | None
    """Mean over the rankings that were taken by score."""
    by_score: CohortRecord
    by_skill: CohortRecord


def first_due(first_monday: datetime | None, horizon_days: int, now: datetime) -> datetime:
    """When the first window is over. `first_monday` is the first ranking that will be graded; without one it is the
    next Monday's, so the end of the window is the earliest that can be."""
    if first_monday is None:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        first_monday = day + timedelta(days=-day.weekday() % 7)
    return first_monday + timedelta(days=horizon_days)


class Discovered(NamedTuple):
    """All wallets that were ever found, ranked or not, and what following them since then has brought."""

    wallets: int
    bought: int
    """How many of them have bought something since."""
    mean_return: Decimal | None
    """Percent per dollar bought, the mean over these; None without any, or if it is too large."""


def track_record(
    grades: Iterable[Row], first_monday: datetime | None, now: datetime, rules: VerdictRules
) -> TrackRecord:
    """The record of the horizon that `rules` name, from rows of gold.grades of the SHOWN_COHORTS."""
    of_horizon = [row for row in grades if row["horizon_days"] == rules.horizon_days]
    by_cohort = {
        cohort: {row["ranked_at"]: row for row in of_horizon if row["cohort"] == cohort} for cohort in SHOWN_COHORTS
    }
    ranked = by_cohort[Cohort.RANKED]
    by_score, by_skill = (
        _cohort_record(cohort, by_cohort[cohort], ranked, now, rules) for cohort in (Cohort.RECOMMENDED, Cohort.SKILLED)
    )
    taken = [ranked[ranking.ranked_at] for ranking in by_score.rankings if ranking.is_taken]
    return TrackRecord(
        horizon_days=rules.horizon_days,
        first_due=first_due(first_monday, rules.horizon_days, now),
        graded=len(ranked),
        last_graded=max(ranked, default=None),
        observed_ratio=_ratio(_sum(ranked.values(), "observed"), _sum(ranked.values(), "wallets")),
        rank_correlation=_mean(taken, "rank_correlation"),
        by_score=by_score,
        by_skill=by_skill,
    )


def _cohort_record(
    cohort: Cohort, own: Mapping[datetime, Row], ranked: Mapping[datetime, Row], now: datetime, rules: VerdictRules
) -> CohortRecord:
    times = sorted(own.keys() & ranked.keys())
    found = verdict([_graded(own[time], ranked[time]) for time in times], _micros(now), rules)
    taken = [time for time in times if _micros(time) in found.taken]
    inside, all_of = [own[time] for time in taken], [ranked[time] for time in taken]
    won, observed = _sum(inside, "profitable"), _sum(inside, "observed")
    return CohortRecord(
        cohort=cohort,
        verdict=found,
        mean_return=_mean(inside, "mean_return"),
        hit_rate=_ratio(100 * won, observed),
        rest_hit_rate=_ratio(100 * (_sum(all_of, "profitable") - won), _sum(all_of, "observed") - observed),
        rankings=tuple(
            _ranking(own[time], is_taken=time in taken) for time in times if own[time]["excess_return"] is not None
        ),
    )


def _ranking(row: Row, *, is_taken: bool) -> GradedRanking:
    return GradedRanking(
        row["ranked_at"], row["excess_return"], row["excess_low"], row["excess_high"], is_taken=is_taken
    )


def _graded(row: Row, ranked: Row) -> Graded:
    return Graded(
        ranked_at=_micros(row["ranked_at"]),
        wallets=row["wallets"],
        observed=row["observed"],
        other_wallets=ranked["wallets"] - row["wallets"],
        other_observed=ranked["observed"] - row["observed"],
        excess_return=_units(row["excess_return"]),
        excess_variance=_units(row["excess_variance"]),
    )


def _micros(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _units(number: Decimal | None) -> int | None:
    return None if number is None else int(number.scaleb(6))


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(row[name] for row in rows)


def _mean(rows: Sequence[Row], name: str) -> Decimal | None:
    known = [Fraction(row[name]) for row in rows if row[name] is not None]
    return _rounded(sum(known, Fraction(0)) / len(known)) if known else None


def _ratio(part: int, whole: int) -> Decimal | None:
    return _rounded(Fraction(part, whole)) if whole else None


def _rounded(number: Fraction) -> Decimal:
    return Decimal(round_half_away(number.numerator * MICRO, number.denominator)).scaleb(-6)
