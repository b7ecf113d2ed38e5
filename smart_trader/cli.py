"""The command line of every job. Standard library only: help and usage errors need no Spark, no key, no network."""

import argparse
import ast
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

from smart_trader import cli_values
from smart_trader.errors import ExitStatus, UsageError
from smart_trader.job_table import JOBS, QUERIES_THAT_TAKE, Job, Lock, OneOf, Option, RegimeOf, ReportFormat, RowsFormat
from smart_trader.pipeline import SERIES_NAMES
from smart_trader.version import VERSION

_JOBS_FOLDER = resources.files("smart_trader") / "jobs"  # may lie in a zip
VERSION_LINE = f"smart-trader {VERSION}"
_WHERE = (
    Option(
        "--profile",
        choices=("local", "s3", "cluster"),
        default="local",
        help="conf/PROFILE.toml (default: local)",
    ),
    Option(
        "--demo",
        action="store_true",
        help="work on a simulated market and in ./demo; needs no key and no network",
    ),
)
_DRY_RUN_OF_READING = (
    Option("--dry-run", action="store_true", help="changes nothing: this job writes no table anyway"),
)
_DRY_RUN_OF_WRITING = (
    Option(
        "--dry-run",
        action="store_true",
        help="change nothing, and say what would: tables, tiers, webhook, calls; needs no lock and no key",
    ),
    Option(
        "--fetch",
        action="store_true",
        help="with --dry-run: read from the APIs, as the run would; costs compute units and needs a key",
    ),
)
_WHICH_RUN = (
    Option(
        "--as-of",
        type=cli_values.business_time,
        metavar="TIME",
        help="business time, ISO 8601; a date alone is its first moment, without a zone it is UTC (default: now)",
    ),
    Option(
        "--run-id",
        type=cli_values.run_id,
        metavar="ID",
        help="name of the run in logs, tables and history (default: made up)",
    ),
)
_LIMIT = Option("--limit", type=cli_values.count, metavar="N", help="at most N tokens or wallets in this run")
_ENTITIES = (
    Option("--wallets", type=cli_values.file, metavar="FILE", help="only these wallets, one address a line"),
    Option("--tokens", type=cli_values.file, metavar="FILE", help="only these tokens, one address a line"),
)
_VERSION = Option("--version", action="version", version=VERSION_LINE, help="say which version this is, and stop")
_SETTINGS = (
    Option(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        type=cli_values.pair,
        metavar="KEY=VALUE",
        help="change a setting",
    ),
    Option("--print-settings", action="store_true", help="show every setting and where it comes from, then stop"),
)
_TIME_BUDGET = Option(
    "--time-budget",
    type=cli_values.count,
    metavar="MINUTES",
    help="stop fetching after so many minutes, go on with what there is, end with"
    f" {ExitStatus.INTERRUPTED.number} (run.time_budget_minutes)",
)
_WAIT_LOCK = Option(
    "--wait-lock",
    type=cli_values.seconds,
    default=0.0,
    metavar="SECONDS",
    help="wait for another run to end (default: 0)",
)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a command line; None for an option that was not given."""

    job: str
    profile: str = "local"
    demo: bool = False
    as_of: datetime | None = None
    run_id: str | None = None
    limit: int | None = None
    wallets: Path | None = None
    tokens: Path | None = None
    json: bool = False
    overrides: tuple[tuple[str, str], ...] = ()
    print_settings: bool = False
    wait_lock: float = 0.0
    stage: str | None = None
    from_start: bool = False
    max_age_hours: float | None = None
    recreate: bool = False
    yes: bool = False
    table: str | None = None
    version: int | None = None
    time: datetime | None = None
    clean: bool = False
    out: Path | None = None
    format: str = str(ReportFormat.HTML)
    digests: bool = False
    dry_run: bool = False
    fetch: bool = False
    query: str | None = None
    series: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    where: tuple[tuple[str, str], ...] = ()
    at: datetime | None = None
    strategy: str | None = None
    above: float | None = None
    symbol: str | None = None
    by: str | None = None
    summary: bool = False
    every: float | None = None
    again: tuple[str, ...] = ()
    allow_new_columns: bool = False
    wallet: str | None = None
    token: str | None = None
    figure: str | None = None
    ranked_at: datetime | None = None
    raw: bool = False
    all: bool = False

    @property
    def is_reading(self) -> bool:
        """Whether the job writes no table, dry run or not."""
        return JOBS[self.job].is_reading

    @property
    def is_rehearsal(self) -> bool:
        """Whether this is a dry run of a job that writes."""
        return self.dry_run and not self.is_reading

    @property
    def is_writing(self) -> bool:
        """Whether tables may change: only such a run needs the lock and a record."""
        return not self.is_reading and not self.dry_run

    @property
    def is_on_series(self) -> bool:
        """Whether the job writes the time series and nothing else."""
        return JOBS[self.job].is_on_series

    @property
    def changes_series(self) -> bool:
        """Whether the job may replace rows of time series, or what was noted of their files."""
        is_restoring = self.job == "restore" and self.table is not None and self.table.startswith("foundation.")
        return self.is_on_series or is_restoring or self.recreate

    @property
    def locks(self) -> tuple[Lock, ...]:
        """What a writing run has from its start to its end."""
        warehouse = () if self.is_on_series else (Lock.WAREHOUSE,)
        return (*warehouse, Lock.SERIES) if self.changes_series else warehouse

    @property
    def is_rewriting(self) -> bool:
        """Whether the job rewrites one table as declared, which `init` would refuse."""
        return self.job == "maintain" and self.table is not None

    @property
    def makes_calls(self) -> bool:
        return self.fetch or not self.dry_run


def describe_job(job: str) -> str:
    """The docstring of the job's script, read without an import, which would need Spark."""
    source = (_JOBS_FOLDER / f"{job}.py").read_text("utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def overview() -> str:
    """The list of all jobs, each with the first line of its docstring."""
    width = max(map(len, JOBS))
    lines = [f"  {job:{width}}  {describe_job(job).splitlines()[0]}" for job in JOBS]
    return "\n".join(
        [
            "usage: bin/submit.sh JOB [options]",
            "",
            "jobs:",
            *lines,
            "",
            "bin/submit.sh JOB --help says more, bin/submit.sh --version which version this is.",
        ]
    )


def parse(job: str, arguments: Sequence[str]) -> Options:
    """The options of `job`. `--help` prints and exits; raises UsageError for what cannot be understood."""
    if job not in JOBS:
        near = difflib.get_close_matches(job, JOBS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "bin/submit.sh --help lists the jobs."
        raise UsageError(f"there is no job {job!r}. {hint}")
    values: dict[str, Any] = vars(_parser(job).parse_args(list(arguments)))
    if values.get("fetch") and not values["dry_run"]:
        raise UsageError("--fetch says that a dry run may call the API: it needs --dry-run. Nothing was started.")
    minutes = values.pop("time_budget", None)
    budget = [] if minutes is None else [("run.time_budget_minutes", str(minutes))]
    values["overrides"] = (*values["overrides"], *budget)
    if "query" in values:
        values["where"] = tuple(values["where"])
        _check_query(values)
    if "again" in values:
        values["again"] = tuple(values["again"])
        _check_ingestion(values)
    return Options(job=job, **values)


def _check_query(values: Mapping[str, Any]) -> None:
    """Raises UsageError if a query of `query_timeseries` lacks an option that it needs, or got one of another query."""
    query = values["query"]
    for option, queries in QUERIES_THAT_TAKE.items():
        if values[option] is not None and query not in queries:
            raise UsageError(f"{query} takes no --{option}; {', '.join(queries)} may. Nothing was started.")
    if query in QUERIES_THAT_TAKE["series"] and values["series"] is None:
        raise UsageError(f"{query} needs --series. There are {', '.join(SERIES_NAMES)}. Nothing was started.")
    if values["symbol"] is not None and values["by"] not in (None, RegimeOf.NEWEST):
        raise UsageError(f"--by {values['by']} looks at no market, so it takes no --symbol. Nothing was started.")
    if values["json"] and values["format"] == RowsFormat.CSV:
        raise UsageError("--json is --format json: it goes with no --format csv. Nothing was started.")


def _check_ingestion(values: Mapping[str, Any]) -> None:
    """Raises UsageError if --every of `ingest_timeseries` goes with an option that is of one moment only."""
    for flag, option in (("--as-of", "as_of"), ("--dry-run", "dry_run")):
        if values["every"] is not None and values[option]:
            raise UsageError(f"--every goes on by the clock, so it takes no {flag}. Nothing was started.")
    if values["again"] and values["series"] is not None:
        raise UsageError("--again names files, so it takes no --series. Nothing was started.")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        unknown = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        near = difflib.get_close_matches(unknown[1], list(self._option_string_actions), n=1) if unknown else []
        hint = f"Did you mean {near[0]}?" if near else f"{self.prog} --help says what it takes."
        raise UsageError(f"{message}. {hint}")


def _parser(job: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"bin/submit.sh {job}",
        description=describe_job(job),
        epilog=_exit_statuses(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for option in _options_of(JOBS[job]):
        if isinstance(option, OneOf):
            group = parser.add_mutually_exclusive_group(required=option.is_required)
            for one in option.options:
                group.add_argument(one.flag, **one.details)
        else:
            parser.add_argument(option.flag, **option.details)
    return parser


def _exit_statuses() -> str:
    """The exit statuses in two columns."""
    cells = [f"{status.number:<2}  {status.brief}" for status in ExitStatus]
    half = len(cells) // 2
    rows = zip_longest(cells[:half], cells[half:], fillvalue="")
    return "\n".join(["exit status:", *(f"  {left:36}{right}" for left, right in rows)])


def _options_of(job: Job) -> Iterator[Option | OneOf]:
    """The options of `job` in the order of its help."""
    yield from _WHERE
    yield from _DRY_RUN_OF_READING if job.is_reading else _DRY_RUN_OF_WRITING
    yield from _WHICH_RUN
    if job.takes_limit:
        yield _LIMIT
    if job.takes_entities:
        yield from _ENTITIES
    yield from job.options
    if not job.is_on_one_table:
        yield _VERSION
    as_json = f"print {job.json_holds} as one JSON document on standard output"
    yield Option("--json", action="store_true", help=as_json)
    yield from _SETTINGS
    if not job.is_reading:
        yield _TIME_BUDGET
    yield _WAIT_LOCK
