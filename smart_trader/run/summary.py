"""What a run did: the rows of `ops.runs`, and the summary shown at its end, after a failure too."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Literal

from smart_trader.errors import Interrupted
from smart_trader.foreign import printable
from smart_trader.run import layout
from smart_trader.run.progress import duration

Outcome = Literal["ok", "partial", "failed"]
_COLUMNS = 9
"""So many fit side by side; of a longer row each column gets a line."""
_REASONS, _REASON_LENGTH = 3, 400
"""So many reasons of failed entities are named, with so many characters of each."""

_NEXT_STEPS = {
    64: "Correct the command line; --help shows what it takes.",
    65: "What failed the check was not published; look at the named table, then run again.",
    69: "The API or the store did not answer. What was committed stays; run the same command later.",
    70: "This is a bug. What was committed stays; please report it with the log of this run.",
    74: "Make room on the disk, or restore the table named above; then run again.",
    75: "What was committed stays; run the same command again to go on.",
    77: "Check the API key and its plan, then run again; what was committed stays.",
    78: "Correct the setting; --print-settings shows all of them and where each comes from.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A row of `ops.runs`, column by column."""

    run_id: str
    job: str
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    exit_code: int
    rows_in: int
    rows_out: int
    rows_rejected: int
    api_calls: int
    compute_units: int
    table_versions: str
    """JSON, made by `versions_json`."""
    code_version: str
    settings_hash: str
    message: str
    document: str | None = None
    """JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why so many entities failed, in the words of one of them."""

    count: int
    example: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was due, in the job's own unit. Due is done + failed + left over for the next run."""

    unit: str
    due: int
    done: int
    failed: int = 0
    left_over: int = 0
    failures: tuple[Failure, ...] = ()
    """The most frequent reasons; each entity has its own in `last_error`."""


class WorkTally:
    """Counts what becomes of the entities that are due, one after the other."""

    def __init__(self, unit: str, due: int) -> None:
        self.due = due
        self._unit, self._done = unit, 0
        self._reasons = Counter[str]()
        self._examples: dict[str, tuple[str, str]] = {}

    def add(self, entity: str, failure: str | None) -> None:
        """`entity` is done, or failed because of `failure`."""
        if failure is None:
            self._done += 1
            return
        # What differs from one entity to the next: its name, figures, and an example in brackets.
        kind = re.sub(r"\d+|\(.*", "", failure.replace(entity, ""), flags=re.DOTALL)
        self._reasons[kind] += 1
        self._examples.setdefault(kind, (entity, failure[:_REASON_LENGTH]))

    @property
    def work(self) -> Work:
        failed = self._reasons.total()
        return Work(
            unit=self._unit,
            due=self.due,
            done=self._done,
            failed=failed,
            left_over=self.due - self._done - failed,
            failures=tuple(
                Failure(count=count, example=self._examples[kind][0], reason=self._examples[kind][1])
                for kind, count in self._reasons.most_common(_REASONS)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChange:
    """Wallets of a tier in the new ranking, and how many entered or left it since the one before."""

    tier: str
    wallets: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """A job's record with what is shown but not kept."""

    record: JobRecord
    spark_jobs: int = 0
    delta_commits: int = 0
    work: Work | None = None
    tiers: tuple[TierChange, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run: its jobs in the order they ran. `message` says why it ended early, empty otherwise."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    exit_code: int
    jobs: tuple[JobSummary, ...] = ()
    message: str = ""
    warnings: tuple[str, ...] = ()
    """What concerns the run as a whole, such as a disk that fills up."""

    @property
    def outcome(self) -> Outcome:
        outcomes = {job.record.outcome for job in self.jobs}
        if self.exit_code not in (0, Interrupted.exit_status) or "failed" in outcomes:
            return "failed"
        return "partial" if self.exit_code or "partial" in outcomes else "ok"

    @property
    def next_step(self) -> str:
        """What to do about it; empty when there is nothing to do."""
        return _NEXT_STEPS.get(self.exit_code, "")


def versions_json(before: Mapping[str, int | None], after: Mapping[str, int]) -> str:
    """Delta versions of the tables that a job writes; `before` is none for a table that it created."""
    tables = {table: {"before": before.get(table), "after": after[table]} for table in sorted(after)}
    return json.dumps(tables)


def run_document(run: RunSummary) -> dict[str, Any]:
    """One document for programs: everything in the records, and what the text shows."""
    return {
        "run_id": run.run_id,
        "outcome": run.outcome,
        "exit_code": run.exit_code,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat(),
        "duration_seconds": _seconds(run.started_at, run.finished_at),
        "message": run.message,
        "next_step": run.next_step,
        "warnings": list(run.warnings),
        "jobs": [job_document(job) for job in run.jobs],
    }


def job_document(job: JobSummary) -> dict[str, Any]:
    """A job for programs: its record, and what the text shows beside it."""
    document = asdict(job)
    record = document.pop("record")
    record["table_versions"] = json.loads(job.record.table_versions)
    record["document"] = json.loads(job.record.document or "null")
    record["started_at"] = job.record.started_at.isoformat()
    record["finished_at"] = job.record.finished_at.isoformat()
    return {
        **record,
        "duration_seconds": _seconds(job.record.started_at, job.record.finished_at),
        **document,
    }


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)


def render_text(run: RunSummary) -> str:
    """A page for a person, at most `layout.WIDTH` columns wide."""
    took = duration(_seconds(run.started_at, run.finished_at))
    title = f"Run {printable(run.run_id)}  {run.outcome}, exit {run.exit_code}, {took}"
    parts = [
        title,
        jobs_part(run.jobs),
        work_part(run.jobs),
        _tiers(run.jobs),
        _versions(run.jobs),
        remarks_part(run, run.next_step),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_document(document: Mapping[str, Any]) -> str:
    """Facts as lines and lists of facts as tables, for a person."""
    facts = [
        f"{name}  {'-' if value is None else value}" for name, value in document.items() if type(value) is not list
    ]
    tables = [
        _facts_table(rows) if len(rows[0]) <= _COLUMNS else "\n\n".join(map(_facts_block, rows))
        for rows in document.values()
        if type(rows) is list and rows
    ]
    return "\n\n".join([*(["\n".join(facts)] if facts else []), *tables])


def _facts_table(rows: Sequence[Mapping[str, Any]]) -> str:
    texts = takewhile(lambda value: isinstance(value, str | list), rows[0].values())
    cells = [tuple(map(_fact, row.values())) for row in rows]
    return layout.table(tuple(rows[0]), cells, texts=max(1, len(list(texts))))


def _facts_block(row: Mapping[str, Any]) -> str:
    width = max(map(len, row))
    return "\n".join(
        f"{name:{width}}  {'-' if value is None else printable(str(value))}" for name, value in row.items()
    )


def _fact(value: object) -> object:
    """Of what is the case, as opposed to what happened, none is a figure: version 0 is a version."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "0" if value == 0 and value is not False else value


def jobs_part(jobs: Sequence[JobSummary]) -> str:
    """What each job did, with a total."""
    if not jobs:
        return ""
    header = (
        "job",
        "outcome",
        "rows in",
        "out",
        "rejected",
        "calls",
        "units",
        "Spark",
        "commits",
        "time",
    )
    rows: list[tuple[object, ...]] = [
        (
            job.record.job,
            job.record.outcome,
            job.record.rows_in,
            job.record.rows_out,
            job.record.rows_rejected,
            job.record.api_calls,
            job.record.compute_units,
            job.spark_jobs,
            job.delta_commits,
            duration(_seconds(job.record.started_at, job.record.finished_at)),
        )
        for job in jobs
    ]
    if len(jobs) > 1:
        # Rows out of one job are the rows into the next: their sum would mean nothing.
        total = (
            sum(job.record.rows_rejected for job in jobs),
            sum(job.record.api_calls for job in jobs),
            sum(job.record.compute_units for job in jobs),
            sum(job.spark_jobs for job in jobs),
            sum(job.delta_commits for job in jobs),
            duration(sum(_seconds(job.record.started_at, job.record.finished_at) for job in jobs)),
        )
        rows.append(("total", "", "", "", *total))
    return layout.table(header, rows, texts=2)


def work_part(jobs: Sequence[JobSummary]) -> str:
    """What was due and what became of it."""
    rows = [
        (
            job.record.job,
            job.work.unit,
            job.work.due,
            job.work.done,
            job.work.failed,
            job.work.left_over,
        )
        for job in jobs
        if job.work
    ]
    if not rows:
        return ""
    table = layout.table(("work", "", "due", "done", "failed", "left for next run"), rows, texts=2)
    failures = [
        f"{job.record.job}: {failure.count} of {job.work.failed}, such as {failure.example}: {failure.reason}"
        for job in jobs
        if job.work
        for failure in job.work.failures
    ]
    return "\n".join([table, *layout.bullets("failed", failures)])


def _tiers(jobs: Sequence[JobSummary]) -> str:
    rows = [(tier.tier, tier.wallets, tier.entered, tier.left) for job in jobs for tier in job.tiers]
    return layout.table(("traders", "wallets", "entered", "left"), rows, texts=1) if rows else ""


def _versions(jobs: Sequence[JobSummary]) -> str:
    """First version before and last after, over all jobs that wrote the table."""
    before: dict[str, int | None] = {}
    after: dict[str, int] = {}
    for job in jobs:
        for table, versions in json.loads(job.record.table_versions).items():
            before.setdefault(table, versions["before"])
            after[table] = versions["after"]
    changed = [table for table in after if before[table] != after[table]]
    # As text, since version 0 is a version.
    rows = [
        (
            table,
            "new" if before[table] is None else str(before[table]),
            str(after[table]),
        )
        for table in changed
    ]
    unchanged = len(after) - len(rows)
    if not after:
        return ""
    if not rows:
        return f"No table changed ({unchanged} looked at)."
    note = f"\n{unchanged} more unchanged" if unchanged else ""
    return layout.table(("table", "version before", "after"), rows, texts=1) + note


def remarks_part(run: RunSummary, next_step: str) -> str:
    """What is to be known of the run, why it ended early, and what to do next."""
    of_jobs = [f"{job.record.job}: {warning}" for job in run.jobs for warning in job.warnings]
    remarks = [*run.warnings, *of_jobs]
    notes = [f"{job.record.job}: {note}" for job in run.jobs for note in job.notes]
    failures = [
        f"{job.record.job}: {job.record.message}"
        for job in run.jobs
        if job.record.message not in ("", "; ".join((*job.notes, *job.warnings)))
    ]
    if run.message and not any(run.message in failure for failure in failures):
        failures.append(run.message)
    lines = [*layout.bullets("warnings", remarks), *layout.bullets("messages", [*notes, *failures])]
    return "\n".join([*lines, *layout.bullets("next", [next_step] if next_step else [])])
