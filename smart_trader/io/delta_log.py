"""Delta's log, as the JVM has it in memory: what SQL tells of it costs a Spark job for each question."""

from typing import Any

from pyspark.sql import SparkSession


def delta_log(spark: SparkSession, path: str) -> Any:
    """The log of the table at `path`, which need not exist."""
    jvm: Any = spark._jvm
    return jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)


def newest_snapshot(spark: SparkSession, path: str) -> Any:
    """The newest version of the table at `path`; version -1 if there is none."""
    jvm: Any = spark._jvm
    nothing = jvm.scala.Option.empty()
    return delta_log(spark, path).update(False, nothing, nothing)


def known_files(snapshot: Any) -> int | None:
    """How many data files belong to `snapshot`, if its checksum says so: asking Delta itself is a Spark job."""
    checksum = snapshot.checksumOpt()
    return int(checksum.get().numFiles()) if checksum.isDefined() else None


def holds_no_files(snapshot: Any) -> bool:
    """Whether no data file belongs to `snapshot`."""
    known = known_files(snapshot)
    return int(snapshot.numOfFiles() if known is None else known) == 0
