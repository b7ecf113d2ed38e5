"""The command line of every job. Standard library only: help and usage errors need no Spark, no key, no network."""

import argparse
import ast
import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from smart_trader import cli_values
from smart_trader.errors import UsageError
from smart_trader.pipeline import STEPS
from smart_trader.version import VERSION

_JOBS_FOLDER = resources.files("smart_trader") / "jobs"  # may lie in a zip
_PIPELINE_ORDER = ("init", *(step.job for step in STEPS), "pipeline")
READING_JOBS = frozenset(("status", "validate", "history", "disk_space", "report"))
"""Jobs that write no table: they need no lock and leave no record."""
SPARKLESS_JOBS = frozenset(("disk_space",))
"""Jobs that the launcher runs itself, since they need no Spark."""
_WITHOUT_ENTITIES = frozenset(("init", "helius_webhooks", "restore", "maintain", *READING_JOBS))
"""Jobs that cannot be told to care for some tokens or wallets only."""
_WITH_A_TABLE = frozenset(("history", "restore"))
"""Jobs on one table, of which `--version` is a version."""
VERSION_LINE = f"smart-trader {VERSION}"
_EXIT_CODES = """exit status:
  0   done, or nothing to do          70  a bug of ours
  64  bad command line                74  disk full, table unreadable
  65  a quality check failed          75  lock held, quota or time spent, interrupted: run again
  69  API or store unavailable        77  key refused in the middle of a run
                                      78  bad or missing setting"""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; None where nothing was said."""

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
    format: str = "html"
    digests: bool = False
    dry_run: bool = False
    fetch: bool = False

    @property
    def is_rehearsal(self) -> bool:
        """Whether a job that writes shall only say what it would do."""
        return self.dry_run and self.job not in READING_JOBS

    @property
    def is_writing(self) -> bool:
        """Whether tables may change: only then is there a lock to take and a record to keep."""
        return self.job not in READING_JOBS and not self.dry_run

    @property
    def is_rewriting(self) -> bool:
        """Whether one table is to be made as it is declared: until then it would be refused."""
        return self.job == "maintain" and self.table is not None

    @property
    def makes_calls(self) -> bool:
        return self.fetch or not self.dry_run


def job_names() -> list[str]:
    """Every job, those of the pipeline first and in its order."""
    scripts = (file for file in _JOBS_FOLDER.iterdir() if file.name.endswith(".py"))
    known = {file.name[:-3] for file in scripts if '__name__ == "__main__"' in file.read_text("utf-8")}
    ordered = [name for name in _PIPELINE_ORDER if name in known]
    return ordered + sorted(known.difference(ordered))


def describe_job(job: str) -> str:
    """The job's docstring; the job itself is not imported, which would need Spark."""
    source = (_JOBS_FOLDER / f"{job}.py").read_text("utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def overview() -> str:
    """All jobs with what each reads and writes."""
    width = max(map(len, job_names()))
    lines = [f"  {name:{width}}  {describe_job(name).splitlines()[0]}" for name in job_names()]
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
    if job not in job_names():
        near = difflib.get_close_matches(job, job_names(), n=1)
        hint = f"Did you mean {near[0]}?" if near else "bin/submit.sh --help lists the jobs."
        raise UsageError(f"there is no job {job!r}. {hint}")
    values: dict[str, Any] = vars(_parser(job).parse_args(list(arguments)))
    if values.get("fetch") and not values["dry_run"]:
        raise UsageError("--fetch says that a dry run may call the API: it needs --dry-run. Nothing was started.")
    minutes = values.pop("time_budget", None)
    budget = [] if minutes is None else [("run.time_budget_minutes", str(minutes))]
    values["overrides"] = (*values["overrides"], *budget)
    return Options(job=job, **values)


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
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--profile",
        choices=("local", "s3", "cluster"),
        default="local",
        help="conf/PROFILE.toml (default: local)",
    )
    add(
        "--demo",
        action="store_true",
        help="work on a simulated market and in ./demo; needs no key and no network",
    )
    _add_dry_run(add, is_reading=job in READING_JOBS)
    add(
        "--as-of",
        type=cli_values.business_time,
        metavar="TIME",
        help="business time, ISO 8601; a date alone is its first moment, without a zone it is UTC (default: now)",
    )
    add(
        "--run-id",
        type=cli_values.run_id,
        metavar="ID",
        help="name of the run in logs, tables and history (default: made up)",
    )
    if job in _PIPELINE_ORDER and job not in _WITHOUT_ENTITIES:
        add(
            "--limit",
            type=cli_values.count,
            metavar="N",
            help="at most N tokens or wallets in this run",
        )
    if job not in _WITHOUT_ENTITIES:
        add(
            "--wallets",
            type=cli_values.file,
            metavar="FILE",
            help="only these wallets, one address a line",
        )
        add(
            "--tokens",
            type=cli_values.file,
            metavar="FILE",
            help="only these tokens, one address a line",
        )
    _add_own_options(parser, job)
    if job not in _WITH_A_TABLE:
        add("--version", action="version", version=VERSION_LINE, help="say which version this is, and stop")
    add(
        "--json",
        action="store_true",
        help="print the run summary as one JSON document on standard output",
    )
    add(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        type=cli_values.pair,
        metavar="KEY=VALUE",
        help="change a setting",
    )
    add(
        "--print-settings",
        action="store_true",
        help="show every setting and where it comes from, then stop",
    )
    if job not in READING_JOBS:
        add(
            "--time-budget",
            type=cli_values.count,
            metavar="MINUTES",
            help="stop fetching after so many minutes, go on with what there is, end with 75 (run.time_budget_minutes)",
        )
    add(
        "--wait-lock",
        type=cli_values.seconds,
        default=0.0,
        metavar="SECONDS",
        help="wait for another run to end (default: 0)",
    )
    return parser


def _add_dry_run(add: Callable[..., object], *, is_reading: bool) -> None:
    if is_reading:
        add("--dry-run", action="store_true", help="changes nothing: this job writes no table anyway")
        return
    add(
        "--dry-run",
        action="store_true",
        help="change nothing, and say what would: tables, tiers, webhook, calls; needs no lock and no key",
    )
    add(
        "--fetch",
        action="store_true",
        help="with --dry-run: read from the APIs, as the run would; costs compute units and needs a key",
    )


def _add_own_options(parser: argparse.ArgumentParser, job: str) -> None:
    """What only this job knows."""
    add = parser.add_argument
    if job == "init":
        add("--recreate", action="store_true", help="delete every table and all of its history first; needs --yes")
        add("--yes", action="store_true", help="yes, delete")
    if job == "requeue":
        add("--stage", choices=("holders", "transactions", "pnl"), required=True, help="what is to be done again")
        add("--from-start", action="store_true", help="read trades again from the first page, not from the newest on")
    if job in _WITH_A_TABLE:
        _add_version_options(parser, job)
    if job == "disk_space":
        add("--clean", action="store_true", help="first remove the scratch of dead runs and old log files; no table")
    if job == "maintain":
        what = "instead: write this table anew as it is declared, with its partitions, column types and checks"
        add("--rewrite", dest="table", type=cli_values.table, metavar="TABLE", help=what)
    _add_reading_options(add, job)


def _add_reading_options(add: Callable[..., object], job: str) -> None:
    """What only this job knows of what it is to show."""
    if job in ("report", "pipeline"):
        where = "report.html" if job == "pipeline" else "report.FORMAT"
        add(
            "--out",
            type=cli_values.target,
            metavar="FILE",
            help=f"where the report goes (default: {where}, of a demo in ./demo)",
        )
    if job == "report":
        add("--format", choices=("html", "csv", "json"), default="html", help="a page, a sheet or a document")
    if job == "validate":
        add("--digests", action="store_true", help="also a digest of each table, to compare two warehouses by")
    if job == "status":
        add(
            "--max-age",
            dest="max_age_hours",
            type=cli_values.hours,
            metavar="AGE",
            help="end with 65 if the last ranking is older, such as 26h or 2d",
        )


def _add_version_options(parser: argparse.ArgumentParser, job: str) -> None:
    """Which table as of when, and what to do with it."""
    add = parser.add_argument
    add("--table", type=cli_values.table, required=True, metavar="NAME", help="such as gold.smart_traders")
    which = parser.add_mutually_exclusive_group(required=job == "restore")
    which.add_argument("--version", type=cli_values.version, metavar="N", help="the table as of this version")
    which.add_argument(
        "--time", type=cli_values.time, metavar="TIME", help="as of this time, ISO 8601, UTC without a zone"
    )
    if job == "history":
        add("--limit", type=cli_values.count, default=20, metavar="N", help="at most N versions, or rows (default: 20)")
    else:
        add("--yes", action="store_true", help="do it; otherwise only say what would change")
