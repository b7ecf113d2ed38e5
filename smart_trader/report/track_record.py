"""Whether earlier rankings held, in words and figures."""

from collections.abc import Sequence
from decimal import Decimal

from smart_trader.domain.evidence.track_record import CohortRecord, Discovered, TrackRecord
from smart_trader.domain.kernel.verdict import Answer
from smart_trader.report import figures, numbers
from smart_trader.report.view import Cell, Column, Excess, Figure, Grid, Rate, unknown
from smart_trader.report.view import TrackRecord as Shown

_COLUMNS = (
    Column("After"),
    Column("By score", hint="recommended against the rest"),
    Column("By skill", hint="the first by skill against the rest"),
    Column("Excess", True, "mean, and 95 % interval"),
    Column("Own return", True, "of the recommended, mean"),
    Column("Hit rate", True, "recommended; rest"),
    Column("Rank correlation", True, "score and return"),
    Column("Rankings", True, "that count; graded"),
)
_MEANINGS = {
    Answer.NONE_YET: "no window is over",
    Answer.TOO_FEW: "too few wallets are observed or active to tell",
    Answer.SHOWN: "the recommended did better than the rest, beyond chance (p < 0.01), which is no gain by itself",
    Answer.CONTRARY: "the recommended did worse than the rest, beyond chance",
    Answer.NOT_SHOWN: "the difference is within what chance explains",
}
VERDICTS = (
    "Each ranking of a Monday is graded once its window is over. "
    + "; ".join(f"“{answer}”: {meaning}" for answer, meaning in _MEANINGS.items())
    + ". Tokens are the evidence, since wallets that hold the same are one piece of luck; rankings whose windows "
    "overlap count once. A good past is no promise."
)


def build(records: Sequence[TrackRecord], found: Discovered | None) -> Shown:
    """What the page shows of the records, by horizon, and of all wallets that were `found`."""
    note = f"{'; '.join(f'“{answer}”: {_MEANINGS[answer]}' for answer in _answers(records))}."
    grid = Grid("Verdicts", _COLUMNS, [_row(record) for record in records], note)
    charts = tuple(_chart(record) for record in records if record.by_score.rankings)
    return Shown(line(records), grid, charts, _since_discovery(found))


def _since_discovery(found: Discovered | None) -> str:
    if found is None or found.mean_return is None:
        return ""
    return (
        f"Since they were found, following the {found.wallets:,} wallets that ever were, ranked or not, has brought "
        f"{numbers.percent(found.mean_return, signed=True)} per dollar bought: the mean over the {found.bought:,} that "
        "have bought something since. Being found cannot flatter this figure, as it flatters what came before."
    )


def discovered_columns(found: Discovered | None) -> dict[str, object]:
    """The same for a sheet or a program."""
    values = found._asdict() if found else dict.fromkeys(Discovered._fields)
    return {f"discovered_{name}": value for name, value in values.items()}


def line(records: Sequence[TrackRecord]) -> str:
    """The verdicts in one line."""
    return " · ".join(f"{record.horizon_days} days: {_answer(record)}" for record in records)


def document(records: Sequence[TrackRecord]) -> list[dict[str, object]]:
    """The records for programs."""
    return [
        {
            "horizon_days": record.horizon_days,
            "first_grade_due": record.first_due,
            "last_graded": record.last_graded,
            "graded_rankings": record.graded,
            "observed_ratio": record.observed_ratio,
            "rank_correlation": record.rank_correlation,
            **{of.cohort.value: _cohort(of) for of in _both(record)},
        }
        for record in records
    ]


def columns(records: Sequence[TrackRecord]) -> dict[str, object]:
    """The records in one line, for a sheet."""
    found: dict[str, object] = {}
    for record in records:
        of_horizon = {
            "graded_rankings": record.graded,
            "observed_ratio": record.observed_ratio,
            "rank_correlation": record.rank_correlation,
            **{f"{of.cohort}_{name}": value for of in _both(record) for name, value in _figures(of).items()},
        }
        found |= {f"earlier_{record.horizon_days}d_{name}": value for name, value in of_horizon.items()}
    return found


def _both(record: TrackRecord) -> tuple[CohortRecord, CohortRecord]:
    return record.by_score, record.by_skill


def _figures(of: CohortRecord) -> dict[str, object]:
    found = of.verdict
    mean = {name: _decimal(getattr(found, name)) for name in ("mean_excess", "excess_low", "excess_high", "p_value")}
    return {
        "verdict": found.answer.value,
        **mean,
        "mean_return": of.mean_return,
        "hit_rate": of.hit_rate,
        "rest_hit_rate": of.rest_hit_rate,
    }


def _cohort(of: CohortRecord) -> dict[str, object]:
    return _figures(of) | {
        "rankings": [
            {
                "ranked_at": ranking.ranked_at,
                "excess_return": ranking.excess,
                "excess_low": ranking.low,
                "excess_high": ranking.high,
                "counts": ranking.is_taken,
            }
            for ranking in of.rankings
        ],
    }


def _answers(records: Sequence[TrackRecord]) -> list[Answer]:
    given = {of.verdict.answer for record in records for of in _both(record)}
    return [answer for answer in Answer if answer in given]


def _answer(record: TrackRecord) -> str:
    due = _due(record)
    return f"{record.by_score.verdict.answer} ({due})" if due else record.by_score.verdict.answer.value


def _due(record: TrackRecord) -> str:
    """When the first grade is due, as long as there is none."""
    is_due = record.by_score.verdict.answer is Answer.NONE_YET
    return f"first grade due {record.first_due:%Y-%m-%d}" if is_due else ""


def _row(record: TrackRecord) -> tuple[Cell, ...]:
    by_score, by_skill = record.by_score, record.by_skill
    rest = by_score.rest_hit_rate
    return (
        f"{record.horizon_days} days",
        Figure(by_score.verdict.answer.value, note=_due(record)),
        _by_skill(by_skill),
        _excess(by_score),
        figures.percentage(by_score.mean_return, signed=True),
        Rate(
            figures.percentage(by_score.hit_rate),
            "" if rest is None else f"rest {numbers.percent(rest)}",
        ),
        figures.plain(record.rank_correlation, 3),
        Figure(
            f"{len(by_score.verdict.taken):,} of {record.graded:,}",
            note="" if record.observed_ratio is None else f"{figures.ratio(record.observed_ratio).text} observed",
        ),
    )


def _by_skill(of: CohortRecord) -> Figure:
    excess = _excess(of)
    return Figure(of.verdict.answer.value, note=f"{excess.text}, {excess.note}" if excess.is_known else "")


def _excess(of: CohortRecord) -> Figure:
    found = of.verdict
    mean, low, high = (_decimal(number) for number in (found.mean_excess, found.excess_low, found.excess_high))
    if mean is None or low is None or high is None:
        return unknown("")
    interval = f"{numbers.percent(low, signed=True)} to {numbers.percent(high, signed=True)}"
    figure = figures.percentage(mean, signed=True)
    return Figure(figure.text, figure.exact, note=interval)


def _decimal(millionths: int | None) -> Decimal | None:
    return None if millionths is None else Decimal(millionths).scaleb(-6)


def _chart(record: TrackRecord) -> Excess:
    rankings = record.by_score.rankings
    points = tuple((f"{r.ranked_at:%Y-%m-%d}", r.excess, r.low, r.high) for r in rankings)
    last, taken = rankings[-1], len(record.by_score.verdict.taken)
    ends = " to ".join(numbers.percent(end, signed=True) for end in (last.low, last.high))
    summary = (
        f"Excess of the recommended over the rest {record.horizon_days} days after each graded ranking "
        f"({taken:,} of {len(points):,} count), with intervals of 95 %: the last one "
        f"{numbers.percent(last.excess, signed=True)}, {ends}."
    )
    return Excess(record.horizon_days, points, summary)
