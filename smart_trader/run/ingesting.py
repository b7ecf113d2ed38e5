"""Writes the records of landed files to the table of their series, and counts what was found in each file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader import version
from smart_trader.domain.foundation import rejected_rows
from smart_trader.domain.foundation.ingestion import (
    FILES,
    VERSION,
    count_by_file,
    find_new_columns,
    newest_versions,
    read_records,
    rejected_records,
)
from smart_trader.domain.foundation.series import Kind, Series
from smart_trader.domain.foundation.tables import DAY, SOURCE_FILE, TABLES, as_stored, with_columns_of, with_fields
from smart_trader.domain.tables.changes import MAX_LITERALS, RowScope
from smart_trader.ports import LandedBatch
from smart_trader.rows import persisted
from smart_trader.run.app import App

_BYTES_PER_RECORD = 200
"""About; it decides only whether records are kept in memory."""


@dataclass(slots=True)
class Findings:
    """What was found in the files of a run."""

    rejected_files: dict[str, str] = field(default_factory=dict)
    """Reason and detail by file."""
    mostly_rejected: list[str] = field(default_factory=list)
    """Files more than half of whose records were rejected."""


def ingest_batch(app: App, series: Series, findings: Findings, batch: LandedBatch) -> None:
    """`ingest_files` of a batch, by commits with its name. They are the same when it is repeated after a kill: all that
    decides what is written is in the name, and times are compared with that of its listing."""
    series = as_stored(series, app.tables.read(TABLES[series.name]).schema)
    decides = (series.names, app.settings.series.clock_skew_seconds, app.options.allow_new_columns, version.VERSION)
    name = f"{batch.checkpoint}-{sha256(repr(decides).encode()).hexdigest()[:12]}"
    with app.tables.naming(name, batch.number):
        ingest_files(app, series, batch.files, findings, as_of=batch.listed_at)


def ingest_files(app: App, series: Series, files: DataFrame, findings: Findings, *, as_of: datetime) -> None:
    """Write what `files` (`FILES`) hold: of each key the greatest version, and why records and files were rejected."""
    series = as_stored(series, app.tables.read(TABLES[series.name]).schema)
    takes_new = app.options.allow_new_columns
    if takes_new:
        series = _with_new_columns(app, series, files)
    latest = as_of + timedelta(seconds=app.settings.series.clock_skew_seconds)
    size = sum(file.bytes for file in files.select("bytes").collect())
    with persisted(
        read_records(series, files, latest=latest, takes_new=takes_new), made_from=size // _BYTES_PER_RECORD
    ) as found:
        counts = count_by_file(found).collect()
        whole = [file.source_file for file in counts if file.reason is not None]
        records = _without_records_of(app, found, whole) if whole else found
        if any(file.records > file.rejected for file in counts if file.reason is None):
            _write_rows(app, series, records)
        rejected = rejected_records(series, records, rejected_at=as_of)
        app.tables.replace(rejected_rows.TABLE, rejected, within=_scope(files.select(SOURCE_FILE.name)))
        app.tables.rows_written[rejected_rows.TABLE.name] = 0  # the record of the run counts rows of series
    _count(app, counts, findings)


def _write_rows(app: App, series: Series, records: DataFrame) -> None:
    table = with_columns_of(series)
    days = records.where(F.col("reason").isNull()).select(F.to_date("timestamp").alias(DAY.name)).distinct()
    unlike = [name for name in table.column_names if name not in (*table.key, *VERSION[1:])]
    rows = newest_versions(series, records)
    app.tables.upsert(table, rows, version=VERSION, unlike=unlike, within=_scope(days))


def _with_new_columns(app: App, series: Series, files: DataFrame) -> Series:
    """The series and its table with the columns that `files` bring: of one kind if all their values are, else texts. Of
    names that differ only in case the first is taken, since a table cannot have both."""
    kinds: dict[str, set[Kind]] = {}
    for row in find_new_columns(series, files).collect():
        kinds.setdefault(row.name, set()).add(Kind[row.kind])
    names = {name.lower(): name for name in sorted(kinds, reverse=True)}
    new = {name: kinds[name].pop() if len(kinds[name]) == 1 else Kind.TEXT for name in sorted(names.values())}
    if new:
        series = with_fields(series, new)
        app.tables.create([with_columns_of(series)])
        app.report.notes.append(f"{series.name} has new columns: {', '.join(new)}")
    return series


def _scope(values: DataFrame) -> RowScope:
    """The rows with one of `values`, a frame of one column."""
    first = values.limit(MAX_LITERALS + 1).collect()
    return RowScope(values, tuple(row[0] for row in first) if len(first) <= MAX_LITERALS else None)


def _without_records_of(app: App, found: DataFrame, whole: Sequence[str]) -> DataFrame:
    """Without the records of these files, which were rejected whole after some of them were read."""
    names = app.tables.frame(T.StructType([FILES[SOURCE_FILE.name]]), [{"source_file": name} for name in whole])
    records = found.join(F.broadcast(names), SOURCE_FILE.name, "left_anti")
    return records.unionByName(found.where(F.col("source_line").isNull()))


def _count(app: App, counts: Sequence[Row], findings: Findings) -> None:
    for file in counts:
        if file.reason is not None:
            findings.rejected_files[file.source_file] = f"{file.reason}: {file.detail}"
            continue
        app.report.rows_in += file.records
        app.report.rows_rejected += file.rejected
        if 2 * file.rejected > file.records:
            findings.mostly_rejected.append(file.source_file)
