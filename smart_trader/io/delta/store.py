"""Delta tables under one warehouse root: every write is one commit, or none when nothing would change."""

import contextlib
import functools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pyarrow as pa
from delta.tables import DeltaMergeBuilder, DeltaTable
from pyspark import StorageLevel, inheritable_thread_target
from pyspark.sql import Column, DataFrame, Observation, SparkSession
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
from smart_trader.io.delta.declared import FromRaw, alter_table, create_table, fill_columns, with_columns
from smart_trader.io.delta.reader import DeltaReader
from smart_trader.io.delta.rejections import reject_broken, rejections_named
from smart_trader.io.delta.snapshots import (
    stored_table,
    user_name,
)
from smart_trader.io.hadoop import delete_folder, is_bare
from smart_trader.io.jvm import java_class
from smart_trader.ports import Clock

Fence = Callable[[Table], AbstractContextManager[None]]

_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_CREATORS = 4
_ROWS_PER_FILE = 100_000
"""Least rows of a file that is appended: otherwise a few rows would become one file for each partition."""


def unfenced(_table: Table) -> AbstractContextManager[None]:
    """For a folder: the launcher has its lock."""
    return contextlib.nullcontext()


class DeltaStore(DeltaReader):
    """The tables of one warehouse, as a run reads and writes them. Each commit to a table is made inside of its
    `fence`, which raises when the run may not write. `from_raw` gives, by table, columns of rows that were written
    before them."""

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        *,
        clock: Clock,
        run_id: str,
        retention_days: Mapping[str, int],
        fence: Fence = unfenced,
        from_raw: Mapping[str, FromRaw] | None = None,
    ) -> None:
        super().__init__(spark, root)
        self._clock, self._run_id, self._retention_days = clock, run_id, retention_days
        self._fence, self._from_raw = fence, from_raw or {}
        self.wait, self._job = clock.wait, "nobody"
        self.rows_written: Counter[str] = Counter()
        """Rows inserted, updated and deleted so far, by table."""
        self.versions: dict[str, tuple[int, int]] = {}
        """Version before the first and after the last commit, of the tables that were written."""

    @contextmanager
    def committing_as(self, job: str, code_version: str) -> Iterator[None]:
        """Name run, job, code version and user in the metadata of every commit made inside."""
        outer = self._job, self._spark.conf.get(_METADATA, None)
        metadata = {"run_id": self._run_id, "job": job, "code_version": code_version, "user_name": user_name()}
        self._spark.conf.set(_METADATA, json.dumps(metadata, sort_keys=True))
        self._job = job
        try:
            yield
        finally:
            self._job = outer[0]
            if outer[1] is None:
                self._spark.conf.unset(_METADATA)
            else:
                self._spark.conf.set(_METADATA, outer[1])

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

    def drop(self, tables: Sequence[Table]) -> None:
        """Delete tables with all of their history."""
        for table in tables:
            with self._commit(table):
                self._delete(table)

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
        if not _has_rows(stored):
            self.append(table, rows)
            return
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
        with self._fence(table):
            before = self.versions[table.name][0] if table.name in self.versions else self.version(table)
            with failpoints.around_commit(self._job, table.name):
                yield
            self.versions[table.name] = (before, self.version(table))

    @contextmanager
    def _commit(self, table: Table) -> Iterator[None]:
        with self._fence(table), failpoints.around_commit(self._job, table.name):
            yield

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
            given = self._from_raw.get(table.name, {})
            rows = with_columns(self._load(table, self.path(table), None), columns, given)
            reject_broken(table, rows, "its checks stay as they were")
        if columns or checks:
            self._alter(table, columns)
        return bool(columns or checks)

    def _delete(self, table: Table) -> None:
        self._frames.pop(self.path(table), None)
        path = delete_folder(self._spark, self.path(table))
        log = java_class(self._spark, "org.apache.spark.sql.delta.DeltaLog")
        log.invalidateCache(self._spark._jsparkSession, path)

    def _create(self, table: Table) -> None:
        with self._commit(table):
            # A run that ends before the first commit leaves an empty log, which Delta takes for a table.
            if is_bare(self._spark, self.path(table)):
                self._delete(table)
            create_table(self._spark, self.path(table), table, retention_days=self._retention_days[table.layer])

    def _alter(self, table: Table, columns: Sequence[T.StructField]) -> None:
        """Add these columns, and bring the checks up to date.

        A column comes with the values that older rows have for it, in one commit: a run that is stopped before has
        added nothing, and the next one does it.
        """
        given = self._from_raw.get(table.name, {})
        if any(field.name in given for field in columns) and not self._is_empty(table):
            with self._commit(table):
                fill_columns(self._spark, self.path(table), table, columns, given)
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
