"""gold.rank_history, rankings, silver.trades, silver.tracked_whales -> gold.outcomes, grades

Looks at what came after earlier rankings: the last one of each Monday, over each of evaluate.horizons_days. Only what
is new or has changed is written, so running it twice changes nothing. Grades refer to outcomes, so they are written
last; a window whose grades do not add up to its outcomes is looked at again.
"""

import sys
from collections.abc import Sequence
from functools import partial

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.config.thresholds import grading_rules, mark_limits, window_rules
from smart_trader.domain.evidence.following import WINDOW, follow_tokens
from smart_trader.domain.evidence.grades import GRADED, grade
from smart_trader.domain.evidence.outcomes import graded_rows, outcomes_of
from smart_trader.domain.evidence.windows import (
    GradedWindow,
    due_windows,
    monday_rankings,
    of_other_rankings,
    without_their_grade,
)
from smart_trader.domain.gold import grades, outcomes, rank_history, rankings
from smart_trader.domain.gold.follow_up import graded_wallets
from smart_trader.domain.silver import tracked_whales, trades
from smart_trader.domain.tables.changes import RowScope
from smart_trader.domain.tables.table import COUNT, TIMESTAMP
from smart_trader.report import track_record
from smart_trader.rows import collect, persisted, results_of
from smart_trader.run.app import App
from smart_trader.run.results import Work
from smart_trader.run.runner import run_job
from smart_trader.run.track_records import track_records

_WINDOW = T.StructType(
    [
        T.StructField("ranked_at", TIMESTAMP, False),
        T.StructField("horizon_days", COUNT, False),
        T.StructField("ends_at", TIMESTAMP, False),
    ]
)


def run(app: App) -> None:
    due, gone = _windows(app)
    app.report.work = Work(unit="windows", due=len(due), done=0, left_over=len(due))
    if due or gone:
        _evaluate(app, due, gone)
    app.report.work = Work(unit="windows", due=len(due), done=len(due))
    app.report.notes.append(f"did earlier rankings hold? {track_record.line(track_records(app))}")


def _windows(app: App) -> tuple[list[GradedWindow], list[GradedWindow]]:
    """The windows to look at, and those that are stored and whose ranking is not graded any more."""
    history, stored = app.tables.read(rank_history.TABLE), app.tables.read(outcomes.TABLE)
    graded = app.tables.read(grades.TABLE)
    queries = [monday_rankings(history), *(table.select(*GRADED).distinct() for table in (stored, graded))]
    mondays, known, with_grade = results_of(app.spark, [partial(collect, query) for query in queries])
    ranked, evaluated = {row.ranked_at for row in mondays}, _windows_of(known)
    broken: set[GradedWindow] = set()
    if evaluated:
        found = (of_other_rankings(stored, history), without_their_grade(stored, graded))
        broken = broken.union(*map(_windows_of, results_of(app.spark, [partial(collect, query) for query in found])))
    due = due_windows(ranked, evaluated - broken, window_rules(app.settings), as_of=app.as_of)
    return due, sorted(w for w in evaluated | _windows_of(with_grade) if w.ranked_at not in ranked)


def _windows_of(rows: Sequence[Row]) -> set[GradedWindow]:
    return {GradedWindow(row.ranked_at, row.horizon_days) for row in rows}


def _evaluate(app: App, due: Sequence[GradedWindow], gone: Sequence[GradedWindow]) -> None:
    windows = _frame(app, due)
    scope = RowScope(_frame(app, [*due, *gone]).select(*GRADED))
    history = app.tables.read(rank_history.TABLE)
    graded = graded_wallets(
        history.join(F.broadcast(windows.select("ranked_at").distinct()), "ranked_at", "left_semi"),
        panel=app.settings.evaluate.panel,
    )
    stored = scope.filter(app.tables.read(outcomes.TABLE))
    whales = app.tables.read(tracked_whales.TABLE)
    limits = mark_limits(app.settings.evaluate)
    with persisted(graded_rows(graded, windows, whales, stored, as_of=app.as_of)) as rows:
        app.report.rows_in = rows.count()
        observed = rows.where("is_observed").select(*WINDOW)
        with persisted(follow_tokens(app.tables.read(trades.TABLE), observed, limits)) as followed:
            app.tables.replace(outcomes.TABLE, outcomes_of(rows, followed, stored, as_of=app.as_of), within=scope)
            _grade(app, scope, windows, followed)


def _grade(app: App, scope: RowScope, windows: DataFrame, followed: DataFrame) -> None:
    tokens = followed.withColumnRenamed("starts_at", "ranked_at").join(F.broadcast(windows), ["ranked_at", "ends_at"])
    with persisted(
        grade(
            scope.filter(app.tables.read(outcomes.TABLE)),
            tokens,
            app.tables.read(rank_history.TABLE),
            _watched(app, windows),
            grading_rules(app.settings.evaluate),
        )
    ) as rows:
        app.tables.replace(grades.TABLE, rows, within=scope)


def _frame(app: App, windows: Sequence[GradedWindow]) -> DataFrame:
    rows = [{**window._asdict(), "ends_at": window.ends_at} for window in windows]
    return app.tables.frame(_WINDOW, rows)


def _watched(app: App, windows: DataFrame) -> DataFrame:
    """How many wallets a webhook held by each ranking, as its certificate says; without one, as it is set now."""
    held = F.get_json_object("settings", "$['helius.max_addresses']").try_cast("bigint")
    certified = app.tables.read(rankings.TABLE).select("ranked_at", held.alias("_held"))
    known = F.coalesce("_held", F.lit(app.settings.helius.max_addresses).cast("bigint"))
    graded = windows.select("ranked_at").distinct().join(certified, "ranked_at", "left")
    return graded.select("ranked_at", known.alias("max_addresses"))


if __name__ == "__main__":
    sys.exit(run_job("evaluate", run))
