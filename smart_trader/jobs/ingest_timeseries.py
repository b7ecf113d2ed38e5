"""landing folder -> foundation.market_regimes, performance_metrics, signals, rejected_rows

Reads the files that have landed for the time series, each of them once, and writes their rows: of each key the last
version by updated_at. A record that cannot be used is rejected with its reason, the rest of its file lands. Ends with
65 if a file was rejected whole, or more than half of its records; the other files have landed then. --every goes on
until it is told to stop; --demo lands a month of made-up files first. A second run changes nothing, since a file is
never read twice but with --again.
"""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from pyspark.sql import functions as F

from smart_trader.domain.foundation import rejected_rows
from smart_trader.domain.foundation.all_series import SERIES_BY_NAME
from smart_trader.domain.foundation.files import is_looked_at
from smart_trader.errors import ConfigurationError, QualityError, UsageError
from smart_trader.paths import local_folder
from smart_trader.pipeline import SERIES_NAMES
from smart_trader.run.app import App
from smart_trader.run.demo_series import land_month
from smart_trader.run.ingesting import Findings, ingest_batch, ingest_files
from smart_trader.run.runner import run_job

_NAMED = 5
"""The most files that a message names."""


def run(app: App) -> None:
    findings = Findings()
    root = local_folder(app.settings.series.landing)
    if app.options.demo and not app.options.dry_run and root is not None:
        land_month(root, until=app.as_of)
    if app.options.again:
        _ingest_again(app, app.options.again, findings)
    else:
        _ingest_new(app, findings, as_of=app.as_of)
    while app.options.every is not None:
        app.clock.wait(app.options.every)
        _ingest_new(app, findings, as_of=app.clock.now())
    _judge(app, findings)


def _ingest_new(app: App, findings: Findings, *, as_of: datetime) -> None:
    """Ingest all that has landed and was not ingested before."""
    folders = app.landing.folders()
    if folders is None:
        raise ConfigurationError(
            f"There is no landing folder {app.settings.series.landing}, so nothing was read. Make it, with a folder for"
            f" each series ({', '.join(SERIES_NAMES)}), or set series.landing."
        )
    for unknown in sorted(set(folders) - set(SERIES_NAMES)):
        if not unknown.startswith((".", "_")):
            _warn(app, f"{unknown}/ in the landing folder is the folder of no series: nothing in it is read")
    for name in SERIES_NAMES:
        if name in folders and app.options.series in (None, name):
            for changed in app.landing.list_new(name, at=as_of):
                _warn(app, f"{changed} has changed since it was ingested; {_command(app, changed)} reads it again")
            app.landing.ingest(name, partial(ingest_batch, app, SERIES_BY_NAME[name], findings))
            _delete_old(app, name, as_of)


def _delete_old(app: App, series: str, as_of: datetime) -> None:
    """Delete the files that were ingested long enough ago, but for those that were rejected whole."""
    days = app.settings.series.keep_days
    if days is None or app.options.dry_run:
        return
    old = app.landing.listed_before(series, as_of - timedelta(days=days))
    whole = app.tables.read(rejected_rows.TABLE).where((F.col("source") == series) & F.col("line").isNull())
    kept = {row.source_file for row in whole.select("source_file").collect()} if old else set()
    gone = [path for path in old if path not in kept]
    app.landing.delete(gone)
    if gone:
        app.report.notes.append(f"{series}: {len(gone)} files deleted that were ingested more than {days} days ago")


def _ingest_again(app: App, again: Sequence[str], findings: Findings) -> None:
    """Ingest these files, whether they were ingested before or not."""
    root = f"{app.settings.series.landing}/"
    by_series: dict[str, list[str]] = {}
    for file in again:
        inside = file.removeprefix(root) if file.startswith(root) else ""
        name = inside.partition("/")[0]
        if name not in SERIES_BY_NAME or name == inside or not is_looked_at(inside):
            raise UsageError(
                f"{file} is no file of a series below {app.settings.series.landing}. Nothing was ingested."
            )
        by_series.setdefault(name, []).append(inside)
    for name, paths in by_series.items():
        ingest_files(app, SERIES_BY_NAME[name], app.landing.named(paths), findings, as_of=app.as_of)


def _judge(app: App, findings: Findings) -> None:
    """Warn of rejected records. Raises QualityError for rejected files, and for those mostly rejected."""
    report = app.report
    if report.rows_rejected:
        _warn(
            app,
            f"{report.rows_rejected} of {report.rows_in} records were rejected; foundation.rejected_rows has the"
            " reasons",
        )
    failed = []
    if findings.rejected_files:
        named = "; ".join(f"{file} ({why[:200]})" for file, why in list(findings.rejected_files.items())[:_NAMED])
        first = next(iter(findings.rejected_files))
        failed.append(
            f"{len(findings.rejected_files)} files were rejected whole: {named}. All others have landed."
            f" {_command(app, first)} reads a file once it is mended;"
            f" {_command(app, first, '--allow-new-columns ')} one whose columns are to be added."
        )
    if findings.mostly_rejected:
        named = ", ".join(findings.mostly_rejected[:_NAMED])
        failed.append(f"More than half of the records were rejected in {len(findings.mostly_rejected)} files: {named}.")
    if failed:
        raise QualityError(" ".join([*failed, "foundation.rejected_rows has the reasons."]))


def _command(app: App, file: str, flag: str = "") -> str:
    return f"`ingest_timeseries {flag}--again {app.settings.series.landing}/{file}`"


def _warn(app: App, warning: str) -> None:
    if warning not in app.report.warnings:
        app.report.warnings.append(warning)


if __name__ == "__main__":
    sys.exit(run_job("ingest_timeseries", run))
