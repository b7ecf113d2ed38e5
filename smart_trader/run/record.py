"""The record of a job: what it did and used, measured from its beginning to its end, and kept in `ops.runs`."""

import dataclasses
import json
from collections.abc import Sequence

from pyspark.sql import functions as F

from smart_trader import version
from smart_trader.config.settings import settings_hash
from smart_trader.domain.ops import runs
from smart_trader.domain.tables.changes import RowScope
from smart_trader.foreign import json_object
from smart_trader.io.delta.session import JobCounter
from smart_trader.io.delta.store import DeltaStore
from smart_trader.pipeline import End
from smart_trader.ports import TableStore
from smart_trader.run import logs, outcomes
from smart_trader.run.results import JobRecord, JobSummary, versions_json
from smart_trader.run.session import Session


class Measurement:
    """Measures `job` of a session from now on: its Spark jobs, calls, rows and commits."""

    def __init__(self, session: Session, job: str) -> None:
        app, store, run_id = session.app, session.store, session.context.run_id
        self._session, self._job = session, job
        self._group = f"{run_id} {job}"
        self._spark_jobs = JobCounter(app.spark)
        self._spark_jobs.enter(self._group)
        self._started, self._usage = session.clock.now(), app.usage()
        self._rows_written = store.rows_written.total()
        store.versions.clear()

    def summary(self, end: End) -> JobSummary:
        """What the job did until now, when it ended with `end`."""
        report, versions = self._session.app.report, self._session.store.versions
        return JobSummary(
            record=self._record(end),
            spark_jobs=self._spark_jobs.count(self._group),
            delta_commits=sum(after - before for before, after in versions.values()),
            work=report.work,
            tiers=report.tiers,
            warnings=tuple(map(logs.redact, report.warnings)),
            notes=tuple(map(logs.redact, report.notes)),
        )

    def _record(self, end: End) -> JobRecord:
        app, store, context = self._session.app, self._session.store, self._session.context
        report, usage = app.report, app.usage()
        return JobRecord(
            run_id=context.run_id,
            job=self._job,
            started_at=self._started,
            finished_at=self._session.clock.now(),
            outcome=outcomes.outcome(end.status, report.work),
            exit_code=end.status,
            rows_in=report.rows_in,
            rows_out=store.rows_written.total() - self._rows_written,
            rows_rejected=report.rows_rejected,
            api_calls=usage.calls - self._usage.calls,
            compute_units=usage.compute_units - self._usage.compute_units,
            table_versions=versions_json(
                {table: before for table, (before, _) in store.versions.items()},
                {table: after for table, (_, after) in store.versions.items()},
            ),
            code_version=version.VERSION,
            settings_hash=settings_hash(context.settings),
            message=logs.redact(end.message or "; ".join((*report.notes, *report.warnings))),
            document=None if report.document is None else json.dumps(logs.without_secrets(report.document)),
        )


def failed(job: JobSummary, end: End) -> JobSummary:
    """The summary of a job that ended well and counts as ended with `end` after all."""
    record = dataclasses.replace(
        job.record,
        outcome=outcomes.outcome(end.status, job.work),
        exit_code=end.status,
        message=logs.redact(end.message),
    )
    return dataclasses.replace(job, record=record)


def keep(store: DeltaStore, run_id: str, jobs: Sequence[JobSummary]) -> None:
    """Write the records of the jobs of a run to `ops.runs`."""
    with store.committing_as("ops", version.VERSION):
        store.create([runs.TABLE])  # it may be what could not be made
        rows = [{name: getattr(job.record, name) for name in runs.TABLE.column_names} for job in jobs]
        records = store.frame(runs.TABLE.own_schema, rows)
        if store.read(runs.TABLE).where(F.col("run_id") == run_id).isEmpty():
            store.append(runs.TABLE, records)
        else:  # the jobs of a scheduler share an id, and a job that is repeated keeps its own
            store.replace(runs.TABLE, records, within=RowScope(records.select(*runs.TABLE.key)))


def tables_written(store: TableStore) -> set[str]:
    """Names of the tables that earlier runs wrote, as far as `ops.runs` is there to name them."""
    newest = store.version(runs.TABLE)
    if newest < 0:
        return set()
    # By version: a table of an earlier version of the program may lack columns, which are added later.
    records = store.read(runs.TABLE, version=newest).select("table_versions").distinct()
    return {name for row in records.collect() for name in json_object(row.table_versions)}
