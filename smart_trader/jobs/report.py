"""gold.smart_traders, rank_history, rankings, grades, silver.wallet_pnl -> one page, a file of its own

Shows the newest ranking and why each wallet is where it is: an HTML page that loads and runs nothing, or with --format
a CSV or JSON file. Reads tables only; running it again replaces the file. As a step of `pipeline` it leaves a page
alone that was made from the same tables.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pyspark.sql import DataFrame
from pyspark.sql import Row as SparkRow
from pyspark.sql import functions as F

from smart_trader.config.settings import settings_hash
from smart_trader.domain.bronze import rejected_rows as bronze_rejected
from smart_trader.domain.evidence.track_record import TrackRecord
from smart_trader.domain.gold import grades, rank_history, report_data, smart_traders
from smart_trader.domain.gold import rankings as certificates
from smart_trader.domain.ops import runs
from smart_trader.domain.silver import (
    open_lots,
    realized_sales,
    tracked_tokens,
    tracked_whales,
    trades,
    wallet_pnl,
)
from smart_trader.domain.silver import rejected_rows as silver_rejected
from smart_trader.job_table import ReportFormat
from smart_trader.report import exports, file, page, page_view
from smart_trader.report.data import Limits, ReportData, Row
from smart_trader.report.thresholds import shown_rules
from smart_trader.rows import collect, several_at_once
from smart_trader.run import demo
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.track_records import discovered, track_records
from smart_trader.run.versions import versions_of
from smart_trader.version import VERSION

_READ = (
    smart_traders.TABLE,
    rank_history.TABLE,
    certificates.TABLE,
    grades.TABLE,
    wallet_pnl.TABLE,
    realized_sales.TABLE,
    open_lots.TABLE,
    trades.TABLE,
    tracked_tokens.TABLE,
    tracked_whales.TABLE,
    bronze_rejected.TABLE,
    silver_rejected.TABLE,
)
"""What the page is made from, apart from the record of runs, which grows with every run."""
log = structlog.get_logger("smart_trader.jobs.report")  # as a script this module is __main__

Frames = Iterator[tuple[str, DataFrame]]
_POINTS = 120
_RUNS = 12


def run(app: App) -> None:
    target = _target(app)
    versions = versions_of(app, _READ)
    records = track_records(app)
    identity = _identity(app, versions, records)
    if app.options.job == "pipeline" and file.is_made_from(target, identity):
        app.report.notes.append(f"{target} shows these tables already")
        return
    found = _read_data(app, identity, versions, records)
    if not found.traders:
        app.report.warnings.append("no ranking: the report shows none")
    text = _FORMATS[app.options.format](found)
    if not app.options.dry_run:
        _publish(text, target)
    app.report.rows_in = len(found.traders)
    app.report.path = str(target)
    if app.options.job == "pipeline":
        app.report.notes.append(f"the report is {target}")
    else:
        app.report.document = exports.as_text(found) | {"path": str(target)}


_FORMATS: dict[str, Callable[[ReportData], str]] = {
    ReportFormat.HTML: lambda found: page.render(page_view.build(found)),
    ReportFormat.CSV: exports.as_csv,
    ReportFormat.JSON: exports.as_json,
}


def _target(app: App) -> Path:
    """`--out`, or the default: a file in the working directory, for a demonstration beside its tables."""
    if app.options.out is not None:
        return app.options.out
    return Path(demo.ROOT if app.options.demo else ".").absolute() / f"report.{app.options.format}"


def _publish(text: str, target: Path) -> None:
    """Make `text` the whole of the file `target`."""
    target.parent.mkdir(exist_ok=True)
    file.write(text, target)
    log.info("report written", path=str(target), bytes=len(text.encode()))


def _identity(app: App, versions: Mapping[str, int], records: Sequence[TrackRecord]) -> str:
    """A digest of tables, settings and verdicts, which can change by time alone: once a ranking can no longer become
    ripe, those after it count. Pages with the same digest differ only in the record of runs."""
    shown = app.settings.report.model_dump(mode="json")
    verdicts = [of.verdict for record in records for of in (record.by_score, record.by_skill)]
    made_from = json.dumps([versions, settings_hash(app.settings), shown, VERSION, verdicts], sort_keys=True)
    return hashlib.sha256(made_from.encode()).hexdigest()


def _read_data(app: App, identity: str, versions: dict[str, int], records: Sequence[TrackRecord]) -> ReportData:
    shown = app.settings.report
    found = ReportData(
        identity=identity,
        made_at=app.as_of,
        made_by=f"Smart Trader {VERSION}, run {app.run_id}, settings {settings_hash(app.settings)[:12]}",
        rules=shown_rules(app.settings.ranking),
        limits=Limits(shown.tokens_per_trader, shown.sales_per_trader, shown.lots_per_trader, shown.biggest_sales),
    )
    with several_at_once(app.spark) as ask:
        asked = {name: ask(partial(collect, frame)) for name, frame in (*_ranking(app), *_state(app))}
        traders, rankings = (_rows(asked.pop(name)) for name in ("traders", "rankings"))
        detailed = [row["wallet_address"] for row in traders[: shown.detailed_traders]]
        if traders:
            if [ranking["ranked_at"] for ranking in rankings[:1]] != [traders[0]["ranked_at"]]:
                rankings = []  # gold_traders was stopped before it wrote the history; its next run does
            asked |= {name: ask(partial(collect, frame)) for name, frame in _behind(app, detailed, rankings)}
            found = replace(found, discovered=discovered(app, traders[0]["ranked_at"]))
        found = replace(
            found,
            versions=versions,
            track_records=records,
            traders=traders,
            detailed=frozenset(detailed),
            ranked_at=next((row["ranked_at"] for row in (*traders, *rankings)), None),
            **(_comparison(app, traders[0], rankings) if traders else {}),
        )
        rows: dict[str, Any] = {name: _rows(answer) for name, answer in asked.items()}
    (freshness,) = rows.pop("freshness")
    return replace(found, freshness=freshness, **rows)


def _comparison(app: App, best: Row, rankings: Sequence[Row]) -> dict[str, Any]:
    """The ranking that has `best`, compared with the one before it, the settings and the newest figures."""
    return {
        "previous_at": rankings[1]["ranked_at"] if len(rankings) > 1 else None,
        "is_current_rules": all(ranking["settings_hash"] == settings_hash(app.settings) for ranking in rankings[:1]),
        "is_evidence_newer": app.tables.changed_since(
            wallet_pnl.TABLE, best["wallet_pnl_version"], except_by="gold_traders"
        ),
    }


def _ranking(app: App) -> Frames:
    """The ranking, and the times of it and of the one before."""
    ranked = app.tables.read(smart_traders.TABLE)
    yield "traders", ranked.orderBy("overall_rank").limit(app.settings.report.traders)
    yield "rankings", report_data.newest_rankings(app.tables.read(rank_history.TABLE), ranked, as_of=app.as_of)


def _behind(app: App, detailed: Sequence[str], rankings: Sequence[Row]) -> Frames:
    """The evidence for the wallets that are shown, and what has changed."""
    shown, ranked = app.settings.report, app.tables.read(smart_traders.TABLE)
    if app.options.format == ReportFormat.CSV:
        pnl, traded = app.tables.read(wallet_pnl.TABLE), app.tables.read(trades.TABLE)
        yield "best_tokens", report_data.best_tokens(pnl, traded, ranked.where(F.col("overall_rank") <= shown.traders))
    else:
        yield from _in_detail(app, detailed)
    if len(rankings) > 1:
        history, (now, before) = app.tables.read(rank_history.TABLE), (ranking["ranked_at"] for ranking in rankings)
        most = page_view.MOST_CHANGES
        yield "movements", report_data.movements(history, now, before, listed=shown.traders, most=most)
    yield "groups", report_data.groups(ranked)


def _in_detail(app: App, detailed: Sequence[str]) -> Frames:
    """The evidence for each wallet. The slowest query comes first."""
    shown = app.settings.report
    sales, traded = app.tables.read(realized_sales.TABLE), app.tables.read(trades.TABLE)
    pnl, lots = app.tables.read(wallet_pnl.TABLE), app.tables.read(open_lots.TABLE)
    is_detailed = F.col("wallet_address").isin(*detailed)  # made once: each address in it is a call to the JVM
    places = {"newest": shown.sales_per_trader, "biggest": shown.biggest_sales}
    yield "sales", report_data.shown_sales(sales, traded, pnl, is_detailed, **places)
    yield "tokens", report_data.token_results(pnl, traded, is_detailed, shown.tokens_per_trader)
    yield "lots", report_data.shown_lots(lots, traded, pnl, is_detailed, shown.lots_per_trader)
    yield "curves", report_data.curves(sales, is_detailed, _POINTS)
    yield "states", report_data.reading_states(app.tables.read(tracked_whales.TABLE), is_detailed)


def _state(app: App) -> Frames:
    """The state of the data."""
    rejected = (app.tables.read(bronze_rejected.TABLE), app.tables.read(silver_rejected.TABLE))
    followed = (app.tables.read(tracked_tokens.TABLE), app.tables.read(tracked_whales.TABLE))
    yield "rejections", report_data.rejections(*rejected)
    yield "freshness", report_data.freshness(*followed)
    records = runs.with_readable_times(app.tables.read(runs.TABLE))
    yield "runs", records.orderBy(F.desc("started_at"), "run_id", "job").limit(_RUNS)


def _rows(answer: Future[list[SparkRow]]) -> list[dict[str, Any]]:
    return [row.asDict() for row in answer.result()]


if __name__ == "__main__":
    sys.exit(run_job("report", run))
