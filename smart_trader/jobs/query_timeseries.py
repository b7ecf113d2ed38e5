"""foundation.market_regimes, performance_metrics, signals -> standard output

Answers a standard question to the time series: NAME is one of

  range               rows of a series, all or those from --from to before --to
  latest              the newest row of each symbol, strategy, or strategy and type of signal
  audit               all signals, with seconds_to_action, and whether they were of high confidence
  acted               signals that somebody acted upon
  missed              signals of high confidence that nobody acted upon
  time_to_action      acted signals with seconds_to_action; figures by strategy
  regime_performance  metrics with the regime of the market; figures by strategy and regime

Rows come in the order of the table's key. Writes nothing and needs no lock.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader import cli_values
from smart_trader.cli import Options
from smart_trader.domain.foundation import market_regimes, performance_metrics, queries, signals
from smart_trader.domain.foundation.all_series import SERIES_BY_NAME
from smart_trader.domain.foundation.series import Series
from smart_trader.domain.foundation.tables import TABLES
from smart_trader.errors import StorageError, UsageError
from smart_trader.job_table import QueryName, RegimeOf, RowsFormat
from smart_trader.rows import stream
from smart_trader.run import answers, output, record
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.versions import chosen_commit

_ROWS_OF_TEXT = 50
_REGIME_COLUMNS = {RegimeOf.AT_ENTRY: "regime_at_entry", RegimeOf.CURRENT: "regime_current"}


def run(app: App) -> None:
    options = app.options
    tables = _Tables(app)
    found = _QUERIES[QueryName(options.query or "")](tables, options)
    output.print_lines(_lines(found, tables, options))


class _Tables:
    """The tables of the series as of the version or time on the command line. `versions` are those that were read."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.versions: dict[str, int | None] = {}

    def rows(self, series: Series) -> DataFrame:
        """The rows of a series; none if nothing was ingested yet."""
        table = TABLES[series.name]
        self.versions[table.name] = version = self._version(series)
        if version is None:
            return self._app.tables.frame(table.schema, [])
        return self._app.tables.read(table, version=version)

    def selected(self, series: Series) -> DataFrame:
        """The rows of a series that --from, --to, --where and --strategy leave."""
        options = self._app.options
        rows = queries.between(self.rows(series), options.start, options.end)
        for name, text in options.where:
            rows = rows.where(_has_value(rows.schema, name, text))
        return rows if options.strategy is None else rows.where(F.col("strategy_id") == options.strategy)

    def _version(self, series: Series) -> int | None:
        """The version to read; None if there is no table. Raises StorageError for a table that was lost, and what
        `chosen_commit` raises."""
        tables, options, table = self._app.tables, self._app.options, TABLES[series.name]
        newest = tables.version(table)
        if newest < 0:
            if table.name in record.tables_written(tables):
                raise StorageError(f"{table.name}: missing, though an earlier run wrote it. Next: restore its folder.")
            if options.version is not None:
                raise UsageError(f"{table.name} has no version {options.version}: nothing was ingested yet.")
            return None
        if options.version is None and options.time is None:
            return newest
        commits = self._app.maintenance.commits(table)
        first = commits[-1]
        if options.time is not None and first.version == 0 and options.time < first.at:
            raise UsageError(f"{table.name} was made at {first.at:%Y-%m-%dT%H:%M:%SZ}: nothing was known before.")
        commit = chosen_commit(self._app, table, commits)
        assert commit is not None, "a version or a time was given"
        return commit.version


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows that answer a question, with the key that orders them, and figures about all of them."""

    rows: DataFrame
    key: tuple[str, ...]
    figures: DataFrame


def _range(tables: _Tables, options: Options) -> _Found:
    series = SERIES_BY_NAME[options.series or ""]
    return _counted(tables.selected(series), series)


def _latest(tables: _Tables, options: Options) -> _Found:
    series = SERIES_BY_NAME[options.series or ""]
    return _counted(queries.latest(tables.selected(series), series.key_without_time, options.at), series)


def _audit(tables: _Tables, options: Options) -> _Found:
    return _counted(queries.audit(tables.selected(signals.SERIES), _above(options)), signals.SERIES)


def _acted(tables: _Tables, options: Options) -> _Found:
    return _counted(queries.acted(tables.selected(signals.SERIES)), signals.SERIES)


def _missed(tables: _Tables, options: Options) -> _Found:
    return _counted(queries.missed(tables.selected(signals.SERIES), _above(options)), signals.SERIES)


def _time_to_action(tables: _Tables, options: Options) -> _Found:
    rows = tables.selected(signals.SERIES)
    return _Found(queries.time_to_action(rows), signals.SERIES.key, queries.time_to_action_figures(rows))


def _regime_performance(tables: _Tables, options: Options) -> _Found:
    metrics, by = tables.selected(performance_metrics.SERIES), RegimeOf(options.by or RegimeOf.NEWEST)
    if by is RegimeOf.NEWEST:
        regimes = tables.rows(market_regimes.SERIES)
        rows = queries.newest_regime(metrics, regimes, options.symbol or queries.MARKET)
    else:
        rows = queries.own_regime(metrics, _REGIME_COLUMNS[by])
    return _Found(rows, performance_metrics.SERIES.key, queries.regime_figures(rows))


_QUERIES: dict[QueryName, Callable[[_Tables, Options], _Found]] = {
    QueryName.RANGE: _range,
    QueryName.LATEST: _latest,
    QueryName.AUDIT: _audit,
    QueryName.ACTED: _acted,
    QueryName.MISSED: _missed,
    QueryName.TIME_TO_ACTION: _time_to_action,
    QueryName.REGIME_PERFORMANCE: _regime_performance,
}


def _counted(rows: DataFrame, series: Series) -> _Found:
    return _Found(rows, series.key, queries.count(rows))


def _above(options: Options) -> float:
    return queries.HIGH_CONFIDENCE if options.above is None else options.above


def _lines(found: _Found, tables: _Tables, options: Options) -> Iterator[str]:
    """The answer in the form that was asked for. Rows are read while they are written."""
    form = RowsFormat.JSON if options.json else RowsFormat(options.format)
    figures = found.figures.orderBy(*found.figures.columns)
    if form is RowsFormat.CSV and options.summary:
        return answers.as_csv(figures.columns, stream(figures))
    most = options.limit or (_ROWS_OF_TEXT if form is RowsFormat.TEXT else None)
    rows = found.rows.orderBy(*found.key)
    if form is RowsFormat.CSV:
        return answers.as_csv(rows.columns, stream(rows if most is None else rows.limit(most)))
    versions = tables.versions
    version = next(iter(versions.values())) if len(versions) == 1 else versions
    # Of text one row more, to tell whether there are any.
    limited = rows if most is None else rows.limit(most + (form is RowsFormat.TEXT))
    answer = answers.Answer(options.query or "", version, rows.columns, stream(limited), list(stream(figures)))
    return answers.as_json(answer) if most is None or form is RowsFormat.JSON else answers.as_text(answer, most=most)


def _has_value(schema: T.StructType, name: str, text: str) -> Column:
    """Whether the column has the value that `text` is in its type; an empty text is null. Raises UsageError."""
    if name not in schema.names:
        raise UsageError(f"--where: there is no column {name[:80]!r}; there are {', '.join(schema.names)}.")
    if not text:
        return F.col(name).isNull()
    try:
        return F.col(name) == F.lit(_PARSERS[type(schema[name].dataType)](text))
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--where {name}: {error}.") from error


def _whole(text: str) -> int:
    cli_values.number(text)
    value = Decimal(text)
    if value % 1 or abs(value) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no whole number of 64 bits")
    return int(value)


def _truth(text: str) -> bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise argparse.ArgumentTypeError(f"{text[:80]!r} is neither true nor false")


def _day(text: str) -> date:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return cli_values.time(text).date()
    raise argparse.ArgumentTypeError(f"{text[:80]!r} is no day, such as 2026-11-20")


_PARSERS: dict[type[T.DataType], Callable[[str], Any]] = {
    T.StringType: str,
    T.TimestampType: cli_values.time,
    T.DoubleType: cli_values.number,
    T.IntegerType: _whole,
    T.LongType: _whole,
    T.BooleanType: _truth,
    T.DateType: _day,
}


if __name__ == "__main__":
    sys.exit(run_job("query_timeseries", run))
