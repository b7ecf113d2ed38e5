"""How the end of a run is shown: a page for a person, a document for programs, after a failure too."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import takewhile
from typing import Any

from smart_trader.foreign import printable
from smart_trader.run import layout
from smart_trader.run.progress import duration
from smart_trader.run.results import JobSummary, RunSummary

_COLUMNS = 9
"""The most columns of a table. The values of a longer row stand one below the other."""


def run_document(run: RunSummary) -> dict[str, Any]:
    """A document for programs, with the records and all figures of the page."""
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
    """The document of a job, with its record and its other figures on the page."""
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
    """A document as text: values as lines, lists as tables."""
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
    """The cell of a value. Zero is shown, unlike in counts: version 0 is a version."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "0" if value == 0 and value is not False else value


def jobs_part(jobs: Sequence[JobSummary]) -> str:
    """The table of jobs, with a total."""
    if not jobs:
        return ""
    header = ("job", "outcome", "rows in", "out", "rejected", "calls", "units", "Spark", "commits", "time")
    rows: list[tuple[object, ...]] = [
        (job.record.job, job.record.outcome, job.record.rows_in, job.record.rows_out, *_cost([job])) for job in jobs
    ]
    if len(jobs) > 1:  # rows out of one job are the rows into the next: their sum would mean nothing
        rows.append(("total", "", "", "", *_cost(jobs)))
    return layout.table(header, rows, texts=2)


def _cost(jobs: Sequence[JobSummary]) -> tuple[object, ...]:
    """Rows rejected, calls, compute units, Spark jobs, commits and time of `jobs`."""
    records = [job.record for job in jobs]
    return (
        sum(record.rows_rejected for record in records),
        sum(record.api_calls for record in records),
        sum(record.compute_units for record in records),
        sum(job.spark_jobs for job in jobs),
        sum(job.delta_commits for job in jobs),
        duration(sum(_seconds(record.started_at, record.finished_at) for record in records)),
    )


def work_part(jobs: Sequence[JobSummary]) -> str:
    """The table of work that was due, with reasons of failures."""
    rows = [
        (job.record.job, job.work.unit, job.work.due, job.work.done, job.work.failed, job.work.left_over)
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
    """The table of versions: before the first job that wrote a table, and after the last."""
    before: dict[str, int | None] = {}
    after: dict[str, int] = {}
    for job in jobs:
        for table, versions in json.loads(job.record.table_versions).items():
            before.setdefault(table, versions["before"])
            after[table] = versions["after"]
    changed = [table for table in after if before[table] != after[table]]
    # As text, since version 0 is a version.
    rows = [(table, "new" if before[table] is None else str(before[table]), str(after[table])) for table in changed]
    unchanged = len(after) - len(rows)
    if not after:
        return ""
    if not rows:
        return f"No table changed ({unchanged} looked at)."
    note = f"\n{unchanged} more unchanged" if unchanged else ""
    return layout.table(("table", "version before", "after"), rows, texts=1) + note


def remarks_part(run: RunSummary, next_step: str) -> str:
    """Warnings, messages and what to do next."""
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
