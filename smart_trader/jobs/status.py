"""all tables -> standard output

Says what is pending, due, completed and failing at each stage, how each job ended last, what every table holds, how old
the ranking is, and whether earlier ones held. Writes nothing and needs no lock, so it can be asked while a run is under
way.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from smart_trader.cli_values import MOST_AHEAD
from smart_trader.domain import catalog
from smart_trader.domain.evidence.track_record import TrackRecord
from smart_trader.domain.gold import rank_history
from smart_trader.domain.ops import runs
from smart_trader.domain.silver import tracked_whales
from smart_trader.domain.silver.stages import UNITS, count_stages
from smart_trader.domain.tables.state_flags import ProcessingStatus
from smart_trader.errors import QualityError
from smart_trader.ports import TableStore
from smart_trader.rows import collect, results_of
from smart_trader.run.app import App
from smart_trader.run.due import due_for_holders, due_for_pnl, due_for_trades, live_tokens
from smart_trader.run.runner import run_job
from smart_trader.run.track_records import track_records
from smart_trader.run.versions import versions_of

_WIDTH = 100


def run(app: App) -> None:
    versions_of(app, catalog.TABLES)
    tables = _tables(app.tables)
    questions = (_stages, _last_ends, _last_ranking)
    stages, jobs, ranked = results_of(app.spark, [partial(_answer, app, question) for question in questions])
    ranked_at = ranked[0].ranked_at
    app.report.document = {
        "as_of": app.as_of.isoformat(),
        "ranked_at": _text(ranked_at),
        "earlier_rankings": [_verdict(record) for record in track_records(app)],
        "stages": _counts(stages),
        "jobs": [{"job": job.job, "finished_at": _text(job.finished_at), **_clipped(job.last)} for job in jobs],
        "tables": tables,
    }
    _check_age(app, ranked_at)


def _verdict(record: TrackRecord) -> dict[str, Any]:
    return {
        "horizon_days": record.horizon_days,
        "verdict": record.by_score.verdict.answer.value,
        "by_skill": record.by_skill.verdict.answer.value,
        "graded": record.graded,
        "last_graded": _text(record.last_graded),
        "first_grade_due": _text(record.first_due),
    }


def _tables(tables: TableStore) -> list[dict[str, Any]]:
    contents = {table.name: tables.contents(table) for table in catalog.TABLES}
    return [
        {"table": name, "version": held.version, "rows": held.rows, "bytes": held.bytes}
        for name, held in contents.items()
        if held
    ]


def _answer(app: App, question: Callable[[App], DataFrame]) -> list[Row]:
    return collect(question(app))


def _stages(app: App) -> DataFrame:
    live = live_tokens(app)
    return count_stages(
        live,
        app.tables.read(tracked_whales.TABLE),
        holders=due_for_holders(app, live),
        trades=due_for_trades(app),
        pnl=due_for_pnl(app),
    )


def _last_ends(app: App) -> DataFrame:
    return runs.last_ends(app.tables.read(runs.TABLE), until=app.clock.now() + MOST_AHEAD)


def _last_ranking(app: App) -> DataFrame:
    made_last = rank_history.made_last(app.tables.read(rank_history.TABLE))
    return made_last.agg(F.max("ranked_at").alias("ranked_at"))


def _counts(found: Sequence[Row]) -> list[dict[str, Any]]:
    by_stage = {row.stage: row for row in found}
    return [{"stage": stage, "unit": unit, **_count(by_stage.get(stage))} for stage, unit in UNITS.items()]


def _count(row: Row | None) -> dict[str, Any]:
    """The figures of a stage. `failing_since` is when a failing entity was done last."""
    counts = {name: row[name] if row else 0 for name in ("due", *ProcessingStatus, "failing")}
    return counts | {name: _text(row[name]) if row else None for name in ("oldest", "failing_since")}


def _clipped(end: dict[str, Any]) -> dict[str, Any]:
    """`end` with a message that fits on a line; `ops.runs` has the whole message."""
    message = end["message"] or ""
    return end | {"message": message if len(message) <= _WIDTH else f"{message[: _WIDTH - 1]}…"}


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _check_age(app: App, ranked_at: datetime | None) -> None:
    most = app.options.max_age_hours
    if ranked_at is not None and ranked_at > app.clock.now() + MOST_AHEAD:
        what = (
            f"The last ranking is of {ranked_at:%Y-%m-%dT%H:%M:%SZ}, which lies in the future: a clock was wrong, or"
            " --as-of. The next pipeline makes one as of now."
        )
        if most is not None:
            raise QualityError(what)
        app.report.warnings.append(what)
    if most is None:
        return
    if ranked_at is None:
        raise QualityError("There is no ranking yet.")
    hours = (app.as_of - ranked_at).total_seconds() / 3600
    if hours > most:
        raise QualityError(f"The last ranking is {hours:.1f} hours old; --max-age allows {most:g}.")


if __name__ == "__main__":
    sys.exit(run_job("status", run))
