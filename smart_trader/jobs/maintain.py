"""all tables -> the same rows in better files

Merges small files, writes large clustered tables in order again when enough is new, deletes files that no readable
version needs, and writes checkpoints, by the policy of each table. Safe beside readers. Running it twice in a row
changes nothing the second time, and no job takes it for news.

With --rewrite it writes one table anew as it is declared, for a lake of an earlier version, and nothing else: all rows
in one commit, or none where a value would be lost. Stopped before the commit, it has changed nothing.
"""

import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from smart_trader.domain import catalog
from smart_trader.domain.tables.file_policy import FileFacts, wants_clustering, wants_compaction
from smart_trader.domain.tables.log_rules import DELETED_FILES, check_differences, retention_hours, schema_differences
from smart_trader.domain.tables.table import Table
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.versions import chosen_table

_WORTH_A_CHECKPOINT = 3
"""So many commits after the last checkpoint are worth a new one; Delta writes one after ten."""


def run(app: App) -> None:
    if app.options.is_rewriting:
        app.report.document = _rewrite(app, chosen_table(app))
        return
    app.report.document = {"tables": [_maintain(app, table) for table in catalog.TABLES]}


def _rewrite(app: App, table: Table) -> dict[str, Any]:
    found = app.upkeep.inspect(table)
    differences = [*schema_differences(table, found), *(f"check {name}" for name in check_differences(table, found))]
    if not differences:
        app.report.notes.append(f"{table.name} is as declared: nothing to write anew")
    elif app.options.dry_run:
        app.upkeep.rewrite(table, dry_run=True)
        app.report.notes.append(f"{table.name} would be written anew: {'; '.join(differences)}")
    else:
        with app.tables.committing(table):
            app.upkeep.rewrite(table, dry_run=False)
        app.report.notes.append(f"{table.name} was written anew: {'; '.join(differences)}")
    return {"table": table.name, "differences": differences}


@dataclass(frozen=True, slots=True)
class _Times:
    """When the files of a table were last looked after, and since when there can be any to delete."""

    clustered: datetime | None
    vacuumed: datetime | None
    vacuum_due: datetime


def _maintain(app: App, table: Table) -> dict[str, Any]:
    if app.options.dry_run:
        return _foresee(app, table)
    times = _times(app, table)
    before = app.upkeep.files(table, clustered_at=times.clustered)
    first_version = app.tables.version(table)
    done: list[str] = []
    with app.tables.committing(table):
        is_worth_clustering = wants_clustering(table, before)
        if is_worth_clustering or wants_compaction(table, before):
            app.upkeep.optimize(table, cluster=is_worth_clustering)
        if app.tables.version(table) > first_version:
            done.append("clustered" if is_worth_clustering else "compacted")
        expired = app.upkeep.expired_files(table) if times.vacuum_due <= app.clock.now() else 0
        if expired:
            app.upkeep.vacuum(table)
            done.append("vacuumed")
    times = _times(app, table) if done else times
    after = app.upkeep.files(table, clustered_at=times.clustered) if done else before
    if _commits_to_replay(app, table) >= _WORTH_A_CHECKPOINT:
        app.upkeep.checkpoint(table)
        done.append("checkpointed")
    if done:
        app.report.notes.append(f"{table.name}: {', '.join(done)}; {before.files} files before, {after.files} after")
    return {
        "table": table.name,
        "done": done,
        "files_before": before.files,
        "files_after": after.files,
        "bytes_before": before.bytes,
        "bytes_after": after.bytes,
        "files_deleted": expired,
        "unclustered_percent": _unclustered_percent(table, after),
        "vacuum_due": times.vacuum_due.isoformat(timespec="seconds"),
    }


def _foresee(app: App, table: Table) -> dict[str, Any]:
    """What a dry run can say without changing a file."""
    times = _times(app, table)
    facts = app.upkeep.files(table, clustered_at=times.clustered)
    expired = app.upkeep.expired_files(table) if times.vacuum_due <= app.clock.now() else 0
    wanted = {
        "clustered": wants_clustering(table, facts),
        "compacted": wants_compaction(table, facts),
        "vacuumed": expired > 0,
        "checkpointed": _commits_to_replay(app, table) >= _WORTH_A_CHECKPOINT,
    }
    would_be = [what for what, is_wanted in wanted.items() if is_wanted]
    if would_be:
        app.report.notes.append(f"{table.name} would be {', '.join(would_be)}; {facts.files} files")
    return {"table": table.name, "would_be": would_be, "files": facts.files, "files_to_delete": expired}


def _times(app: App, table: Table) -> _Times:
    """Nothing can be deleted before the first version is older than the retention."""
    commits = app.upkeep.commits(table)
    hours = retention_hours(app.upkeep.inspect(table).properties, DELETED_FILES) or 0
    clustered = next((commit.at for commit in commits if commit.is_clustering), None)
    vacuumed = next((commit.at for commit in commits if commit.operation == "VACUUM END"), None)
    first = commits[-1].at + timedelta(hours=hours)
    due = first if vacuumed is None else vacuumed + timedelta(days=table.upkeep.vacuum_days)
    return _Times(clustered, vacuumed, due)


def _commits_to_replay(app: App, table: Table) -> int:
    facts = app.upkeep.inspect(table)
    return facts.version - max(facts.checkpoints, default=0)


def _unclustered_percent(table: Table, facts: FileFacts) -> int | None:
    return 100 * facts.unclustered_bytes // facts.bytes if table.clustered_by and facts.bytes else None


if __name__ == "__main__":
    sys.exit(run_job("maintain", run))
