"""What a run does with the tables of a store whose lease it took over from a run that has not released it.

The former owner may only be slow. A PUT of a commit carries no condition on S3, so two runs are kept apart by Delta's
own check, which looks for the commit's file just before it is written.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from smart_trader import version
from smart_trader.domain.tables.table import Table
from smart_trader.errors import StorageError
from smart_trader.io.delta.snapshots import committer, sql_name
from smart_trader.io.delta.store import DeltaStore

_PROPERTY = "smart_trader.lease"
_AT_ONCE = 4


class Takeover:
    """The tables as they were taken over by the run `run_id`, whose first record of the lease has that number."""

    def __init__(self, spark: SparkSession, store: DeltaStore, *, number: int, run_id: str) -> None:
        self._spark, self._store, self._number, self._run_id = spark, store, number, run_id
        self._first: dict[str, int] = {}
        """By table: the version that says that it was taken over; no other run commits after it."""

    def fence(self, tables: Sequence[Table]) -> None:
        """Commit to every table that there is. Delta then refuses what the former owner has under way."""
        with self._store.committing_as("takeover", version.VERSION), ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._fence, tables))

    def verify(self, tables: Sequence[Table]) -> None:
        """Raises StorageError if a commit of this run was replaced by one of another run."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._verify, tables))

    def _fence(self, table: Table) -> None:
        if self._store.version(table) < 0:
            return
        with self._store.committing(table):
            name = sql_name(self._store.path(table))
            self._spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('{_PROPERTY}' = '{self._number}')")
        self._first[table.name] = self._store.version(table)

    def _verify(self, table: Table) -> None:
        newest = self._store.version(table)
        first = self._first.get(table.name, 0)
        count = newest - first + 1 if newest >= first else newest + 1  # fewer versions: it was created anew
        if count <= 0:
            return
        for commit in DeltaTable.forPath(self._spark, self._store.path(table)).history(count).collect():
            run_id = committer(commit.userMetadata).run_id
            if run_id != self._run_id:
                raise StorageError(
                    f"{table.name}: version {commit.version} is not that of this run, which had taken over the lease,"
                    f" but was written over by the run {run_id or 'of another program'}. Next: go back to the version"
                    f" before it (restore --table {table.name} --version {commit.version - 1}), then run again."
                )
