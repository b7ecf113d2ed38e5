"""The newest version in a table's log. Delta Kernel reads it in the driver's JVM, without a Spark job."""

from collections.abc import Iterator
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from smart_trader.foreign import count_in, json_object
from smart_trader.io.delta.snapshots import unreadable_log
from smart_trader.io.jvm import JAVA_ERRORS, java_class
from smart_trader.ports import Contents


class TableLogs:
    """Reads the logs of tables by their paths."""

    def __init__(self, spark: SparkSession) -> None:
        conf = spark._jsparkSession.sessionState().newHadoopConf()
        self._engine = java_class(spark, "io.delta.kernel.defaults.engine.DefaultEngine").create(conf)
        self._tables = java_class(spark, "io.delta.kernel.Table")
        self._json = java_class(spark, "io.delta.kernel.defaults.internal.json.JsonUtils")
        self._actions = java_class(spark, "org.apache.spark.sql.delta.actions.Action")

    def contents(self, path: str) -> Contents | None:
        """The content of the newest version of the table at `path`; None if there is no table.

        Raises StorageError if its log cannot be read.
        """
        try:
            snapshot = self._tables.forPath(self._engine, path).getLatestSnapshot(self._engine)
            files = [_size_and_statistics(entry) for entry in self._entries(snapshot)]
        except JAVA_ERRORS as error:
            if isinstance(error, Py4JJavaError) and _class_of(error) == "TableNotFoundException":
                return None
            raise unreadable_log(path, error) from error
        rows = [count_in(json_object(stats), "numRecords") for _, stats in files]
        known = [count for count in rows if count is not None]
        return Contents(
            version=int(snapshot.getVersion()),
            rows=sum(known) if len(known) == len(rows) else None,
            bytes=sum(size for size, _ in files),
        )

    def files(self, path: str, version: int) -> list[Any]:
        """The data files of that version of the table at `path`, each as Delta's own entry for it."""
        table = self._tables.forPath(self._engine, path)
        snapshot = table.getSnapshotAsOfVersion(self._engine, version)
        return [self._actions.fromJson(self._json.rowToJson(entry)) for entry in self._entries(snapshot)]

    def _entries(self, snapshot: Any) -> Iterator[Any]:
        """The entry of each data file in the log."""
        batches = snapshot.getScanBuilder().build().getScanFiles(self._engine, True)
        while batches.hasNext():
            rows = batches.next().getRows()
            while rows.hasNext():
                yield rows.next()


def _class_of(error: Py4JJavaError) -> str:
    return str(error.java_exception.getClass().getSimpleName())


def _size_and_statistics(entry: Any) -> tuple[int, str | None]:
    file = entry.getStruct(entry.getSchema().indexOf("add"))
    fields = file.getSchema()
    return int(file.getLong(fields.indexOf("size"))), file.getString(fields.indexOf("stats"))
