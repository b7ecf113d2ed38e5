"""The landing folder: which files lie in it, on this machine or in a store."""

import os
import stat
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from smart_trader.domain.foundation.files import UNBEARABLE, is_looked_at
from smart_trader.domain.foundation.ingestion import FILES
from smart_trader.errors import StorageError
from smart_trader.io.hadoop import file_system
from smart_trader.paths import local_folder
from smart_trader.ports import LandedFile

_GLOBS = "\\*?[]{}"
_HIDDEN = (".", "_")


class LandingFolder:
    """The files below `root`, in one folder for each series."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self._spark, self.root = spark, root
        self._local = local_folder(root)

    def folders(self) -> list[str] | None:
        """Names of the folders below the root, by name; None if there is no root. Raises StorageError."""
        if self._local is None:
            return self._folders_in_store()
        if not self._local.is_dir():
            return None
        try:
            return sorted(entry.name for entry in os.scandir(self._local) if entry.is_dir())
        except OSError as error:
            raise _unreadable(self._local, error) from error

    def files(self, series: str) -> list[LandedFile]:
        """All files of a series that are looked at, in the order of their paths. Raises StorageError."""
        found = self._files_in_store(series) if self._local is None else self._files_here(self._local, series)
        return sorted((file for file in found if is_looked_at(file.path)), key=lambda file: file.path.encode())

    def frame(self, files: Sequence[LandedFile]) -> DataFrame:
        """The files as rows of `FILES`, each in the partition of a task that will read some of them."""
        rows = [
            {
                "source_file": file.path,
                "bytes": file.bytes,
                "modified_ms": file.modified_ms,
                "place": f"{self._spelled}/{file.path}",
            }
            for file in files
        ]
        columns = pa.Table.from_pylist(rows, to_arrow_schema(FILES))
        frame = self._spark.createDataFrame(columns, FILES)
        tasks = min(len(files), 4 * self._spark.sparkContext.defaultParallelism)
        return frame.repartition(tasks) if self._local is not None else self._with_content(frame, rows)

    def delete(self, paths: Sequence[str]) -> None:
        """Delete these files; one that is gone already is fine."""
        for path in paths:
            if self._local is not None:
                Path(self._local, path).unlink(missing_ok=True)
            else:
                place, files = file_system(self._spark, f"{self.root}/{path}")
                files.delete(place, False)

    def _files_here(self, root: Path, series: str) -> Iterator[LandedFile]:
        for folder, names, files in os.walk(root / series, onerror=_raise):
            names[:] = [name for name in names if not name.startswith(_HIDDEN)]
            for name in files:
                path = Path(folder, name)
                try:
                    status = path.lstat()
                except FileNotFoundError:  # deleted or renamed in this moment
                    continue
                if stat.S_ISREG(status.st_mode):  # a link could lead anywhere, and a pipe has no end
                    relative = path.relative_to(root).as_posix()
                    yield LandedFile(relative, status.st_size, status.st_mtime_ns // 10**6)

    def _files_in_store(self, series: str) -> Iterator[LandedFile]:
        path, files = file_system(self._spark, f"{self.root}/{series}")
        listed = files.listFiles(path, True)
        start = len(self._spelled) + 1
        while listed.hasNext():
            status = listed.next()
            name = str(status.getPath().toString())[start:]
            yield LandedFile(name, int(status.getLen()), int(status.getModificationTime()))

    def _folders_in_store(self) -> list[str] | None:
        root, files = file_system(self._spark, self.root)
        if not files.exists(root):
            return None
        return sorted(str(one.getPath().getName()) for one in files.listStatus(root) if one.isDirectory())

    @cached_property
    def _spelled(self) -> str:
        """The root as the names of files in it begin: HDFS adds the name of its host."""
        if self._local is not None:
            return self.root
        root, files = file_system(self._spark, self.root)
        return str(files.makeQualified(root).toString())

    def _with_content(self, frame: DataFrame, rows: Sequence[dict[str, Any]]) -> DataFrame:
        """With the bytes of each file: executors cannot open a file of a store by themselves."""
        bearable = [row["place"] for row in rows if not UNBEARABLE.intersection(row["source_file"])]
        if not bearable:
            return frame
        places = ["".join(f"\\{char}" if char in _GLOBS else char for char in place) for place in bearable]
        read = self._spark.read.format("binaryFile").load(places).select(F.col("path").alias("place"), "content")
        return frame.drop("content").join(read, "place", "left").select(*FILES.names)


def _raise(error: OSError) -> None:
    raise _unreadable(Path(str(error.filename)), error) from error


def _unreadable(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The landing folder {folder} cannot be read ({error.strerror}). Nothing was changed. Next: make it readable."
    )
