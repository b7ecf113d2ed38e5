"""Lists of landed files, and the stream that ingests each list once.

A list is a small file below the checkpoint of its series. Spark's stream reads the lists, one a batch, and its
checkpoint records which of them are done. The stream does not read the landing folder itself: then one name that Hadoop
cannot bear would stop all files, old files would be passed over in silence, and no batch could be limited by bytes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from smart_trader.errors import StorageError
from smart_trader.foreign import json_object
from smart_trader.io.hadoop import file_system, names_in
from smart_trader.ports import ListedFile

_ENDING = ".jsonl"
_WRONG_FOLDER = "Wrong basePath"
"""Spark's words for a checkpoint whose files were elsewhere when it was written."""
_MOST_AGE = "36500d"
"""Spark passes over files that are older than the newest by more than this, a week by default."""


class FileLists:
    """The lists of one series, in `folder`, which is also the checkpoint of their stream."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self._spark, self._folder = spark, folder
        self._lists = f"{folder}/files"

    def known(self) -> dict[str, ListedFile]:
        """Every file that was listed, by its path."""
        if not self._exists(self._lists):
            return {}
        lines = self._spark.read.text(self._lists).toArrow().column(0).to_pylist()
        return {file.path: file for file in map(_file, lines)}

    def add(self, batches: Iterable[Sequence[ListedFile]]) -> None:
        """Write a list for each of these batches of files, which are not known."""
        first = len([name for name in names_in(self._spark, self._lists) if name.endswith(_ENDING)])
        for nth, files in enumerate(batches, start=first):
            lines = [json.dumps(asdict(file), default=datetime.isoformat, sort_keys=True) for file in files]
            self._write(f"{nth:010}{_ENDING}", "\n".join(lines) + "\n")

    def ingest(self, each: Callable[[Sequence[ListedFile], str, int], None]) -> None:
        """Have `each` list that is not done ingested: its files, the id of this checkpoint, the number of the batch. A
        list is done when `each` returns, and given again after a kill. Raises what `each` raises."""
        failures: list[Exception] = []

        def ingest_batch(batch: DataFrame, number: int) -> None:
            try:
                each([_file(row.value) for row in batch.collect()], self._checkpoint_id(), number)
            except Exception as error:  # Spark would hand on its text alone
                failures.append(error)
                raise

        if not self._exists(self._lists):
            return
        stream = (
            self._spark.readStream.option("maxFilesPerTrigger", 1)
            .option("maxFileAge", _MOST_AGE)
            .text(self._lists)
            .writeStream.foreachBatch(ingest_batch)
            .option("checkpointLocation", self._folder)
            .trigger(availableNow=True)
        )
        try:
            stream.start().awaitTermination()
        except Exception as error:
            if not failures and _WRONG_FOLDER in str(error):
                raise self._moved() from error
            raise (failures[0] if failures else error) from error

    def _moved(self) -> StorageError:
        return StorageError(
            f"{self._folder} was written while the warehouse was in another folder, and Spark cannot go on with it."
            " Nothing was changed. Next: delete that folder and run again. All files that are still in the landing"
            " folder are then read again, and rows that are stored stay as they are."
        )

    def pending(self) -> list[ListedFile]:
        """The files of all lists that are not done."""
        if not self._exists(self._lists):
            return []
        done = self._done()
        rows = self._spark.read.text(self._lists).select("value", F.input_file_name().alias("list")).collect()
        return [_file(row.value) for row in rows if row.list.rpartition("/")[2] not in done]

    def _done(self) -> set[str]:
        """Names of the lists that are done: Spark notes the list of each batch, and which batches have ended."""
        ended = [int(name) for name in names_in(self._spark, f"{self._folder}/commits") if name.isdigit()]
        if not ended:
            return set()
        noted = self._spark.read.text(f"{self._folder}/sources/0").collect()
        entries = [json_object(row.value) for row in noted]
        return {
            str(entry["path"]).rpartition("/")[2]
            for entry in entries
            if "path" in entry and entry.get("batchId", 0) <= max(ended)
        }

    def _checkpoint_id(self) -> str:
        lines = self._spark.read.text(f"{self._folder}/metadata").collect()
        return str(json.loads(lines[0].value)["id"])

    def _write(self, name: str, text: str) -> None:
        """Write a list under a name that the stream passes over, then rename it."""
        partial, files = file_system(self._spark, f"{self._lists}/_{name}")
        final, _ = file_system(self._spark, f"{self._lists}/{name}")
        out = files.create(partial, True)
        out.write(bytearray(text.encode()))
        out.close()
        if not files.rename(partial, final):
            raise StorageError(f"{final.toString()} cannot be written. Nothing was ingested of it; run again.")

    def _exists(self, folder: str) -> bool:
        path, files = file_system(self._spark, folder)
        return bool(files.exists(path))


def split(files: Iterable[ListedFile], *, most_files: int, most_bytes: int) -> Iterator[list[ListedFile]]:
    """The files in their order, in parts of at most so many files and bytes; a larger file is a part of its own."""
    part: list[ListedFile] = []
    size = 0
    for file in files:
        if part and (len(part) == most_files or size + file.bytes > most_bytes):
            yield part
            part, size = [], 0
        part.append(file)
        size += file.bytes
    if part:
        yield part


def _file(line: str) -> ListedFile:
    found = json.loads(line)
    return ListedFile(
        found["path"], found["bytes"], found["modified_ms"], listed_at=datetime.fromisoformat(found["listed_at"])
    )
