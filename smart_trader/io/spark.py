"""The Spark session of a driver that `spark-submit` started; what it needs is in conf/spark-defaults.conf."""

from pyspark.sql import SparkSession


def start() -> SparkSession:
    """The session, with the launcher's name, master and confs."""
    return SparkSession.builder.getOrCreate()


_SMALL = 256 * 2**20


def suit_size(spark: SparkSession, size_in_bytes: int) -> None:
    """Compile queries to Java only where there is enough data to earn it back (docs/performance.md).

    A small run is mostly compiling: its hundred plans see a few thousand rows each.
    """
    spark.conf.set("spark.sql.codegen.wholeStage", str(size_in_bytes > _SMALL).lower())


class JobCounter:
    """Counts Spark jobs by group."""

    def __init__(self, spark: SparkSession) -> None:
        self._context = spark.sparkContext

    def enter(self, group: str) -> None:
        self._context.setJobGroup(group, group, interruptOnCancel=True)

    def count(self, group: str) -> int:
        return len(self._context.statusTracker().getJobIdsForGroup(group))
