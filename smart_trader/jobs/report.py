"""gold.smart_traders, rank_history, silver.wallet_pnl -> one page, a file of its own

Shows the newest ranking and why each wallet is where it is: an HTML page that loads and runs nothing, or with --format
a CSV or JSON file. Reads tables only; running it again replaces the file. As a step of `pipeline` it leaves a page
alone that was made from the same tables.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader import demo
from smart_trader.app import App
from smart_trader.bootstrap import run_job
from smart_trader.collecting import collect
from smart_trader.domain.bronze import rejected_rows as bronze_rejected
from smart_trader.domain.gold import evidence, rank_history, smart_traders
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
from smart_trader.io.report import file, page, page_view, sheets
from smart_trader.io.report.collected import Collected, Limits, Row
from smart_trader.rules import told_rules
from smart_trader.settings import settings_hash
from smart_trader.version import VERSION

log = structlog.get_logger(__name__)
_READ = (
    smart_traders.TABLE,
    rank_history.TABLE,
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
_POINTS = 120
_RUNS = 12


def run(app: App) -> None:
    target = _target(app)
    versions = {table.name: app.tables.version(table) for table in _READ}
    identity = _identity(app, versions)
    if app.options.job == "pipeline" and file.is_made_from(target, identity):
        app.report.notes.append(f"{target} shows these tables already")
        return
    found = _collect(app, identity, versions)
    if not found.traders:
        app.report.warnings.append("no ranking: the report shows none")
        log.warning("there is no ranking to show, or nobody is on it", warehouse=app.settings.warehouse.root)
    text = _FORMATS[app.options.format](found)
    app.publish(text, target)
    app.report.rows_in = len(found.traders)
    app.report.path = str(target)
    if app.options.job == "pipeline":
        app.report.notes.append(f"the report is {target}")
    else:
        app.report.document = sheets.as_text(found) | {"path": str(target)}
    log.info("report written", path=str(target), bytes=len(text.encode()), traders=len(found.traders))


_FORMATS: dict[str, Callable[[Collected], str]] = {
    "html": lambda found: page.render(page_view.build(found)),
    "csv": sheets.as_csv,
    "json": sheets.as_json,
}


def _target(app: App) -> Path:
    """`--out`, or the default: in the folder one stands in, of a demonstration beside its tables."""
    if app.options.out is not None:
        return app.options.out
    return Path(demo.ROOT if app.options.demo else ".").absolute() / f"report.{app.options.format}"


def _identity(app: App, versions: Mapping[str, int]) -> str:
    """The same for two pages that show the same but for the record of runs."""
    shown = app.settings.report.model_dump(mode="json")
    made_from = json.dumps([versions, settings_hash(app.settings), shown, VERSION], sort_keys=True)
    return hashlib.sha256(made_from.encode()).hexdigest()


def _collect(app: App, identity: str, versions: dict[str, int]) -> Collected:
    shown = app.settings.report
    found = Collected(
        identity=identity,
        made_at=app.as_of,
        made_by=f"Smart Trader {VERSION}, run {app.run_id}, settings {settings_hash(app.settings)[:12]}",
        rules=told_rules(app.settings.ranking),
        limits=Limits(shown.tokens_per_trader, shown.sales_per_trader, shown.lots_per_trader, shown.biggest_sales),
    )
    if min(versions.values()) < 0:
        return found
    found = replace(found, versions=versions, **_state_of_the_data(app))
    ranked = app.tables.read(smart_traders.TABLE)
    traders = _rows(ranked.orderBy("overall_rank").limit(shown.traders))
    if not traders:
        return replace(found, ranked_at=_newest(app.tables.read(rank_history.TABLE)))
    wallets = [row["wallet_address"] for row in traders]
    detailed = wallets[: shown.detailed_traders]
    found = replace(found, traders=traders, groups=_rows(evidence.groups(ranked)), detailed=frozenset(detailed))
    return replace(found, **_compared(app, traders[0]["ranked_at"]), **_behind(app, wallets, detailed))


def _state_of_the_data(app: App) -> dict[str, Any]:
    rejected = (app.tables.read(bronze_rejected.TABLE), app.tables.read(silver_rejected.TABLE))
    followed = (app.tables.read(tracked_tokens.TABLE), app.tables.read(tracked_whales.TABLE))
    records = app.tables.read(runs.TABLE).orderBy(F.desc("started_at"), "run_id", "job").limit(_RUNS)
    return {
        "rejections": _rows(evidence.rejections(*rejected)),
        "freshness": _rows(evidence.freshness(*followed))[0],
        "runs": _rows(records),
    }


def _compared(app: App, ranked_at: datetime) -> dict[str, Any]:
    """The ranking and the one before it."""
    history = app.tables.read(rank_history.TABLE)
    before = _newest(history.where(F.col("ranked_at") < F.lit(ranked_at)))
    made_with = history.where(F.col("ranked_at") == F.lit(ranked_at)).select("settings_hash").limit(1)
    moved = before and _rows(
        evidence.movements(history, ranked_at, before, listed=app.settings.report.traders, most=page_view.MOST_CHANGES)
    )
    return {
        "ranked_at": ranked_at,
        "previous_at": before,
        "movements": moved or (),
        "is_current_rules": [row["settings_hash"] for row in _rows(made_with)] == [settings_hash(app.settings)],
    }


def _behind(app: App, wallets: Sequence[str], detailed: Sequence[str]) -> dict[str, Any]:
    """What stands behind the figures of the wallets that are shown."""
    shown = app.settings.report
    sales, traded = app.tables.read(realized_sales.TABLE), app.tables.read(trades.TABLE)
    pnl, lots = app.tables.read(wallet_pnl.TABLE), app.tables.read(open_lots.TABLE)
    biggest = {"newest": shown.sales_per_trader, "biggest": shown.biggest_sales}
    return {
        "tokens": _rows(evidence.token_results(pnl, traded, wallets, detailed, shown.tokens_per_trader)),
        "sales": _rows(evidence.shown_sales(sales, traded, detailed, **biggest)),
        "curves": _rows(evidence.curves(sales, detailed, _POINTS)),
        "lots": _rows(evidence.shown_lots(lots, traded, detailed, shown.lots_per_trader)),
        "states": _rows(evidence.reading_states(app.tables.read(tracked_whales.TABLE), detailed)),
    }


def _newest(rankings: DataFrame) -> datetime | None:
    newest: datetime | None = _rows(rankings.agg(F.max("ranked_at").alias("ranked_at")))[0]["ranked_at"]
    return newest


def _rows(frame: DataFrame) -> list[Row]:
    return [row.asDict() for row in collect(frame)]


if __name__ == "__main__":
    sys.exit(run_job("report", run))
