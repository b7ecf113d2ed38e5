"""Delta's log in the memory of the JVM. SQL would need a Spark job for each query about the log."""

import json
import os
import pwd
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from smart_trader.domain.tables.log_rules import StoredTable
from smart_trader.errors import StorageError
from smart_trader.foreign import json_object, name_in, printable
from smart_trader.io.jvm import JAVA_ERRORS, java_class


class Committer(NamedTuple):
    """The job, the run and the user of a commit, as far as its metadata names them."""

    job: str | None
    run_id: str | None
    user_name: str | None


def committer(user_metadata: str | None) -> Committer:
    """What the `userMetadata` of a commit names; all None if another program wrote the metadata."""
    named = json_object(user_metadata)
    return Committer(name_in(named, "job"), name_in(named, "run_id"), name_in(named, "user_name"))


def user_name() -> str:
    """The name of this process's user in the operating system; the number where it has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def delta_log(spark: SparkSession, path: str) -> Any:
    """The log of the table at `path`, which need not exist."""
    return java_class(spark, "org.apache.spark.sql.delta.DeltaLog").forTable(spark._jsparkSession, path)


def newest_snapshot(spark: SparkSession, path: str) -> Any:
    """The newest version of the table at `path`; version -1 if there is none. Raises StorageError."""
    nothing = java_class(spark, "scala.Option").empty()
    try:
        return delta_log(spark, path).update(False, nothing, nothing)
    except JAVA_ERRORS as error:
        raise unreadable_log(path, error) from error


def unreadable_log(path: str, error: Exception) -> StorageError:
    """The error for a table whose log Delta cannot read: any file may lie in its folder."""
    message = printable(str(getattr(error, "java_exception", error)))[:300]
    return StorageError(
        f"The log of the table at {path} cannot be read: {message or type(error).__name__}. Nothing was changed."
        " Next: restore its files, or take out what does not belong there."
    )


def set_session(spark: SparkSession) -> None:
    """Set the session of this thread. Delta's own classes look it up in the calling thread."""
    java_class(spark, "org.apache.spark.sql.SparkSession").setActiveSession(spark._jsparkSession)


def stored_table(snapshot: Any) -> StoredTable:
    """The description of the table in `snapshot`, in one call, as JSON: each value of a Scala collection is a call."""
    metadata = json.loads(snapshot.metadata().json())["metaData"]
    return StoredTable(
        schema=T.StructType.fromJson(json.loads(metadata["schemaString"])),
        partitioned_by=tuple(metadata["partitionColumns"]),
        properties=metadata["configuration"],
    )


def sql_name(path: str) -> str:
    """The SQL name of the table at `path`, for any characters in the path."""
    quoted = path.replace("`", "``")
    return f"delta.`{quoted}`"


def known_files(snapshot: Any) -> int | None:
    """The number of data files of `snapshot` in its checksum, or None. Another way would cost a Spark job."""
    checksum = snapshot.checksumOpt()
    return int(checksum.get().numFiles()) if checksum.isDefined() else None


def holds_no_files(spark: SparkSession, snapshot: Any) -> bool:
    """Whether no data file belongs to `snapshot`."""
    known = known_files(snapshot)
    if known is None:
        set_session(spark)  # a Spark job counts the files
    return int(snapshot.numOfFiles() if known is None else known) == 0


def frame_of(spark: SparkSession, path: str, snapshot: Any, files: list[Any] | None) -> DataFrame:
    """The rows of `snapshot` of the table at `path`, also after later commits.

    `files` are its data files. Without them Delta chooses among them by their statistics, with a Spark job for each
    scan of each query, which takes about as long as a small query itself.
    """
    log, option = delta_log(spark, path), java_class(spark, "scala.Option")
    nothing = option.empty()
    if files is not None:
        return DataFrame(log.createDataFrame(snapshot, scala_seq(spark, files), False, nothing), spark)
    relation = log.createRelation(scala_seq(spark, []), option.apply(snapshot), nothing, True)
    return DataFrame(spark._jsparkSession.baseRelationToDataFrame(relation), spark)


def scala_seq(spark: SparkSession, items: list[Any]) -> Any:
    java = java_class(spark, "java.util.ArrayList")()
    for item in items:
        java.add(item)
    return java_class(spark, "scala.jdk.javaapi.CollectionConverters").asScala(java).toSeq()
