"""The Spark session of a driver that `spark-submit` started; conf/spark-defaults.conf configures it."""

from pyspark.sql import SparkSession

from smart_trader import tuning


def start() -> SparkSession:
    """The session, with the launcher's name, master and confs."""
    spark = SparkSession.builder.getOrCreate()
    if tuning.is_on(spark):
        tuning.keep_classes(spark)
    return spark


class JobCounter:
    """Counts Spark jobs by group."""

    def __init__(self, spark: SparkSession) -> None:
        self._context = spark.sparkContext

    def enter(self, group: str) -> None:
        self._context.setJobGroup(group, group, interruptOnCancel=True)

    def count(self, group: str) -> int:
        return len(self._context.statusTracker().getJobIdsForGroup(group))
