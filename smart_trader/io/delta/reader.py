"""Delta tables under one warehouse root, as they are read: rows, versions and contents."""

import functools
from typing import Any

from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession

from smart_trader import tuning
from smart_trader.domain.tables.log_rules import schema_differences
from smart_trader.domain.tables.table import Table
from smart_trader.errors import SchemaMismatch, StorageError
from smart_trader.io.delta.declared import refuse_version
from smart_trader.io.delta.snapshots import (
    committer,
    frame_of,
    holds_no_files,
    known_files,
    newest_snapshot,
    stored_table,
)
from smart_trader.io.delta.table_logs import TableLogs
from smart_trader.ports import Contents

_NO_DATA = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES")


class DeltaReader:
    """The tables of one warehouse, as a run reads them."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self._spark, self._root = spark, root.rstrip("/")
        self._is_tuned = tuning.is_on(spark)
        self._frames: dict[str, tuple[int, DataFrame]] = {}
        """By path: the version read last, and its rows."""

    def path(self, table: Table) -> str:
        return f"{self._root}/{table.path}"

    def read(self, table: Table, *, version: int | None = None) -> DataFrame:
        """The rows of `table` as of `version`, by default as they are now; later commits do not change the frame.

        Raises StorageError if the table cannot be read, SchemaMismatch if the newest version lacks a declared column.
        """
        rows = self._load(table, self.path(table), version)
        if version is None:
            stored = {field.name: field.dataType for field in rows.schema}
            if any(stored.get(field.name) != field.dataType for field in table.schema):
                found = stored_table(self._snapshot(table))
                raise SchemaMismatch.of_stored(table.name, schema_differences(table, found))
        return rows

    def _load(self, table: Table, path: str, version: int | None) -> DataFrame:
        wanted = table.name if version is None else f"{table.name} as of version {version}"
        try:
            snapshot = self._snapshot_at(path)
            newest = int(snapshot.version())
            if newest >= 0:
                if version is not None and version != newest:
                    snapshot = self._older(path, version)
                return self._rows(path, snapshot)
        except (AnalysisException, Py4JJavaError) as error:
            raise _unreadable(wanted) from error
        raise _unreadable(wanted)

    def _rows(self, path: str, snapshot: Any) -> DataFrame:
        version = int(snapshot.version())
        if path not in self._frames or self._frames[path][0] != version:
            rows = self._tuned_rows(path, snapshot) if self._is_tuned else self._rows_as_of(path, version)
            self._frames[path] = version, rows
        return self._frames[path][1]

    def _tuned_rows(self, path: str, snapshot: Any) -> DataFrame:
        """See `MAX_KNOWN_FILES`."""
        count = known_files(snapshot)
        is_listed = count is not None and count <= tuning.MAX_KNOWN_FILES
        files = self._logs.files(path, int(snapshot.version())) if is_listed else None
        rows = frame_of(self._spark, path, snapshot, files)
        # Without files the optimiser drops reads, joins and sorts.
        return rows.where("false") if files == [] else rows

    def _rows_as_of(self, path: str, version: int) -> DataFrame:
        """The rows of that version; Delta refuses versions from before the table's retention."""
        return self._spark.read.format("delta").option("versionAsOf", version).load(path)

    def _older(self, path: str, version: int) -> Any:
        """Delta's snapshot of an older version."""
        rows = self._rows_as_of(path, version)
        return rows._jdf.queryExecution().analyzed().relation().location().getSnapshot()

    def refuse_undeclared(self, table: Table, version: int) -> None:
        """Raises SchemaMismatch or QualityError if `create` could not bring that `version` to the declaration."""
        found = stored_table(self._older(self.path(table), version))
        refuse_version(table, version, found, self.read(table, version=version))

    def version(self, table: Table) -> int:
        """Newest version of `table`; -1 if there is none."""
        return int(self._snapshot(table).version())

    def changed_since(self, table: Table, version: int, *, except_by: str = "") -> bool:
        """Whether a commit after `version`, by a job other than `except_by`, changed data."""
        newer = self.version(table) - version
        if newer <= 0:
            return newer < 0
        return any(
            commit.operation not in _NO_DATA and committer(commit.userMetadata).job != except_by
            for commit in self._commits(table, after=version)
        )

    def _commits(self, table: Table, *, after: int) -> list[Row]:
        """History of the versions after that one, newest first; there is at least one."""
        return DeltaTable.forPath(self._spark, self.path(table)).history(self.version(table) - after).collect()

    def contents(self, table: Table) -> Contents | None:
        """The content of the newest version of `table`; None if there is no table. Reads the log, and no data."""
        return self._logs.contents(self.path(table))

    @functools.cached_property
    def _logs(self) -> TableLogs:
        return TableLogs(self._spark)

    def _is_empty(self, table: Table) -> bool:
        """Whether the newest version has no data file; reads the log only."""
        return holds_no_files(self._spark, self._snapshot(table))

    def _snapshot(self, table: Table) -> Any:
        """Delta's snapshot of the newest version. SQL would need a Spark job for each query about it."""
        return self._snapshot_at(self.path(table))

    def _snapshot_at(self, path: str) -> Any:
        return newest_snapshot(self._spark, path)


def _unreadable(wanted: str) -> StorageError:
    return StorageError(
        f"{wanted} cannot be read; nothing was changed. Next: run `init`; if it persists, restore the files."
    )
