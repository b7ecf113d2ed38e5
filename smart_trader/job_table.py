"""The jobs as data: what each does to the lake, and what it may be told on the command line. Standard library only.

A job's help text is the docstring of `jobs/NAME.py`.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from smart_trader import cli_values
from smart_trader.errors import ExitStatus
from smart_trader.pipeline import SERIES_NAMES


class Option:
    """One option of the command line; `details` is what argparse's `add_argument` takes beside the flag."""

    def __init__(self, flag: str, **details: Any) -> None:
        self.flag, self.details = flag, details


class OneOf:
    """Options that exclude one another; with `is_required` one of them has to be given."""

    def __init__(self, *options: Option, is_required: bool) -> None:
        self.options, self.is_required = options, is_required


class Lock(IntEnum):
    """What one run at a time has. A run takes those that it needs in this order, so that no two wait for each other."""

    WAREHOUSE = 1
    """For all tables but those of another lock."""
    SERIES = 2
    """For the tables of time series, and for what was noted of their files."""
    RUNS = 3
    """For `ops.runs`, to which every writing run commits in the end. Only a store needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of `bin/submit.sh`."""

    is_reading: bool = False
    """It writes no table: it needs no lock and leaves no record."""
    needs_spark: bool = True
    """Without, the launcher runs it itself where the warehouse is in a folder."""
    takes_entities: bool = False
    """It can be told to care for some tokens or wallets only."""
    takes_limit: bool = False
    """It can be told how many tokens or wallets to care for."""
    is_on_series: bool = False
    """It writes the time series and nothing else of the warehouse, so it takes their lock alone."""
    is_on_one_table: bool = False
    """Its `--version` is a version of that table, not of the program."""
    json_holds: str = "the run summary"
    """What `--json` prints."""
    options: tuple[Option | OneOf, ...] = ()
    """What only this job takes."""


class Stage(StrEnum):
    """What `requeue` has done again."""

    HOLDERS = "holders"
    TRANSACTIONS = "transactions"
    PNL = "pnl"


class ReportFormat(StrEnum):
    """What `report` writes."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"


class QueryName(StrEnum):
    """The standard questions to the time series."""

    RANGE = "range"
    LATEST = "latest"
    AUDIT = "audit"
    ACTED = "acted"
    MISSED = "missed"
    TIME_TO_ACTION = "time_to_action"
    REGIME_PERFORMANCE = "regime_performance"


class RegimeOf(StrEnum):
    """Which regime a metric is put down to."""

    NEWEST = "newest"
    AT_ENTRY = "at_entry"
    CURRENT = "current"


class RowsFormat(StrEnum):
    """How `query_timeseries` writes rows."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


_ON_SIGNALS = (QueryName.AUDIT, QueryName.ACTED, QueryName.MISSED, QueryName.TIME_TO_ACTION)
QUERIES_THAT_TAKE = {
    "series": (QueryName.RANGE, QueryName.LATEST),
    "at": (QueryName.LATEST,),
    "strategy": (*_ON_SIGNALS, QueryName.REGIME_PERFORMANCE),
    "above": (QueryName.AUDIT, QueryName.MISSED),
    "symbol": (QueryName.REGIME_PERFORMANCE,),
    "by": (QueryName.REGIME_PERFORMANCE,),
    "version": (QueryName.RANGE, QueryName.LATEST, *_ON_SIGNALS),
}
"""Options of `query_timeseries` that only some queries take."""


def _for(option: str) -> str:
    """The queries that take `option`, in brackets."""
    return f"({', '.join(QUERIES_THAT_TAKE[option])})"


def _out(default: str) -> Option:
    where = f"where the report goes (default: {default}, of a demo in ./demo)"
    return Option("--out", type=cli_values.target, metavar="FILE", help=where)


def _table_as_of(*, is_required: bool) -> tuple[Option, OneOf]:
    """Which table, as of when."""
    return (
        Option("--table", type=cli_values.table, required=True, metavar="NAME", help="such as gold.smart_traders"),
        OneOf(
            Option("--version", type=cli_values.version, metavar="N", help="the table as of this version"),
            Option(
                "--time", type=cli_values.time, metavar="TIME", help="as of this time, ISO 8601, UTC without a zone"
            ),
            is_required=is_required,
        ),
    )


_QUERY = (
    Option("query", metavar="NAME", choices=tuple(map(str, QueryName)), help=", ".join(QueryName)),
    Option(
        "--series",
        type=cli_values.series,
        metavar="NAME",
        help=f"{', '.join(SERIES_NAMES)} {_for('series')}; needed there",
    ),
    Option("--from", dest="start", type=cli_values.time, metavar="TIME", help="rows from this timestamp on"),
    Option("--to", dest="end", type=cli_values.time, metavar="TIME", help="rows before this timestamp"),
    Option(
        "--where",
        action="append",
        default=[],
        type=cli_values.pair,
        metavar="COLUMN=VALUE",
        help="rows with this value, compared by the column's type; COLUMN= is null; can be given again",
    ),
    Option("--at", type=cli_values.time, metavar="TIME", help=f"no row after this {_for('at')}"),
    Option("--strategy", metavar="ID", help="only this strategy_id (not: range, latest)"),
    Option(
        "--above",
        type=cli_values.number,
        metavar="VALUE",
        help=f"a signal_value above this is of high confidence {_for('above')}; default: 0.8",
    ),
    Option("--symbol", metavar="SYMBOL", help=f"whose regimes, with --by newest {_for('symbol')}; default: SPY"),
    Option(
        "--by",
        choices=tuple(map(str, RegimeOf)),
        help="the newest regime of --symbol at the time of each metric, or what the metric itself says"
        f" {_for('by')}; default: newest",
    ),
    OneOf(
        Option("--version", type=cli_values.version, metavar="N", help="the table as of this version (if it is one)"),
        Option("--known-at", dest="time", type=cli_values.time, metavar="TIME", help="what had been committed then"),
        is_required=False,
    ),
    Option("--summary", action="store_true", help="with --format csv: the figures, not the rows"),
    Option(
        "--format",
        choices=tuple(map(str, RowsFormat)),
        default=str(RowsFormat.TEXT),
        help="text: rows and figures (default); csv: rows; json: one document with both",
    ),
    Option("--limit", type=cli_values.count, metavar="N", help="at most N rows (text: 50 unless given)"),
)

_EXPLANATION = (
    Option("--wallet", type=cli_values.address, required=True, metavar="ADDRESS", help="whose figures"),
    Option("--token", type=cli_values.address, metavar="MINT", help="only what it did in this token"),
    Option(
        "--figure", metavar="NAME", help="only this figure and what leads to it, such as roi (a column of the tables)"
    ),
    Option(
        "--ranked-at",
        type=cli_values.time,
        metavar="TIME",
        help="as of the ranking of this business time, ISO 8601 (default: the newest ranking)",
    ),
    Option("--raw", action="store_true", help="with the text of each row as it was served"),
)

JOBS = {
    "init": Job(
        options=(
            Option(
                "--recreate", action="store_true", help="delete every table and all of its history first; needs --yes"
            ),
            Option("--yes", action="store_true", help="yes, delete"),
        ),
    ),
    "bronze_tokens": Job(takes_entities=True, takes_limit=True),
    "silver_tokens": Job(takes_entities=True, takes_limit=True),
    "bronze_whales": Job(takes_entities=True, takes_limit=True),
    "silver_whales": Job(takes_entities=True, takes_limit=True),
    "bronze_transactions": Job(takes_entities=True, takes_limit=True),
    "silver_pnl": Job(takes_entities=True, takes_limit=True),
    "gold_traders": Job(takes_entities=True, takes_limit=True),
    "evaluate": Job(),
    "validate": Job(
        is_reading=True,
        options=(
            Option("--digests", action="store_true", help="also a digest of each table, to compare two warehouses by"),
        ),
    ),
    "helius_webhooks": Job(),
    "report": Job(
        is_reading=True,
        options=(
            _out("report.FORMAT"),
            Option(
                "--format",
                choices=tuple(map(str, ReportFormat)),
                default=str(ReportFormat.HTML),
                help="a page, a sheet or a document",
            ),
        ),
    ),
    "pipeline": Job(takes_entities=True, takes_limit=True, options=(_out("report.html"),)),
    "disk_space": Job(
        is_reading=True,
        needs_spark=False,
        options=(
            Option(
                "--clean", action="store_true", help="first remove the scratch of dead runs and old log files; no table"
            ),
        ),
    ),
    "explain": Job(is_reading=True, json_holds="the explanation", options=_EXPLANATION),
    "history": Job(
        is_reading=True,
        is_on_one_table=True,
        options=(
            *_table_as_of(is_required=False),
            Option(
                "--limit",
                type=cli_values.count,
                default=20,
                metavar="N",
                help="at most N versions, or rows (default: 20)",
            ),
        ),
    ),
    "ingest_timeseries": Job(
        is_on_series=True,
        options=(
            Option("--series", type=cli_values.series, metavar="NAME", help=f"only {', '.join(SERIES_NAMES)}"),
            Option(
                "--allow-new-columns",
                action="store_true",
                help="add columns that a series does not have to its table; without it such a file is rejected whole",
            ),
            OneOf(
                Option(
                    "--every",
                    type=cli_values.period,
                    metavar="TIME",
                    help="go on until told to stop, and look for files that often, such as 60s or 5m",
                ),
                Option(
                    "--again",
                    nargs="+",
                    default=(),
                    type=cli_values.landed,
                    metavar="FILE",
                    help="instead: read these files of the landing folder once more",
                ),
                is_required=False,
            ),
        ),
    ),
    "maintain": Job(
        options=(
            Option(
                "--rewrite",
                dest="table",
                type=cli_values.table,
                metavar="TABLE",
                help="instead: write this table anew as it is declared, with its partitions, column types and checks",
            ),
        ),
    ),
    "query_timeseries": Job(
        is_reading=True, is_on_one_table=True, json_holds="rows and figures (--format json)", options=_QUERY
    ),
    "requeue": Job(
        takes_entities=True,
        options=(
            Option("--stage", choices=tuple(map(str, Stage)), required=True, help="what is to be done again"),
            Option(
                "--from-start",
                action="store_true",
                help="read trades again from the first page, not from the newest on",
            ),
        ),
    ),
    "restore": Job(
        is_on_one_table=True,
        options=(
            *_table_as_of(is_required=True),
            Option("--yes", action="store_true", help="do it; otherwise only say what would change"),
        ),
    ),
    "status": Job(
        is_reading=True,
        options=(
            Option(
                "--max-age",
                dest="max_age_hours",
                type=cli_values.hours,
                metavar="AGE",
                help=f"end with {ExitStatus.CHECK_FAILED.number} if the last ranking is older, such as 26h or 2d",
            ),
        ),
    ),
    "verify": Job(
        is_reading=True,
        options=(
            OneOf(
                Option(
                    "--ranked-at",
                    type=cli_values.time,
                    metavar="TIME",
                    help="the ranking of this business time, ISO 8601, UTC without a zone (default: the newest)",
                ),
                Option("--all", action="store_true", help="every ranking"),
                is_required=False,
            ),
        ),
    ),
}
"""Every job by its name: those of the pipeline in its order, then the others by the alphabet."""
READING_JOBS = frozenset(name for name, job in JOBS.items() if job.is_reading)
"""Jobs that write no table."""
