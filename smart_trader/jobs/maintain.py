"""all tables -> the same rows in better files

Merges small files, writes large clustered tables in order again when enough is new, deletes files that no readable
version needs, and writes checkpoints, by the policy of each table. Safe beside readers. Running it twice in a row
changes nothing the second time, and no job takes it for news.

With --rewrite it writes one table anew as it is declared, for a lake of an earlier version, and nothing else: all rows
in one commit, or none where a value would be lost. Stopped before the commit, it has changed nothing.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from smart_trader.domain import catalog
from smart_trader.domain.foundation.tables import TABLES as SERIES_TABLES
from smart_trader.domain.tables.file_policy import FileFacts, Step, plan_maintenance, vacuum_due, wants_checkpoint
from smart_trader.domain.tables.log_rules import DELETED_FILES, check_differences, retention_hours, schema_differences
from smart_trader.domain.tables.table import Table
from smart_trader.ports import TableMaintenance
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.versions import chosen_table


def run(app: App) -> None:
    if app.options.is_rewriting:
        app.report.document = _rewrite(app, chosen_table(app))
        return
    app.report.document = {"tables": [_maintain(app, _as_set(app, table)) for table in catalog.TABLES]}


def _as_set(app: App, table: Table) -> Table:
    """The table with the policy of the settings."""
    if table not in SERIES_TABLES.values():
        return table
    return replace(table, maintenance=replace(table.maintenance, file_megabytes=app.settings.series.file_megabytes))


def _rewrite(app: App, table: Table) -> dict[str, Any]:
    found = app.maintenance.inspect(table)
    differences = [*schema_differences(table, found), *(f"check {name}" for name in check_differences(table, found))]
    if not differences:
        app.report.notes.append(f"{table.name} is as declared: nothing to write anew")
    elif app.options.dry_run:
        app.maintenance.rewrite(table, dry_run=True)
        app.report.notes.append(f"{table.name} would be written anew: {'; '.join(differences)}")
    else:
        with app.tables.committing(table):
            app.maintenance.rewrite(table, dry_run=False)
        app.report.notes.append(f"{table.name} was written anew: {'; '.join(differences)}")
    return {"table": table.name, "differences": differences}


@dataclass(frozen=True, slots=True)
class _Log:
    """Facts from the log of a table that maintenance depends on."""

    clustered_at: datetime | None
    vacuum_due: datetime
    commits_to_replay: int


def _maintain(app: App, table: Table) -> dict[str, Any]:
    log = _read_log(app.maintenance, table)
    before = app.maintenance.files(table, clustered_at=log.clustered_at)
    expired = app.maintenance.expired_files(table) if log.vacuum_due <= app.clock.now() else 0
    plan = plan_maintenance(table, before, expired_files=expired, commits_to_replay=log.commits_to_replay)
    if app.options.dry_run:
        if plan:
            app.report.notes.append(f"{table.name} would be {', '.join(plan)}; {before.files} files")
        return {"table": table.name, "would_be": plan, "files": before.files, "files_to_delete": expired}
    done = _carry_out(app, table, plan)
    log = _read_log(app.maintenance, table) if done else log
    after = app.maintenance.files(table, clustered_at=log.clustered_at) if done else before
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
        "vacuum_due": log.vacuum_due.isoformat(timespec="seconds"),
    }


def _carry_out(app: App, table: Table, plan: Sequence[Step]) -> list[Step]:
    """Do the steps of `plan`; returns those that were done. Their own commits count for a checkpoint too."""
    if not plan:
        return []
    done: list[Step] = []
    first_version = app.tables.version(table)
    with app.tables.committing(table):
        if rewriting := [step for step in plan if step in (Step.CLUSTER, Step.COMPACT)]:
            app.maintenance.optimize(table, cluster=Step.CLUSTER in rewriting)
            if app.tables.version(table) > first_version:  # Delta may find nothing to merge
                done += rewriting
        if Step.VACUUM in plan:
            app.maintenance.vacuum(table)
            done.append(Step.VACUUM)
    if wants_checkpoint(_read_log(app.maintenance, table).commits_to_replay) if done else Step.CHECKPOINT in plan:
        app.maintenance.checkpoint(table)
        done.append(Step.CHECKPOINT)
    return done


def _read_log(maintenance: TableMaintenance, table: Table) -> _Log:
    commits, facts = maintenance.commits(table), maintenance.inspect(table)
    due = vacuum_due(
        table,
        first_commit_at=commits[-1].at,
        vacuumed_at=next((commit.at for commit in commits if commit.operation == "VACUUM END"), None),
        retention_hours=retention_hours(facts.properties, DELETED_FILES) or 0,
    )
    clustered_at = next((commit.at for commit in commits if commit.is_clustering), None)
    return _Log(clustered_at, due, facts.version - max(facts.checkpoints, default=0))


def _unclustered_percent(table: Table, facts: FileFacts) -> int | None:
    return 100 * facts.unclustered_bytes // facts.bytes if table.clustered_by and facts.bytes else None


if __name__ == "__main__":
    sys.exit(run_job("maintain", run))
