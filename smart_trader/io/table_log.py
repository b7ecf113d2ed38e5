"""What a table's log says of its newest version. Delta Kernel reads it in the driver's JVM: no Spark job."""

import json
from collections.abc import Iterator
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from smart_trader.errors import StorageError
from smart_trader.ports import Contents


class TableLogs:
    """Reads the logs of tables by their paths."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        conf = spark._jsparkSession.sessionState().newHadoopConf()
        self._kernel = jvm.io.delta.kernel
        self._engine = self._kernel.defaults.engine.DefaultEngine.create(conf)

    def contents(self, path: str) -> Contents | None:
        """What the newest version of the table at `path` holds; None if there is no table.

        Raises StorageError if its log cannot be read.
        """
        try:
            snapshot = self._kernel.Table.forPath(self._engine, path).getLatestSnapshot(self._engine)
            files = list(self._files(snapshot))
        except Py4JJavaError as error:
            if error.java_exception.getClass().getSimpleName() == "TableNotFoundException":
                return None
            raise StorageError(
                f"The log of the table at {path} cannot be read; nothing was changed. Next: restore its files."
            ) from error
        rows = [json.loads(stats or "{}").get("numRecords") for _, stats in files]
        return Contents(
            version=int(snapshot.getVersion()),
            rows=None if None in rows else sum(rows),
            bytes=sum(size for size, _ in files),
        )

    def _files(self, snapshot: Any) -> Iterator[tuple[int, str | None]]:
        """Bytes and statistics of each data file."""
        batches = snapshot.getScanBuilder().build().getScanFiles(self._engine, True)
        while batches.hasNext():
            rows = batches.next().getRows()
            while rows.hasNext():
                row = rows.next()
                file = row.getStruct(row.getSchema().indexOf("add"))
                fields = file.getSchema()
                yield int(file.getLong(fields.indexOf("size"))), file.getString(fields.indexOf("stats"))
