"""Delta tables under one warehouse root: every write is one commit, or none when nothing would change."""

import functools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pyarrow as pa
from delta.tables import DeltaMergeBuilder, DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel, inheritable_thread_target
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Observation, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from smart_trader import failpoints, tuning
from smart_trader.domain.tables.changes import (
    CHANGE,
    DELETE,
    INSERT,
    UPDATE,
    RowScope,
    find_changes,
    find_newer,
    same_key,
)
from smart_trader.domain.tables.declared_rows import as_declared
from smart_trader.domain.tables.log_rules import check_differences, columns_to_add, schema_differences
from smart_trader.domain.tables.table import BATCH_ID, INGESTED_AT, Table
from smart_trader.errors import SchemaMismatch, StorageError
from smart_trader.io.delta.conflicts import retried
from smart_trader.io.delta.declared import alter_table, create_table, refuse_version, with_columns
from smart_trader.io.delta.rejections import reject_broken, rejections_named
from smart_trader.io.delta.snapshots import (
    committer,
    frame_of,
    holds_no_files,
    known_files,
    newest_snapshot,
    stored_table,
    user_name,
)
from smart_trader.io.delta.table_logs import TableLogs
from smart_trader.io.jvm import java_class
from smart_trader.ports import Clock, Contents

_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_NO_DATA = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES")
_CREATORS = 4
_ROWS_PER_FILE = 100_000
"""Least rows of a file that is appended: otherwise a few rows would become one file for each partition."""


class DeltaStore:
    """The tables of one warehouse, as a run uses them. `fence` is called before each commit: see io/lock/lease.py."""

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        *,
        clock: Clock,
        run_id: str,
        retention_days: Mapping[str, int],
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        self._spark, self._root, self._clock = spark, root.rstrip("/"), clock
        self._run_id, self._retention_days = run_id, retention_days
        self._is_tuned, self._fence = tuning.is_on(spark), fence
        self.wait, self._job = clock.wait, "nobody"
        self.rows_written: Counter[str] = Counter()
        """Rows inserted, updated and deleted so far, by table."""
        self._frames: dict[str, tuple[int, DataFrame]] = {}
        """By path: the version read last, and its rows."""
        self.versions: dict[str, tuple[int, int]] = {}
        """Version before the first and after the last commit, of the tables that were written."""

    def path(self, table: Table) -> str:
        return f"{self._root}/{table.path}"

    @contextmanager
    def committing_as(self, job: str, code_version: str) -> Iterator[None]:
        """Name run, job, code version and user in the metadata of every commit made inside."""
        metadata = {"run_id": self._run_id, "job": job, "code_version": code_version, "user_name": user_name()}
        self._spark.conf.set(_METADATA, json.dumps(metadata, sort_keys=True))
        self._job = job
        try:
            yield
        finally:
            self._job = "nobody"
            self._spark.conf.unset(_METADATA)

    @contextmanager
    def naming(self, name: str, number: int) -> Iterator[None]:
        """Name the commits that are made inside: a table that has a commit of that name with this number, or with a
        greater one, takes no other."""
        confs = {"spark.databricks.delta.write.txnAppId": name, "spark.databricks.delta.write.txnVersion": str(number)}
        for conf, value in confs.items():
            self._spark.conf.set(conf, value)
        try:
            yield
        finally:
            for conf in confs:
                self._spark.conf.unset(conf)

    def create(self, tables: Sequence[Table], *, known: Callable[[], Collection[str]] = tuple) -> list[str]:
        """Create what is missing, add declared new nullable columns and bring changed checks up to date; returns the
        names of tables that changed.

        Raises StorageError if a table is missing that is in `known`, the tables that were once written: a new one would
        be empty while states in other tables refer to its rows. Before anything is written to that table, raises
        SchemaMismatch for any other difference, and QualityError if stored rows break a check.
        """
        with ThreadPoolExecutor(_CREATORS) as pool:
            snapshots = pool.map(self._snapshot, tables)
            missing = {table.name for table, found in zip(tables, snapshots, strict=True) if found.version() < 0}
            if missing and (lost := missing.intersection(known())):
                raise StorageError(
                    f"{', '.join(sorted(lost))}: missing below {self._root}, though an earlier run wrote it."
                    " Nothing was changed.\n  next: restore its folder, or start anew with `init --recreate --yes`."
                )
            changed = list(pool.map(self._create_or_alter, tables))
        return [table.name for table, is_changed in zip(tables, changed, strict=True) if is_changed]

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

    def drop(self, tables: Sequence[Table]) -> None:
        """Delete tables with all of their history."""
        self._fence()
        for table in tables:
            self._frames.pop(self.path(table), None)
            path = delete_folder(self._spark, self.path(table))
            log = java_class(self._spark, "org.apache.spark.sql.delta.DeltaLog")
            log.invalidateCache(self._spark._jsparkSession, path)

    @retried
    def append(self, table: Table, rows: DataFrame) -> None:
        """Add `rows`, whose keys are new. Without rows there is no commit."""
        self._write(table, rows, "append")

    @retried
    def append_new(self, table: Table, rows: DataFrame) -> None:
        """Add those of `rows` (unique keys) whose keys are not in `table`; stored rows stay unchanged."""
        stored = self.read(table).select(*table.key)
        new = rows.join(stored, list(table.key), "left_anti").persist(StorageLevel.DISK_ONLY)
        try:
            if _has_rows(new):
                self.append(table, new)
        finally:
            new.unpersist()

    @retried
    def overwrite(self, table: Table, rows: DataFrame) -> None:
        """Make `rows` the whole of `table`."""
        self._write(table, rows, "overwrite")

    def replace(self, table: Table, rows: DataFrame, *, within: RowScope | None = None) -> None:
        """Make `rows` the whole of `table`, or all rows `within` that scope of it.

        Only what differs is written. `rows` has unique keys.
        """
        self._replace(table, rows, within, are_any=_has_rows)

    @retried
    def _replace(
        self, table: Table, rows: DataFrame, within: RowScope | None, *, are_any: Callable[[DataFrame], bool]
    ) -> None:
        self._check_columns(table, rows)
        if self._is_empty(table):
            if are_any(rows):  # otherwise Delta commits nothing and leaves an empty file behind
                self.append(table, rows)
            return
        stored = self.read(table)
        changes = find_changes(table, rows, within.filter(stored) if within else stored).persist(StorageLevel.DISK_ONLY)
        try:
            self._apply(table, changes, within.condition("t") if within else F.lit(True))
        finally:
            changes.unpersist()

    def replace_each(self, wanted: Sequence[tuple[Table, DataFrame]], *, within: RowScope | None = None) -> None:
        """`replace` several tables at the same time: planning one, or its largest task, leaves the other cores idle.

        An error of one table does not stop the others; the first error is raised after all have ended. The rows of one
        may depend on those of another, so no first row is computed beforehand: see `may_have_rows`.
        """
        are_any = tuning.may_have_rows if self._is_tuned else _has_rows
        work = functools.partial(self._replace, within=within, are_any=are_any)
        replace = inheritable_thread_target(self._spark)(work)
        with ThreadPoolExecutor(len(wanted), thread_name_prefix="replace") as pool:
            for done in [pool.submit(replace, table, rows) for table, rows in wanted]:
                done.result()

    @retried
    def update(self, table: Table, rows: DataFrame, *, on: tuple[str, ...] = ()) -> None:
        """Set the other columns of `rows` (not empty) wherever `on` (default: the key) agrees and one differs."""
        keys = on or table.key
        names = [name for name in rows.columns if name not in keys]
        differs = F.lit(False)
        for name in names:
            differs = differs | ~F.col(f"s.{name}").eqNullSafe(F.col(f"t.{name}"))
        stamps = {name: value for name, value in self._stamps().items() if name not in table.key}
        stamped = {name: F.col(f"s.{name}") for name in names} | stamps
        self._merge(
            table,
            rows,
            same_key(table, keys, "t", "s") & differs,
            lambda merge: merge.whenMatchedUpdate(set=stamped),
            result=lambda: self.read(table).drop(*names).join(rows, list(keys)),
        )

    @retried
    def upsert(
        self, table: Table, rows: DataFrame, *, version: Sequence[str], unlike: Sequence[str], within: RowScope
    ) -> None:
        """Insert those of `rows` (unique keys) whose key is new, and update where a row has a greater `version` than
        the stored one and differs from it in a column `unlike`. All stored rows of these keys are `within`."""
        self._check_columns(table, rows)
        stored = within.filter(self.read(table))
        changes = find_newer(table, rows, stored, version=version, unlike=unlike).persist(StorageLevel.DISK_ONLY)
        try:
            self._apply(table, changes, within.condition("t"))
        finally:
            changes.unpersist()

    def frame(self, schema: T.StructType, records: Sequence[Mapping[str, Any]]) -> DataFrame:
        """A DataFrame of Python values: `Decimal`, `int`, aware `datetime`, `date`, text."""
        columns = pa.Table.from_pylist(list(records), schema=to_arrow_schema(schema))
        return self._spark.createDataFrame(columns, schema)

    def _apply(self, table: Table, changes: DataFrame, within: Column) -> None:
        kinds = {row[CHANGE]: row["count"] for row in changes.groupBy(CHANGE).count().collect()}
        if kinds.keys() == {INSERT}:
            self.append(table, _in_few_files(table, changes.drop(CHANGE), kinds[INSERT]))
        elif kinds:
            values = {name: F.col(f"s.{name}") for name in table.column_names} | self._stamps()
            is_change = F.col(f"s.{CHANGE}")
            self._merge(
                table,
                changes,
                within & same_key(table, table.key, "t", "s"),
                lambda merge: (
                    merge.whenMatchedDelete(is_change == DELETE)
                    .whenMatchedUpdate(is_change == UPDATE, set=values)
                    .whenNotMatchedInsert(is_change == INSERT, values=values)
                ),
                result=lambda: changes.where(F.col(CHANGE) != DELETE),
            )

    def _merge(
        self,
        table: Table,
        rows: DataFrame,
        condition: Column,
        clauses: Callable[[DeltaMergeBuilder], DeltaMergeBuilder],
        *,
        result: Callable[[], DataFrame],
    ) -> None:
        """Merge `rows`, aliased s, into the table, aliased t; `result` are the rows that it may write."""
        source = as_declared(table, rows).alias("s")
        with rejections_named(table, result), self.committing(table):
            target = DeltaTable.forPath(self._spark, self.path(table)).alias("t")
            merged = clauses(target.merge(source, condition)).execute()
            self.rows_written[table.name] += merged.collect()[0]["num_affected_rows"]

    @contextmanager
    def committing(self, table: Table) -> Iterator[None]:
        """Keep the versions of `table` before the first and after the last commit of this store."""
        before = self.versions[table.name][0] if table.name in self.versions else self.version(table)
        with self._commit(table):
            yield
        self.versions[table.name] = (before, self.version(table))

    def _commit(self, table: Table) -> AbstractContextManager[None]:
        self._fence()
        return failpoints.around_commit(self._job, table.name)

    def _write(self, table: Table, rows: DataFrame, mode: str) -> None:
        self._check_columns(table, rows)
        seen = Observation()
        stamped = as_declared(table, rows.select(*table.column_names)).withColumns(self._stamps())
        counted = stamped.observe(seen, F.count(F.lit(1)).alias("rows"))
        with rejections_named(table, lambda: rows), self.committing(table):
            counted.write.format("delta").mode(mode).save(self.path(table))
        self.rows_written[table.name] += seen.get["rows"]

    def _stamps(self) -> dict[str, Any]:
        return {
            BATCH_ID.name: F.lit(self._run_id),
            INGESTED_AT.name: F.lit(self._clock.now()),
        }

    def _check_columns(self, table: Table, rows: DataFrame) -> None:
        declared, given = set(table.column_names), set(rows.columns)
        if declared != given:
            raise SchemaMismatch.of_rows(table.name, missing=declared - given, unexpected=given - declared)

    def _is_empty(self, table: Table) -> bool:
        """Whether the newest version has no data file; reads the log only."""
        return holds_no_files(self._spark, self._snapshot(table))

    def _snapshot(self, table: Table) -> Any:
        """Delta's snapshot of the newest version. SQL would need a Spark job for each query about it."""
        return self._snapshot_at(self.path(table))

    def _snapshot_at(self, path: str) -> Any:
        return newest_snapshot(self._spark, path)

    def _create_or_alter(self, table: Table) -> bool:
        """Whether the table changed."""
        snapshot = self._snapshot(table)
        if snapshot.version() < 0:
            self._create(table)
            return True
        found = stored_table(snapshot)
        columns, checks = columns_to_add(table, found), check_differences(table, found)
        if columns is None:
            raise SchemaMismatch.of_stored(table.name, schema_differences(table, found))
        if checks:
            rows = with_columns(self._load(table, self.path(table), None), columns)
            reject_broken(table, rows, "its checks stay as they were")
        if columns or checks:
            self._alter(table, columns)
        return bool(columns or checks)

    def _create(self, table: Table) -> None:
        with self._commit(table):
            create_table(self._spark, self.path(table), table, retention_days=self._retention_days[table.layer])

    def _alter(self, table: Table, columns: Sequence[T.StructField]) -> None:
        """Add these columns, and bring the checks up to date."""
        with self._commit(table):
            alter_table(self._spark, self.path(table), table, self._snapshot(table))


def _in_few_files(table: Table, rows: DataFrame, count: int) -> DataFrame:
    """The `count` rows in partitions that become files of fair size, one file in each partition of the table."""
    if table.partitioned_by:
        return rows.repartition(*table.partitioned_by)
    return rows.coalesce(1 + count // _ROWS_PER_FILE)


def _has_rows(rows: DataFrame) -> bool:
    """Whether there is a row. Reads partitions one by one until it finds a row; `isEmpty` reads all."""
    return bool(rows.select(F.lit(1)).head(1))


def _unreadable(wanted: str) -> StorageError:
    return StorageError(
        f"{wanted} cannot be read; nothing was changed. Next: run `init`; if it persists, restore the files."
    )


def delete_folder(spark: SparkSession, path: str) -> Any:
    """Delete a folder of any file system, if it is there; returns its Hadoop path."""
    folder = java_class(spark, "org.apache.hadoop.fs.Path")(path)
    folder.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()).delete(folder, True)
    return folder
