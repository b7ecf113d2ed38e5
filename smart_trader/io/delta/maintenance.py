"""Log, history, restore and maintenance of a table, by the means of Delta."""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from smart_trader.domain.tables.file_policy import MEGABYTE, FileFacts
from smart_trader.domain.tables.log_rules import LogFacts
from smart_trader.domain.tables.table import Table
from smart_trader.errors import StorageError
from smart_trader.foreign import count_in, name_in
from smart_trader.io.delta.conflicts import retried
from smart_trader.io.delta.declared import FromRaw, rewrite_table
from smart_trader.io.delta.snapshots import committer, delta_log, newest_snapshot, sql_name, stored_table
from smart_trader.io.hadoop import file_system, names_in
from smart_trader.io.jvm import java_class
from smart_trader.ports import Commit
from smart_trader.rows import collect

_COMMIT = re.compile(r"([0-9]{20})\.json")
_CHECKPOINT = re.compile(r"([0-9]{20})\.checkpoint(?:\.[0-9a-f.-]+)?\.parquet")


class DeltaMaintenance:
    """The tables of one warehouse; `path` gives the place of each, `from_raw` by table columns of older rows."""

    def __init__(
        self,
        spark: SparkSession,
        path: Callable[[Table], str],
        wait: Callable[[float], None] = time.sleep,
        *,
        from_raw: Mapping[str, FromRaw] | None = None,
    ) -> None:
        self._spark, self._path, self.wait = spark, path, wait
        self._from_raw = from_raw or {}

    def inspect(self, table: Table) -> LogFacts:
        """The description of the newest version in the log, and its files. Raises StorageError."""
        try:
            names = names_in(self._spark, self._log_folder(table))
            commits, checkpoints = _versions(_COMMIT, names), _versions(_CHECKPOINT, names)
            since = [commit for commit in commits if commit > max(checkpoints, default=-1)]
            last_operation = self._read_commits(table, since or list(commits[-1:]))
            snapshot = newest_snapshot(self._spark, self._path(table))
            version = int(snapshot.version())
            if version < 0:
                raise StorageError(f"{table.name}: there is no Delta table at {self._path(table)}. Next: run `init`.")
            found, spoken = stored_table(snapshot), json.loads(snapshot.protocol().json())["protocol"]
        except (Py4JJavaError, PySparkException, ValueError) as error:
            raise unreadable(table, error) from error
        return LogFacts(
            version=version,
            schema=found.schema,
            partitioned_by=found.partitioned_by,
            properties=found.properties,
            reader_version=spoken["minReaderVersion"],
            writer_version=spoken["minWriterVersion"],
            commits=commits,
            checkpoints=checkpoints,
            last_operation=last_operation,
        )

    def commits(self, table: Table) -> list[Commit]:
        """All versions that the log still has, newest first. Raises StorageError."""
        try:
            return [_commit(row) for row in collect(self._delta(table).history().select(*_COMMIT_COLUMNS))]
        except (Py4JJavaError, PySparkException) as error:
            raise unreadable(table, error) from error

    def restore(self, table: Table, version: int) -> None:
        """Commit the content of `version` as the newest version."""
        self._delta(table).restoreToVersion(version)

    def files(self, table: Table, *, clustered_at: datetime | None) -> FileFacts:
        """The data files of the newest version, of a table that was clustered last at `clustered_at`."""
        snapshot = newest_snapshot(self._spark, self._path(table))
        is_small = F.col("size") < table.maintenance.file_megabytes * MEGABYTE
        is_new = F.col("modificationTime") > (int(clustered_at.timestamp() * 1000) if clustered_at else 0)
        parts = (
            DataFrame(snapshot.allFiles().toDF(), self._spark)
            .groupBy(F.to_json("partitionValues"))
            .agg(
                F.count(F.lit(1)).alias("files"),
                F.sum("size").alias("bytes"),
                F.count_if(is_small).alias("small"),
                F.coalesce(F.sum(F.when(is_new, F.col("size"))), F.lit(0)).alias("new"),
            )
            .collect()
        )
        return FileFacts(
            files=sum(part.files for part in parts),
            bytes=sum(part.bytes for part in parts),
            mergeable=sum(part.small for part in parts if part.small > 1),
            unclustered_bytes=sum(part.new for part in parts),
        )

    @retried
    def optimize(self, table: Table, *, cluster: bool) -> None:
        """Merge small files; with `cluster` rewrite all files in the order of `clustered_by`."""
        size = str(table.maintenance.file_megabytes * MEGABYTE)
        for name in _FILE_SIZES:
            self._spark.conf.set(name, size)
        try:
            columns = ", ".join(f"`{name}`" for name in table.clustered_by)  # `timestamp` is a word of the language too
            order = f" ZORDER BY ({columns})" if cluster else ""
            self._spark.sql(f"OPTIMIZE {sql_name(self._path(table))}{order}")
        finally:
            for name in _FILE_SIZES:
                self._spark.conf.unset(name)

    def expired_files(self, table: Table) -> int:
        """The number of files that no readable version needs; Delta stops counting above a thousand."""
        return self._spark.sql(f"VACUUM {sql_name(self._path(table))} DRY RUN").count()

    def vacuum(self, table: Table) -> None:
        """Delete these files."""
        self._delta(table).vacuum()

    def rewrite(self, table: Table, *, dry_run: bool) -> None:
        """Rewrite all rows to the declaration in one commit; a dry run only checks whether that is possible.

        Raises SchemaMismatch or QualityError, before anything is written, if a row or a value would be lost.
        """
        path, given = self._path(table), self._from_raw.get(table.name, {})
        rewrite_table(self._spark, path, table, newest_snapshot(self._spark, path), given, dry_run=dry_run)

    def checkpoint(self, table: Table) -> None:
        """Write the state of the newest version into one file, so that readers need not replay the log."""
        delta_log(self._spark, self._path(table)).checkpoint()

    def _delta(self, table: Table) -> DeltaTable:
        return DeltaTable.forPath(self._spark, self._path(table))

    def _read_commits(self, table: Table, versions: list[int]) -> str | None:
        """The operation of the last of these versions. Raises ValueError if one of them is damaged.

        Delta reads a checksum where it can, and would find the damage only when it reads rows.
        """
        operation = None
        folder, files = file_system(self._spark, self._log_folder(table))
        path_of = java_class(self._spark, "org.apache.hadoop.fs.Path")
        io_utils = java_class(self._spark, "org.apache.commons.io.IOUtils")
        for version in versions:
            stream = files.open(path_of(folder, f"{version:020}.json"))
            try:
                text = str(io_utils.toString(stream, "UTF-8"))
                actions = [json.loads(action) for action in text.splitlines()]
                operation = next((name for action in actions if (name := _operation_in(action))), None)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"commit {version} of its log is damaged.") from error
            finally:
                stream.close()
        return operation

    def _log_folder(self, table: Table) -> str:
        return f"{self._path(table)}/_delta_log"


_COMMIT_COLUMNS = ("version", "timestamp", "operation", "operationParameters", "operationMetrics", "userMetadata")
_CHANGED_ROWS = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted", "numUpdatedRows")
_FILE_SIZES = ("spark.databricks.delta.optimize.minFileSize", "spark.databricks.delta.optimize.maxFileSize")


def _commit(row: Row) -> Commit:
    named = committer(row.userMetadata)
    metrics, parameters = dict(row.operationMetrics or ()), dict(row.operationParameters or ())
    counted = ("numOutputRows",) if row.operation == "WRITE" and "numOutputRows" in metrics else _CHANGED_ROWS
    counts = [count for name in counted if (count := count_in(metrics, name)) is not None]
    return Commit(
        version=row.version,
        at=row.timestamp,
        operation=row.operation,
        job=named.job,
        run_id=named.run_id,
        user_name=named.user_name,
        rows=sum(counts) if counts else None,
        is_clustering=row.operation == "OPTIMIZE" and parameters.get("zOrderBy", "[]") != "[]",
    )


def _operation_in(action: object) -> str | None:
    named = action.get("commitInfo") if isinstance(action, dict) else None
    return name_in(named, "operation") if isinstance(named, dict) else None


def unreadable(table: Table, error: Exception) -> StorageError:
    """The error for a table whose log or files cannot be read."""
    message = str(getattr(error, "java_exception", error)).splitlines()
    return StorageError(
        f"{table.name} cannot be read: {message[0][:300] if message else type(error).__name__} Nothing was changed."
        " Next: bring back the missing files from a backup, or see docs/operations.md."
    )


def _versions(pattern: re.Pattern[str], names: list[str]) -> tuple[int, ...]:
    return tuple(sorted({int(match[1]) for match in map(pattern.fullmatch, names) if match}))
