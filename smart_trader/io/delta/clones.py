"""Writes that leave the warehouse unchanged: each table is cloned before its first write.

A shallow clone is a separate Delta log over the data files of its table; its own writes go to its own folder. The
versions of a clone continue those of its table, so a version means the same in both.
"""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from typing_extensions import override

from smart_trader.domain.tables.changes import DELETE, INSERT, UPDATE, TableChange
from smart_trader.domain.tables.log_rules import NEWEST_WRITER_VERSION, READER_VERSION
from smart_trader.domain.tables.table import BATCH_ID, INGESTED_AT, Table
from smart_trader.io.delta.declared import FromRaw
from smart_trader.io.delta.snapshots import holds_no_files, sql_name
from smart_trader.io.delta.store import DeltaStore
from smart_trader.ports import Clock
from smart_trader.rows import results_of

_LOG_CHANGES = {
    "delta.enableChangeDataFeed": "true",
    "delta.minReaderVersion": str(READER_VERSION),
    "delta.minWriterVersion": str(NEWEST_WRITER_VERSION),
}
"""Without these Delta takes its newest protocol, and `validate` reports that common writers cannot open the clone."""


@dataclass(slots=True)
class _CloneState:
    """The versions of a table and of its clone. A version is -1 where there is no table."""

    found: int
    """Version in the warehouse at the first access."""
    base: int
    """Version that the clone continues: the one found, or -1 once the table is to be created again."""
    is_empty: bool
    """Whether there were no rows."""
    is_cloned: bool = False
    """Whether there is a clone, or a new table in its place."""
    new_columns: tuple[str, ...] = ()

    @property
    def start(self) -> int:
        """Version of the clone's first commit."""
        return max(self.base, 0)


class CloneStore(DeltaStore):
    """The tables of a warehouse as of their first access; all writes go to clones.

    `clones` is the folder or address of the clones. Nothing is written below `root`, so no lock is needed, and other
    runs may go on there. `override` marks each replaced method: a missed write would change the warehouse.
    """

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        *,
        clones: str,
        clock: Clock,
        run_id: str,
        retention_days: Mapping[str, int],
        from_raw: Mapping[str, FromRaw] | None = None,
    ) -> None:
        super().__init__(spark, root, clock=clock, run_id=run_id, retention_days=retention_days, from_raw=from_raw)
        self._clones = clones
        self._states: dict[str, _CloneState] = {}

    @override
    def path(self, table: Table) -> str:
        state = self._look_at(table)
        return self._own_path(table) if state.is_cloned or state.base < 0 else super().path(table)

    @override
    def read(self, table: Table, *, version: int | None = None) -> DataFrame:
        state = self._look_at(table)
        if version is None and not state.is_cloned and state.base >= 0:
            version = state.base
        if version is not None and version <= state.base:
            return self._load(table, super().path(table), version)
        return self._load(table, self.path(table), None if version is None else version - state.start)

    @override
    def version(self, table: Table) -> int:
        state = self._look_at(table)
        return state.start + super().version(table) if state.is_cloned else state.base

    @override
    def drop(self, tables: Sequence[Table]) -> None:
        """Have these tables created again in clones; the tables of the warehouse stay."""
        for table in tables:
            self._look_at(table).base = -1

    def found(self, table: Table) -> DataFrame:
        """The rows in the warehouse; none if there is no such table."""
        version = self._look_at(table).found
        if version < 0:
            return self.frame(table.schema, [])
        return self._load(table, super().path(table), version)

    def changes(self, tables: Sequence[Table]) -> list[TableChange]:
        """How each of `tables` differs from the warehouse now."""
        return results_of(self._spark, [functools.partial(self._change, table) for table in tables])

    def _change(self, table: Table) -> TableChange:
        state = self._look_at(table)
        before = 0 if state.is_empty else self.found(table).count()
        if state.is_cloned and (state.is_empty or state.base < 0):
            return TableChange(
                table=table.name,
                is_new=state.found < 0,
                new_columns=state.new_columns,
                inserted=self.read(table).count(),
                deleted=before,
            )
        kinds = self._kinds_of_change(table) if self.version(table) > state.base else {}
        updated, deleted = kinds.get(UPDATE, 0), kinds.get(DELETE, 0)
        return TableChange(
            table=table.name,
            new_columns=state.new_columns,
            inserted=kinds.get(INSERT, 0),
            updated=updated,
            deleted=deleted,
            unchanged=before - updated - deleted,
        )

    def _kinds_of_change(self, table: Table) -> dict[str, int]:
        feed = self._spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1)
        kinds = _net_changes(table, feed.load(self.path(table))).groupBy("kind").count().collect()
        return {row["kind"]: row["count"] for row in kinds}

    def _look_at(self, table: Table) -> _CloneState:
        if table.name not in self._states:
            snapshot = self._snapshot_at(super().path(table))
            found = int(snapshot.version())
            is_empty = holds_no_files(self._spark, snapshot)
            self._states[table.name] = _CloneState(found, found, is_empty=is_empty)
        return self._states[table.name]

    def _own_path(self, table: Table) -> str:
        return f"{self._clones}/{table.path}"

    @override
    @contextlib.contextmanager
    def committing(self, table: Table) -> Iterator[None]:
        state = self._look_at(table)
        if not state.is_cloned and state.is_empty:  # a new table gives the same at a fraction of the cost
            state.is_cloned = True
            super()._create(table)
        elif not state.is_cloned:
            self._clone(table)
        with super().committing(table):
            yield

    @override
    def _create(self, table: Table) -> None:
        super()._create(table)
        self._look_at(table).is_cloned = True

    @override
    def _alter(self, table: Table, columns: Sequence[T.StructField]) -> None:
        self._clone(table)
        self._look_at(table).new_columns = tuple(field.name for field in columns)
        super()._alter(table, columns)

    def _clone(self, table: Table) -> None:
        state = self._look_at(table)
        source = f"{sql_name(super().path(table))} VERSION AS OF {state.base}"
        properties = ", ".join(f"'{name}' = '{value}'" for name, value in _LOG_CHANGES.items())
        clone = f"CREATE TABLE {sql_name(self._own_path(table))} SHALLOW CLONE {source} TBLPROPERTIES ({properties})"
        self._spark.sql(clone)
        state.is_cloned = True

    @override
    def _commits(self, table: Table, *, after: int) -> list[Row]:
        state = self._look_at(table)
        commits: list[Row] = []
        if self.version(table) > state.base:
            commits = super()._commits(table, after=max(after, state.base))
        if after < state.base:
            path = super().path(table)
            newest = int(self._snapshot_at(path).version())
            history = DeltaTable.forPath(self._spark, path).history(newest - after).collect()
            commits += [commit for commit in history if commit.version <= state.base]
        return commits


def _net_changes(table: Table, feed: DataFrame) -> DataFrame:
    """One row for each key whose row differs after all changes of a change feed, with the `kind` of difference."""
    ignored = (*table.key, BATCH_ID.name, INGESTED_AT.name)
    values = F.struct(*(name for name in table.schema.names if name not in ignored))
    is_old = F.col("_change_type").isin("delete", "update_preimage")
    version = F.col("_commit_version")
    first, last = F.min(version).alias("_first"), F.max(version).alias("_last")
    # A commit may delete and insert a row again, so the row before the first and the one after the last change count.
    old = F.min_by(F.when(is_old, F.struct(version, values.alias("row"))), F.when(is_old, version)).alias("_old")
    new = F.max_by(F.when(~is_old, F.struct(version, values.alias("row"))), F.when(~is_old, version)).alias("_new")
    keys = feed.groupBy(*table.key).agg(first, last, old, new)
    was_there = F.coalesce(F.col("_old._commit_version") == F.col("_first"), F.lit(False))
    is_there = F.coalesce(F.col("_new._commit_version") == F.col("_last"), F.lit(False))
    differs = ~F.col("_old.row").eqNullSafe(F.col("_new.row"))
    kind = (
        F.when(~was_there & is_there, INSERT)
        .when(was_there & ~is_there, DELETE)
        .when(was_there & is_there & differs, UPDATE)
    )
    return keys.select(*table.key, kind.alias("kind")).where(F.col("kind").isNotNull())
